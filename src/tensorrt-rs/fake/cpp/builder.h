// The fake's builder: network, configuration, timing cache and the builder itself.
#ifndef TENSORRT_FAKE_BUILDER_H
#define TENSORRT_FAKE_BUILDER_H

#include "model.h"
#include "stubs.h"

#include <thread>

namespace fake
{

using namespace nvinfer1;

struct HostMemoryImpl : StubVHostMemory
{
    explicit HostMemoryImpl(FakeBytes* made)
        : bytes(made)
    {
    }

    ~HostMemoryImpl() override
    {
        gHooks.bytesFree(bytes);
    }

    void* data() const noexcept override
    {
        return const_cast<void*>(gHooks.bytesData(bytes));
    }

    std::size_t size() const noexcept override
    {
        return gHooks.bytesSize(bytes);
    }

    FakeBytes* bytes;
};

using HostMemory = Object<IHostMemory, HostMemoryImpl, kHOST_MEMORY>;

struct TensorImpl : StubVTensor
{
    char const* getName() const noexcept override
    {
        return tensor.name.c_str();
    }

    Dims getDimensions() const noexcept override
    {
        return tensor.dims;
    }

    Tensor tensor;
};

class NetworkTensor final : public ITensor
{
public:
    explicit NetworkTensor(Tensor tensor)
    {
        impl.tensor = std::move(tensor);
        this->mImpl = &impl;
    }

    TensorImpl impl;
};

struct NetworkImpl : StubVNetworkDefinition
{
    int32_t getNbInputs() const noexcept override
    {
        return static_cast<int32_t>(inputs.size());
    }

    ITensor* getInput(int32_t index) const noexcept override
    {
        return index >= 0 && index < getNbInputs() ? inputs[index].get() : nullptr;
    }

    // Called by the fake parser.
    void take(Model parsed)
    {
        model = std::move(parsed);
        for (Tensor& tensor : tensorsOf(model))
        {
            if (tensor.isInput)
            {
                inputs.push_back(std::make_unique<NetworkTensor>(std::move(tensor)));
            }
        }
    }

    Model model;
    std::vector<std::unique_ptr<NetworkTensor>> inputs;
    bool explicitBatch{};
};

using Network = Object<INetworkDefinition, NetworkImpl, kNETWORK>;

struct TimingCacheImpl : StubVTimingCache
{
    IHostMemory* serialize() const noexcept override
    {
        FakeBytes* bytes = gHooks.cacheWrite(FAKE_LIBRARY, data.data(), data.size());
        return bytes == nullptr ? nullptr : new HostMemory(bytes);
    }

    std::string data;
};

using TimingCache = Object<ITimingCache, TimingCacheImpl, kTIMING_CACHE>;

struct ProfileImpl : StubVOptimizationProfile
{
    bool setDimensions(char const*, OptProfileSelector, Dims const& dims) noexcept override
    {
        batch = static_cast<int32_t>(dims.d[0]);
        return dims.nbDims > 0 && dims.d[0] > 0;
    }

    int32_t batch{};
};

class Profile final : public IOptimizationProfile
{
public:
    Profile()
    {
        this->mImpl = &impl;
    }

    ProfileImpl impl;
};

struct ConfigImpl : StubVBuilderConfig
{
    void setFlag(BuilderFlag flag) noexcept override
    {
#if !FAKE_RTX && NV_TENSORRT_MAJOR <= 10
        options.fp16 |= flag == BuilderFlag::kFP16 ? 1 : 0;
        options.int8 |= flag == BuilderFlag::kINT8 ? 1 : 0;
#endif
        options.gpuFallback |= flag == BuilderFlag::kGPU_FALLBACK ? 1 : 0;
    }

    void setDefaultDeviceType(DeviceType type) noexcept override
    {
        onDla = type == DeviceType::kDLA;
    }

    void setDLACore(int32_t core) noexcept override
    {
        options.dlaCore = core;
    }

    void setMemoryPoolLimit(MemoryPoolType pool, std::size_t size) noexcept override
    {
        if (pool == MemoryPoolType::kWORKSPACE)
        {
            options.workspace = size;
        }
    }

    int32_t addOptimizationProfile(IOptimizationProfile const* profile) noexcept override
    {
        options.batch = static_cast<Profile const*>(profile)->impl.batch;
        return 0;
    }

    ITimingCache* createTimingCache(void const* blob, std::size_t size) const noexcept override
    {
        if (size > 0)
        {
            FakeBytes* known = gHooks.cacheWrite(FAKE_LIBRARY, blob, size);
            if (known == nullptr)
            {
                return nullptr;
            }
            gHooks.bytesFree(known);
        }
        auto* made = new TimingCache;
        made->impl.data.assign(static_cast<char const*>(blob), size);
        return made;
    }

