//! Who knows models: the test, not the fake.

use std::sync::{Arc, Mutex, PoisonError};

use crate::library::LOADED;

/// Inputs and outputs of a model with their shapes; a first dimension of -1 is free. All are 32-bit floats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// In the model's order.
    pub inputs: Vec<(String, Vec<i64>)>,
    /// Likewise.
    pub outputs: Vec<(String, Vec<i64>)>,
}

/// Why a model cannot be read, as TensorRT's parser says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Name of the node; empty for a file that is no model at all.
    pub node: String,
    /// Its operator; likewise.
    pub operator: String,
    /// What is wrong.
    pub message: String,
}

/// Reads and computes models for the fake libraries.
pub trait Host: Send + Sync {
    /// What a model looks like.
    ///
    /// # Errors
    /// Why the parser is to refuse it.
    fn describe(&self, onnx: &[u8]) -> Result<Description, Refusal>;

    /// Computes a model. Inputs and outputs are in the order of [`Self::describe`], with as many values as their shapes have.
    ///
    /// # Errors
    /// Why the execution is to fail on the GPU.
    fn run(&self, onnx: &[u8], inputs: &[(&str, &[f32])], outputs: &mut [(&str, &mut [f32])]) -> Result<(), String>;
}

static HOST: Mutex<Option<Arc<dyn Host>>> = Mutex::new(None);

/// Installs the host of this process, which stays until the current [`crate::Session`] ends or another is installed.
pub fn install(host: Box<dyn Host>) {
    std::sync::LazyLock::force(&LOADED);
    *HOST.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::from(host));
}

pub(crate) fn uninstall() {
    *HOST.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// The installed host. It is not locked while it works.
pub(crate) fn installed() -> Option<Arc<dyn Host>> {
    HOST.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
