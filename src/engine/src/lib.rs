//! Inference engines behind one trait.
//!
//! An [`Engine`] is one loaded model with fixed shapes: it describes its inputs and outputs and runs from the caller's
//! buffers into the caller's buffers. [`load`] chooses the backend; [`Models`] holds the encoder and the decoders of a
//! bundle, feeds the encoder's outputs to the chosen decoder and runs the golden self-test. Any backend must pass the
//! [`conformance`] suite.
//!
//! Two backends exist: [tract](https://github.com/sonos/tract) on the CPU, see [`tract`], and NVIDIA TensorRT on the GPU, with
//! the feature `tensorrt`. What is measured or built on a machine is kept there, see [`EngineCache`].
//!
//! # Numbers that are not finite
//! Every engine refuses inputs with NaN or infinity ([`EngineError::NonFinite`]) before it computes, because operators
//! may swallow them (`max(NaN, 0)` is 0 in some kernels), and reports them in outputs. A result is never built on them.

mod cache;
mod choice;
pub mod conformance;
mod engine;
mod error;
mod model;
mod models;
mod options;
mod parity;
mod precision;
mod prepare;
mod select;
mod selftest;
#[cfg(feature = "tensorrt")]
mod tensorrt;
pub mod tract;

pub use cache::{CACHE_VARIABLE, CacheEntry, EngineCache, PlanKey, PlanRecord};
pub use choice::{DecoderTimes, MeasuredChoice};
pub use engine::{Engine, MAX_TENSORS, ModelInfo, TensorInfo};
pub use error::{EngineError, Side};
pub use models::Models;
pub use options::{Backend, EngineOptions, Libraries};
pub use parity::{Comparison, ParityMeter};
pub use precision::Precision;
pub use prepare::{Pictures, Prepared, prepare};
pub use select::load;
pub use selftest::{Check, SelfTestReport};
#[cfg(feature = "tensorrt")]
pub use tensorrt::narrow_model;
