// A CUDA driver without a GPU. Memory is the processor's. A stream does nothing until somebody waits for it, which brings to
// light whoever forgets to wait; work on memory that was freed meanwhile fails as on a GPU.
#include "control.h"

#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

namespace
{

enum Result : int32_t
{
    kSUCCESS = 0,
    kINVALID_VALUE = 1,
    kOUT_OF_MEMORY = 2,
    kINVALID_DEVICE = 101,
    kINVALID_CONTEXT = 201,
    kINVALID_HANDLE = 400,
    kNOT_READY = 600,
    kILLEGAL_ADDRESS = 700,
    kLAUNCH_FAILED = 719,
    kCAPTURE_UNSUPPORTED = 900,
    kCAPTURE_INVALIDATED = 901,
};

using Clock = std::chrono::steady_clock;

struct Work
{
    std::function<int32_t()> run;
    std::vector<std::pair<uint64_t, size_t>> memory;
};

using WorkList = std::vector<std::shared_ptr<Work>>;

struct Stream
{
    bool capturing{};
    bool invalidated{};
    WorkList queue;
    WorkList captured;
};

struct Event
{
    bool recorded{};
    bool reached{};
    Clock::time_point time;
};

struct Graph
{
    WorkList work;
};

Control gControl;
std::mutex gMutex;
// An error of work on the GPU is the answer to every later call.
int32_t gSticky = kSUCCESS;
int32_t gContextCount = 0;
std::map<uint64_t, size_t> gMemory;
std::set<Stream*> gStreams;
std::map<void*, std::shared_ptr<Event>> gEvents;
std::set<Graph*> gGraphs;
std::set<Graph*> gExecutables;
thread_local bool gCurrent = false;

bool countdown(Number& number)
{
    return number > 0 && --number == 0;
}

bool isMapped(uint64_t start, size_t bytes)
{
    auto after = gMemory.upper_bound(start);
    if (after == gMemory.begin())
    {
        return false;
    }
    --after;
    return start + bytes <= after->first + after->second;
}

int32_t execute(Work const& work)
{
    for (auto const& [start, bytes] : work.memory)
    {
        if (!isMapped(start, bytes))
        {
            return kILLEGAL_ADDRESS;
        }
    }
    return work.run();
}

int32_t flush(Stream& stream)
{
    WorkList queue;
    queue.swap(stream.queue);
    for (auto const& work : queue)
    {
        if (gSticky == kSUCCESS)
        {
            gSticky = execute(*work);
        }
    }
    return gSticky;
}

// Every call but the first few needs a current context.
int32_t enter()
{
    return !gCurrent || gContextCount == 0 ? kINVALID_CONTEXT : gSticky;
}

int32_t give(Stream* stream, std::shared_ptr<Work> work)
{
    if (gStreams.count(stream) == 0)
    {
        return kINVALID_HANDLE;
    }
    (stream->capturing ? stream->captured : stream->queue).push_back(std::move(work));
    return kSUCCESS;
}

int32_t copy(void* to, void const* from, size_t bytes, Stream* stream, Number& counter)
{
    auto work = std::make_shared<Work>();
    work->memory = {{reinterpret_cast<uint64_t>(to), bytes}, {reinterpret_cast<uint64_t>(from), bytes}};
    work->run = [=, &counter] {
        std::memcpy(to, from, bytes);
        ++counter;
        return kSUCCESS;
    };
    return give(stream, std::move(work));
}

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

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))
#define FAKE_ENTER()                                                                                                   \
    std::lock_guard<std::mutex> const lock(gMutex);                                                                    \
    if (int32_t const state = enter(); state != kSUCCESS)                                                              \
    {                                                                                                                  \
        return state;                                                                                                  \
    }

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

// The driver's functions, in the order of src/cuda/driver.rs of tensorrt-rs.

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

FAKE_EXPORT int32_t cuMemcpyHtoDAsync_v2(uint64_t to, void const* from, size_t bytes, void* stream)
{
    FAKE_ENTER();
    return copy(reinterpret_cast<void*>(to), from, bytes, static_cast<Stream*>(stream), gControl.copiesToDevice);
}

FAKE_EXPORT int32_t cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void* stream)
{
    FAKE_ENTER();
    return copy(to, reinterpret_cast<void const*>(from), bytes, static_cast<Stream*>(stream), gControl.copiesToHost);
}

