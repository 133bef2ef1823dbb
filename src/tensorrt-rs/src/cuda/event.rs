//! Points in time of a stream.

#![allow(unsafe_code, reason = "calls the CUDA driver")]

use std::{fmt, ptr};

use crate::cuda::driver::{self, Raw};
use crate::cuda::{Cuda, Stream};
use crate::error::TensorRtError;

/// A point in time that a stream reaches.
pub struct Event {
    raw: Raw,
    cuda: Cuda,
}

// SAFETY: an event handle may be used from any thread.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Event").field("raw", &self.raw).finish_non_exhaustive()
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let destroyed = self.cuda.current().and_then(|driver| {
            // SAFETY: created in `new`; the driver keeps it until it was reached.
            driver.check("cuEventDestroy", unsafe { (driver.event_destroy)(self.raw) })
        });
        if let Err(error) = destroyed {
            log::warn!("{error}");
        }
    }
}

impl Event {
    /// An event that was not recorded yet.
    ///
    /// # Errors
    /// [`TensorRtError::Cuda`].
    pub fn new(cuda: &Cuda) -> Result<Self, TensorRtError> {
        let driver = cuda.current()?;
        let mut raw = ptr::null_mut();
        // SAFETY: writes one handle, which dropping destroys.
        driver.check("cuEventCreate", unsafe { (driver.event_create)(&raw mut raw, driver::EVENT_DEFAULT) })?;
        Ok(Self { raw, cuda: cuda.clone() })
    }

    /// Puts the event behind the work that was given to the stream so far.
    ///
    /// # Errors
    /// [`TensorRtError::Cuda`].
    pub fn record(&self, stream: &Stream) -> Result<(), TensorRtError> {
        stream.submit(&[], |raw| {
            let driver = self.cuda.current()?;
            // SAFETY: event and stream live.
            driver.check("cuEventRecord", unsafe { (driver.event_record)(self.raw, raw) })
        })
    }

    /// Waits until the event is reached.
    ///
    /// # Errors
    /// [`TensorRtError::Cuda`], also where earlier work failed.
    pub fn synchronize(&self) -> Result<(), TensorRtError> {
        let driver = self.cuda.current()?;
        // SAFETY: the event lives.
        driver.check("cuEventSynchronize", unsafe { (driver.event_synchronize)(self.raw) })
    }

    /// Time from another event to this one in milliseconds, measured by the GPU; `None` where one of them was not reached
    /// yet.
    ///
    /// # Errors
    /// [`TensorRtError::Cuda`], above all where one of them was never recorded.
    pub fn elapsed_ms(&self, since: &Self) -> Result<Option<f32>, TensorRtError> {
        let driver = self.cuda.current()?;
        let mut time = 0.0;
        // SAFETY: both events live; writes one number.
        let code = unsafe { (driver.event_elapsed)(&raw mut time, since.raw, self.raw) };
        if code == driver::ERROR_NOT_READY {
            return Ok(None);
        }
        driver.check("cuEventElapsedTime", code).map(|()| Some(time))
    }
}
