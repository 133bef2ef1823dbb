//! Recorded work, started with one call.

#![allow(unsafe_code, reason = "calls the CUDA driver")]

use std::sync::Arc;
use std::{fmt, mem, ptr};

use crate::cuda::driver::{self, Raw};
use crate::cuda::stream::{InUse, Usage};
use crate::cuda::{Cuda, Stream};
use crate::error::TensorRtError;

/// Work that was recorded once and is started with one call, which takes microseconds where the single calls of a network take
/// hundreds.
///
/// It keeps the memory and the contexts that it works with alive. A context that it was recorded from must not run elsewhere at the
/// same time.
pub struct Graph {
    executable: Raw,
    cuda: Cuda,
    /// Memory and contexts that the work needs, and `usage`.
    needed: Vec<Arc<dyn InUse>>,
    usage: Arc<OwnUsage>,
}

/// When the graph itself was last started.
#[derive(Default)]
struct OwnUsage(Usage);

impl InUse for OwnUsage {
    fn usage(&self) -> &Usage {
        &self.0
    }
}

// SAFETY: the handle of an executable graph may be used from any thread; the driver asks for one launch at a time, which `&mut
// self` grants.
unsafe impl Send for Graph {}
// SAFETY: nothing can be called through a shared reference.
unsafe impl Sync for Graph {}

impl fmt::Debug for Graph {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Graph that needs {} objects", self.needed.len())
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        self.usage.0.wait_before_drop("a graph");
        let destroyed = self.cuda.current().and_then(|driver| {
            // SAFETY: instantiated in `capture`, and no launch of it is under way.
            driver.check("cuGraphExecDestroy", unsafe { (driver.graph_executable_destroy)(self.executable) })
        });
        if let Err(error) = destroyed {
            log::warn!("{error}");
        }
    }
}

impl Graph {
    /// Records what `work` gives to the stream, instead of doing it. Waits first until the stream is idle; within `work` nothing can
    /// be waited for and no memory be read or written by the host.
    ///
    /// # Errors
    /// What `work` returns, [`TensorRtError::Capturing`] within another capture of the stream, [`TensorRtError::Cuda`] for work that
    /// cannot be recorded.
    pub fn capture(
        stream: &Stream,
        work: impl FnOnce(&Stream) -> Result<(), TensorRtError>,
    ) -> Result<Self, TensorRtError> {
        stream.synchronize()?;
        let mut capture = Capture::begin(stream)?;
        let worked = work(stream);
        let (graph, mut needed) = capture.end();
        // A failure of the work is the cause of the capture's.
        worked?;
        let graph = graph?;
        let driver = stream.cuda().current()?;
        let mut executable = ptr::null_mut();
        // SAFETY: the graph lives; writes one handle, which dropping destroys.
        let code = unsafe { (driver.graph_instantiate)(&raw mut executable, graph.raw, 0) };
        if code == driver::ERROR_OUT_OF_MEMORY {
            return Err(stream.cuda().out_of_memory(0));
        }
        driver.check("cuGraphInstantiateWithFlags", code)?;
        let usage = Arc::<OwnUsage>::default();
        needed.push(Arc::clone(&usage) as Arc<dyn InUse>);
        Ok(Self { executable, cuda: stream.cuda().clone(), needed, usage })
    }

    /// Starts the recorded work on a stream; does not wait.
    ///
    /// # Errors
    /// [`TensorRtError::Cuda`].
    pub fn launch(&mut self, stream: &Stream) -> Result<(), TensorRtError> {
        stream.submit(&self.needed, |raw| {
            let driver = self.cuda.current()?;
            // SAFETY: the graph lives, and what it works with is in `needed`, which is marked as used.
            driver.check("cuGraphLaunch", unsafe { (driver.graph_launch)(self.executable, raw) })
        })
    }
}

/// A capture that is ended in any case, also where the work panics.
struct Capture<'a> {
    stream: &'a Stream,
    open: bool,
}

impl<'a> Capture<'a> {
    fn begin(stream: &'a Stream) -> Result<Self, TensorRtError> {
        if !stream.begin_capture() {
            return Err(TensorRtError::Capturing);
        }
        let mut capture = Self { stream, open: false };
        let driver = stream.cuda().current()?;
        // SAFETY: the stream lives.
        let code = unsafe { (driver.capture_begin)(stream.raw(), driver::CAPTURE_THREAD_LOCAL) };
        driver.check("cuStreamBeginCapture", code)?;
        capture.open = true;
        Ok(capture)
    }

    /// The recorded graph and what it needs.
    fn end(&mut self) -> (Result<RawGraph<'a>, TensorRtError>, Vec<Arc<dyn InUse>>) {
        let cuda = self.stream.cuda();
        let graph = if mem::take(&mut self.open) {
            cuda.current().and_then(|driver| {
                let mut graph = ptr::null_mut();
                // SAFETY: a capture of this stream was begun by this thread; writes one handle.
                let code = unsafe { (driver.capture_end)(self.stream.raw(), &raw mut graph) };
                driver.check("cuStreamEndCapture", code).map(|()| RawGraph { raw: graph, cuda })
            })
        } else {
            Err(TensorRtError::Capturing)
        };
        (graph, self.stream.end_capture())
    }
}

impl Drop for Capture<'_> {
    fn drop(&mut self) {
        // What `end` gives, if it was not called before, goes with it.
        let _ = self.end();
    }
}

/// A graph that was recorded but is not needed once it is executable.
struct RawGraph<'a> {
    raw: Raw,
    cuda: &'a Cuda,
}

impl Drop for RawGraph<'_> {
    fn drop(&mut self) {
        let Ok(driver) = self.cuda.current() else { return };
        // SAFETY: the capture gave it and nothing else destroys it.
        if let Err(error) = driver.check("cuGraphDestroy", unsafe { (driver.graph_destroy)(self.raw) }) {
            log::warn!("{error}");
        }
    }
}
