// Opening one TensorRT library, and the table of functions that Rust sees.
#include "common.h"

namespace TRT_NAMESPACE
{
namespace
{

// TensorRT keeps the pointer for as long as the process lives, so the logger is never destroyed.
Logger* processLogger(TrtLogCallback callback) noexcept
{
    alignas(Logger) static unsigned char storage[sizeof(Logger)];
    // Callers hold a lock.
    static Logger* logger = nullptr;
    if (logger == nullptr)
    {
        logger = new (storage) Logger;
        logger->mCallback = callback;
    }
    return logger;
}

void libraryClose(TrtLibrary* handle) noexcept
{
    auto* library = reinterpret_cast<Library*>(handle);
    if (library != nullptr)
    {
        library->~Library();
        std::free(library);
    }
}

TrtStatus libraryOpen(TrtEntryPoints const* entry, TrtLogCallback log, TrtLibrary** handle) noexcept
{
    *handle = nullptr;
    void* memory = std::malloc(sizeof(Library));
    if (memory == nullptr)
    {
        return TRT_OUT_OF_MEMORY;
    }
    auto* library = new (memory) Library{{}, processLogger(log), *entry};
    // The library's own version passes its check of versions. Its major was compared with the headers', and only slots of
    // the oldest minor are called.
    library->runtime = Owned<nvinfer1::IRuntime>(
        static_cast<nvinfer1::IRuntime*>(entry->create_runtime(library->logger, entry->version)));
    if (!library->runtime)
    {
        libraryClose(reinterpret_cast<TrtLibrary*>(library));
        return TRT_CREATE_FAILED;
    }
    *handle = reinterpret_cast<TrtLibrary*>(library);
    return TRT_OK;
}

int32_t dlaCores(TrtLibrary const* handle) noexcept
{
#if TRT_RTX
    static_cast<void>(handle);
    return 0;
#else
    return reinterpret_cast<Library const*>(handle)->runtime->getNbDLACores();
#endif
}

constexpr TrtApi kApi{
    TENSORRT_RS_ABI,
    sizeof(TrtApi),
    sizeof(TrtEntryPoints),
    sizeof(TrtBuildOptions),
    sizeof(TrtParserError),
    sizeof(TrtTensor),
    NV_TENSORRT_MAJOR,
    NV_TENSORRT_MINOR,
    TRT_RTX,
    0,
    libraryOpen,
    libraryClose,
    dlaCores,
    buildPlan,
    buildPlanBytes,
    buildTimingCache,
    buildErrorCount,
    buildError,
    buildSubject,
    buildFree,
    engineLoad,
    engineFree,
    engineTensorCount,
    engineTensor,
    contextCreate,
    contextFree,
    contextSetShape,
    contextShape,
    contextSetAddress,
    contextEnqueue,
};

} // namespace
} // namespace TRT_NAMESPACE

extern "C" TrtApi const* TRT_JOIN(tensorrt_rs_api_, TRT_TAG)() noexcept
{
    return &TRT_NAMESPACE::kApi;
}
