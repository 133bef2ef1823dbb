// Entry points of the fake libnvinfer.
#include "builder.h"
#include "runtime.h"

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

namespace
{

// As the real library: the caller's version has to be the library's.
bool agrees(int32_t version)
{
    return version == getInferLibVersion();
}

} // namespace

FAKE_EXPORT void fakeSetHooks(FakeHooks const* hooks)
{
    fake::gHooks = *hooks;
}

FAKE_EXPORT int32_t getInferLibVersion() noexcept
{
    int32_t const major = fake::gHooks.version(FAKE_LIBRARY, 0);
    int32_t const minor = fake::gHooks.version(FAKE_LIBRARY, 1);
    int32_t const patch = fake::gHooks.version(FAKE_LIBRARY, 2);
    // Thousands up to TensorRT 9, but TensorRT for RTX counts from 1 in ten thousands.
    bool const thousands = major >= 4 && major < 10;
    return thousands ? major * 1000 + minor * 100 + patch : major * 10000 + minor * 100 + patch;
}

FAKE_EXPORT int32_t getInferLibBuildVersion() noexcept
{
    return fake::gHooks.version(FAKE_LIBRARY, 3);
}

FAKE_EXPORT void* createInferRuntime_INTERNAL(void* logger, int32_t version) noexcept
{
    if (fake::gHooks.driverPresent() == 0)
    {
        // Seen with TensorRT 11.4 where there was no driver.
        return reinterpret_cast<void*>(0x228);
    }
    auto* given = static_cast<nvinfer1::ILogger*>(logger);
    if (!agrees(version))
    {
        given->log(nvinfer1::ILogger::Severity::kERROR, "CHECK failed: version of the headers and of the library differ");
        return nullptr;
    }
    return new fake::Runtime(given);
}

FAKE_EXPORT void* createInferBuilder_INTERNAL(void* logger, int32_t version) noexcept
{
    auto* given = static_cast<nvinfer1::ILogger*>(logger);
    // TensorRT for RTX builds without a GPU.
    if (fake::gHooks.driverPresent() == 0 && !FAKE_RTX)
    {
        given->log(nvinfer1::ILogger::Severity::kERROR, "CUDA initialization failure with error: 35");
        return nullptr;
    }
    return agrees(version) ? new fake::Builder(given) : nullptr;
}
