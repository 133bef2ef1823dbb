//! Settings of an adaptation; the defaults suit a few dozen images.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::augment::AugmentConfig;
use crate::error::{HostError, Result};
use crate::files;

/// Settings of an adaptation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdaptConfig {
    /// Seed of splits, views and resamples.
    pub seed: u64,
    /// Patient-grouped folds of the cross-validation.
    pub folds: usize,
    /// Repetitions of the cross-validation with other splits.
    pub repeats: usize,
    /// Bootstrap resamples of the intervals.
    pub resamples: usize,
    /// Strengths of the pull towards the decoder that the new one starts from (`l2` of [`crate::head::fit`]); folds within
    /// the training side choose among them and the unchanged decoder.
    pub pulls: Vec<f64>,
    /// Folds of that choice.
    pub choice_folds: usize,
    /// Most iterations of L-BFGS.
    pub iterations: usize,
    /// Whether the vector space gets a component for the new domain's direction.
    pub component: bool,
    /// Views of every image that the decoder is trained on.
    pub augmentation: AugmentConfig,
}

impl Default for AdaptConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            folds: 5,
            repeats: 3,
            resamples: 2000,
            pulls: vec![0.1, 0.5, 2.0, 8.0, 32.0],
            choice_folds: 3,
            iterations: 100,
            component: true,
            // Those of the recipe `fetal-planes`, with fewer views.
            augmentation: AugmentConfig {
                views: 5,
                crop_out: 0.05,
                crop_in: 0.14,
                mirror: 0.5,
                flip: 0.0,
                rotation: 20.0,
                gamma: 0.4,
                gain: 0.3,
                attenuation: 0.6,
                shadow: 0.25,
                speckle: 0.3,
                blur: 1.2,
            },
        }
    }
}

impl AdaptConfig {
    /// Reads and checks settings; what the file leaves out keeps its default.
    ///
    /// # Errors
    /// [`HostError::Config`].
    pub fn read(path: &Path) -> Result<Self> {
        let config: Self = files::read_toml(path)?;
        config.check().map_err(|problem| HostError::config(path, problem))?;
        Ok(config)
    }

    /// The first value that cannot work.
    ///
    /// # Errors
    /// Cause and remedy.
    pub fn check(&self) -> std::result::Result<(), String> {
        for (name, value) in [("folds", self.folds), ("choice_folds", self.choice_folds)] {
            if value < 2 {
                return Err(format!("{name} = {value}; use at least 2"));
            }
        }
        for (name, value) in [
            ("repeats", self.repeats),
            ("iterations", self.iterations),
            ("augmentation.views", self.augmentation.views),
        ] {
            if value == 0 {
                return Err(format!("{name} = 0; use at least 1"));
            }
        }
        if let Some(pull) = self.pulls.iter().find(|pull| !(pull.is_finite() && **pull > 0.0)) {
            return Err(format!("pulls holds {pull}; use positive numbers (an empty list keeps the decoder as it is)"));
        }
        self.augmentation.check()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn files_replace_defaults_and_are_checked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("adapt.toml");
        std::fs::write(&path, "folds = 4\n").unwrap();
        assert_eq!(AdaptConfig::read(&path).unwrap(), AdaptConfig { folds: 4, ..AdaptConfig::default() });
        for (text, expected) in [
            ("folds = 1", "folds = 1; use at least 2"),
            ("repeats = 0", "repeats = 0"),
            ("pulls = [-1.0]", "pulls holds -1"),
            ("fold = 2", "unknown field `fold`"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = AdaptConfig::read(&path).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
