//! Streams, and who waits for them.

#![allow(unsafe_code, reason = "calls the CUDA driver")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, ptr};

use crate::cuda::Cuda;
use crate::cuda::driver::{self, Raw};
use crate::error::TensorRtError;

/// Something that work on the GPU needs.
pub(crate) trait InUse: Send + Sync {
    /// Where it is in use.
    fn usage(&self) -> &Usage;
}

/// Work on the GPU, in order. Clones are the same stream; destroyed with the last of them and the last work's memory.
#[derive(Clone)]
pub struct Stream {
    inner: Arc<Inner>,
}

struct Inner {
    raw: Raw,
    cuda: Cuda,
    /// Calls that were given to the stream, and how many of them are known to be done.
    submitted: AtomicU64,
    completed: AtomicU64,
    /// What the graph needs that is being recorded.
    capture: Mutex<Option<Vec<Arc<dyn InUse>>>>,
}

// SAFETY: a stream handle may be used from any thread.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        let destroyed = self.cuda.current().and_then(|driver| {
            // SAFETY: created in `new`; the driver lets work that is still there finish first.
            driver.check("cuStreamDestroy", unsafe { (driver.stream_destroy)(self.raw) })
        });
        if let Err(error) = destroyed {
            log::warn!("{error}");
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stream").field("raw", &self.inner.raw).finish_non_exhaustive()
    }
}

impl Stream {
    /// A stream of its own, independent of every other.
    ///
    /// # Errors
    /// [`TensorRtError::DeviceMemory`], [`TensorRtError::Cuda`].
    pub fn new(cuda: &Cuda) -> Result<Self, TensorRtError> {
        let driver = cuda.current()?;
        let mut raw = ptr::null_mut();
        // SAFETY: writes one handle, which `Inner` destroys.
        let code = unsafe { (driver.stream_create)(&raw mut raw, driver::STREAM_NON_BLOCKING) };
        if code == driver::ERROR_OUT_OF_MEMORY {
            return Err(cuda.out_of_memory(0));
        }
        driver.check("cuStreamCreate", code)?;
        Ok(Self {
            inner: Arc::new(Inner {
                raw,
                cuda: cuda.clone(),
                submitted: AtomicU64::new(0),
                completed: AtomicU64::new(0),
                capture: Mutex::new(None),
            }),
        })
    }

    /// Its GPU.
    #[must_use]
    pub fn cuda(&self) -> &Cuda {
        &self.inner.cuda
    }

    /// Waits until all work that was given to the stream is done.
    ///
    /// # Errors
    /// [`TensorRtError::Cuda`], also where earlier work failed; [`TensorRtError::Capturing`] within a capture.
    pub fn synchronize(&self) -> Result<(), TensorRtError> {
        if self.capture().is_some() {
            return Err(TensorRtError::Capturing);
        }
        let target = self.inner.submitted.load(Ordering::Acquire);
        let driver = self.inner.cuda.current()?;
        // SAFETY: the stream lives.
        driver.check("cuStreamSynchronize", unsafe { (driver.stream_synchronize)(self.inner.raw) })?;
        self.inner.completed.fetch_max(target, Ordering::AcqRel);
        Ok(())
    }

    pub(crate) fn raw(&self) -> Raw {
        self.inner.raw
    }

    fn capture(&self) -> MutexGuard<'_, Option<Vec<Arc<dyn InUse>>>> {
        // A panic between plain assignments leaves nothing half done.
        self.inner.capture.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives work to the stream with `call` and notes who has to stay until it is done; while a graph is recorded, that the
    /// graph needs them.
    pub(crate) fn submit(
        &self,
        used: &[Arc<dyn InUse>],
        call: impl FnOnce(Raw) -> Result<(), TensorRtError>,
    ) -> Result<(), TensorRtError> {
        self.inner.cuda.current()?;
        let mut capture = self.capture();
        match capture.as_mut() {
            Some(needed) => {
                // Also where the call fails: part of it may have been recorded.
                needed.extend(used.iter().cloned());
                call(self.inner.raw)
            }
            None => {
                let number = self.inner.submitted.fetch_add(1, Ordering::AcqRel) + 1;
                for one in used {
                    one.usage().mark(self, number);
                }
                call(self.inner.raw)
            }
        }
    }

    /// Begins to note what a graph needs. `false` where one is being recorded already.
    pub(crate) fn begin_capture(&self) -> bool {
        let mut capture = self.capture();
        let free = capture.is_none();
        if free {
            *capture = Some(Vec::new());
        }
        free
    }

    pub(crate) fn end_capture(&self) -> Vec<Arc<dyn InUse>> {
        self.capture().take().unwrap_or_default()
    }

    fn is_done(&self, number: u64) -> bool {
        self.inner.completed.load(Ordering::Acquire) >= number
    }
}

/// The streams on which something was last used.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    /// Stream and number of the call. Few: a memory is hardly ever used on more than one.
    last: Mutex<Vec<(Stream, u64)>>,
}

impl Usage {
    fn last(&self) -> MutexGuard<'_, Vec<(Stream, u64)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mark(&self, stream: &Stream, number: u64) {
        let mut last = self.last();
        match last.iter_mut().find(|(other, _)| Arc::ptr_eq(&other.inner, &stream.inner)) {
            Some((_, latest)) => *latest = number,
            None => last.push((stream.clone(), number)),
        }
    }

    /// Waits until nothing uses it any more.
    pub(crate) fn wait(&self) -> Result<(), TensorRtError> {
        loop {
            // Not held while waiting: a thread that submits to the stream takes its lock first and this one second.
            let pending = self.last().iter().find(|(stream, number)| !stream.is_done(*number)).cloned();
            match pending {
                Some((stream, _)) => stream.synchronize()?,
                None => return Ok(()),
            }
        }
    }

    /// Waits in a destructor, where an error can only be logged. A stream whose work failed does no more work.
    pub(crate) fn wait_before_drop(&self, what: &str) {
        if let Err(error) = self.wait() {
            log::warn!("waiting for the GPU before freeing {what}: {error}");
        }
    }
}
