// From a plan to an engine, its tensors and its execution contexts. The opaque handles are TensorRT's own pointers.
#include "common.h"

namespace TRT_NAMESPACE
{
namespace
{

using namespace nvinfer1;

ICudaEngine* from(TrtEngine* engine) noexcept
{
    return reinterpret_cast<ICudaEngine*>(engine);
}

ICudaEngine const* from(TrtEngine const* engine) noexcept
{
    return reinterpret_cast<ICudaEngine const*>(engine);
}

IExecutionContext* from(TrtContext* context) noexcept
{
    return reinterpret_cast<IExecutionContext*>(context);
}

} // namespace

TrtStatus engineLoad(
    TrtLibrary* library, void const* plan, size_t planBytes, int32_t dlaCore, TrtEngine** engine) noexcept
{
    *engine = nullptr;
    IRuntime& runtime = *reinterpret_cast<Library*>(library)->runtime;
#if TRT_RTX
    if (dlaCore >= 0)
    {
        return TRT_NO_DLA;
    }
#else
    if (dlaCore >= 0)
    {
        if (dlaCore >= runtime.getNbDLACores())
        {
            return TRT_NO_DLA;
        }
        runtime.setDLACore(dlaCore);
    }
#endif
    Owned<ICudaEngine> loaded(runtime.deserializeCudaEngine(plan, planBytes));
    *engine = reinterpret_cast<TrtEngine*>(loaded.release());
    return *engine != nullptr ? TRT_OK : TRT_REFUSED;
}

void engineFree(TrtEngine* engine) noexcept
{
    delete from(engine);
}

int32_t engineTensorCount(TrtEngine const* engine) noexcept
{
    return from(engine)->getNbIOTensors();
}

int32_t engineTensor(TrtEngine const* engine, int32_t index, TrtTensor* tensor) noexcept
{
    char const* name = from(engine)->getIOTensorName(index);
    if (!valid(name))
    {
        return 0;
    }
    tensor->name = name;
    tensor->is_input = from(engine)->getTensorIOMode(name) == TensorIOMode::kINPUT ? 1 : 0;
    tensor->data_type = static_cast<int32_t>(from(engine)->getTensorDataType(name));
    tensor->shape = fromDims(from(engine)->getTensorShape(name));
    return 1;
}

TrtStatus contextCreate(TrtEngine* engine, TrtContext** context) noexcept
{
    Owned<IExecutionContext> created(from(engine)->createExecutionContext());
    *context = reinterpret_cast<TrtContext*>(created.release());
    return *context != nullptr ? TRT_OK : TRT_CREATE_FAILED;
}

void contextFree(TrtContext* context) noexcept
{
    delete from(context);
}

int32_t contextSetShape(TrtContext* context, char const* name, TrtShape const* shape) noexcept
{
    return from(context)->setInputShape(name, toDims(*shape)) ? 1 : 0;
}

int32_t contextShape(TrtContext const* context, char const* name, TrtShape* shape) noexcept
{
    *shape = fromDims(reinterpret_cast<IExecutionContext const*>(context)->getTensorShape(name));
    return shape->rank >= 0 ? 1 : 0;
}

int32_t contextSetAddress(TrtContext* context, char const* name, void* address) noexcept
{
    return from(context)->setTensorAddress(name, address) ? 1 : 0;
}

int32_t contextEnqueue(TrtContext* context, void* stream) noexcept
{
    return from(context)->enqueueV3(static_cast<cudaStream_t>(stream)) ? 1 : 0;
}

} // namespace TRT_NAMESPACE
