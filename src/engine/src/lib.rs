//! Inference engines behind one trait.
//!
//! An [`Engine`] is one loaded model with fixed shapes: it describes its inputs and outputs and runs from the caller's
//! buffers into the caller's buffers. [`load`] chooses the backend; [`Models`] holds the encoder and the decoders of a
//! bundle, feeds the encoder's outputs to the chosen decoder and runs the golden self-test. Any backend must pass the
//! [`conformance`] suite.
//!
//! The only backend of this build is [tract](https://github.com/sonos/tract) on the CPU, see [`tract`].
//!
//! # Numbers that are not finite
//! Every engine refuses inputs with NaN or infinity ([`EngineError::NonFinite`]) before it computes, because operators
//! may swallow them (`max(NaN, 0)` is 0 in some kernels), and reports them in outputs. A result is never built on them.

pub mod conformance;
mod engine;
mod error;
mod model;
mod models;
mod options;
mod selftest;
pub mod tract;

pub use engine::{Engine, MAX_TENSORS, ModelInfo, TensorInfo};
pub use error::{EngineError, Side};
pub use models::Models;
pub use options::{Backend, EngineOptions, load};
pub use selftest::{Check, SelfTestReport};
