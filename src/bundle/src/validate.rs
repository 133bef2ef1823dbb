//! Rules between the fields of manifest and statistics.

use std::collections::HashSet;
use std::path::Path;

use ushydra_core::hysteresis::MAX_WINDOW;
use ushydra_core::{MAX_DOMAINS, MAX_FEATURES};

use crate::error::BundleError;
use crate::golden::{GOLDEN_VALUES, GoldenExpected};
use crate::manifest::{Manifest, Task};
use crate::parity::ParityLimits;
use crate::quantisation::Quantisation;
use crate::statistics::{PIXEL_ENTRIES, Statistics};

/// Longest name of a bundle, label or domain in bytes (a domain name must fit the router's table).
const MAX_NAME: usize = 32;
/// Labels that a classifier needs at least.
const MIN_CLASSES: usize = 2;

/// Whether `name` can be a bundle's name, and so the name of a folder.
pub(crate) fn is_bundle_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(plain)
}

/// Reports faults of one file.
struct Faults<'a> {
    file: &'a Path,
}

impl Faults<'_> {
    fn value(&self, field: &str, problem: impl Into<String>) -> BundleError {
        BundleError::Value { file: self.file.to_owned(), field: field.to_owned(), problem: problem.into() }
    }

    fn length(&self, field: &str, expected: usize, found: usize) -> Result<(), BundleError> {
        if expected == found {
            return Ok(());
        }
        Err(BundleError::Length { file: self.file.to_owned(), field: field.to_owned(), expected, found })
    }

    fn names(&self, field: &str, names: &[String]) -> Result<(), BundleError> {
        let mut seen = HashSet::new();
        for name in names {
            if name.trim().is_empty() || name.len() > MAX_NAME || name.contains(char::is_control) {
                return Err(self.value(field, format!("{name:?} is no name of 1 to {MAX_NAME} bytes")));
            }
            if !seen.insert(name) {
                return Err(self.value(field, format!("{name:?} stands there twice")));
            }
        }
        Ok(())
    }

    fn domains<'a>(
        &self,
        field: &str,
        expected: &[String],
        found: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), BundleError> {
        if found.clone().eq(expected.iter().map(String::as_str)) {
            return Ok(());
        }
        Err(BundleError::Domains {
            file: self.file.to_owned(),
            field: field.to_owned(),
            expected: expected.join(", "),
            found: found.collect::<Vec<_>>().join(", "),
        })
    }

    /// `!(value >= smallest)` also catches NaN.
    fn range(&self, field: &str, value: f64, smallest: f64, largest: f64) -> Result<(), BundleError> {
        if value >= smallest && value <= largest {
            return Ok(());
        }
        Err(self.value(field, format!("{value} is outside {smallest} to {largest}")))
    }
}

impl Manifest {
    /// Checks everything that the types alone do not say.
    pub(crate) fn check(&self, file: &Path) -> Result<(), BundleError> {
        let faults = Faults { file };
        if !is_bundle_name(&self.name) {
            return Err(faults.value(
                "name",
                format!("{:?} is no name of 1 to {MAX_NAME} lowercase letters, digits and `-`", self.name),
            ));
        }
        if let Err(error) = semver::Version::parse(&self.version) {
            return Err(faults.value("version", format!("{:?} is no semantic version: {error}", self.version)));
        }
        faults.names("labels", &self.labels)?;
        match self.task {
            Task::Classify if self.labels.len() < MIN_CLASSES => {
                return Err(faults.value(
                    "labels",
                    format!("{} labels; a classifier needs at least {MIN_CLASSES}", self.labels.len()),
                ));
            }
            Task::Segment if self.labels.is_empty() => {
                return Err(faults.value("labels", "no label; name what is segmented"));
            }
            Task::Classify | Task::Segment => {}
        }
        faults.names("domains", &self.domains)?;
        if self.domains.is_empty() || self.domains.len() > MAX_DOMAINS {
            return Err(
                faults.value("domains", format!("{} domains; 1 to {MAX_DOMAINS} are possible", self.domains.len()))
            );
        }
        faults.domains("decoders", &self.domains, self.decoders.iter().map(|d| d.domain.as_str()))?;
        let quantised = self.decoders.iter().any(|decoder| decoder.int8.is_some());
        match (&self.quantisation, quantised) {
            (None, true) => {
                return Err(faults.value("quantisation", "is missing; the int8 decoders need their ranges and figures"));
            }
            (Some(_), false) => {
                return Err(faults.value("quantisation", "describes int8 decoders, but no decoder has an int8 form"));
            }
            (Some(_), true) | (None, false) => {}
        }
        if let Some((field, problem)) = self.input.fault() {
            return Err(faults.value(&format!("input.{field}"), problem));
        }
        faults.range("routing.weight", self.routing.weight, 0.0, f64::MAX)?;
        let (needed, window) = (self.hysteresis.needed, self.hysteresis.window);
        if window == 0 || window > MAX_WINDOW {
            return Err(faults.value("hysteresis.window", format!("{window} is outside 1 to {MAX_WINDOW}")));
        }
        if needed == 0 || needed > window {
            return Err(faults.value("hysteresis.needed", format!("{needed} is outside 1 to the window of {window}")));
        }
        faults.range("gate.min_probability", self.gate.min_probability, 0.0, 1.0)?;
        let most = MAX_FEATURES - PIXEL_ENTRIES;
        if self.encoder.features == 0 || self.encoder.features > most {
            return Err(faults.value("encoder.features", format!("{} is outside 1 to {most}", self.encoder.features)));
        }
        let texts = [("licence", &self.licence), ("encoder.feature_output", &self.encoder.feature_output)];
        match texts.iter().find(|(_, text)| text.trim().is_empty()) {
            Some((field, _)) => Err(faults.value(field, "is empty")),
            None => Ok(()),
        }
    }
}

