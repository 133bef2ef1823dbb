//! The recipe: one TOML file from which a bundle is made again.

use std::path::Path;

use serde::{Deserialize, Serialize};
use ushydra_bundle::{GateSpec, HysteresisSpec, InputSpec, Provenance, RoutingSpec};

use crate::augment::AugmentConfig;
use crate::calibrate::CalibrationConfig;
use crate::error::{HostError, Result};
use crate::evaluate::EvaluationConfig;
use crate::files;
use crate::head::{HeadConfig, Optimiser};
use crate::import::EncoderConfig;
use crate::quantise::QuantisationConfig;

/// Everything that shapes a bundle, apart from the data and the pretrained weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Name of the bundle.
    pub name: String,
    /// Its semantic version.
    pub version: String,
    /// Labels in the order of the decoders' outputs.
    pub labels: Vec<String>,
    /// Quality domains in order.
    pub domains: Vec<String>,
    /// Labels of pictures that show none of `labels`: never trained on, used to measure how often the bundle abstains.
    #[serde(default)]
    pub unknown_labels: Vec<String>,
    /// Seed of splits, views and heads.
    pub seed: u64,
    /// Licence of the bundle (SPDX expression).
    pub licence: String,
    /// Sources of data and weights.
    pub provenance: Vec<Provenance>,
    /// Text of the model card.
    pub card: CardConfig,
    /// The encoder and its feature vector.
    pub encoder: EncoderConfig,
    /// What the encoder is fed.
    pub input: InputSpec,
    /// Views.
    pub augmentation: AugmentConfig,
    /// The decoders' shape and regularisation.
    pub head: HeadConfig,
    /// How decoders specialise.
    pub decoders: DecoderConfig,
    /// Domain statistics.
    pub calibration: CalibrationConfig,
    /// Cross-validation.
    pub evaluation: EvaluationConfig,
    /// Default routing.
    pub routing: RoutingSpec,
    /// Decoder switching over a cine.
    pub hysteresis: HysteresisSpec,
    /// When an answer is withheld.
    pub gate: GateSpec,
    /// int8 decoders.
    #[serde(default)]
    pub quantisation: QuantisationConfig,
}

/// Prose of the model card that numbers cannot give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardConfig {
    /// What the bundle does, in one or two sentences.
    pub summary: String,
    /// Who may use it for what.
    pub intended_use: String,
    /// What it cannot do.
    pub limits: Vec<String>,
}

/// How the domains' weights in Eq. (1) are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrainingMode {
    /// Eq. (1) with one-hot weights, every decoder from scratch on its own domain.
    Paper,
    /// From the shared head; own domain weight 1, the others a smaller one.
    Weighted,
}

/// How decoders specialise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderConfig {
    /// Weights of Eq. (1).
    pub mode: TrainingMode,
    /// Candidate weights of the other domains in mode `weighted`; where there are several, patient-grouped
    /// cross-validation chooses the one with the smallest cross-entropy for each decoder.
    pub other_domains: Vec<f64>,
    /// Pull towards the shared head, `l2` of the second stage in mode `weighted`.
    pub l2: f64,
    /// Optimiser of the second stage in mode `weighted`; by default the head's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimiser: Option<Optimiser>,
    /// Heads per decoder, each with the patients reweighted by another bootstrap, averaged in logits. 1 fits all patients
    /// once.
    pub bag: usize,
    /// Folds of the choice among `other_domains`.
    pub folds: usize,
}

