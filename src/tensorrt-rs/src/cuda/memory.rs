//! Memory that the GPU works on.

#![allow(unsafe_code, reason = "calls the CUDA driver and reads the memory that it gave")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, ptr, slice};

use crate::cuda::driver::{self, DeviceAddress};
use crate::cuda::stream::{InUse, Usage};
use crate::cuda::{Cuda, Stream};
use crate::error::TensorRtError;

/// Types that memory may be read and written as.
///
/// # Safety
/// Every pattern of bits is a value, there is no padding, and the alignment is at most a page's.
pub unsafe trait Element: Copy + Send + Sync + 'static {}

// SAFETY: plain numbers.
unsafe impl Element for f32 {}
// SAFETY: as above.
unsafe impl Element for u8 {}
// SAFETY: as above.
unsafe impl Element for i8 {}
// SAFETY: as above; also the bits of a 16-bit float.
unsafe impl Element for u16 {}
// SAFETY: as above.
unsafe impl Element for i32 {}
// SAFETY: as above.
unsafe impl Element for i64 {}

/// Where memory lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoryKind {
    /// In the processor's memory, which the GPU reads and writes in place: no copy on an integrated GPU.
    Mapped,
    /// On the GPU, with page-locked memory of the processor beside it between which copies run.
    Device,
}

/// Memory that the GPU works on, with a side for the processor. Clones are the same memory.
///
/// The host's side is reached through [`Self::read`], [`Self::write`] and the closures; each waits until the GPU is through with the
/// memory. What was written has to be sent with [`Self::upload`], what the GPU computed to be fetched with [`Self::download`]; with
/// [`MemoryKind::Mapped`] both do nothing.
#[derive(Clone)]
pub struct Memory {
    inner: Arc<Inner>,
}

struct Inner {
    cuda: Cuda,
    kind: MemoryKind,
    bytes: usize,
    /// Page-locked; null only while `Memory::new` is under way.
    host: *mut u8,
    /// 0 likewise.
    device: DeviceAddress,
    usage: Usage,
    /// Held while the host's side is a slice.
    access: Mutex<()>,
}

// SAFETY: the pointers are to memory that may be used from any thread; slices of it are only made under `access`.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl InUse for Inner {
    fn usage(&self) -> &Usage {
        &self.usage
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.usage.wait_before_drop("memory");
        let Ok(driver) = self.cuda.current() else { return };
        let mut checks = Vec::new();
        if self.kind == MemoryKind::Device && self.device != 0 {
            // SAFETY: allocated in `new`, and no work uses it any more.
            checks.push(driver.check("cuMemFree", unsafe { (driver.memory_free)(self.device) }));
        }
        if !self.host.is_null() {
            // SAFETY: as above.
            checks.push(driver.check("cuMemFreeHost", unsafe { (driver.host_free)(self.host.cast()) }));
        }
        for error in checks.into_iter().filter_map(Result::err) {
            log::warn!("{error}");
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} memory of {} bytes", self.kind(), self.bytes())
    }
}

impl Memory {
    /// Memory of the kind that suits the GPU, filled with zeros on the host's side.
    ///
    /// # Errors
    /// [`TensorRtError::NoBytes`], [`TensorRtError::DeviceMemory`], [`TensorRtError::Cuda`].
    pub fn new(cuda: &Cuda, bytes: usize) -> Result<Self, TensorRtError> {
        let kind = if cuda.device().integrated { MemoryKind::Mapped } else { MemoryKind::Device };
        Self::of_kind(cuda, kind, bytes)
    }

    /// Memory of this kind; see [`Self::new`].
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn of_kind(cuda: &Cuda, kind: MemoryKind, bytes: usize) -> Result<Self, TensorRtError> {
        if bytes == 0 {
            return Err(TensorRtError::NoBytes);
        }
        let driver = cuda.current()?;
        let check = |call, code| match code {
            driver::ERROR_OUT_OF_MEMORY => Err(cuda.out_of_memory(bytes)),
            code => driver.check(call, code),
        };
        // From here on dropping frees what was allocated.
        let mut inner = Inner {
            cuda: cuda.clone(),
            kind,
            bytes,
            host: ptr::null_mut(),
            device: 0,
            usage: Usage::default(),
            access: Mutex::new(()),
        };
        let mut host = ptr::null_mut();
        // SAFETY: writes one pointer; the memory is freed when `inner` is dropped.
        check("cuMemHostAlloc", unsafe { (driver.host_allocate)(&raw mut host, bytes, driver::HOST_DEVICE_MAP) })?;
        inner.host = host.cast();
        // SAFETY: the driver gave `bytes` bytes, which nothing else knows yet.
        unsafe { inner.host.write_bytes(0, bytes) };
        let address = &raw mut inner.device;
        match kind {
            MemoryKind::Mapped => {
                // SAFETY: writes one address of the memory above.
                check("cuMemHostGetDevicePointer", unsafe { (driver.host_address)(address, host, 0) })?;
            }
            MemoryKind::Device => {
                // SAFETY: writes one address; the memory is freed when `inner` is dropped.
                check("cuMemAlloc", unsafe { (driver.memory_allocate)(address, bytes) })?;
            }
        }
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Its size.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.inner.bytes
    }

