//! Everything that an adaptation found, to be confirmed before anything is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ushydra_bundle::{Statistics, Task};

use super::config::AdaptConfig;
use super::decoder::Fitted;
use super::figures::Figures;
use super::masks::MaskFigures;
pub use super::observe::Skipped;
use crate::dataset::Sample;
use crate::evaluate::bootstrap::Estimate;

/// What the expected gain says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Its interval lies above zero.
    Gain,
    /// Its interval holds zero.
    Unclear,
    /// Its interval lies below zero.
    Harm,
    /// There are no labels, so that nothing is known.
    Unjudged,
}

impl Outcome {
    /// What `gain` says.
    #[must_use]
    pub fn of(gain: Option<&Estimate>) -> Self {
        match gain {
            None => Self::Unjudged,
            Some(gain) if gain.low > 0.0 => Self::Gain,
            Some(gain) if gain.high < 0.0 => Self::Harm,
            Some(_) => Self::Unclear,
        }
    }

    /// Why the result is not written unless it is forced.
    #[must_use]
    pub const fn refusal(self, forced: bool) -> Option<&'static str> {
        match self {
            Self::Harm if !forced => Some(
                "the adapted bundle answers worse on held-out patients than the bundle as it is; check labels and patients, add \
                 images, or write it all the same with --force",
            ),
            Self::Harm | Self::Gain | Self::Unclear | Self::Unjudged => None,
        }
    }
}

/// What the images were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageCounts {
    /// Readable images.
    pub pictures: usize,
    /// Patients among them, as far as they are known.
    pub patients: usize,
    /// Images per label; empty without labels.
    pub labels: BTreeMap<String, usize>,
    /// Machines or sites that a csv names.
    pub devices: Vec<String>,
    /// Images that were left out.
    pub skipped: Vec<Skipped>,
    /// SHA-256 over every image's bytes, label and patient.
    pub sha256: String,
}

impl ImageCounts {
    /// Counts `samples`; `labelled` says whether their labels mean anything.
    #[must_use]
    pub fn of(samples: &[Sample], patients: &[String], labelled: bool, skipped: Vec<Skipped>, sha256: String) -> Self {
        let mut labels = BTreeMap::new();
        for sample in samples.iter().filter(|_| labelled) {
            *labels.entry(sample.label.clone()).or_default() += 1;
        }
        let sorted = |values: &mut dyn Iterator<Item = &String>| {
            values.filter(|v| !v.is_empty()).collect::<std::collections::BTreeSet<_>>().into_iter().cloned().collect()
        };
        let devices: Vec<String> = sorted(&mut samples.iter().map(|s| &s.device));
        let distinct: Vec<String> = sorted(&mut patients.iter());
        Self { pictures: samples.len(), patients: distinct.len(), labels, devices, skipped, sha256 }
    }
}

/// A threshold before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThresholdChange {
    /// `vector`, `paper`, `released` or `novelty`.
    pub name: String,
    /// In the bundle as it is.
    pub before: f64,
    /// In the new one.
    pub after: f64,
}

/// The thresholds of two statistics side by side.
#[must_use]
pub fn thresholds(before: &Statistics, after: &Statistics) -> Vec<ThresholdChange> {
    let (a, b) = (&before.thresholds, &after.thresholds);
    let change = |name: &str, before, after| ThresholdChange { name: name.to_owned(), before, after };
    let mut changes = vec![
        change("vector", a.vector, b.vector),
        change("paper", a.paper, b.paper),
        change("released", a.released, b.released),
    ];
    if let (Some(a), Some(b)) = (&before.novelty, &after.novelty) {
        changes.push(change("novelty", a.threshold, b.threshold));
    }
    changes
}

/// The new decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecoderNote {
    /// Domain whose decoder it started from or is.
    pub start: String,
    /// How it was fitted; none where it has the start's weights for lack of labels.
    pub fitted: Option<Fitted>,
}

/// Everything that an adaptation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adaptation {
    /// Day in UTC.
    pub date: String,
    /// `name@version` that was adapted.
    pub bundle: String,
    /// SHA-256 of its manifest.
    pub bundle_sha256: String,
    /// `name@version` of the result.
    pub result: String,
    /// What the bundle does.
    pub task: Task,
    /// The new domain.
    pub domain: String,
    /// The images.
    pub images: ImageCounts,
    /// What the operator should know about them.
    pub warnings: Vec<String>,
    /// Folds and repetitions of the cross-validation; none without labels.
    pub validation: Option<[usize; 2]>,
    /// The bundle as it is on the new images.
    pub before: Figures,
    /// The adapted bundle on held-out patients; without labels, on the images that describe the domain.
    pub after: Figures,
    /// Share of held-out images routed to the new domain; without labels, of the images that describe it.
    pub detected: f64,
    /// Accuracy (or Dice) of the adapted bundle minus that of the bundle as it is, paired by image, resampled by patient.
    pub gain: Option<Estimate>,
    /// Dice of a segmentation with masks.
    pub masks: Option<MaskFigures>,
    /// The decoder that would be written.
    pub decoder: DecoderNote,
    /// The thresholds that would be written.
    pub thresholds: Vec<ThresholdChange>,
    /// What stays approximate because the pictures that trained the bundle are not at hand.
    pub approximate: Vec<String>,
    /// Verdict on the gain.
    pub outcome: Outcome,
    /// Settings.
    pub config: AdaptConfig,
    /// Versions of the program and its numeric libraries.
    pub versions: BTreeMap<String, String>,
    /// Seconds from the first image to these figures.
    pub seconds: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes() {
        let gain = |low, high| Estimate { mean: 0.5 * (low + high), low, high };
        for (gain, expected) in [
            (Some(gain(0.01, 0.2)), Outcome::Gain),
            (Some(gain(0.0, 0.2)), Outcome::Unclear),
            (Some(gain(-0.1, 0.0)), Outcome::Unclear),
            (Some(gain(-0.2, -0.01)), Outcome::Harm),
            (None, Outcome::Unjudged),
        ] {
            assert_eq!(Outcome::of(gain.as_ref()), expected);
            assert_eq!(expected.refusal(false).is_some(), expected == Outcome::Harm);
            assert_eq!(expected.refusal(true), None);
        }
    }
}
