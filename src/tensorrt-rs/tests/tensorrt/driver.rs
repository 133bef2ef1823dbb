//! The CUDA driver: found, missing, or without a GPU.

use std::path::Path;

use tensorrt_fake::Library;
use tensorrt_rs::TensorRtError;
use tensorrt_rs::cuda::{Cuda, MemoryInfo};

use crate::support::{begin, cuda};

#[test]
fn the_gpu_is_described() {
    let session = begin();
    session.set_gpu("Orin", (8, 7));
    session.set_integrated(true);
    let cuda = cuda();
    let device = cuda.device();
    assert_eq!((device.ordinal, device.name.as_str()), (0, "Orin"));
    assert_eq!(device.compute_capability, (8, 7));
    assert!(device.integrated);
    assert_eq!(device.driver_version, (12, 4));
    assert_eq!(cuda.memory().unwrap(), MemoryInfo { free: 6 << 30, total: 8 << 30 });
    assert_eq!(cuda.driver_path(), tensorrt_fake::cuda_path());
    let other = cuda.clone();
    drop(cuda);
    assert_eq!(session.live().of("device contexts"), 1);
    drop(other);
    assert!(session.live().is_empty());
}

#[test]
fn a_missing_driver_a_missing_gpu_and_a_broken_driver_are_three_errors() {
    let session = begin();
    let nowhere = Path::new("/nonexistent/libcuda.so.1");
    let error = Cuda::open_with(&[nowhere], 0).unwrap_err();
    assert!(matches!(&error, TensorRtError::NoDriver { tried } if tried == &["/nonexistent/libcuda.so.1"]), "{error}");
    assert!(error.to_string().contains("--runtime nvidia"), "{error}");

    // The next one is taken.
    assert!(Cuda::open_with(&[nowhere, tensorrt_fake::cuda_path()], 0).is_ok());
    let fake = [tensorrt_fake::cuda_path()];
    assert!(matches!(Cuda::open_with(&fake, 1), Err(TensorRtError::NoDevice { ordinal: 1, count: 1 })));
    assert!(matches!(Cuda::open_with(&fake, u32::MAX), Err(TensorRtError::NoDevice { .. })));

    session.no_device();
    assert!(matches!(Cuda::open_with(&fake, 0), Err(TensorRtError::NoDevice { ordinal: 0, count: 0 })));
    session.set_init_result(999);
    let error = Cuda::open_with(&fake, 0).unwrap_err();
    assert!(error.to_string().starts_with("CUDA's cuInit failed with CUDA_ERROR_UNKNOWN (999)"), "{error}");

    let error = Cuda::open_with(&[Library::TensorRt10.path()], 0).unwrap_err();
    assert!(matches!(error, TensorRtError::OldDriver { symbol: "cuInit", .. }), "{error}");
    assert!(session.live().is_empty());
}