impl Recipe {
    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`HostError::Config`] for an unknown or missing field or a value that cannot work.
    pub fn read(path: &Path) -> Result<Self> {
        let recipe: Self = files::read_toml(path)?;
        recipe.check().map_err(|problem| HostError::config(path, problem))?;
        Ok(recipe)
    }

    /// Writes the recipe.
    ///
    /// # Errors
    /// [`HostError::Io`] or [`HostError::Config`].
    pub fn write(&self, path: &Path) -> Result<()> {
        files::write_toml(path, self)
    }

    /// SHA-256 over every setting that training depends on, in a form that does not depend on how the file was laid out.
    #[must_use]
    pub fn training_fingerprint(&self) -> String {
        let parts = [
            format!("{:?} {:?} {:?}", self.labels, self.domains, self.unknown_labels),
            self.seed.to_string(),
            format!("{:?}", self.encoder),
            self.input.fingerprint(),
            format!("{:?}", self.augmentation),
            format!("{:?}", self.head),
            format!("{:?}", self.decoders),
        ];
        files::fingerprint(&parts.each_ref().map(String::as_bytes))
    }

    /// SHA-256 over everything that cross-validation depends on besides the data.
    #[must_use]
    pub fn evaluation_fingerprint(&self) -> String {
        let parts = [
            self.training_fingerprint(),
            format!("{:?}", self.calibration),
            format!("{:?} {:?}", self.evaluation.folds, self.routing),
            format!("{:?}", self.quantisation),
        ];
        files::fingerprint(&parts.each_ref().map(String::as_bytes))
    }

    /// The first value that cannot work.
    ///
    /// # Errors
    /// Cause and remedy.
    pub fn check(&self) -> std::result::Result<(), String> {
        let share = |name: &str, value: f64| {
            if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(format!("{name} = {value}; use 0 to 1")) }
        };
        distinct("labels", &self.labels, 2)?;
        distinct("domains", &self.domains, 1)?;
        if let Some(label) = self.unknown_labels.iter().find(|l| self.labels.contains(l)) {
            return Err(format!("`{label}` is both a label and an unknown label; keep one"));
        }
        if self.augmentation.views == 0 {
            return Err("augmentation.views = 0; use 1 for no augmentation".to_owned());
        }
        self.augmentation.check()?;
        share("head.label_smoothing", self.head.label_smoothing)?;
        if !(0.0..1.0).contains(&self.head.dropout) {
            return Err(format!("head.dropout = {}; use 0 to below 1", self.head.dropout));
        }
        if matches!(self.head.optimiser, Optimiser::Lbfgs { .. }) && self.head.dropout > 0.0 {
            return Err("head.dropout needs the optimiser `adam`: L-BFGS cannot follow a loss that changes".to_owned());
        }
        if let Optimiser::Adam { batch: 0, .. } = self.head.optimiser {
            return Err("head.optimiser.batch = 0; use at least 1".to_owned());
        }
        let decoders = &self.decoders;
        if decoders.other_domains.is_empty() && decoders.mode == TrainingMode::Weighted {
            return Err("decoders.other_domains is empty; give at least one weight".to_owned());
        }
        for weight in &decoders.other_domains {
            share("decoders.other_domains", *weight)?;
        }
        if decoders.bag == 0 {
            return Err("decoders.bag = 0; use at least 1".to_owned());
        }
        if self.evaluation.repeats == 0 {
            return Err("evaluation.repeats = 0; use at least 1".to_owned());
        }
        share("calibration.quantile", self.calibration.quantile)?;
        if let Some(novelty) = &self.calibration.novelty {
            share("calibration.novelty.quantile", novelty.quantile)?;
        }
        share("gate.min_probability", self.gate.min_probability)?;
        for (name, value) in [("head.l2", self.head.l2), ("decoders.l2", decoders.l2)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(format!("{name} = {value}; use a number of at least 0"));
            }
        }
        self.quantisation.check()?;
        self.encoder.check(&self.input)
    }
}

/// Refuses a list of too few or equal names.
pub(crate) fn distinct(what: &str, names: &[String], least: usize) -> std::result::Result<(), String> {
    if names.len() < least {
        return Err(format!("{what} has {} entries; at least {least} are needed", names.len()));
    }
    match names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        Some((_, twice)) => Err(format!("{what} holds `{twice}` twice; names must differ")),
        None => Ok(()),
    }
}
