// The only names of CUDA's runtime that TensorRT's headers use: two opaque handles. CUDA itself is not needed to compile.
#ifndef TENSORRT_RS_CUDA_RUNTIME_API_H
#define TENSORRT_RS_CUDA_RUNTIME_API_H

typedef struct CUstream_st* cudaStream_t;
typedef struct CUevent_st* cudaEvent_t;

#endif
