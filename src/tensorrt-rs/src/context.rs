//! Execution contexts: an engine with memory for its tensors.

#![allow(unsafe_code, reason = "calls the shim")]

use std::fmt;
use std::sync::Arc;

use crate::complaint::LogLines;
use crate::cuda::{InUse, Memory, Stream, Usage};
use crate::engine::Engine;
use crate::error::TensorRtError;
use crate::ffi;
use crate::messages::Mark;
use crate::tensor::{Direction, Shape, TensorDesc};

/// An engine with memory for its tensors. One execution at a time.
pub struct Context {
    inner: Arc<Inner>,
    /// In the order of the engine's tensors.
    bound: Vec<Option<Memory>>,
}

/// What work on the GPU needs; a recorded graph keeps it alive.
struct Inner {
    raw: *mut ffi::Context,
    usage: Usage,
    /// Dropped after the context.
    engine: Engine,
}

// SAFETY: TensorRT allows an `IExecutionContext` to be used from any thread, one at a time; every call on it is made through
// `&mut Context`, and graphs only keep it alive.
unsafe impl Send for Inner {}
// SAFETY: as above: nothing can be called through a shared reference but `usage`.
unsafe impl Sync for Inner {}

impl InUse for Inner {
    fn usage(&self) -> &Usage {
        &self.usage
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The GPU may still work in this context's scratch memory.
        self.usage.wait_before_drop("execution context");
        // SAFETY: `raw` came from `context_create` and nothing else frees it.
        unsafe { (self.engine.inner.library.inner.api.context_free)(self.raw) }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Context").field("bound", &self.bound).finish_non_exhaustive()
    }
}

impl Context {
    pub(crate) fn new(engine: Engine, raw: *mut ffi::Context) -> Self {
        let bound = engine.tensors().iter().map(|_| None).collect();
        Self { inner: Arc::new(Inner { raw, usage: Usage::default(), engine }), bound }
    }