    bool setTimingCache(ITimingCache const& given, bool) noexcept override
    {
        cache = &given;
        return true;
    }

    ITimingCache const* getTimingCache() const noexcept override
    {
        return cache;
    }

#if FAKE_RTX
    bool setNbComputeCapabilities(int32_t count) noexcept override
    {
        return count == 1;
    }

    bool setComputeCapability(ComputeCapability capability, int32_t index) noexcept override
    {
        options.computeCapability = static_cast<int32_t>(capability);
        switch (capability)
        {
        case ComputeCapability::kCURRENT: return index == 0 && gHooks.driverPresent() != 0;
        case ComputeCapability::kSM75:
        case ComputeCapability::kSM80:
        case ComputeCapability::kSM86:
        case ComputeCapability::kSM89:
        case ComputeCapability::kSM120:
        case ComputeCapability::kSM121: return index == 0;
        default: return false;
        }
    }
#endif

#if FAKE_RTX || NV_TENSORRT_MAJOR >= 10 || NV_TENSORRT_MINOR >= 6
    void setBuilderOptimizationLevel(int32_t level) noexcept override
    {
        options.optimizationLevel = level;
    }

    void setProgressMonitor(IProgressMonitor* given) noexcept override
    {
        monitor = given;
    }

    IProgressMonitor* monitor{};
#endif
    FakePlanOptions options{0, 0, -1, 0, -1, 0, 0, 0, 0};
    bool onDla{};
    ITimingCache const* cache{};
};

using Config = Object<IBuilderConfig, ConfigImpl, kCONFIG>;

struct BuilderImpl : StubVBuilder
{
    explicit BuilderImpl(ILogger* given)
        : logger(given)
    {
    }

    IBuilderConfig* createBuilderConfig() noexcept override
    {
        return new Config;
    }

    INetworkDefinition* createNetworkV2(NetworkDefinitionCreationFlags flags) noexcept override
    {
        auto* network = new Network;
        network->impl.explicitBatch = NV_TENSORRT_MAJOR >= 10 || FAKE_RTX || (flags & 1U) != 0;
        return network;
    }

    IOptimizationProfile* createOptimizationProfile() noexcept override
    {
        profiles.push_back(std::make_unique<Profile>());
        return profiles.back().get();
    }

    int32_t getNbDLACores() const noexcept override
    {
        return gHooks.dlaCores();
    }

    IHostMemory* buildSerializedNetwork(INetworkDefinition& definition, IBuilderConfig& configuration) noexcept override
    {
        NetworkImpl& network = static_cast<Network&>(definition).impl;
        ConfigImpl& config = static_cast<Config&>(configuration).impl;
        if (!network.explicitBatch || network.model == nullptr)
        {
            return refuse("Network must have at least one output");
        }
        for (auto const& input : network.inputs)
        {
            if (input->impl.tensor.isFree() && config.options.batch < 1)
            {
                return refuse("Network has dynamic or shape inputs, but no optimization profile has been defined.");
            }
        }
        // As the real builder: the events come from another thread.
        bool finished = false;
        std::thread([&] { finished = steps(config); }).join();
        if (!finished)
        {
            return nullptr;
        }
        if (!config.onDla)
        {
            config.options.dlaCore = -1;
        }
        FakeBytes* plan = gHooks.planWrite(FAKE_LIBRARY, network.model.get(), &config.options);
        return plan == nullptr ? refuse("Could not find any implementation for node") : new HostMemory(plan);
    }

private:
    IHostMemory* refuse(char const* why) const
    {
        logger->log(ILogger::Severity::kERROR, why);
        return nullptr;
    }

    bool steps([[maybe_unused]] ConfigImpl& config)
    {
#if FAKE_RTX || NV_TENSORRT_MAJOR >= 10 || NV_TENSORRT_MINOR >= 6
        if (config.monitor == nullptr)
        {
            return true;
        }
        constexpr int32_t kSTEPS = 3;
        constexpr int32_t kTACTICS = 2;
        config.monitor->phaseStart("Building an engine", nullptr, kSTEPS);
        for (int32_t step = 0; step < kSTEPS; ++step)
        {
            config.monitor->phaseStart("Timing tactics", "Building an engine", kTACTICS);
            for (int32_t tactic = 0; tactic < kTACTICS; ++tactic)
            {
                if (!config.monitor->stepComplete("Timing tactics", tactic))
                {
                    return false;
                }
            }
            config.monitor->phaseFinish("Timing tactics");
            if (!config.monitor->stepComplete("Building an engine", step))
            {
                return false;
            }
        }
        config.monitor->phaseFinish("Building an engine");
#endif
        return true;
    }

    ILogger* logger;
    std::vector<std::unique_ptr<Profile>> profiles;
};

using Builder = Object<IBuilder, BuilderImpl, kBUILDER>;

} // namespace fake

#endif
