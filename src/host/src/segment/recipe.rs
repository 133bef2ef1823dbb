//! The recipe of a segmentation bundle.

use std::path::Path;

use serde::{Deserialize, Serialize};
use ushydra_bundle::{Colour, GateSpec, HysteresisSpec, InputSpec, Provenance, RoutingSpec, Task};

use super::loss::LossConfig;
use crate::augment::AugmentConfig;
use crate::calibrate::CalibrationConfig;
use crate::error::{HostError, Result};
use crate::files;
use crate::quantise::QuantisationConfig;
use crate::recipe::{CardConfig, distinct};
use crate::unet::UnetConfig;

/// Everything that shapes a segmentation bundle, apart from the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentRecipe {
    /// `segment`; tells this recipe from one of a classifier.
    pub task: Task,
    /// Name of the bundle.
    pub name: String,
    /// Its semantic version.
    pub version: String,
    /// What is segmented: exactly one structure.
    pub labels: Vec<String>,
    /// Quality domains in order.
    pub domains: Vec<String>,
    /// Seed of split, weights and views.
    pub seed: u64,
    /// Licence of the bundle (SPDX expression).
    pub licence: String,
    /// Sources of the data.
    pub provenance: Vec<Provenance>,
    /// Text of the model card.
    pub card: CardConfig,
    /// Shape of the UNet.
    pub network: UnetConfig,
    /// What the encoder is fed.
    pub input: InputSpec,
    /// Views. `crop_in` and `crop_out` are the ranges of zoom and shift.
    pub augmentation: AugmentConfig,
    /// Shares of the patients that train, choose the best state and test.
    pub split: SplitConfig,
    /// The two stages.
    pub training: TrainingConfig,
    /// Domain statistics.
    pub calibration: CalibrationConfig,
    /// Bootstrap resamples of the patients behind the intervals.
    pub resamples: usize,
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

/// Shares of the patients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitConfig {
    /// Trained on.
    pub train: f64,
    /// Chooses the best epoch.
    pub validation: f64,
    /// Only ever judged.
    pub test: f64,
}

/// The stages and their optimiser (AdamW, cosine schedule per stage).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// Pictures per step.
    pub batch: usize,
    /// Pictures per epoch, drawn with replacement; 0 stands for the size of the training part.
    pub epoch_pictures: usize,
    /// Share of the draws that is spread evenly over the domains; the rest follows their sizes.
    pub balance: f64,
    /// Weight of the decoupled weight decay.
    pub weight_decay: f64,
    /// Warm start: encoder and one decoder on all domains.
    pub shared: StageConfig,
    /// Stage (a): every decoder on its own domain, the encoder frozen.
    pub decoders: StageConfig,
    /// Stage (b): the encoder under dynamic routing, the decoders frozen.
    pub routed: StageConfig,
    /// Weight of the other domains in Eq. (2) during stage (a); 0 is the article's one-hot.
    pub other_domains: f64,
    /// The loss.
    pub loss: LossConfig,
}

/// One stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageConfig {
    /// Epochs at most; 0 leaves the stage out.
    pub epochs: usize,
    /// Largest learning rate.
    pub learning_rate: f64,
    /// Epochs without a better validation Dice after which the stage ends; 0 never ends early.
    pub patience: usize,
    /// Decay per step of the exponential moving average of the weights, which is then what is judged and kept; 0 judges the
    /// weights themselves. (Polyak B. T. and Juditsky A. B., SIAM J. Control Optim. 30(4), 1992; Tarvainen A. and Valpola H.,
    /// NeurIPS 2017.)
    #[serde(default)]
    pub average: f64,
}

impl SegmentRecipe {
    /// Whether the file at `path` is a recipe of this kind.
    ///
    /// # Errors
    /// [`HostError::Io`] or [`HostError::Config`] for a file that is no TOML.
    pub fn is_meant(path: &Path) -> Result<bool> {
        let table: toml::Table = files::read_toml(path)?;
        Ok(table.get("task").and_then(toml::Value::as_str) == Some("segment"))
    }

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

    /// SHA-256 over every setting that training depends on.
    #[must_use]
    pub fn training_fingerprint(&self) -> String {
        let parts = [
            format!("{:?} {:?}", self.labels, self.domains),
            self.seed.to_string(),
            format!("{:?}", self.network),
            self.input.fingerprint(),
            format!("{:?}", self.augmentation),
            format!("{:?}", self.split),
            format!("{:?}", self.training),
        ];
        files::fingerprint(&parts.each_ref().map(String::as_bytes))
    }

    /// The first value that cannot work.
    ///
    /// # Errors
    /// Cause and remedy.
    pub fn check(&self) -> std::result::Result<(), String> {
        if self.task != Task::Segment {
            return Err("task is not `segment`".to_owned());
        }
        if self.labels.len() != 1 {
            return Err(format!("labels has {} entries; a mask shows exactly one structure", self.labels.len()));
        }
        distinct("domains", &self.domains, 1)?;
        self.network.check(self.input.width, self.input.height)?;
        if self.input.channels != 1 || self.input.colour != Colour::Grey {
            return Err("input.channels and input.colour: the UNet takes one grey channel".to_owned());
        }
        let training = &self.training;
        if training.batch == 0 {
            return Err("training.batch = 0; use at least 1".to_owned());
        }
        for (name, value) in [("balance", training.balance), ("other_domains", training.other_domains)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("training.{name} = {value}; use 0 to 1"));
            }
        }
        if training.shared.epochs == 0 {
            return Err("training.shared.epochs = 0; the warm start needs at least 1".to_owned());
        }
        for (name, stage) in [("shared", training.shared), ("decoders", training.decoders), ("routed", training.routed)]
        {
            if !(stage.learning_rate.is_finite() && stage.learning_rate > 0.0) {
                return Err(format!("training.{name}.learning_rate = {}; use a number above 0", stage.learning_rate));
            }
            if !(0.0..1.0).contains(&stage.average) {
                return Err(format!("training.{name}.average = {}; use 0 to below 1", stage.average));
            }
        }
        if !(training.weight_decay.is_finite() && training.weight_decay >= 0.0) {
            return Err(format!("training.weight_decay = {}; use a number of at least 0", training.weight_decay));
        }
        training.loss.check()?;
        let shares = self.split;
        let sum = shares.train + shares.validation + shares.test;
        if !(shares.train > 0.0 && shares.validation >= 0.0 && shares.test >= 0.0) || (sum - 1.0).abs() > 1e-6 {
            return Err(format!(
                "split {} + {} + {}; shares are at least 0, that of training above 0, and sum to 1",
                shares.train, shares.validation, shares.test
            ));
        }
        self.quantisation.check()?;
        self.augmentation.check()
    }
}
