// What the files of the shim share. Every file is compiled once per header set, with
//   -DTRT_TAG=trt10 -Dnvinfer1=nvinfer1_trt10 -Dnvonnxparser=nvonnxparser_trt10
// so that the inline functions of several header sets live side by side in one binary.
//
// Nothing here needs a C++ runtime: no exceptions, no RTTI, no containers. TensorRT's interfaces are noexcept, its objects
// are deleted through their own virtual destructors, and our own few come from malloc.
#ifndef TENSORRT_RS_COMMON_H
#define TENSORRT_RS_COMMON_H

#include "abi.h"

#include <NvInfer.h>
#include <NvOnnxParser.h>

#include <cstdlib>
#include <new>
#include <utility>

#if defined(TRT_MAJOR_RTX)
#define TRT_RTX 1
#else
#define TRT_RTX 0
#endif

// Whether the headers are those of TensorRT major.minor or newer; TensorRT for RTX descends from 10.
#define TRT_HEADERS_FROM(major_, minor_)                                                                               \
    (TRT_RTX || NV_TENSORRT_MAJOR > (major_) || (NV_TENSORRT_MAJOR == (major_) && NV_TENSORRT_MINOR >= (minor_)))

#define TRT_JOIN_(a, b) a##b
#define TRT_JOIN(a, b) TRT_JOIN_(a, b)
#define TRT_NAMESPACE TRT_JOIN(tensorrt_rs_, TRT_TAG)

namespace TRT_NAMESPACE
{

// A creation function of TensorRT 11 has been seen to return 0x228 where there is no driver. Nothing is mapped below this.
constexpr uintptr_t kLowestPointer = 0x10000;

template <typename T>
bool valid(T const* pointer) noexcept
{
    return reinterpret_cast<uintptr_t>(pointer) >= kLowestPointer;
}

// Owns an object of TensorRT, or nothing.
template <typename T>
class Owned
{
public:
    Owned() noexcept = default;

    explicit Owned(T* pointer) noexcept
        : mPointer(valid(pointer) ? pointer : nullptr)
    {
    }

    Owned(Owned&& other) noexcept
        : mPointer(std::exchange(other.mPointer, nullptr))
    {
    }

    Owned& operator=(Owned&& other) noexcept
    {
        std::swap(mPointer, other.mPointer);
        return *this;
    }

    ~Owned()
    {
        delete mPointer;
    }

    explicit operator bool() const noexcept
    {
        return mPointer != nullptr;
    }

    T* operator->() const noexcept
    {
        return mPointer;
    }

    T& operator*() const noexcept
    {
        return *mPointer;
    }

    T* get() const noexcept
    {
        return mPointer;
    }

    T* release() noexcept
    {
        return std::exchange(mPointer, nullptr);
    }

private:
    T* mPointer{nullptr};
};

class Logger final : public nvinfer1::ILogger
{
public:
    void log(Severity severity, nvinfer1::AsciiChar const* message) noexcept override
    {
        if (mCallback != nullptr && message != nullptr)
        {
            mCallback(static_cast<int32_t>(severity), message);
        }
    }

    TrtLogCallback mCallback{nullptr};
};

struct Library
{
    Owned<nvinfer1::IRuntime> runtime;
    Logger* logger;
    TrtEntryPoints entry;
};

inline nvinfer1::Dims toDims(TrtShape const& shape) noexcept
{
    nvinfer1::Dims dims{};
    dims.nbDims = shape.rank;
    for (int32_t i = 0; i < shape.rank && i < TRT_MAX_RANK; ++i)
    {
        // 32 bits in TensorRT 8.
        dims.d[i] = static_cast<std::remove_reference_t<decltype(dims.d[i])>>(shape.extent[i]);
    }
    return dims;
}

inline TrtShape fromDims(nvinfer1::Dims const& dims) noexcept
{
    TrtShape shape{};
    shape.rank = dims.nbDims;
    for (int32_t i = 0; i < dims.nbDims && i < TRT_MAX_RANK; ++i)
    {
        shape.extent[i] = dims.d[i];
    }
    return shape;
}

// build.cpp
TrtStatus buildPlan(TrtLibrary* library, void const* onnx, size_t onnxBytes, TrtBuildOptions const* options,
    TrtBuild** build) noexcept;
void const* buildPlanBytes(TrtBuild const* build, size_t* bytes) noexcept;
void const* buildTimingCache(TrtBuild const* build, size_t* bytes) noexcept;
int32_t buildErrorCount(TrtBuild const* build) noexcept;
int32_t buildError(TrtBuild const* build, int32_t index, TrtParserError* error) noexcept;
char const* buildSubject(TrtBuild const* build) noexcept;
void buildFree(TrtBuild* build) noexcept;

// engine.cpp
TrtStatus engineLoad(
    TrtLibrary* library, void const* plan, size_t planBytes, int32_t dlaCore, TrtEngine** engine) noexcept;
void engineFree(TrtEngine* engine) noexcept;
int32_t engineTensorCount(TrtEngine const* engine) noexcept;
int32_t engineTensor(TrtEngine const* engine, int32_t index, TrtTensor* tensor) noexcept;
TrtStatus contextCreate(TrtEngine* engine, TrtContext** context) noexcept;
void contextFree(TrtContext* context) noexcept;
int32_t contextSetShape(TrtContext* context, char const* name, TrtShape const* shape) noexcept;
int32_t contextShape(TrtContext const* context, char const* name, TrtShape* shape) noexcept;
int32_t contextSetAddress(TrtContext* context, char const* name, void* address) noexcept;
int32_t contextEnqueue(TrtContext* context, void* stream) noexcept;

} // namespace TRT_NAMESPACE

#endif
