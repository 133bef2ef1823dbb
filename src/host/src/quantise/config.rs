//! Settings of the quantiser.

use serde::{Deserialize, Serialize};

/// How many pictures do what; a recipe may replace them in `[quantisation]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuantisationConfig {
    /// Pictures that give the ranges of activations, at most; spread evenly over the domains.
    pub calibration: usize,
    /// Pictures that choose among the candidates, at most.
    pub choice: usize,
    /// Of the calibration pictures, those that correct the biases.
    pub correction: usize,
    /// Of the pictures that choose, those on which every layer is tried by itself.
    pub scan: usize,
    /// Pictures that give the figures, at most.
    pub test: usize,
}

impl Default for QuantisationConfig {
    fn default() -> Self {
        Self { calibration: 128, choice: 64, correction: 16, scan: 12, test: 480 }
    }
}

impl QuantisationConfig {
    /// The first value that cannot work.
    ///
    /// # Errors
    /// Cause and remedy.
    pub fn check(&self) -> Result<(), String> {
        let values = [
            ("calibration", self.calibration),
            ("choice", self.choice),
            ("correction", self.correction),
            ("scan", self.scan),
            ("test", self.test),
        ];
        match values.iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(format!("quantisation.{name} = 0; use at least 1")),
            None => Ok(()),
        }
    }
}
