// A model and its tensors, as the fake libraries pass them on.
#ifndef TENSORRT_FAKE_MODEL_H
#define TENSORRT_FAKE_MODEL_H

#include "hooks.h"

#include <NvInfer.h>

#include <memory>
#include <string>
#include <vector>

#if defined(TRT_MAJOR_RTX)
#define FAKE_RTX 1
#else
#define FAKE_RTX 0
#endif

namespace fake
{

// Set by the Rust side after it loaded the library.
inline FakeHooks gHooks{};

struct FreeModel
{
    void operator()(FakeModel* model) const
    {
        gHooks.modelFree(model);
    }
};

using Model = std::shared_ptr<FakeModel>;

inline Model own(FakeModel* model)
{
    return model == nullptr ? nullptr : Model(model, FreeModel{});
}

struct Tensor
{
    std::string name;
    bool isInput{};
    nvinfer1::Dims dims{};

    bool isFree() const
    {
        return dims.nbDims > 0 && dims.d[0] < 0;
    }

    // With the free first dimension filled in.
    nvinfer1::Dims withBatch(int64_t batch) const
    {
        nvinfer1::Dims filled = dims;
        if (isFree())
        {
            filled.d[0] = batch;
        }
        return filled;
    }
};

inline std::vector<Tensor> tensorsOf(Model const& model)
{
    std::vector<Tensor> tensors(gHooks.modelTensors(model.get()));
    for (size_t i = 0; i < tensors.size(); ++i)
    {
        char const* name = nullptr;
        int32_t isInput = 0;
        int32_t rank = 0;
        int64_t extents[nvinfer1::Dims::MAX_DIMS]{};
        gHooks.modelTensor(model.get(), static_cast<int32_t>(i), &name, &isInput, &rank, extents);
        tensors[i].name = name;
        tensors[i].isInput = isInput != 0;
        tensors[i].dims.nbDims = rank;
        for (int32_t axis = 0; axis < rank; ++axis)
        {
            tensors[i].dims.d[axis] = extents[axis];
        }
    }
    return tensors;
}

// A public class of TensorRT around its implementation, counted while it lives.
template <typename Public, typename Impl, FakeKind kind>
class Object final : public Public
{
public:
    template <typename... Arguments>
    explicit Object(Arguments&&... arguments)
        : impl(std::forward<Arguments>(arguments)...)
    {
        this->mImpl = &impl;
        gHooks.live(kind, 1);
    }

    ~Object() override
    {
        gHooks.live(kind, -1);
    }

    Impl impl;
};

} // namespace fake

#endif