FAKE_EXPORT int32_t cuStreamCreate(void** stream, unsigned int)
{
    FAKE_ENTER();
    auto* made = new Stream;
    gStreams.insert(made);
    ++gControl.liveStreams;
    *stream = made;
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuStreamSynchronize(void* stream)
{
    FAKE_ENTER();
    auto* found = static_cast<Stream*>(stream);
    if (gStreams.count(found) == 0)
    {
        return kINVALID_HANDLE;
    }
    ++gControl.synchronizations;
    if (found->capturing)
    {
        found->invalidated = true;
        return kCAPTURE_UNSUPPORTED;
    }
    return flush(*found);
}

FAKE_EXPORT int32_t cuStreamDestroy_v2(void* stream)
{
    std::lock_guard<std::mutex> const lock(gMutex);
    auto* found = static_cast<Stream*>(stream);
    if (gStreams.erase(found) == 0)
    {
        return kINVALID_HANDLE;
    }
    int32_t const result = flush(*found);
    delete found;
    --gControl.liveStreams;
    return result;
}

FAKE_EXPORT int32_t cuEventCreate(void** event, unsigned int)
{
    FAKE_ENTER();
    auto made = std::make_shared<Event>();
    *event = made.get();
    gEvents[*event] = std::move(made);
    ++gControl.liveEvents;
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuEventRecord(void* event, void* stream)
{
    FAKE_ENTER();
    auto found = gEvents.find(event);
    if (found == gEvents.end())
    {
        return kINVALID_HANDLE;
    }
    auto work = std::make_shared<Work>();
    std::shared_ptr<Event> const kept = found->second;
    kept->recorded = true;
    kept->reached = false;
    work->run = [kept] {
        kept->reached = true;
        kept->time = Clock::now();
        return kSUCCESS;
    };
    return give(static_cast<Stream*>(stream), std::move(work));
}

FAKE_EXPORT int32_t cuEventSynchronize(void* event)
{
    FAKE_ENTER();
    auto found = gEvents.find(event);
    if (found == gEvents.end())
    {
        return kINVALID_HANDLE;
    }
    for (Stream* stream : gStreams)
    {
        if (!found->second->reached && !stream->capturing)
        {
            flush(*stream);
        }
    }
    return gSticky;
}

FAKE_EXPORT int32_t cuEventElapsedTime(float* milliseconds, void* start, void* end)
{
    FAKE_ENTER();
    auto first = gEvents.find(start);
    auto last = gEvents.find(end);
    if (first == gEvents.end() || last == gEvents.end() || !first->second->recorded || !last->second->recorded)
    {
        return kINVALID_HANDLE;
    }
    if (!first->second->reached || !last->second->reached)
    {
        return kNOT_READY;
    }
    *milliseconds = std::chrono::duration<float, std::milli>(last->second->time - first->second->time).count();
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuEventDestroy_v2(void* event)
{
    std::lock_guard<std::mutex> const lock(gMutex);
    if (gEvents.erase(event) == 0)
    {
        return kINVALID_HANDLE;
    }
    --gControl.liveEvents;
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuStreamBeginCapture_v2(void* stream, int32_t)
{
    FAKE_ENTER();
    auto* found = static_cast<Stream*>(stream);
    if (gStreams.count(found) == 0 || found->capturing)
    {
        return kINVALID_HANDLE;
    }
    found->capturing = true;
    found->invalidated = false;
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuStreamEndCapture(void* stream, void** graph)
{
    FAKE_ENTER();
    auto* found = static_cast<Stream*>(stream);
    if (gStreams.count(found) == 0 || !found->capturing)
    {
        return kINVALID_HANDLE;
    }
    found->capturing = false;
    WorkList work;
    work.swap(found->captured);
    if (found->invalidated)
    {
        *graph = nullptr;
        return kCAPTURE_INVALIDATED;
    }
    auto* made = new Graph{std::move(work)};
    gGraphs.insert(made);
    ++gControl.liveGraphs;
    *graph = made;
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuGraphInstantiateWithFlags(void** executable, void* graph, uint64_t)
{
    FAKE_ENTER();
    auto* found = static_cast<Graph*>(graph);
    if (gGraphs.count(found) == 0)
    {
        return kINVALID_HANDLE;
    }
    if (countdown(gControl.failAllocation))
    {
        return kOUT_OF_MEMORY;
    }
    auto* made = new Graph(*found);
    gExecutables.insert(made);
    ++gControl.liveExecutables;
    *executable = made;
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuGraphDestroy(void* graph)
{
    std::lock_guard<std::mutex> const lock(gMutex);
    auto* found = static_cast<Graph*>(graph);
    if (gGraphs.erase(found) == 0)
    {
        return kINVALID_HANDLE;
    }
    delete found;
    --gControl.liveGraphs;
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuGraphLaunch(void* executable, void* stream)
{
    FAKE_ENTER();
    auto* found = static_cast<Graph*>(executable);
    if (gExecutables.count(found) == 0)
    {
        return kINVALID_HANDLE;
    }
    ++gControl.launches;
    if (countdown(gControl.failLaunch))
    {
        return kLAUNCH_FAILED;
    }
    ++gControl.graphLaunches;
    for (auto const& work : found->work)
    {
        if (int32_t const result = give(static_cast<Stream*>(stream), work); result != kSUCCESS)
        {
            return result;
        }
    }
    return kSUCCESS;
}

FAKE_EXPORT int32_t cuGraphExecDestroy(void* executable)
{
    std::lock_guard<std::mutex> const lock(gMutex);
    auto* found = static_cast<Graph*>(executable);
    if (gExecutables.erase(found) == 0)
    {
        return kINVALID_HANDLE;
    }
    delete found;
    --gControl.liveExecutables;
    return kSUCCESS;
}
