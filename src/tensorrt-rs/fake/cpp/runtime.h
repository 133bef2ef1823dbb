// The fake's runtime, engine and execution context.
#ifndef TENSORRT_FAKE_RUNTIME_H
#define TENSORRT_FAKE_RUNTIME_H

#include "model.h"
#include "stubs.h"

#include <map>

namespace fake
{

using namespace nvinfer1;

// What one execution works with, taken when it is given to the stream.
struct Execution
{
    Model model;
    std::vector<void*> addresses;
    int64_t batch{};
    // Expires with the context, whose scratch memory a real execution needs.
    std::weak_ptr<bool> context;

    static int32_t run(void* argument)
    {
        constexpr int32_t kILLEGAL_ADDRESS = 700;
        constexpr int32_t kLAUNCH_FAILED = 719;
        auto* self = static_cast<Execution*>(argument);
        if (self->context.expired())
        {
            return kILLEGAL_ADDRESS;
        }
        return gHooks.modelRun(self->model.get(), self->addresses.data(), self->batch) == 0 ? 0 : kLAUNCH_FAILED;
    }

    static void release(void* argument)
    {
        delete static_cast<Execution*>(argument);
    }
};

struct ContextImpl : StubVExecutionContext
{
    ContextImpl(Model of, int32_t planned, ILogger* given)
        : model(std::move(of))
        , tensors(tensorsOf(model))
        , addresses(tensors.size(), nullptr)
        , plannedBatch(planned)
        , logger(given)
    {
        for (Tensor const& tensor : tensors)
        {
            batch = tensor.isInput && tensor.isFree() ? -1 : batch;
        }
    }

    bool setInputShape(char const* name, Dims const& dims) noexcept override
    {
        int32_t const index = find(name);
        if (index < 0 || !tensors[index].isInput)
        {
            return refuse("setInputShape: no such input");
        }
        Dims const wanted = tensors[index].withBatch(plannedBatch);
        bool same = dims.nbDims == wanted.nbDims;
        for (int32_t axis = 0; same && axis < wanted.nbDims; ++axis)
        {
            same = dims.d[axis] == wanted.d[axis];
        }
        if (!same)
        {
            return refuse("setInputShape: the shape does not satisfy any optimization profile");
        }
        batch = plannedBatch;
        warm = false;
        return true;
    }

    Dims getTensorShape(char const* name) const noexcept override
    {
        int32_t const index = find(name);
        return index < 0 ? Dims{-1, {}} : tensors[index].withBatch(batch);
    }

    bool setTensorAddress(char const* name, void* address) noexcept override
    {
        int32_t const index = find(name);
        if (index < 0)
        {
            return refuse("setTensorAddress: no such tensor");
        }
        addresses[index] = address;
        return true;
    }

    bool enqueueV3(cudaStream_t stream) noexcept override
    {
        if (batch < 0)
        {
            return refuse("enqueueV3: not all shapes are specified");
        }
        if (gHooks.isCapturing(stream) != 0 && !warm)
        {
            return refuse("enqueueV3: run once before capturing, deferred updates cannot be captured");
        }
        if (gHooks.launchFails() != 0)
        {
            return refuse("Cuda failure: unspecified launch failure");
        }
        std::vector<uint64_t> starts;
        std::vector<size_t> sizes;
        for (size_t i = 0; i < tensors.size(); ++i)
        {
            if (addresses[i] == nullptr)
            {
                return refuse("enqueueV3: a tensor has no address");
            }
            Dims const dims = tensors[i].withBatch(batch);
            size_t bytes = sizeof(float);
            for (int32_t axis = 0; axis < dims.nbDims; ++axis)
            {
                bytes *= static_cast<size_t>(dims.d[axis]);
            }
            starts.push_back(reinterpret_cast<uint64_t>(addresses[i]));
            sizes.push_back(bytes);
        }
        auto* execution = new Execution{model, addresses, batch, alive};
        warm = true;
        return gHooks.submit(stream, Execution::run, Execution::release, execution, starts.data(), sizes.data(),
                   static_cast<int32_t>(starts.size()))
            == 0;
    }

private:
    int32_t find(char const* name) const
    {
        for (size_t i = 0; i < tensors.size(); ++i)
        {
            if (tensors[i].name == name)
            {
                return static_cast<int32_t>(i);
            }
        }
        return -1;
    }