impl Statistics {
    /// Checks these statistics by themselves and against the manifest that names them.
    pub(crate) fn check(&self, manifest: &Manifest, file: &Path) -> Result<(), BundleError> {
        let owned = || file.to_owned();
        if self.bundle != manifest.name {
            let (expected, found) = (manifest.name.clone(), self.bundle.clone());
            return Err(BundleError::OtherBundle { file: owned(), expected, found });
        }
        if self.encoder_sha256 != manifest.encoder.sha256 {
            let (expected, found) = (manifest.encoder.sha256, self.encoder_sha256);
            return Err(BundleError::OtherEncoder { file: owned(), expected, found });
        }
        let expected = manifest.input.fingerprint();
        if self.preprocessing != expected {
            return Err(BundleError::OtherPreprocessing { file: owned(), expected, found: self.preprocessing.clone() });
        }
        let faults = Faults { file };
        faults.domains("domains", &manifest.domains, self.domains.iter().map(|d| d.name.as_str()))?;
        faults.range("thresholds.quantile", self.thresholds.quantile, 0.0, 1.0)?;
        for (name, value) in [
            ("thresholds.paper", self.thresholds.paper),
            ("thresholds.released", self.thresholds.released),
            ("thresholds.vector", self.thresholds.vector),
        ] {
            faults.range(name, value, 0.0, f64::MAX)?;
        }
        let vector = &self.vector;
        let (d, k) = (manifest.encoder.features + PIXEL_ENTRIES, vector.components);
        faults.length("vector.entries", d, vector.entries)?;
        faults.length("vector.variance", k, vector.variance.len())?;
        faults.length("vector.centre", d, vector.centre.len())?;
        faults.length("vector.scale", d, vector.scale.len())?;
        faults.length("vector.projection", d.saturating_mul(k), vector.projection.len())?;
        faults.length("vector.domains", self.domains.len().saturating_mul(k), vector.domains.len())?;
        let Some(novelty) = &self.novelty else { return Ok(()) };
        faults.range("novelty.quantile", novelty.quantile, 0.0, 1.0)?;
        faults.range("novelty.threshold", novelty.threshold, 0.0, f64::MAX)?;
        let (n, features) = (novelty.entries, manifest.encoder.features);
        if n == 0 || novelty.start.saturating_add(n) > features {
            let problem =
                format!("entries {n} from {} on end beyond the {features} features, or are none", novelty.start);
            return Err(faults.value("novelty.entries", problem));
        }
        faults.length("novelty.centre", n, novelty.centre.len())?;
        faults.length("novelty.scale", n, novelty.scale.len())?;
        let whole = novelty.prototypes.len().next_multiple_of(n);
        faults.length("novelty.prototypes", whole, novelty.prototypes.len())
    }
}

impl Quantisation {
    /// Checks that these int8 decoders are those of the manifest that names them, and that each kept to the gate.
    pub(crate) fn check(&self, manifest: &Manifest, file: &Path) -> Result<(), BundleError> {
        let faults = Faults { file };
        if self.bundle != manifest.name {
            let (expected, found) = (manifest.name.clone(), self.bundle.clone());
            return Err(BundleError::OtherBundle { file: file.to_owned(), expected, found });
        }
        if self.encoder_sha256 != manifest.encoder.sha256 {
            let (expected, found) = (manifest.encoder.sha256, self.encoder_sha256);
            return Err(BundleError::OtherEncoder { file: file.to_owned(), expected, found });
        }
        let quantised = manifest.decoders.iter().filter(|decoder| decoder.int8.is_some()).collect::<Vec<_>>();
        let domains = quantised.iter().map(|decoder| decoder.domain.clone()).collect::<Vec<_>>();
        faults.domains("decoders", &domains, self.decoders.iter().map(|d| d.domain.as_str()))?;
        for (index, (decoder, own)) in quantised.iter().zip(&self.decoders).enumerate() {
            let field = |name: &str| format!("decoders[{index}].{name}");
            if own.float_sha256 != decoder.sha256 {
                let problem = format!(
                    "is {}, the manifest's f32 decoder is {}: quantise again",
                    own.float_sha256, decoder.sha256
                );
                return Err(faults.value(&field("float_sha256"), problem));
            }
            if let Some(range) = own.ranges.iter().find(|range| !(range.threshold > 0.0 && range.threshold.is_finite()))
            {
                let problem = format!("{} of tensor `{}` is no positive number", range.threshold, range.tensor);
                return Err(faults.value(&field("ranges"), problem));
            }
            if let Err(breach) = own.parity.check(manifest.task, &ParityLimits::default()) {
                return Err(faults.value(&field("parity"), breach));
            }
        }
        Ok(())
    }
}

impl GoldenExpected {
    /// Checks the expected values against the manifest that names them.
    pub(crate) fn check(&self, manifest: &Manifest, file: &Path) -> Result<(), BundleError> {
        let faults = Faults { file };
        faults.range("tolerance", self.tolerance, 0.0, f64::MAX)?;
        faults.length("features", manifest.encoder.features.min(GOLDEN_VALUES), self.features.len())?;
        faults.domains("decoders", &manifest.domains, self.decoders.iter().map(|d| d.domain.as_str()))?;
        for (index, decoder) in self.decoders.iter().enumerate() {
            if decoder.values.is_empty() || decoder.values.len() > GOLDEN_VALUES {
                let problem = format!("{} values; 1 to {GOLDEN_VALUES} are possible", decoder.values.len());
                return Err(faults.value(&format!("decoders[{index}].values"), problem));
            }
        }
        Ok(())
    }
}
