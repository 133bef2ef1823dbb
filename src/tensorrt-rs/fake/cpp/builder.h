// The fake's builder and its configuration.
#ifndef TENSORRT_FAKE_BUILDER_H
#define TENSORRT_FAKE_BUILDER_H

#include "network.h"

#include <thread>

namespace fake
{

using namespace nvinfer1;

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
