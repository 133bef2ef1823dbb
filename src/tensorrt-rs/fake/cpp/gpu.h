// A GPU that is none. Memory is the processor's. A stream does nothing until somebody waits for it, which brings to light
// whoever forgets to wait; work on memory that was freed meanwhile fails as on a GPU.
#ifndef TENSORRT_FAKE_GPU_H
#define TENSORRT_FAKE_GPU_H

#include "control.h"

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

namespace gpu
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

inline Control gControl;
inline std::mutex gMutex;
// An error of work on the GPU is the answer to every later call.
inline int32_t gSticky = kSUCCESS;
inline int32_t gContextCount = 0;
inline std::map<uint64_t, size_t> gMemory;
inline std::set<Stream*> gStreams;
inline std::map<void*, std::shared_ptr<Event>> gEvents;
inline std::set<Graph*> gGraphs;
inline std::set<Graph*> gExecutables;
inline thread_local bool gCurrent = false;

inline bool countdown(Number& number)
{
    return number > 0 && --number == 0;
}

inline bool isMapped(uint64_t start, size_t bytes)
{
    auto after = gMemory.upper_bound(start);
    if (after == gMemory.begin())
    {
        return false;
    }
    --after;
    return start + bytes <= after->first + after->second;
}

inline int32_t execute(Work const& work)
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

inline int32_t flush(Stream& stream)
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
inline int32_t enter()
{
    return !gCurrent || gContextCount == 0 ? kINVALID_CONTEXT : gSticky;
}

inline int32_t give(Stream* stream, std::shared_ptr<Work> work)
{
    if (gStreams.count(stream) == 0)
    {
        return kINVALID_HANDLE;
    }
    (stream->capturing ? stream->captured : stream->queue).push_back(std::move(work));
    return kSUCCESS;
}

} // namespace gpu

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))
#define FAKE_ENTER()                                                                                                   \
    std::lock_guard<std::mutex> const lock(gpu::gMutex);                                                                    \
    if (int32_t const state = gpu::enter(); state != gpu::kSUCCESS)                                                              \
    {                                                                                                                  \
        return state;                                                                                                  \
    }

#endif
