//! int8 decoders after training: ranges from pictures, the best of several methods, two forms for two engines, and a gate.
//!
//! The encoder stays as it is, so that features, statistics and routing are those of the f32 bundle. A decoder is quantised by
//! what it reads and computes in f32 on calibration pictures ([`histogram`], [`threshold`]), written in both forms
//! ([`qdq`] for TensorRT, [`qop`] for tract) from one [`plan`], and judged on pictures that neither trained it nor chose the method.

pub mod config;
mod correct;
pub mod data;
mod decoder;
pub mod heads;
pub mod histogram;
pub mod judge;
mod observe;
pub mod plan;
pub mod qdq;
pub mod qop;
pub mod run;
pub mod search;
pub mod subject;
pub mod threshold;
pub mod weights;
pub mod write;

pub use config::QuantisationConfig;
pub use decoder::Decoder;
pub use observe::{Bench, Trial, difference, trials};
pub use search::{Found, Parts, Search, search};
pub use subject::{Encoded, Labelled, Masked, Subject};

/// Largest loss of accuracy or of the Dice coefficient that an int8 decoder may have: 0.5 points.
pub const MAX_LOSS: f64 = 0.005;
/// How many times smaller than with weights as f32 the file has to be.
pub const MIN_RATIO: f64 = 3.5;
