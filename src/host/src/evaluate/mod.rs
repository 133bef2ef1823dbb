//! How well a bundle decides: cross-validation of the whole pipeline, and a finished bundle on a data set.

pub mod bootstrap;
pub mod bundle;
pub mod cross;
pub mod metrics;
pub mod prediction;
pub mod report;
pub mod summary;

use serde::{Deserialize, Serialize};

pub use prediction::{MODES, Prediction, Route};
pub use summary::Summary;

/// Settings of the evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Patient-grouped folds.
    pub folds: usize,
    /// Repetitions with different splits.
    pub repeats: usize,
    /// Bootstrap resamples of the patients behind the intervals.
    pub resamples: usize,
}
