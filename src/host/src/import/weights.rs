//! Tensors of a safetensors file as f32, with their shapes checked.

use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors};

use crate::error::{HostError, Result};
use crate::files;

/// An open weights file.
pub(crate) struct Weights {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// One tensor.
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl Weights {
    /// Reads the file and checks its header.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let weights = Self { path: path.to_owned(), bytes: files::read(path)? };
        weights.tensors()?;
        Ok(weights)
    }

    fn tensors(&self) -> Result<SafeTensors<'_>> {
        SafeTensors::deserialize(&self.bytes).map_err(|e| {
            self.error(format!(
                "it is no intact safetensors file ({e}); download it again or convert it to safetensors"
            ))
        })
    }

    pub(crate) fn error(&self, problem: impl Into<String>) -> HostError {
        HostError::Weights { path: self.path.clone(), problem: problem.into() }
    }

    /// Whether there is a tensor of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors().is_ok_and(|t| t.tensor(name).is_ok())
    }

    /// The tensor called `name`.
    pub(crate) fn any(&self, name: &str) -> Result<Tensor> {
        let file = self.tensors()?;
        let view = file.tensor(name).map_err(|_| {
            self.error(format!("the tensor `{name}` is missing; check that encoder.names fits the file"))
        })?;
        let bytes = view.data();
        let values: Vec<f32> = match view.dtype() {
            Dtype::F32 => bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Dtype::F16 => bytes.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            Dtype::BF16 => bytes.as_chunks::<2>().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
            other => return Err(self.error(format!("`{name}` is stored as {other:?}; convert it to F32, F16 or BF16"))),
        };
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            return Err(self.error(format!("`{name}` holds {} at element {index}; download it again", values[index])));
        }
        Ok(Tensor { shape: view.shape().to_vec(), values })
    }

    /// The values of the tensor called `name`, which must have `shape`.
    pub(crate) fn shaped(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let tensor = self.any(name)?;
        if tensor.shape != shape {
            return Err(self.error(format!("`{name}` has shape {:?}, expected {shape:?}", tensor.shape)));
        }
        Ok(tensor.values)
    }
}
