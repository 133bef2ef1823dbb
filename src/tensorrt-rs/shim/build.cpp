// From the bytes of an ONNX model to a plan.
#include "common.h"
#include "progress.h"

namespace TRT_NAMESPACE
{
namespace
{

using namespace nvinfer1;

// Everything that a build made. The parser's errors and the names of tensors are read after a failure, so nothing is
// freed before the whole is. Members are destroyed from the last to the first.
struct Build
{
    Owned<IBuilder> builder;
    Owned<INetworkDefinition> network;
    Owned<IBuilderConfig> config;
    Owned<nvonnxparser::IParser> parser;
    Owned<ITimingCache> timingCache;
    Owned<IHostMemory> plan;
    Owned<IHostMemory> timingCacheBytes;
    char const* subject;
};

TrtStatus parse(Library& library, Build& build, void const* onnx, size_t bytes) noexcept
{
#if NV_TENSORRT_MAJOR < 10 && !TRT_RTX
    NetworkDefinitionCreationFlags const flags
        = 1U << static_cast<uint32_t>(NetworkDefinitionCreationFlag::kEXPLICIT_BATCH);
#else
    NetworkDefinitionCreationFlags const flags = 0;
#endif
    build.network = Owned<INetworkDefinition>(build.builder->createNetworkV2(flags));
    if (!build.network)
    {
        return TRT_CREATE_FAILED;
    }
    build.parser = Owned<nvonnxparser::IParser>(static_cast<nvonnxparser::IParser*>(
        library.entry.create_parser(build.network.get(), library.logger, library.entry.parser_version)));
    if (!build.parser)
    {
        return TRT_CREATE_FAILED;
    }
    return build.parser->parse(onnx, bytes) ? TRT_OK : TRT_PARSE_FAILED;
}

void setPrecision([[maybe_unused]] IBuilderConfig& config, [[maybe_unused]] TrtBuildOptions const& options) noexcept
{
    // Later versions and TensorRT for RTX are strongly typed: the types of the ONNX model are the precision.
#if !TRT_RTX && NV_TENSORRT_MAJOR <= 10
    if (options.allow_fp16 != 0)
    {
        config.setFlag(BuilderFlag::kFP16);
    }
    if (options.allow_int8 != 0)
    {
        config.setFlag(BuilderFlag::kINT8);
    }
#endif
}

TrtStatus setDevice([[maybe_unused]] Build& build, TrtBuildOptions const& options) noexcept
{
#if TRT_RTX
    if (options.dla_core >= 0)
    {
        return TRT_NO_DLA;
    }
    auto const capability = options.compute_capability > 0
        ? static_cast<ComputeCapability>(options.compute_capability)
        : ComputeCapability::kCURRENT;
    if (!build.config->setNbComputeCapabilities(1) || !build.config->setComputeCapability(capability, 0))
    {
        return TRT_BAD_CAPABILITY;
    }
#else
    if (options.dla_core >= 0)
    {
        if (options.dla_core >= build.builder->getNbDLACores())
        {
            return TRT_NO_DLA;
        }
        build.config->setDefaultDeviceType(DeviceType::kDLA);
        build.config->setDLACore(options.dla_core);
        if (options.gpu_fallback != 0)
        {
            build.config->setFlag(BuilderFlag::kGPU_FALLBACK);
        }
    }
#endif
    return TRT_OK;
}

// Inputs with a free first dimension get the one batch size that was asked for.
TrtStatus setBatch(Build& build, int32_t batch) noexcept
{
    // Owned by the builder.
    IOptimizationProfile* profile = nullptr;
    for (int32_t i = 0; i < build.network->getNbInputs(); ++i)
    {
        ITensor const* input = build.network->getInput(i);
        Dims dims = input->getDimensions();
        bool free = false;
        for (int32_t axis = 0; axis < dims.nbDims; ++axis)
        {
            if (dims.d[axis] >= 0)
            {
                continue;
            }
            if (axis > 0)
            {
                build.subject = input->getName();
                return TRT_FREE_DIMENSION;
            }
            free = true;
        }
        if (!free)
        {
            continue;
        }
        if (profile == nullptr)
        {
            profile = build.builder->createOptimizationProfile();
            if (!valid(profile))
            {
                return TRT_CREATE_FAILED;
            }
        }
        dims.d[0] = batch;
        for (auto const bound : {OptProfileSelector::kMIN, OptProfileSelector::kOPT, OptProfileSelector::kMAX})
        {
            if (!profile->setDimensions(input->getName(), bound, dims))
            {
                return TRT_REFUSED;
            }
        }
    }
    return profile == nullptr || build.config->addOptimizationProfile(profile) >= 0 ? TRT_OK : TRT_REFUSED;
}

// A cache of another version or GPU is passed over: it only costs time.
void setTimingCache([[maybe_unused]] Build& build, [[maybe_unused]] TrtBuildOptions const& options) noexcept
{
    // TensorRT for RTX chooses kernels when it loads a plan; it writes a cache of 172 bytes but refuses to read it.
#if !TRT_RTX
    build.timingCache
        = Owned<ITimingCache>(build.config->createTimingCache(options.timing_cache, options.timing_cache_bytes));
    if (!build.timingCache || !build.config->setTimingCache(*build.timingCache, false))
    {
        Owned<ITimingCache> empty(build.config->createTimingCache(nullptr, 0));
        if (empty && build.config->setTimingCache(*empty, false))
        {
            build.timingCache = std::move(empty);
        }
    }
#endif
}

TrtStatus run(Library& library, Build& build, void const* onnx, size_t bytes, TrtBuildOptions const& options) noexcept
{
    build.builder = Owned<IBuilder>(
        static_cast<IBuilder*>(library.entry.create_builder(library.logger, library.entry.version)));
    if (!build.builder)
    {
        return TRT_CREATE_FAILED;
    }
    TrtStatus status = parse(library, build, onnx, bytes);
    if (status != TRT_OK)
    {
        return status;
    }
    build.config = Owned<IBuilderConfig>(build.builder->createBuilderConfig());
    if (!build.config)
    {
        return TRT_CREATE_FAILED;
    }
    setPrecision(*build.config, options);
    status = setDevice(build, options);
    if (status == TRT_OK)
    {
        status = setBatch(build, options.batch);
    }
    if (status != TRT_OK)
    {
        return status;
    }
    if (options.workspace_bytes > 0)
    {
        build.config->setMemoryPoolLimit(MemoryPoolType::kWORKSPACE, options.workspace_bytes);
    }
    setTimingCache(build, options);
#if TRT_HAS_PROGRESS
    Progress progress(options);
    if (isFrom86(library))
    {
        if (options.optimization_level >= 0)
        {
            build.config->setBuilderOptimizationLevel(options.optimization_level);
        }
        if (options.progress != nullptr)
        {
            build.config->setProgressMonitor(&progress);
        }
    }
#endif
    build.plan = Owned<IHostMemory>(build.builder->buildSerializedNetwork(*build.network, *build.config));
#if TRT_HAS_PROGRESS
    if (isFrom86(library) && options.progress != nullptr)
    {
        // The monitor goes out of scope before the configuration does.
        build.config->setProgressMonitor(nullptr);
        if (progress.cancelled())
        {
            return TRT_CANCELLED;
        }
    }
#endif
    if (!build.plan)
    {
        return TRT_BUILD_FAILED;
    }
#if !TRT_RTX
    if (ITimingCache const* cache = build.config->getTimingCache(); valid(cache))
    {
        build.timingCacheBytes = Owned<IHostMemory>(cache->serialize());
    }
#endif
    return TRT_OK;
}

void const* bytesOf(Owned<IHostMemory> const& memory, size_t* bytes) noexcept
{
    *bytes = memory ? memory->size() : 0;
    return memory ? memory->data() : nullptr;
}

Build const& from(TrtBuild const* handle) noexcept
{
    return *reinterpret_cast<Build const*>(handle);
}

} // namespace

TrtStatus buildPlan(TrtLibrary* handle, void const* onnx, size_t onnxBytes, TrtBuildOptions const* options,
    TrtBuild** build) noexcept
{
    *build = nullptr;
    auto& library = *reinterpret_cast<Library*>(handle);
    if (library.entry.create_builder == nullptr)
    {
        return TRT_NO_BUILDER;
    }
    if (library.entry.create_parser == nullptr)
    {
        return TRT_NO_PARSER;
    }
    void* memory = std::malloc(sizeof(Build));
    if (memory == nullptr)
    {
        return TRT_OUT_OF_MEMORY;
    }
    auto* made = new (memory) Build{};
    *build = reinterpret_cast<TrtBuild*>(made);
    return run(library, *made, onnx, onnxBytes, *options);
}

void const* buildPlanBytes(TrtBuild const* build, size_t* bytes) noexcept
{
    return bytesOf(from(build).plan, bytes);
}

void const* buildTimingCache(TrtBuild const* build, size_t* bytes) noexcept
{
    return bytesOf(from(build).timingCacheBytes, bytes);
}

int32_t buildErrorCount(TrtBuild const* build) noexcept
{
    return from(build).parser ? from(build).parser->getNbErrors() : 0;
}

int32_t buildError(TrtBuild const* build, int32_t index, TrtParserError* error) noexcept
{
    if (index < 0 || index >= buildErrorCount(build))
    {
        return 0;
    }
    nvonnxparser::IParserError const* found = from(build).parser->getError(index);
    if (!valid(found))
    {
        return 0;
    }
    *error = TrtParserError{};
    error->description = found->desc();
    error->code = static_cast<int32_t>(found->code());
    error->node = found->node();
#if TRT_HEADERS_FROM(10, 0)
    error->node_name = found->nodeName();
    error->node_operator = found->nodeOperator();
#endif
    return 1;
}

char const* buildSubject(TrtBuild const* build) noexcept
{
    return from(build).subject;
}

void buildFree(TrtBuild* handle) noexcept
{
    if (handle != nullptr)
    {
        auto* build = reinterpret_cast<Build*>(handle);
        build->~Build();
        std::free(build);
    }
}

} // namespace TRT_NAMESPACE
