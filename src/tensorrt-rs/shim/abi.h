// Flat C interface between Rust and one major version of TensorRT. `src/ffi.rs` mirrors it; any change here raises
// TENSORRT_RS_ABI there and here.
#ifndef TENSORRT_RS_ABI_H
#define TENSORRT_RS_ABI_H

#include <stddef.h>
#include <stdint.h>

#define TENSORRT_RS_ABI 1u
#define TRT_MAX_RANK 8

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    TRT_OK = 0,
    // The library has no builder, or there is no parser library.
    TRT_NO_BUILDER = 1,
    TRT_NO_PARSER = 2,
    // TensorRT gave no object; its log says why.
    TRT_CREATE_FAILED = 3,
    // See TrtApi::build_error.
    TRT_PARSE_FAILED = 4,
    // An input has a free dimension that is not its first; see TrtApi::build_subject.
    TRT_FREE_DIMENSION = 5,
    // The device has no such DLA core.
    TRT_NO_DLA = 6,
    // The library cannot build for this compute capability.
    TRT_BAD_CAPABILITY = 7,
    TRT_BUILD_FAILED = 8,
    TRT_CANCELLED = 9,
    TRT_OUT_OF_MEMORY = 10,
    // TensorRT refused the argument; its log says why.
    TRT_REFUSED = 11,
} TrtStatus;

typedef enum {
    TRT_PHASE_STARTED = 0,
    TRT_STEP_DONE = 1,
    TRT_PHASE_FINISHED = 2,
} TrtProgressEvent;

// Severity as in nvinfer1::ILogger. Called from any thread; the text lives for the duration of the call.
typedef void (*TrtLogCallback)(int32_t severity, char const* message);

// `number` is the number of steps of a phase that starts, or the step that was done. `parent` may be null.
// 0 asks TensorRT to stop. Called from any thread, also from several at once.
typedef int32_t (*TrtProgressCallback)(
    void* user, int32_t event, char const* phase, char const* parent, int32_t number);

typedef struct {
    int32_t rank;
    int32_t reserved;
    int64_t extent[TRT_MAX_RANK];
} TrtShape;

// What Rust found in the loaded libraries; a null pointer where there is no such symbol.
typedef struct {
    void* (*create_runtime)(void* logger, int32_t version);
    void* (*create_builder)(void* logger, int32_t version);
    void* (*create_parser)(void* network, void* logger, int version);
    // What the library's own getInferLibVersion and getNvOnnxParserVersion say.
    int32_t version;
    int32_t parser_version;
    int32_t minor;
    int32_t reserved;
} TrtEntryPoints;

typedef struct {
    uint64_t workspace_bytes; // 0: TensorRT's own choice
    void const* timing_cache;
    size_t timing_cache_bytes;
    TrtProgressCallback progress;
    void* progress_user;
    int32_t allow_fp16; // where precision is a flag of the builder
    int32_t allow_int8;
    int32_t dla_core; // -1: the GPU
    int32_t gpu_fallback;
    int32_t optimization_level; // -1: TensorRT's own choice
    int32_t compute_capability; // major * 10 + minor, TensorRT for RTX only; 0: the GPU of this machine
    int32_t batch; // for inputs whose first dimension is free
    int32_t reserved;
} TrtBuildOptions;

// Texts may be null and live until the build is freed; node is -1 where it is not known.
typedef struct {
    char const* node_name;
    char const* node_operator;
    char const* description;
    int32_t code;
    int32_t node;
} TrtParserError;

typedef struct {
    char const* name; // lives as long as the engine
    int32_t is_input;
    int32_t data_type;
    TrtShape shape;
} TrtTensor;

typedef struct TrtLibrary TrtLibrary;
typedef struct TrtBuild TrtBuild;
typedef struct TrtEngine TrtEngine;
typedef struct TrtContext TrtContext;

typedef struct {
    uint32_t abi;
    uint32_t api_bytes;
    uint32_t entry_points_bytes;
    uint32_t options_bytes;
    uint32_t parser_error_bytes;
    uint32_t tensor_bytes;
    // Version of the headers.
    int32_t major;
    int32_t minor;
    int32_t is_rtx;
    int32_t reserved;

    TrtStatus (*library_open)(TrtEntryPoints const* entry, TrtLogCallback log, TrtLibrary** library);
    void (*library_close)(TrtLibrary* library);
    int32_t (*dla_cores)(TrtLibrary const* library);

    // *build is set also where building fails, so that its errors can be read; null where memory is out.
    TrtStatus (*build)(TrtLibrary* library, void const* onnx, size_t onnx_bytes, TrtBuildOptions const* options,
        TrtBuild** build);
    void const* (*build_plan)(TrtBuild const* build, size_t* bytes);
    void const* (*build_timing_cache)(TrtBuild const* build, size_t* bytes);
    int32_t (*build_error_count)(TrtBuild const* build);
    int32_t (*build_error)(TrtBuild const* build, int32_t index, TrtParserError* error);
    char const* (*build_subject)(TrtBuild const* build);
    void (*build_free)(TrtBuild* build);

    TrtStatus (*engine_load)(
        TrtLibrary* library, void const* plan, size_t plan_bytes, int32_t dla_core, TrtEngine** engine);
    void (*engine_free)(TrtEngine* engine);
    int32_t (*engine_tensor_count)(TrtEngine const* engine);
    int32_t (*engine_tensor)(TrtEngine const* engine, int32_t index, TrtTensor* tensor);

    TrtStatus (*context_create)(TrtEngine* engine, TrtContext** context);
    void (*context_free)(TrtContext* context);
    int32_t (*context_set_shape)(TrtContext* context, char const* name, TrtShape const* shape);
    int32_t (*context_shape)(TrtContext const* context, char const* name, TrtShape* shape);
    int32_t (*context_set_address)(TrtContext* context, char const* name, void* address);
    int32_t (*context_enqueue)(TrtContext* context, void* stream);
} TrtApi;

#ifdef __cplusplus
}
#endif

#endif
