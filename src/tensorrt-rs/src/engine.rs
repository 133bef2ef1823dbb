//! Engines: plans that were loaded.

#![allow(unsafe_code, reason = "calls the shim")]

use std::ffi::{CStr, CString};
use std::sync::{Arc, PoisonError};
use std::{fmt, ptr};

use crate::complaint::LogLines;
use crate::context::Context;
use crate::error::TensorRtError;
use crate::ffi;
use crate::library::TensorRt;
use crate::messages::Mark;
use crate::tensor::{DataType, Direction, Shape, TensorDesc};

/// A network that is ready to run. Clones share it; contexts keep it alive.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) raw: *mut ffi::Engine,
    pub(crate) tensors: Vec<TensorDesc>,
    /// Names for the shim, in the order of `tensors`.
    pub(crate) names: Vec<CString>,
    /// Dropped after the engine, which needs the runtime.
    pub(crate) library: TensorRt,
}

// SAFETY: TensorRT allows an `ICudaEngine` to be used from any thread, and the calls that are made here are const but for
// the creation of contexts, which it synchronises.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: `raw` came from `engine_load`, and contexts, which hold an `Arc` of this, are gone.
        unsafe { (self.library.inner.api.engine_free)(self.raw) }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Engine").field("tensors", &self.inner.tensors).finish_non_exhaustive()
    }
}

impl TensorRt {
    /// Loads a plan; `dla` is the accelerator core on which its accelerated part runs.
    ///
    /// A plan is a program: load only plans that this machine built. TensorRT checks a plan's version and GPU, but its
    /// bytes are not proof against a forger.
    ///
    /// # Errors
    /// [`TensorRtError::Plan`] with what TensorRT logged (another version or GPU, damaged bytes, no driver),
    /// [`TensorRtError::Dla`].
    pub fn deserialize(&self, plan: &[u8], dla: Option<u32>) -> Result<Engine, TensorRtError> {
        let api = self.inner.api;
        let mark = Mark::now();
        let refused = |mark: Mark| TensorRtError::Plan { log: LogLines(mark.since()) };
        if plan.is_empty() {
            return Err(TensorRtError::Plan { log: LogLines(vec!["it is empty".to_owned()]) });
        }
        let core = dla.map_or(-1, |core| i32::try_from(core).unwrap_or(i32::MAX));
        let mut raw = ptr::null_mut();
        let status = {
            let _loading = self.inner.loading.lock().unwrap_or_else(PoisonError::into_inner);
            // SAFETY: the library is open and the plan outlives the call.
            unsafe { (api.engine_load)(self.inner.raw, plan.as_ptr().cast(), plan.len(), core, &raw mut raw) }
        };
        match status {
            ffi::OK if !raw.is_null() => {}
            ffi::NO_DLA => return Err(self.no_dla(dla.unwrap_or(0))),
            _ => return Err(refused(mark)),
        }
        // From here on dropping frees the engine.
        let mut inner = Inner { raw, tensors: Vec::new(), names: Vec::new(), library: self.clone() };
        // SAFETY: the engine lives.
        let count = unsafe { (api.engine_tensor_count)(raw) };
        for index in 0..count {
            let mut tensor = ffi::Tensor { name: ptr::null(), is_input: 0, data_type: 0, shape: ffi::Shape::default() };
            // SAFETY: the engine lives, and with it the name, which is copied at once.
            let name = unsafe {
                if (api.engine_tensor)(raw, index, &raw mut tensor) == 0 {
                    return Err(refused(mark));
                }
                CStr::from_ptr(tensor.name).to_owned()
            };
            inner.tensors.push(TensorDesc {
                name: name.to_string_lossy().into_owned(),
                direction: if tensor.is_input == 0 { Direction::Output } else { Direction::Input },
                data_type: DataType::from_number(tensor.data_type),
                shape: Shape::from_ffi(&tensor.shape),
            });
            inner.names.push(name);
        }
        Ok(Engine { inner: Arc::new(inner) })
    }
}

impl Engine {
    /// Inputs and outputs, in the engine's order.
    #[must_use]
    pub fn tensors(&self) -> &[TensorDesc] {
        &self.inner.tensors
    }

    /// The library that loaded it.
    #[must_use]
    pub fn library(&self) -> &TensorRt {
        &self.inner.library
    }

    /// State for one execution at a time; allocates the engine's scratch memory on the GPU.
    ///
    /// # Errors
    /// [`TensorRtError::Create`], mostly for want of GPU memory.
    pub fn context(&self) -> Result<Context, TensorRtError> {
        let mark = Mark::now();
        let mut raw = ptr::null_mut();
        // SAFETY: the engine lives as long as `inner`, of which the context holds a clone.
        let status = unsafe { (self.inner.library.inner.api.context_create)(self.inner.raw, &raw mut raw) };
        if status != ffi::OK || raw.is_null() {
            return Err(TensorRtError::Create { what: "execution context", log: LogLines(mark.since()) });
        }
        Ok(Context::new(self.clone(), raw))
    }
}
