// The driver: copies, streams, events.
#include "gpu.h"

using namespace gpu;

namespace
{

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

} // namespace

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
