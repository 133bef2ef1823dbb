//! The driver's functions, found by name.

#![allow(unsafe_code, reason = "declares and finds C functions")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::path::{Path, PathBuf};
use std::ptr;

use crate::error::TensorRtError;
use crate::library::{load, symbol};

/// `CUdeviceptr`.
pub(crate) type DeviceAddress = u64;
/// `CUcontext`, `CUstream`, `CUevent`, `CUgraph`, `CUgraphExec`.
pub(crate) type Raw = *mut c_void;

/// `CUresult`s that mean something here.
pub(crate) const SUCCESS: i32 = 0;
pub(crate) const ERROR_OUT_OF_MEMORY: i32 = 2;
pub(crate) const ERROR_NO_DEVICE: i32 = 100;
pub(crate) const ERROR_NOT_READY: i32 = 600;

/// `CUdevice_attribute`.
pub(crate) const ATTRIBUTE_INTEGRATED: c_int = 18;
pub(crate) const ATTRIBUTE_CAPABILITY_MAJOR: c_int = 75;
pub(crate) const ATTRIBUTE_CAPABILITY_MINOR: c_int = 76;
/// `CU_STREAM_NON_BLOCKING`: independent of the default stream, which nothing here uses.
pub(crate) const STREAM_NON_BLOCKING: c_uint = 1;
/// `CU_EVENT_DEFAULT`: with time.
pub(crate) const EVENT_DEFAULT: c_uint = 0;
/// `CU_MEMHOSTALLOC_DEVICEMAP`.
pub(crate) const HOST_DEVICE_MAP: c_uint = 2;
/// `CU_STREAM_CAPTURE_MODE_THREAD_LOCAL`: other threads may go on with calls that would break a global capture.
pub(crate) const CAPTURE_THREAD_LOCAL: c_int = 1;

macro_rules! driver {
    ($($(#[$doc:meta])* $name:ident = $symbol:literal ($($argument:ty),*);)*) => {
        /// The driver's functions. Each returns a `CUresult`.
        pub(crate) struct Driver {
            pub(crate) path: PathBuf,
            $($(#[$doc])* pub(crate) $name: unsafe extern "C" fn($($argument),*) -> i32,)*
        }

        impl Driver {
            /// `None` where there is no such file.
            pub(crate) fn load(path: &Path) -> Result<Option<Self>, TensorRtError> {
                let Some(library) = load(path)? else { return Ok(None) };
                Ok(Some(Self {
                    path: path.to_owned(),
                    $(
                        // SAFETY: the type is that of the function in `cuda.h`, which the driver's interface keeps.
                        $name: unsafe { symbol(&library, $symbol) }
                            .ok_or_else(|| TensorRtError::OldDriver { path: path.to_owned(), symbol: $symbol })?,
                    )*
                }))
            }
        }
    };
}

driver! {
    init = "cuInit"(c_uint);
    driver_version = "cuDriverGetVersion"(*mut c_int);
    error_name = "cuGetErrorName"(i32, *mut *const c_char);
    error_text = "cuGetErrorString"(i32, *mut *const c_char);
    device_count = "cuDeviceGetCount"(*mut c_int);
    device = "cuDeviceGet"(*mut c_int, c_int);
    device_name = "cuDeviceGetName"(*mut c_char, c_int, c_int);
    device_attribute = "cuDeviceGetAttribute"(*mut c_int, c_int, c_int);
    context_retain = "cuDevicePrimaryCtxRetain"(*mut Raw, c_int);
    context_release = "cuDevicePrimaryCtxRelease_v2"(c_int);
    context_set = "cuCtxSetCurrent"(Raw);
    memory_info = "cuMemGetInfo_v2"(*mut usize, *mut usize);
    memory_allocate = "cuMemAlloc_v2"(*mut DeviceAddress, usize);
    memory_free = "cuMemFree_v2"(DeviceAddress);
    host_allocate = "cuMemHostAlloc"(*mut Raw, usize, c_uint);
    host_address = "cuMemHostGetDevicePointer_v2"(*mut DeviceAddress, Raw, c_uint);
    host_free = "cuMemFreeHost"(Raw);
    copy_to_device = "cuMemcpyHtoDAsync_v2"(DeviceAddress, *const c_void, usize, Raw);
    copy_to_host = "cuMemcpyDtoHAsync_v2"(*mut c_void, DeviceAddress, usize, Raw);
    stream_create = "cuStreamCreate"(*mut Raw, c_uint);
    stream_synchronize = "cuStreamSynchronize"(Raw);
    stream_destroy = "cuStreamDestroy_v2"(Raw);
    event_create = "cuEventCreate"(*mut Raw, c_uint);
    event_record = "cuEventRecord"(Raw, Raw);
    event_synchronize = "cuEventSynchronize"(Raw);
    event_elapsed = "cuEventElapsedTime"(*mut f32, Raw, Raw);
    event_destroy = "cuEventDestroy_v2"(Raw);
    capture_begin = "cuStreamBeginCapture_v2"(Raw, c_int);
    capture_end = "cuStreamEndCapture"(Raw, *mut Raw);
    graph_instantiate = "cuGraphInstantiateWithFlags"(*mut Raw, Raw, u64);
    graph_destroy = "cuGraphDestroy"(Raw);
    graph_launch = "cuGraphLaunch"(Raw, Raw);
    graph_executable_destroy = "cuGraphExecDestroy"(Raw);
}

impl Driver {
    /// A `CUresult` as an error that names the call.
    pub(crate) fn check(&self, call: &'static str, code: i32) -> Result<(), TensorRtError> {
        if code == SUCCESS {
            return Ok(());
        }
        let text = |function: unsafe extern "C" fn(i32, *mut *const c_char) -> i32| {
            let mut text = ptr::null();
            // SAFETY: the function writes null or a constant C string.
            unsafe {
                if function(code, &raw mut text) != SUCCESS || text.is_null() {
                    return "unknown".to_owned();
                }
                CStr::from_ptr(text).to_string_lossy().into_owned()
            }
        };
        Err(TensorRtError::Cuda { call, code, name: text(self.error_name), text: text(self.error_text) })
    }
}
