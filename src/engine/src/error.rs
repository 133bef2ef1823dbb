//! What can go wrong with a model, its engine, or a call.

use std::fmt;
use std::path::PathBuf;

use ushydra_bundle::{Breach, BundleError, Parity};

use crate::engine::TensorInfo;
use crate::options::Backend;
use crate::precision::Precision;

/// Which side of a model a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What the model takes.
    Input,
    /// What the model gives.
    Output,
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

/// A model that cannot be used, or a call that failed. Every message names cause and remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The file does not exist.
    #[error("no model file at {file}; check the path, or fetch the bundle's large files again", file = file.display())]
    NotFound {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the model {file}: {source}; check its permissions and the disk", file = file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The file is larger than any model may be.
    #[error("the model {file} has {bytes} bytes, more than the {limit} a model may have; it is not a bundle's model", file = file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// Its size.
        bytes: u64,
        /// Largest size.
        limit: u64,
    },
    /// The file is not ONNX, or not all of it.
    #[error("{file} is not a complete ONNX model: {reason}; copy it again and compare its sha256", file = file.display())]
    NotOnnx {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The backend has no such operator.
    #[error("{backend} has no operator `{operator}`, which node `{node}` of {file} needs; export the model with other operators (operator set 17), or use another backend", file = file.display())]
    UnsupportedOperator {
        /// The backend.
        backend: &'static str,
        /// The file.
        file: PathBuf,
        /// Name of the node.
        node: String,
        /// Name of the operator.
        operator: String,
    },
    /// An input or output is not a fixed-size f32 tensor.
    #[error("{side} `{name}` of {file} is {found}; export the model with f32 tensors of fixed shape", file = file.display())]
    Tensor {
        /// The file.
        file: PathBuf,
        /// Which side.
        side: Side,
        /// Its name.
        name: String,
        /// What it is.
        found: String,
    },
    /// The backend read the model but cannot prepare it.
    #[error("{backend} cannot prepare {file}: {reason}; export the model again, or use another backend", file = file.display())]
    Prepare {
        /// The backend.
        backend: &'static str,
        /// The file.
        file: PathBuf,
        /// What the backend said.
        reason: String,
    },
    /// The model does not fit its bundle's manifest.
    #[error("{file}: {what} is {found}, the manifest of the bundle asks for {expected}; export the bundle again", file = file.display())]
    Manifest {
        /// The file.
        file: PathBuf,
        /// What does not fit.
        what: String,
        /// What the manifest says.
        expected: String,
        /// What the model has.
        found: String,
    },
    /// A call with the wrong number of buffers.
    #[error("the model has {expected} {side}s ({names}), the call passed {found}; pass one buffer for each")]
    Count {
        /// Which side.
        side: Side,
        /// How many the model has.
        expected: usize,
        /// Which.
        names: String,
        /// How many were passed.
        found: usize,
    },
    /// A buffer of the wrong length.
    #[error("{side} {tensor} needs {expected} values, the call passed {found}; pass a buffer of the model's shape")]
    Length {
        /// Which side.
        side: Side,
        /// Which tensor.
        tensor: TensorInfo,
        /// Its number of elements.
        expected: usize,
        /// Length of the buffer.
        found: usize,
    },
    /// A value that is NaN or infinite.
    #[error("{side} `{name}` is not a finite number at element {index}; {remedy}", remedy = match side {
        Side::Input => "check the preprocessing",
        Side::Output => "the weights are damaged or overflow: verify the bundle",
    })]
    NonFinite {
        /// Which side.
        side: Side,
        /// Name of the tensor.
        name: String,
        /// Position of the first such value.
        index: usize,
    },
    /// There is no decoder of this number.
    #[error("there is no decoder {index}, the bundle has {count}; use a number below")]
    Decoder {
        /// Number asked for.
        index: usize,
        /// Number of decoders.
        count: usize,
    },
    /// A decoder was to run on nothing.
    #[error("no frame has been encoded for the decoder to work on; run the encoder first and stop where it fails")]
    NotEncoded,
    /// The backend failed while it computed.
    #[error("{backend} failed while it computed: {reason}; run the self-test of the bundle")]
    Run {
        /// The backend.
        backend: &'static str,
        /// What it said.
        reason: String,
    },
    /// The backend cannot be used.
    #[error("the backend `{backend}` is not available: {reason}; {remedy}")]
    Unavailable {
        /// Which.
        backend: Backend,
        /// Whether nothing of it is there at all, which on most machines is as it should be.
        absent: bool,
        /// Why.
        reason: String,
        /// What can be done.
        remedy: String,
    },
    /// A text that names no backend.
    #[error("`{name}` is not a backend; use `auto`, `tensorrt` or `tract`")]
    UnknownBackend {
        /// The text.
        name: String,
    },
    /// A text that names no precision.
    #[error("`{name}` is not a precision; use `auto`, `f32`, `f16` or `int8`")]
    UnknownPrecision {
        /// The text.
        name: String,
    },
    /// The backend cannot compute a bundle in the precision asked for.
    #[error("{backend} cannot run {bundle} in {precision}: {reason}; use `--precision auto`")]
    Precision {
        /// The backend.
        backend: Backend,
        /// The bundle.
        bundle: String,
        /// What was asked for.
        precision: Precision,
        /// Why not.
        reason: &'static str,
    },
    /// The answers differ too much from those of tract in f32.
    #[error(
        "{bundle} on {backend} in {precision} fails the parity gate: {breach} ({parity}); use `--backend tract`, or a newer version of the backend's library"
    )]
    Parity {
        /// The bundle.
        bundle: String,
        /// The backend.
        backend: Backend,
        /// Precision of the decoders.
        precision: Precision,
        /// The figure beyond its limit.
        breach: Breach,
        /// Every figure.
        parity: Parity,
    },
    /// The golden self-test found another value than the bundle expects.
    #[error(
        "the self-test of {bundle} with {backend} failed: {what} is {found}, expected {expected} within {tolerance:e}; do not use this bundle here: copy it again, then try `--backend tract`"
    )]
    SelfTest {
        /// The bundle.
        bundle: String,
        /// The backend.
        backend: &'static str,
        /// Which value.
        what: String,
        /// What the bundle expects.
        expected: f64,
        /// What was computed.
        found: f64,
        /// Greatest allowed difference.
        tolerance: f64,
    },
    /// The golden picture could not be brought to the encoder.
    #[error("the self-test of {bundle} could not prepare its picture: {reason}; export the bundle again")]
    SelfTestInput {
        /// The bundle.
        bundle: String,
        /// What went wrong.
        reason: String,
    },
    /// The bundle itself cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}
