//! USHydra on the host: import, train, calibrate, evaluate and export model bundles.

pub mod adapt;
pub mod augment;
pub mod baselines;
pub mod calibrate;
pub mod dataset;
pub mod error;
pub mod evaluate;
pub mod export;
pub mod features;
pub mod files;
pub mod head;
pub mod import;
mod keeper;
pub mod masks;
pub mod parallel;
pub mod phantoms;
pub mod progress;
pub mod quantise;
pub mod recipe;
pub mod recipes;
pub mod report;
pub mod rng;
pub mod segment;
pub mod split;
pub mod study;
pub mod train;
pub mod unet;
pub mod wired;

pub use error::{HostError, Result};
