//! The GPU.

#![allow(unsafe_code, reason = "calls the CUDA driver")]

use std::ffi::{CStr, c_int};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fmt, ptr};

use crate::cuda::driver::{self, Driver, Raw};
use crate::error::TensorRtError;

/// Names the CUDA driver's library in place of the usual ones.
pub const DRIVER_VARIABLE: &str = "USHYDRA_CUDA_LIB";

/// As the dynamic linker knows it, then where JetPack and WSL put it.
const DRIVERS: [&str; 5] = [
    "libcuda.so.1",
    "/usr/lib/aarch64-linux-gnu/nvidia/libcuda.so.1",
    "/usr/lib/aarch64-linux-gnu/tegra/libcuda.so.1",
    "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
    "/usr/lib/wsl/lib/libcuda.so.1",
];

/// Longest name of a GPU that is read.
const NAME_BYTES: usize = 256;

/// What the driver says about a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Number of the GPU, from 0.
    pub ordinal: u32,
    /// Its name.
    pub name: String,
    /// Compute capability, major and minor; 8.7 is Jetson Orin.
    pub compute_capability: (u32, u32),
    /// Whether it shares the processor's memory, as on a Jetson.
    pub integrated: bool,
    /// Newest CUDA that the driver knows, major and minor.
    pub driver_version: (u32, u32),
}

/// Memory of a GPU in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryInfo {
    /// Not in use by any program.
    pub free: usize,
    /// All of it.
    pub total: usize,
}

/// A GPU with the context that every CUDA library of this process shares. Clones share it too.
#[derive(Clone)]
pub struct Cuda {
    inner: Arc<Inner>,
}

struct Inner {
    driver: Driver,
    device: c_int,
    context: Raw,
    info: DeviceInfo,
}

// SAFETY: a context handle may be used from any thread, and `Driver` holds pointers to functions that may be called from
// any thread.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: retained once in `open`. Streams and memory, which hold an `Arc` of this, are gone.
        let code = unsafe { (self.driver.context_release)(self.device) };
        if let Err(error) = self.driver.check("cuDevicePrimaryCtxRelease", code) {
            log::warn!("{error}");
        }
    }
}

impl fmt::Debug for Cuda {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Cuda").field(&self.inner.info).finish()
    }
}

impl Cuda {
    /// The first GPU, through the driver that `USHYDRA_CUDA_LIB` names or else the system's. TensorRT, too, works on the first.
    ///
    /// # Errors
    /// [`TensorRtError::NoDriver`], [`TensorRtError::NoDevice`], [`TensorRtError::OldDriver`], [`TensorRtError::Load`],
    /// [`TensorRtError::Cuda`].
    pub fn open() -> Result<Self, TensorRtError> {
        match env::var_os(DRIVER_VARIABLE) {
            Some(path) if !path.is_empty() => Self::open_with(&[Path::new(&path)], 0),
            _ => Self::open_with(&DRIVERS.map(Path::new), 0),
        }
    }

