//! Training: from labelled features to one decoder per domain.

pub mod checkpoint;
pub mod data;
pub mod decoders;
pub mod run;

pub use checkpoint::Checkpoints;
pub use data::TrainingData;
pub use decoders::{Decoders, fit};
