// How a build reports, and how it is stopped.
#ifndef TENSORRT_RS_PROGRESS_H
#define TENSORRT_RS_PROGRESS_H

#include "common.h"

#include <atomic>

namespace TRT_NAMESPACE
{

#if TRT_HEADERS_FROM(8, 6)
#define TRT_HAS_PROGRESS 1

class Progress final : public nvinfer1::IProgressMonitor
{
public:
    explicit Progress(TrtBuildOptions const& options) noexcept
        : mCallback(options.progress)
        , mUser(options.progress_user)
    {
    }

    void phaseStart(char const* phase, char const* parent, int32_t steps) noexcept override
    {
        report(TRT_PHASE_STARTED, phase, parent, steps);
    }

    bool stepComplete(char const* phase, int32_t step) noexcept override
    {
        return report(TRT_STEP_DONE, phase, nullptr, step);
    }

    void phaseFinish(char const* phase) noexcept override
    {
        report(TRT_PHASE_FINISHED, phase, nullptr, 0);
    }

    bool cancelled() const noexcept
    {
        return mCancelled.load();
    }

private:
    bool report(TrtProgressEvent event, char const* phase, char const* parent, int32_t number) noexcept
    {
        // Only the end of a step can stop a build, so a refusal at another event is kept until then.
        if (!mCancelled.load() && mCallback(mUser, event, phase, parent, number) == 0)
        {
            mCancelled.store(true);
        }
        return !mCancelled.load();
    }

    TrtProgressCallback mCallback;
    void* mUser;
    std::atomic<bool> mCancelled{false};
};

// Whether the loaded library, too, has what TensorRT 8.5 does not have yet.
inline bool isFrom86([[maybe_unused]] Library const& library) noexcept
{
#if NV_TENSORRT_MAJOR == 8
    return library.entry.minor >= 6;
#else
    return true;
#endif
}

#else
#define TRT_HAS_PROGRESS 0
#endif

} // namespace TRT_NAMESPACE

#endif
