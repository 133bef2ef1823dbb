// The driver: device, context, memory; and what the Rust side asks.
#include "gpu.h"

using namespace gpu;

namespace
{

int32_t allocate(void** memory, size_t bytes)
{
    if (countdown(gControl.failAllocation))
    {
        return kOUT_OF_MEMORY;
    }
    *memory = std::malloc(bytes);
    if (*memory == nullptr)
    {
        return kOUT_OF_MEMORY;
    }
    // Nobody may rely on zeros.
    std::memset(*memory, 0xA5, bytes);
    gMemory[reinterpret_cast<uint64_t>(*memory)] = bytes;
    ++gControl.allocations;
    ++gControl.liveMemory;
    return kSUCCESS;
}

int32_t release(uint64_t memory)
{
    if (gMemory.erase(memory) == 0)
    {
        return kINVALID_VALUE;
    }
    std::free(reinterpret_cast<void*>(memory));
    --gControl.liveMemory;
    return kSUCCESS;
}

} // namespace

// For the Rust side.

FAKE_EXPORT Control* fakeCudaControl()
{
    return &gControl;
}

FAKE_EXPORT void fakeCudaReset()
{
    std::lock_guard<std::mutex> const lock(gMutex);
    gSticky = kSUCCESS;
}

FAKE_EXPORT int32_t fakeCudaSubmit(void* stream, int32_t (*run)(void*), void (*release)(void*), void* argument,
    uint64_t const* addresses, size_t const* sizes, int32_t count)
{
    std::shared_ptr<void> owned(argument, release);
    auto work = std::make_shared<Work>();
    for (int32_t i = 0; i < count; ++i)
    {
        work->memory.emplace_back(addresses[i], sizes[i]);
    }
    work->run = [run, owned] {
        ++gControl.executions;
        return run(owned.get());
    };
    FAKE_ENTER();
    return give(static_cast<Stream*>(stream), std::move(work));
}

FAKE_EXPORT int32_t fakeCudaIsCapturing(void* stream)
{
    std::lock_guard<std::mutex> const lock(gMutex);
    auto* found = static_cast<Stream*>(stream);
    return gStreams.count(found) != 0 && found->capturing ? 1 : 0;
}

FAKE_EXPORT int32_t fakeCudaLaunchFails()
{
    ++gControl.launches;
    return countdown(gControl.failLaunch) ? 1 : 0;
}

FAKE_EXPORT int32_t cuInit(unsigned int)
{
    return gControl.initResult;
}

FAKE_EXPORT int32_t cuDriverGetVersion(int32_t* version)
{
    *version = gControl.driverVersion;
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuGetErrorName(int32_t code, char const** name)
{
    switch (code)
    {
    case kINVALID_VALUE: *name = "CUDA_ERROR_INVALID_VALUE"; break;
    case kOUT_OF_MEMORY: *name = "CUDA_ERROR_OUT_OF_MEMORY"; break;
    case kINVALID_CONTEXT: *name = "CUDA_ERROR_INVALID_CONTEXT"; break;
    case kINVALID_HANDLE: *name = "CUDA_ERROR_INVALID_HANDLE"; break;
    case kILLEGAL_ADDRESS: *name = "CUDA_ERROR_ILLEGAL_ADDRESS"; break;
    case kLAUNCH_FAILED: *name = "CUDA_ERROR_LAUNCH_FAILED"; break;
    case kCAPTURE_UNSUPPORTED: *name = "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"; break;
    case kCAPTURE_INVALIDATED: *name = "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"; break;
    case 999: *name = "CUDA_ERROR_UNKNOWN"; break;
    default: *name = nullptr; return kINVALID_VALUE;
    }
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuGetErrorString(int32_t code, char const** text)
{
    *text = code == kILLEGAL_ADDRESS ? "an illegal memory access was encountered"
        : code == kLAUNCH_FAILED     ? "unspecified launch failure"
                                     : "unspecified";
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuDeviceGetCount(int32_t* count)
{
    *count = gControl.deviceCount;
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuDeviceGet(int32_t* device, int32_t ordinal)
{
    *device = ordinal;
    return ordinal < gControl.deviceCount ? kSUCCESS : kINVALID_DEVICE;
}

FAKE_EXPORT int32_t cuDeviceGetName(char* name, int32_t bytes, int32_t)
{
    std::strncpy(name, gControl.name, static_cast<size_t>(bytes));
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuDeviceGetAttribute(int32_t* value, int32_t attribute, int32_t)
{
    switch (attribute)
    {
    case 18: *value = gControl.integrated; return kSUCCESS;
    case 75: *value = gControl.capabilityMajor; return kSUCCESS;
    case 76: *value = gControl.capabilityMinor; return kSUCCESS;
    default: return kINVALID_VALUE;
    }
}

FAKE_EXPORT int32_t cuDevicePrimaryCtxRetain(void** context, int32_t)
{
    std::lock_guard<std::mutex> const lock(gMutex);
    ++gContextCount;
    ++gControl.liveContexts;
    *context = &gContextCount;
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuDevicePrimaryCtxRelease_v2(int32_t)
{
    std::lock_guard<std::mutex> const lock(gMutex);
    --gContextCount;
    --gControl.liveContexts;
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuCtxSetCurrent(void* context)
{
    gCurrent = context == &gContextCount;
    return gCurrent ? kSUCCESS : kINVALID_CONTEXT;
}

FAKE_EXPORT int32_t cuMemGetInfo_v2(size_t* free, size_t* total)
{
    *free = gControl.freeBytes;
    *total = gControl.totalBytes;
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuMemAlloc_v2(uint64_t* address, size_t bytes)
{
    FAKE_ENTER();
    void* memory = nullptr;
    int32_t const result = allocate(&memory, bytes);
    *address = reinterpret_cast<uint64_t>(memory);
    return result;
}

FAKE_EXPORT int32_t cuMemFree_v2(uint64_t address)
{
    std::lock_guard<std::mutex> const lock(gMutex);
    return release(address);
}

FAKE_EXPORT int32_t cuMemHostAlloc(void** memory, size_t bytes, unsigned int)
{
    FAKE_ENTER();
    return allocate(memory, bytes);
}

FAKE_EXPORT int32_t cuMemHostGetDevicePointer_v2(uint64_t* address, void* memory, unsigned int)
{
    *address = reinterpret_cast<uint64_t>(memory);
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuMemFreeHost(void* memory)
{
    std::lock_guard<std::mutex> const lock(gMutex);
    return release(reinterpret_cast<uint64_t>(memory));
}
