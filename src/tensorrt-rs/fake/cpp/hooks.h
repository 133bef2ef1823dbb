// What the fake libraries ask of the Rust side, see src/hooks.rs.
#ifndef TENSORRT_FAKE_HOOKS_H
#define TENSORRT_FAKE_HOOKS_H

#include <cstddef>
#include <cstdint>

struct FakeModel;
struct FakeBytes;

// Which of the objects of a library are counted.
enum FakeKind : int32_t
{
    kRUNTIME,
    kENGINE,
    kCONTEXT,
    kBUILDER,
    kNETWORK,
    kCONFIG,
    kPARSER,
    kTIMING_CACHE,
    kHOST_MEMORY,
};

struct FakePlanOptions
{
    int32_t fp16;
    int32_t int8;
    int32_t dlaCore;
    int32_t gpuFallback;
    int32_t optimizationLevel;
    int32_t computeCapability;
    int32_t batch;
    int32_t reserved;
    uint64_t workspace;
};

struct FakeHooks
{
    // Part 0 to 3 of the version that a library says it has.
    int32_t (*version)(int32_t library, int32_t part);
    void (*live)(int32_t kind, int32_t change);
    int32_t (*driverPresent)();
    int32_t (*dlaCores)();

    FakeModel* (*modelParse)(void const* onnx, size_t bytes);
    // 1 where the host refused it; the texts live as long as the model.
    int32_t (*modelRefusal)(FakeModel const* model, char const** node, char const** op, char const** message);
    int32_t (*modelTensors)(FakeModel const* model);
    void (*modelTensor)(
        FakeModel const* model, int32_t index, char const** name, int32_t* isInput, int32_t* rank, int64_t* extents);
    void (*modelFree)(FakeModel* model);
    // Computes; the addresses are in the order of the tensors. 0 where it succeeded.
    int32_t (*modelRun)(FakeModel const* model, void* const* addresses, int64_t batch);

    FakeBytes* (*planWrite)(int32_t library, FakeModel const* model, FakePlanOptions const* options);
    // Null, and why in *error, where the plan is refused.
    FakeModel* (*planRead)(int32_t library, void const* plan, size_t bytes, FakePlanOptions* options, char const** error);
    // Null for bytes that are no cache of this library.
    FakeBytes* (*cacheWrite)(int32_t library, void const* old, size_t bytes);
    void const* (*bytesData)(FakeBytes const* bytes);
    size_t (*bytesSize)(FakeBytes const* bytes);
    void (*bytesFree)(FakeBytes* bytes);

    // Of the fake CUDA driver: gives work to a stream. `release` is called when no graph and no stream needs it any more.
    int32_t (*submit)(void* stream, int32_t (*run)(void*), void (*release)(void*), void* argument,
        uint64_t const* addresses, size_t const* sizes, int32_t count);
    int32_t (*isCapturing)(void* stream);
    // Whether this launch is the one that is to fail.
    int32_t (*launchFails)();
};

#endif
