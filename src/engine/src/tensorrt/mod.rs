//! The GPU engine: NVIDIA TensorRT, loaded at run time.
//!
//! # Plans
//! TensorRT turns an ONNX file into a plan for one GPU and one version of the library, which takes minutes on a small board.
//! Plans are kept in the [`crate::EngineCache`]; one that the library refuses is built again.
//!
//! # Precision
//! Up to TensorRT 10 the precision is a permission that the builder is given. From 11 on (and in TensorRT for RTX) it is a
//! property of the graph, so that `f16` rewrites the graph before it is built, see [`half`].
//!
//! # Memory
//! Every model has one context, one stream shared by the models of a bundle, and its whole run in one CUDA graph. The maps
//! between encoder and decoder never leave the GPU; the features, a few kilobytes, are copied for moments and routing. On an integrated
//! GPU inputs and outputs lie in memory that processor and GPU share.
//!
//! # Parity
//! A bundle runs here only where its answers agree with tract in f32, see [`ushydra_bundle::Parity`]. Without a precision asked for, the
//! lowest one that passes is taken: int8 decoders, then f16, then f32.

mod bundle;
mod engine;
mod half;
mod plan;

use std::path::Path;
use std::sync::Arc;

use prost::Message as _;
use tensorrt_rs::cuda::{Cuda, Stream};
use tensorrt_rs::{Locations, TensorRt, TensorRtError};

pub(crate) use bundle::{load_bundle, prepare};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::model::Model;
use crate::options::{Backend, EngineOptions, Libraries};
use crate::precision::Precision;
use plan::Planner;

/// Name of this backend.
pub(crate) const NAME: &str = "tensorrt";

/// The GPU and the library that works on it.
pub(crate) struct Gpu {
    library: TensorRt,
    cuda: Cuda,
    stream: Stream,
}

impl Gpu {
    /// Opens TensorRT and the first GPU.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] with what is missing and how to get it.
    pub(crate) fn open(options: &EngineOptions) -> Result<Self, EngineError> {
        let Libraries { tensorrt, driver } = &options.libraries;
        let open = || {
            let library = TensorRt::open(&tensorrt.as_deref().map_or_else(Locations::default, Locations::at))?;
            let cuda = driver.as_deref().map_or_else(Cuda::open, |driver| Cuda::open_with(&[driver], 0))?;
            let stream = Stream::new(&cuda)?;
            Ok(Self { library, cuda, stream })
        };
        open().map_err(|error: TensorRtError| {
            let text = error.to_string();
            // The crate's messages end in their remedy.
            let (reason, remedy) = text.rsplit_once("; ").unwrap_or((&text, "see `ushydra doctor`"));
            EngineError::Unavailable {
                backend: Backend::Tensorrt,
                reason: reason.to_owned(),
                remedy: format!("{remedy}; or use `--backend tract`, which runs on every CPU"),
            }
        })
    }
}

/// The ONNX model in `file` with 16-bit floats in between: what is built where TensorRT takes the precision from the graph.
///
/// # Errors
/// As of loading the model.
pub fn narrow_model(file: &Path) -> Result<Vec<u8>, EngineError> {
    Ok(half::narrow(&Model::read(file)?.proto).encode_to_vec())
}

/// Loads one model. Without a precision asked for it is f16.
pub(crate) fn load(file: &Path, options: &EngineOptions) -> Result<Box<dyn Engine>, EngineError> {
    let gpu = Arc::new(Gpu::open(options)?);
    let source = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let planner = Planner::new(&gpu, options);
    let planned = planner.plan(file, &source, options.precision.unwrap_or(Precision::F16))?;
    Ok(Box::new(planned.engine))
}

/// What went wrong with a model that was to be loaded.
fn prepare_error(file: &Path, error: TensorRtError) -> EngineError {
    // The parser's code for an unknown operator differs between versions; that it names the operator does not.
    if let TensorRtError::Parse { errors } = &error
        && let Some(first) = errors.iter().find(|error| !error.operator.is_empty())
    {
        return EngineError::UnsupportedOperator {
            backend: NAME,
            file: file.to_owned(),
            node: first.node.clone(),
            operator: first.operator.clone(),
        };
    }
    EngineError::Prepare { backend: NAME, file: file.to_owned(), reason: error.to_string() }
}

fn run_error(error: &TensorRtError) -> EngineError {
    EngineError::Run { backend: NAME, reason: error.to_string() }
}