    bool refuse(char const* why) const
    {
        logger->log(ILogger::Severity::kERROR, why);
        return false;
    }

    Model model;
    std::vector<Tensor> tensors;
    std::vector<void*> addresses;
    int32_t plannedBatch;
    ILogger* logger;
    std::shared_ptr<bool> alive{std::make_shared<bool>(true)};
    int64_t batch{1};
    bool warm{};
};

using ExecutionContext = Object<IExecutionContext, ContextImpl, kCONTEXT>;

struct EngineImpl : StubVCudaEngine
{
    EngineImpl(Model of, int32_t planned, ILogger* given)
        : model(std::move(of))
        , tensors(tensorsOf(model))
        , plannedBatch(planned)
        , logger(given)
    {
    }

    int32_t getNbIOTensors() const noexcept override
    {
        return static_cast<int32_t>(tensors.size());
    }

    char const* getIOTensorName(int32_t index) const noexcept override
    {
        return index >= 0 && index < getNbIOTensors() ? tensors[index].name.c_str() : nullptr;
    }

    TensorIOMode getTensorIOMode(char const* name) const noexcept override
    {
        Tensor const* tensor = find(name);
        return tensor == nullptr ? TensorIOMode::kNONE
            : tensor->isInput    ? TensorIOMode::kINPUT
                                 : TensorIOMode::kOUTPUT;
    }

    DataType getTensorDataType(char const*) const noexcept override
    {
        return DataType::kFLOAT;
    }

    Dims getTensorShape(char const* name) const noexcept override
    {
        Tensor const* tensor = find(name);
        return tensor == nullptr ? Dims{-1, {}} : tensor->dims;
    }

#if FAKE_RTX || NV_TENSORRT_MAJOR >= 10
    IExecutionContext* createExecutionContext(ExecutionContextAllocationStrategy) noexcept override
#else
    IExecutionContext* createExecutionContext() noexcept override
#endif
    {
        return new ExecutionContext(model, plannedBatch, logger);
    }

private:
    Tensor const* find(char const* name) const
    {
        for (Tensor const& tensor : tensors)
        {
            if (tensor.name == name)
            {
                return &tensor;
            }
        }
        return nullptr;
    }

    Model model;
    std::vector<Tensor> tensors;
    int32_t plannedBatch;
    ILogger* logger;
};

using Engine = Object<ICudaEngine, EngineImpl, kENGINE>;

struct RuntimeImpl : StubVRuntime
{
    explicit RuntimeImpl(ILogger* given)
        : logger(given)
    {
    }

#if !FAKE_RTX && NV_TENSORRT_MAJOR == 8
    ICudaEngine* deserializeCudaEngine(void const* plan, std::size_t bytes, IPluginFactory*) noexcept override
#else
    ICudaEngine* deserializeCudaEngine(void const* plan, std::size_t bytes) noexcept override
#endif
    {
        char const* error = nullptr;
        FakePlanOptions options{};
        Model model = own(gHooks.planRead(FAKE_LIBRARY, plan, bytes, &options, &error));
        if (model == nullptr)
        {
            logger->log(ILogger::Severity::kERROR, error);
            return nullptr;
        }
        if (options.dlaCore >= 0 && dlaCore < 0)
        {
            logger->log(ILogger::Severity::kERROR, "the plan needs a DLA core, none was set");
            return nullptr;
        }
        return new Engine(model, options.batch, logger);
    }

    void setDLACore(int32_t core) noexcept override
    {
        dlaCore = core;
    }

    int32_t getNbDLACores() const noexcept override
    {
        return gHooks.dlaCores();
    }

    ILogger* logger;
    int32_t dlaCore{-1};
};

using Runtime = Object<IRuntime, RuntimeImpl, kRUNTIME>;

} // namespace fake

#endif
