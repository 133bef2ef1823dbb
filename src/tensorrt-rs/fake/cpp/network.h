// What the fake's builder works with: network, memory, timing cache, optimisation profile.
#ifndef TENSORRT_FAKE_NETWORK_H
#define TENSORRT_FAKE_NETWORK_H

#include "model.h"
#include "stubs.h"

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

} // namespace fake

#endif
