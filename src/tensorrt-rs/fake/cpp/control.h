// What tests set and read of the fake CUDA driver; `Control` in src/control.rs has the same layout.
#ifndef TENSORRT_FAKE_CONTROL_H
#define TENSORRT_FAKE_CONTROL_H

#include <atomic>
#include <cstdint>

using Number = std::atomic<int32_t>;

struct Control
{
    // Set by tests.
    Number initResult;
    Number deviceCount;
    Number integrated;
    Number capabilityMajor;
    Number capabilityMinor;
    Number driverVersion;
    // Which allocation or launch from now on fails; 0 for none.
    Number failAllocation;
    Number failLaunch;
    std::atomic<uint64_t> freeBytes;
    std::atomic<uint64_t> totalBytes;
    char name[64];

    // Counted since the last reset.
    Number allocations;
    Number launches;
    Number graphLaunches;
    Number copiesToDevice;
    Number copiesToHost;
    Number executions;
    Number synchronizations;

    // Now.
    Number liveContexts;
    Number liveStreams;
    Number liveEvents;
    Number liveMemory;
    Number liveGraphs;
    Number liveExecutables;
};

#endif