    /// Where it lies.
    #[must_use]
    pub fn kind(&self) -> MemoryKind {
        self.inner.kind
    }

    /// The GPU's address of it.
    pub(crate) fn device_address(&self) -> usize {
        // 64-bit systems only, see `lib.rs`.
        self.inner.device as usize
    }

    pub(crate) fn in_use(&self) -> Arc<dyn InUse> {
        Arc::clone(&self.inner) as Arc<dyn InUse>
    }

    /// Number of `T` in it.
    fn elements<T: Element>(&self) -> Result<usize, TensorRtError> {
        let element_bytes = size_of::<T>();
        if self.bytes().is_multiple_of(element_bytes) {
            Ok(self.bytes() / element_bytes)
        } else {
            Err(TensorRtError::Length {
                bytes: self.bytes(),
                elements: self.bytes().div_ceil(element_bytes),
                element_bytes,
            })
        }
    }

    /// Waits for the GPU and for other threads that look at the host's side.
    fn host(&self) -> Result<MutexGuard<'_, ()>, TensorRtError> {
        let access = self.inner.access.lock().unwrap_or_else(PoisonError::into_inner);
        self.inner.usage.wait()?;
        Ok(access)
    }

    /// Calls `look` with the host's side of the memory. The closure must not touch the host's side of the same memory again, and
    /// work that it gives to the GPU must not use it.
    ///
    /// # Errors
    /// [`TensorRtError::Length`] where the size is no multiple of `T`'s, [`TensorRtError::Cuda`] where the GPU's work failed,
    /// [`TensorRtError::Capturing`].
    pub fn with_host<T: Element, R>(&self, look: impl FnOnce(&[T]) -> R) -> Result<R, TensorRtError> {
        let length = self.elements::<T>()?;
        let _access = self.host()?;
        // SAFETY: the memory is initialised and of that length, page-aligned, and `access` keeps other slices of it away.
        Ok(look(unsafe { slice::from_raw_parts(self.inner.host.cast::<T>(), length) }))
    }

    /// [`Self::with_host`] for writing.
    ///
    /// # Errors
    /// Those of [`Self::with_host`].
    pub fn with_host_mut<T: Element, R>(&self, change: impl FnOnce(&mut [T]) -> R) -> Result<R, TensorRtError> {
        let length = self.elements::<T>()?;
        let _access = self.host()?;
        // SAFETY: as in `with_host`.
        Ok(change(unsafe { slice::from_raw_parts_mut(self.inner.host.cast::<T>(), length) }))
    }

    fn check_length<T: Element>(&self, elements: usize) -> Result<(), TensorRtError> {
        if elements.checked_mul(size_of::<T>()) == Some(self.bytes()) {
            Ok(())
        } else {
            Err(TensorRtError::Length { bytes: self.bytes(), elements, element_bytes: size_of::<T>() })
        }
    }

    /// Copies `values` to the host's side.
    ///
    /// # Errors
    /// [`TensorRtError::Length`] for another length than the memory's, and those of [`Self::with_host`].
    pub fn write<T: Element>(&self, values: &[T]) -> Result<(), TensorRtError> {
        self.check_length::<T>(values.len())?;
        self.with_host_mut(|host| host.copy_from_slice(values))
    }

    /// Copies the host's side to `values`.
    ///
    /// # Errors
    /// [`TensorRtError::Length`] for another length than the memory's, and those of [`Self::with_host`].
    pub fn read<T: Element>(&self, values: &mut [T]) -> Result<(), TensorRtError> {
        self.check_length::<T>(values.len())?;
        self.with_host(|host| values.copy_from_slice(host))
    }

    /// Sends what the host wrote to the GPU; does not wait.
    ///
    /// # Errors
    /// [`TensorRtError::Cuda`].
    pub fn upload(&self, stream: &Stream) -> Result<(), TensorRtError> {
        if self.kind() == MemoryKind::Mapped {
            return Ok(());
        }
        stream.submit(&[self.in_use()], |raw| {
            let driver = self.inner.cuda.current()?;
            // SAFETY: both sides have that many bytes, and `submit` keeps them until the copy is done.
            driver.check("cuMemcpyHtoDAsync", unsafe {
                (driver.copy_to_device)(self.inner.device, self.inner.host.cast_const().cast(), self.bytes(), raw)
            })
        })
    }

    /// Fetches what the GPU computed; does not wait, [`Self::read`] does.
    ///
    /// # Errors
    /// [`TensorRtError::Cuda`].
    pub fn download(&self, stream: &Stream) -> Result<(), TensorRtError> {
        if self.kind() == MemoryKind::Mapped {
            return Ok(());
        }
        stream.submit(&[self.in_use()], |raw| {
            let driver = self.inner.cuda.current()?;
            // SAFETY: as in `upload`.
            driver.check("cuMemcpyDtoHAsync", unsafe {
                (driver.copy_to_host)(self.inner.host.cast(), self.inner.device, self.bytes(), raw)
            })
        })
    }
}