    /// The engine that it belongs to.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    fn api(&self) -> &'static ffi::Api {
        self.inner.engine.inner.library.inner.api
    }

    fn find(&self, name: &str) -> Result<usize, TensorRtError> {
        let tensors = self.engine().tensors();
        tensors.iter().position(|tensor| tensor.name == name).ok_or_else(|| TensorRtError::NoTensor {
            name: name.to_owned(),
            names: tensors.iter().map(|tensor| format!("`{}`", tensor.name)).collect(),
        })
    }

    /// The tensor at a position that [`Self::find`] gave, with its name for the shim.
    fn tensor(&self, index: usize) -> Option<(&TensorDesc, &std::ffi::CStr)> {
        let inner = &self.inner.engine.inner;
        Some((inner.tensors.get(index)?, inner.names.get(index)?))
    }

    /// Sets the shape of an input whose shape is free in the engine. Memory that was bound to any tensor has to be bound again.
    ///
    /// # Errors
    /// [`TensorRtError::NoTensor`], [`TensorRtError::Shape`].
    pub fn set_shape(&mut self, name: &str, shape: &Shape) -> Result<(), TensorRtError> {
        let index = self.find(name)?;
        let Some((tensor, c_name)) = self.tensor(index) else { return Ok(()) };
        let mark = Mark::now();
        let fits = tensor.direction == Direction::Input
            && shape.to_ffi().is_some_and(|raw| {
                // SAFETY: the context lives and is borrowed exclusively; name and shape outlive the call.
                unsafe { (self.api().context_set_shape)(self.inner.raw, c_name.as_ptr(), &raw const raw) != 0 }
            });
        if !fits {
            return Err(TensorRtError::Shape {
                name: name.to_owned(),
                expected: tensor.shape.clone(),
                found: shape.clone(),
                log: LogLines(mark.since()),
            });
        }
        self.bound.fill(None);
        Ok(())
    }

    /// Shape of a tensor in this context.
    ///
    /// # Errors
    /// [`TensorRtError::NoTensor`], [`TensorRtError::ShapeUnknown`] where inputs still lack a shape.
    pub fn shape(&self, name: &str) -> Result<Shape, TensorRtError> {
        let index = self.find(name)?;
        let Some((tensor, c_name)) = self.tensor(index) else { return Ok(Shape::default()) };
        if tensor.shape.elements().is_some() {
            return Ok(tensor.shape.clone());
        }
        let mut raw = ffi::Shape::default();
        // SAFETY: the context lives; name and shape outlive the call.
        let known = unsafe { (self.api().context_shape)(self.inner.raw, c_name.as_ptr(), &raw mut raw) != 0 };
        let shape = Shape::from_ffi(&raw);
        if known && shape.elements().is_some() {
            Ok(shape)
        } else {
            Err(TensorRtError::ShapeUnknown { name: name.to_owned(), shape: tensor.shape.clone() })
        }
    }

    /// Gives a tensor its memory, which this context keeps alive. One memory may serve several contexts: the output of one
    /// network is then the input of the next without a copy.
    ///
    /// # Errors
    /// [`TensorRtError::NoTensor`], [`TensorRtError::ShapeUnknown`], [`TensorRtError::Bytes`] for memory of another size,
    /// [`TensorRtError::Bind`].
    pub fn bind(&mut self, name: &str, memory: &Memory) -> Result<(), TensorRtError> {
        let index = self.find(name)?;
        let shape = self.shape(name)?;
        let Some((tensor, c_name)) = self.tensor(index) else { return Ok(()) };
        let data_type = tensor.data_type;
        if shape.bytes(data_type) != Some(memory.bytes()) {
            return Err(TensorRtError::Bytes {
                name: name.to_owned(),
                data_type,
                expected: shape.bytes(data_type).unwrap_or(0),
                shape,
                found: memory.bytes(),
            });
        }
        let mark = Mark::now();
        let address = memory.device_address();
        // SAFETY: the context lives and is borrowed exclusively; the memory has the tensor's size and `bound` keeps it.
        let taken = unsafe {
            (self.api().context_set_address)(self.inner.raw, c_name.as_ptr(), std::ptr::without_provenance_mut(address))
                != 0
        };
        if !taken {
            return Err(TensorRtError::Bind { name: name.to_owned(), log: LogLines(mark.since()) });
        }
        if let Some(slot) = self.bound.get_mut(index) {
            *slot = Some(memory.clone());
        }
        Ok(())
    }

    /// Starts the network on a stream, after what was given to the stream before; does not wait. Within
    /// [`crate::cuda::Graph::capture`] it is recorded instead; start it once before, so that TensorRT has set up what cannot be
    /// recorded.
    ///
    /// # Errors
    /// [`TensorRtError::Unbound`], [`TensorRtError::Enqueue`], [`TensorRtError::Cuda`].
    pub fn enqueue(&mut self, stream: &Stream) -> Result<(), TensorRtError> {
        let tensors = self.engine().tensors();
        if let Some((tensor, _)) = tensors.iter().zip(&self.bound).find(|(_, memory)| memory.is_none()) {
            return Err(TensorRtError::Unbound { name: tensor.name.clone() });
        }
        let mut used: Vec<Arc<dyn InUse>> = Vec::with_capacity(self.bound.len() + 1);
        used.push(Arc::clone(&self.inner) as Arc<dyn InUse>);
        used.extend(self.bound.iter().flatten().map(Memory::in_use));
        stream.submit(&used, |raw| {
            let mark = Mark::now();
            // SAFETY: the context lives and is borrowed exclusively, every tensor has memory of its size, and `used` keeps
            // all of it until the stream is through.
            let started = unsafe { (self.api().context_enqueue)(self.inner.raw, raw) != 0 };
            if started { Ok(()) } else { Err(TensorRtError::Enqueue { log: LogLines(mark.since()) }) }
        })
    }
}
