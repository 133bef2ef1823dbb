//! Backends and how their engines run.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::cache::EngineCache;
use crate::error::EngineError;
use crate::precision::Precision;

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
    /// Whether the device's own time of every run is measured, see [`crate::Engine::device_time`].
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
}
