// The driver: recorded work.
#include "gpu.h"

using namespace gpu;

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
