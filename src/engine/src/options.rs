//! Choosing a backend.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::cache::EngineCache;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::precision::Precision;
use crate::tract::TractEngine;

/// Where models run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Backend {
    /// The fastest backend that this build and this machine have.
    #[default]
    Auto,
    /// NVIDIA TensorRT on the GPU.
    Tensorrt,
    /// tract on the CPU.
    Tract,
}

impl Backend {
    /// Whether this build and this machine can run models on the backend.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] with the reason and the remedy.
    pub fn available(self, options: &EngineOptions) -> Result<(), EngineError> {
        // Without TensorRT there is nothing to look for.
        let _ = options;
        match self {
            Self::Auto | Self::Tract => Ok(()),
            #[cfg(feature = "tensorrt")]
            Self::Tensorrt => crate::tensorrt::Gpu::open(options).map(drop),
            #[cfg(not(feature = "tensorrt"))]
            Self::Tensorrt => Err(EngineError::Unavailable {
                backend: self,
                reason: "this program was built without it".to_owned(),
                remedy: "build with `--features tensorrt`, or use `--backend tract`, which runs on every CPU"
                    .to_owned(),
            }),
        }
    }
}

impl FromStr for Backend {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "tensorrt" => Ok(Self::Tensorrt),
            "tract" => Ok(Self::Tract),
            _ => Err(EngineError::UnknownBackend { name: text.to_owned() }),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Auto => "auto",
            Self::Tensorrt => "tensorrt",
            Self::Tract => "tract",
        })
    }
}

/// How an engine runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineOptions {
    /// CPU threads of the matrix products; 0 for one per core that this process may use. Engines of one process that ask
    /// for the same number share the same threads.
    pub threads: usize,
    /// Whether tract may use its direct convolution instead of a matrix product, see [`crate::tract`].
    pub direct_convolution: bool,
    /// What the decoders compute with; none leaves it to the backend: tract takes what was measured to be faster
    /// ([`crate::MeasuredChoice`]), TensorRT the lowest precision that passes the parity gate.
    pub precision: Option<Precision>,
    /// Core of the deep learning accelerator (DLA) for TensorRT; none leaves everything to the GPU.
    pub dla: Option<u32>,
    /// Whether TensorRT's work is started call by call instead of as one CUDA graph: slower, for measurements and for drivers
    /// with faults.
    pub single_calls: bool,
    /// Whether the device's own time of every run is measured, see [`Engine::device_time`].
    pub device_times: bool,
    /// What is kept on this machine.
    pub cache: EngineCache,
    /// Where NVIDIA's libraries lie.
    pub libraries: Libraries,
}

/// NVIDIA's libraries, where they are not to be looked for in the usual places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Libraries {
    /// TensorRT, a file or a folder; none is `$USHYDRA_TENSORRT_LIB`, else the usual places.
    pub tensorrt: Option<PathBuf>,
    /// The CUDA driver; none is `$USHYDRA_CUDA_LIB`, else the usual places.
    pub driver: Option<PathBuf>,
}

impl EngineOptions {
    /// Default options with this number of threads.
    #[must_use]
    pub fn with_threads(threads: usize) -> Self {
        Self { threads, ..Self::default() }
    }
}

/// Loads the ONNX model `file` with the backend asked for; `auto` is tract, because a single file has no parity figures.
///
/// # Errors
/// [`EngineError::Unavailable`] where this build or machine lacks the backend; otherwise the errors of loading a model:
/// file missing, unreadable, not ONNX, cut, an operator the backend lacks, tensors that are not f32 of fixed shape.
pub fn load(file: &Path, backend: Backend, options: &EngineOptions) -> Result<Box<dyn Engine>, EngineError> {
    backend.available(options)?;
    match backend {
        #[cfg(feature = "tensorrt")]
        Backend::Tensorrt => crate::tensorrt::load(file, options),
        _ => Ok(Box::new(TractEngine::load(file, options)?)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn backends_are_named_as_on_the_command_line() {
        for backend in [Backend::Auto, Backend::Tensorrt, Backend::Tract] {
            assert_eq!(backend.to_string().parse::<Backend>().unwrap(), backend);
        }
        let error = "cuda".parse::<Backend>().unwrap_err().to_string();
        assert!(error.contains("`cuda`") && error.contains("`tract`"), "{error}");
    }

    #[test]
    fn a_missing_backend_names_the_remedy() {
        let error = load(Path::new("any.onnx"), Backend::Tensorrt, &EngineOptions::default()).err().unwrap();
        assert!(error.to_string().contains("--backend tract"), "{error}");
    }
}