    /// GPU number `ordinal` through the first of these drivers that exists.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub fn open_with(drivers: &[&Path], ordinal: u32) -> Result<Self, TensorRtError> {
        for path in drivers {
            if let Some(driver) = Driver::load(path)? {
                return Self::with_driver(driver, ordinal);
            }
        }
        Err(TensorRtError::NoDriver { tried: drivers.iter().map(|path| path.display().to_string()).collect() })
    }

    fn with_driver(driver: Driver, ordinal: u32) -> Result<Self, TensorRtError> {
        let mut count = 0;
        // SAFETY: no flags are defined; every other call follows this one.
        let code = unsafe { (driver.init)(0) };
        if code == driver::ERROR_NO_DEVICE {
            return Err(TensorRtError::NoDevice { ordinal, count: 0 });
        }
        driver.check("cuInit", code)?;
        // SAFETY: writes one integer.
        driver.check("cuDeviceGetCount", unsafe { (driver.device_count)(&raw mut count) })?;
        let count = u32::try_from(count).unwrap_or(0);
        if ordinal >= count {
            return Err(TensorRtError::NoDevice { ordinal, count });
        }
        let mut device = 0;
        let number = c_int::try_from(ordinal).unwrap_or(c_int::MAX);
        // SAFETY: writes one integer.
        driver.check("cuDeviceGet", unsafe { (driver.device)(&raw mut device, number) })?;
        let info = describe(&driver, device, ordinal)?;
        let mut context = ptr::null_mut();
        // SAFETY: writes one handle, which `Inner` releases.
        let code = unsafe { (driver.context_retain)(&raw mut context, device) };
        if code == driver::ERROR_OUT_OF_MEMORY {
            return Err(TensorRtError::DeviceMemory { bytes: 0, memory: None });
        }
        driver.check("cuDevicePrimaryCtxRetain", code)?;
        Ok(Self { inner: Arc::new(Inner { driver, device, context, info }) })
    }

    /// What the driver says about the GPU.
    #[must_use]
    pub fn device(&self) -> &DeviceInfo {
        &self.inner.info
    }

    /// The driver's library.
    #[must_use]
    pub fn driver_path(&self) -> PathBuf {
        self.inner.driver.path.clone()
    }

    /// Memory of the GPU; on a Jetson that of the whole board.
    ///
    /// # Errors
    /// [`TensorRtError::Cuda`].
    pub fn memory(&self) -> Result<MemoryInfo, TensorRtError> {
        let driver = self.current()?;
        let (mut free, mut total) = (0, 0);
        // SAFETY: writes two sizes.
        driver.check("cuMemGetInfo", unsafe { (driver.memory_info)(&raw mut free, &raw mut total) })?;
        Ok(MemoryInfo { free, total })
    }

    /// The driver, with this GPU's context made current in the calling thread.
    pub(crate) fn current(&self) -> Result<&Driver, TensorRtError> {
        let driver = &self.inner.driver;
        // SAFETY: the context is retained.
        driver.check("cuCtxSetCurrent", unsafe { (driver.context_set)(self.inner.context) })?;
        Ok(driver)
    }

    pub(crate) fn out_of_memory(&self, bytes: usize) -> TensorRtError {
        TensorRtError::DeviceMemory { bytes, memory: self.memory().ok() }
    }
}

fn describe(driver: &Driver, device: c_int, ordinal: u32) -> Result<DeviceInfo, TensorRtError> {
    let mut name = [0; NAME_BYTES];
    let length = c_int::try_from(NAME_BYTES - 1).unwrap_or(0);
    // SAFETY: writes at most `length` bytes; the last stays zero.
    let name = unsafe {
        driver.check("cuDeviceGetName", (driver.device_name)(name.as_mut_ptr(), length, device))?;
        CStr::from_ptr(name.as_ptr()).to_string_lossy().into_owned()
    };
    let attribute = |attribute| {
        let mut value = 0;
        // SAFETY: writes one integer.
        let code = unsafe { (driver.device_attribute)(&raw mut value, attribute, device) };
        driver.check("cuDeviceGetAttribute", code).map(|()| u32::try_from(value).unwrap_or(0))
    };
    let mut version = 0;
    // SAFETY: writes one integer.
    driver.check("cuDriverGetVersion", unsafe { (driver.driver_version)(&raw mut version) })?;
    // 12040 is CUDA 12.4.
    let version = u32::try_from(version).unwrap_or(0);
    Ok(DeviceInfo {
        ordinal,
        name,
        compute_capability: (
            attribute(driver::ATTRIBUTE_CAPABILITY_MAJOR)?,
            attribute(driver::ATTRIBUTE_CAPABILITY_MINOR)?,
        ),
        integrated: attribute(driver::ATTRIBUTE_INTEGRATED)? != 0,
        driver_version: (version / 1000, version % 1000 / 10),
    })
}
