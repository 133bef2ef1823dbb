//! The golden self-test: the bundle's picture through preprocessing, encoder and every decoder.

use std::fmt;

use ushydra_bundle::{Bundle, Preprocessor};
use ushydra_core::Moments;

use crate::error::EngineError;
use crate::models::Models;
use crate::precision::Precision;

/// One compared value.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Which value, such as `feature 3`.
    pub what: String,
    /// What the bundle expects.
    pub expected: f64,
    /// What was computed.
    pub found: f64,
}

impl Check {
    /// Absolute difference.
    #[must_use]
    pub fn difference(&self) -> f64 {
        (self.expected - self.found).abs()
    }
}

/// A self-test that passed.
#[derive(Clone, Debug, PartialEq)]
pub struct SelfTestReport {
    /// `name@version` of the bundle.
    pub bundle: String,
    /// Name of the backend.
    pub backend: &'static str,
    /// Greatest allowed difference.
    pub tolerance: f64,
    /// Every compared value.
    pub checks: Vec<Check>,
}

impl SelfTestReport {
    /// The value that differs most.
    #[must_use]
    pub fn worst(&self) -> Option<&Check> {
        self.checks.iter().max_by(|a, b| a.difference().total_cmp(&b.difference()))
    }
}

impl fmt::Display for SelfTestReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bundle, backend, tolerance, checks } = self;
        write!(formatter, "{bundle} on {backend}: {} values within {tolerance:.1e}", checks.len())?;
        match self.worst() {
            Some(worst) => write!(formatter, ", largest difference {:.1e} at {}", worst.difference(), worst.what),
            None => Ok(()),
        }
    }
}

/// Greatest allowed difference of a value that is computed in `precision` and whose tensor has the standard deviation `std`.
/// The bundle states the one of f32; lower precisions round relative to the spread of the values. The parity gate judges
/// what that rounding does to the answers; this test finds files and backends that are wrong.
fn tolerance(precision: Precision, f32_tolerance: f64, std: f64) -> f64 {
    let of_spread = match precision {
        Precision::F32 => 0.0,
        Precision::F16 => 0.05,
        Precision::Int8 => 0.5,
    };
    f32_tolerance.max(of_spread * std)
}

impl Models {
    /// Takes the bundle's golden picture through preprocessing, encoder and every decoder and compares crop, moments and
    /// values with what the bundle expects.
    ///
    /// # Errors
    /// [`EngineError::SelfTest`] for the first value outside the tolerance, [`EngineError::SelfTestInput`] where the
    /// picture cannot be prepared, [`EngineError::Bundle`] where it cannot be read; otherwise see [`Models::encode`].
    pub fn self_test(&mut self, bundle: &Bundle) -> Result<SelfTestReport, EngineError> {
        let golden = bundle.golden()?;
        let expected = &golden.expected;
        let unusable = |reason: String| EngineError::SelfTestInput { bundle: bundle.id(), reason };
        let mut report = SelfTestReport {
            bundle: bundle.id(),
            backend: self.backend(),
            tolerance: expected.tolerance,
            checks: Vec::new(),
        };

        let input = &bundle.manifest().input;
        let mut preprocessor = Preprocessor::new(input).map_err(|error| unusable(error.to_string()))?;
        let mut image = vec![0.0; input.values()];
        let frame = golden.frame().map_err(|error| unusable(error.to_string()))?;
        let preprocessed = preprocessor.run(frame, &mut image).map_err(|error| unusable(error.to_string()))?;
        let crop = preprocessed.crop();
        let edges = [crop.x, crop.y, crop.width, crop.height];
        for (name, (expected, found)) in ["x", "y", "width", "height"].iter().zip(expected.crop.iter().zip(edges)) {
            report.compare(format!("{name} of the crop"), f64::from(*expected), f64::from(found), 0.0)?;
        }
        let channels = preprocessed.channels();
        let average = |value: fn(&Moments) -> f64| channels.iter().map(value).sum::<f64>() / channels.len() as f64;
        report.check("pixel mean", expected.pixel_mean, average(|moments| moments.mean))?;
        report.check("pixel standard deviation", expected.pixel_std, average(|moments| moments.std))?;

        report.tolerance = tolerance(self.encoder_precision(), expected.tolerance, expected.feature_std);
        let features = self.encode(&image)?;
        let moments = Moments::of(features).map_err(|error| unusable(error.to_string()))?;
        report.check("feature mean", expected.feature_mean, moments.mean)?;
        report.check("feature standard deviation", expected.feature_std, moments.std)?;
        report.values("feature", &expected.features, features)?;

        for (index, decoder) in expected.decoders.iter().enumerate() {
            let precision = self.decoder_precision(index).unwrap_or_default().max(self.encoder_precision());
            report.tolerance = tolerance(precision, expected.tolerance, decoder.std);
            let output = self.decode(index)?;
            let moments = Moments::of(output).map_err(|error| unusable(error.to_string()))?;
            let name = |what: &str| format!("{what} of decoder `{}`", decoder.domain);
            report.check(&name("mean"), decoder.mean, moments.mean)?;
            report.check(&name("standard deviation"), decoder.std, moments.std)?;
            report.values(&name("output"), &decoder.values, output)?;
        }
        Ok(report)
    }
}

impl SelfTestReport {
    fn values(&mut self, name: &str, expected: &[f32], found: &[f32]) -> Result<(), EngineError> {
        for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
            self.check(&format!("{name}, value {index}"), f64::from(*expected), f64::from(*found))?;
        }
        Ok(())
    }

    fn check(&mut self, what: &str, expected: f64, found: f64) -> Result<(), EngineError> {
        self.compare(what.to_owned(), expected, found, self.tolerance)
    }

    fn compare(&mut self, what: String, expected: f64, found: f64, tolerance: f64) -> Result<(), EngineError> {
        let check = Check { what, expected, found };
        if check.difference().is_nan() || check.difference() > tolerance {
            return Err(EngineError::SelfTest {
                bundle: self.bundle.clone(),
                backend: self.backend,
                what: check.what,
                expected,
                found,
                tolerance,
            });
        }
        self.checks.push(check);
        Ok(())
    }
}
