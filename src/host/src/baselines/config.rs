//! Settings of a baseline.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ushydra_bundle::{Colour, InputSpec};

use super::resnet::Depth;
use crate::augment::AugmentConfig;
use crate::files;
use crate::segment::ComputeDevice;
use crate::segment::loss::LossConfig;

/// A network of the article's comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Classification: residual network of 18 layers.
    Resnet18,
    /// Classification: residual network of 50 layers.
    Resnet50,
    /// Classification: VGG of 16 layers.
    Vgg16,
    /// Classification: densely connected network of 121 layers.
    Densenet121,
    /// Segmentation: fully convolutional network.
    Fcn,
    /// Segmentation: encoder and decoder joined by the places of the maxima.
    Segnet,
    /// Segmentation: atrous spatial pyramid pooling.
    DeeplabV3,
    /// Segmentation: domain-oriented feature embedding.
    Dofe,
}

impl Architecture {
    /// All of them, classifiers first.
    pub const ALL: [Self; 8] = [
        Self::Resnet18,
        Self::Resnet50,
        Self::Vgg16,
        Self::Densenet121,
        Self::Fcn,
        Self::Segnet,
        Self::DeeplabV3,
        Self::Dofe,
    ];

    /// Whether it draws masks; the others tell classes.
    #[must_use]
    pub const fn segments(self) -> bool {
        matches!(self, Self::Fcn | Self::Segnet | Self::DeeplabV3 | Self::Dofe)
    }

    /// Refuses a network of the other task.
    pub(super) fn must_segment(self, wanted: bool) -> Result<(), String> {
        match (self.segments(), wanted) {
            (true, false) => Err(format!("{self} draws masks; choose a classifier for classes")),
            (false, true) => Err(format!("{self} tells classes; choose a segmenter for masks")),
            _ => Ok(()),
        }
    }

    /// As configuration files name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resnet18 => "resnet18",
            Self::Resnet50 => "resnet50",
            Self::Vgg16 => "vgg16",
            Self::Densenet121 => "densenet121",
            Self::Fcn => "fcn",
            Self::Segnet => "segnet",
            Self::DeeplabV3 => "deeplab-v3",
            Self::Dofe => "dofe",
        }
    }
}

impl FromStr for Architecture {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|a| a.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is no baseline; use one of {names}")
        })
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Everything that shapes a baseline, apart from the network and the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineConfig {
    /// Classes in the order of the probabilities; for masks the organ.
    pub labels: Vec<String>,
    /// Quality domains; DoFE keeps one prior for each.
    pub domains: Vec<String>,
    /// What the network is fed: 1 channel, or for classifiers also 3, the grey picture repeated.
    pub input: InputSpec,
    /// Augmentation of the training pictures; its number of views plays no role, every epoch draws its own.
    pub augmentation: AugmentConfig,
    /// Epochs at most.
    pub epochs: usize,
    /// Pictures per step, at least 2: batch normalisation has no variance over one.
    pub batch: usize,
    /// Pictures per epoch; 0 stands for the size of the training part.
    #[serde(default)]
    pub epoch_pictures: usize,
    /// Share of the draws that is spread evenly over the domains; the rest follows their sizes.
    #[serde(default)]
    pub balance: f64,
    /// Largest learning rate of the cosine schedule (AdamW).
    pub learning_rate: f64,
    /// Weight of the decoupled weight decay.
    pub weight_decay: f64,
    /// Epochs without a better validation figure after which training ends; 0 never ends early.
    #[serde(default)]
    pub patience: usize,
    /// Seed of weights, order, views and dropout.
    pub seed: u64,
    /// Channels of the first stage, 64 as published; all others follow. Other widths are other networks: report them as such.
    #[serde(default = "published_width")]
    pub width: usize,
    /// Residual network under FCN, DeepLab v3 and DoFE.
    #[serde(default)]
    pub backbone: Depth,
    /// How much smaller than the picture the last map of that backbone is: 8 as in torchvision, 16 or 32 to save time.
    #[serde(default = "published_stride")]
    pub output_stride: usize,
    /// Auxiliary loss on the third stage of FCN and DeepLab v3, as torchvision trained them.
    #[serde(default)]
    pub auxiliary: bool,
    /// Batch normalisation in VGG16 (torchvision's `vgg16_bn`).
    #[serde(default)]
    pub batch_norm: bool,
    /// Loss of masks, by default the one that the UNet of this project is trained with.
    #[serde(default = "mask_loss")]
    pub loss: LossConfig,
    /// Weight of the domain code's cross-entropy in DoFE.
    #[serde(default = "code_weight")]
    pub domain_code: f64,
    /// Pretrained weights of this network, or of its backbone, in the names of torchvision or timm: safetensors, or a .pth or .pt of
    /// `torch.save`. Without them weights are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// What computes.
    #[serde(default)]
    pub device: ComputeDevice,
}

const fn published_width() -> usize {
    64
}

const fn published_stride() -> usize {
    8
}

const fn code_weight() -> f64 {
    0.1
}

const fn mask_loss() -> LossConfig {
    LossConfig { dice: 1.0, entropy: 1.0, boundary: 2.0, radius: 2 }
}

impl BaselineConfig {
    /// Settings for these labels and domains with the published networks and a budget that one machine without a GPU bears.
    #[must_use]
    pub fn new(labels: Vec<String>, domains: Vec<String>, input: InputSpec, augmentation: AugmentConfig) -> Self {
        Self {
            labels,
            domains,
            input,
            augmentation,
            epochs: 30,
            batch: 16,
            epoch_pictures: 0,
            balance: 0.0,
            learning_rate: 1e-3,
            weight_decay: 1e-4,
            patience: 10,
            seed: 1,
            width: published_width(),
            backbone: Depth::default(),
            output_stride: published_stride(),
            auxiliary: false,
            batch_norm: false,
            loss: mask_loss(),
            domain_code: code_weight(),
            weights: None,
            device: ComputeDevice::default(),
        }
    }

    /// The first value that cannot work for `architecture`.
    ///
    /// # Errors
    /// Cause and remedy.
    pub fn check(&self, architecture: Architecture) -> Result<(), String> {
        crate::recipe::distinct("domains", &self.domains, 1)?;
        let labels = if architecture.segments() { 1 } else { 2 };
        crate::recipe::distinct("labels", &self.labels, labels)?;
        if architecture.segments() && self.labels.len() != 1 {
            return Err(format!("labels has {} entries; a mask shows exactly one structure", self.labels.len()));
        }
        let input = &self.input;
        let least = if architecture.segments() { 1 } else { 3 };
        if input.colour != Colour::Grey || !(input.channels == 1 || input.channels == least) {
            return Err(format!(
                "input.channels = {} and colour {:?}: {architecture} takes grey pictures in {}",
                input.channels,
                input.colour,
                if architecture.segments() { "1 channel" } else { "1 or 3 channels" }
            ));
        }
        if input.width.min(input.height) < LEAST_SIDE {
            return Err(format!(
                "input of {}x{}: {architecture} halves a picture five times; use at least {LEAST_SIDE} on each side",
                input.width, input.height
            ));
        }
        for (name, value) in [("epochs", self.epochs), ("width", self.width)] {
            if value == 0 {
                return Err(format!("{name} = 0; use at least 1"));
            }
        }
        if self.batch < 2 {
            return Err(format!("batch = {}; use at least 2, or batch normalisation has no variance", self.batch));
        }
        if self.width > MOST_WIDTH || !self.width.is_multiple_of(2) {
            return Err(format!("width = {}; use an even number up to {MOST_WIDTH}", self.width));
        }
        if !matches!(self.output_stride, 8 | 16 | 32) {
            return Err(format!("output_stride = {}; use 8, 16 or 32", self.output_stride));
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return Err(format!("learning_rate = {}; use a number above 0", self.learning_rate));
        }
        for (name, value) in [("weight_decay", self.weight_decay), ("domain_code", self.domain_code)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(format!("{name} = {value}; use a number of at least 0"));
            }
        }
        if !(0.0..=1.0).contains(&self.balance) {
            return Err(format!("balance = {}; use 0 to 1", self.balance));
        }
        self.loss.check()?;
        self.augmentation.check()
    }

    /// SHA-256 over every setting that training depends on. The pretrained weights enter by the hash of their file.
    pub(super) fn fingerprint(&self, architecture: Architecture, weights: Option<&str>) -> String {
        let settings = Self { weights: None, ..self.clone() };
        let parts = [format!("{architecture} {settings:?}"), self.input.fingerprint(), format!("{weights:?}")];
        files::fingerprint(&parts.each_ref().map(String::as_bytes))
    }
}

/// Smallest side of a picture: five halvings leave one pixel.
const LEAST_SIDE: u32 = 32;
/// Widest network that is meant.
const MOST_WIDTH: usize = 256;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_configuration_files() {
        for architecture in Architecture::ALL {
            assert_eq!(architecture.name().parse(), Ok(architecture));
            assert_eq!(serde_json::to_string(&architecture).unwrap(), format!("\"{architecture}\""));
        }
        assert!("resnet19".parse::<Architecture>().is_err_and(|e| e.contains("resnet18")));
    }

    #[test]
    fn values_that_cannot_work() {
        let good = super::super::tests::config();
        good.check(Architecture::Resnet18).unwrap();
        type Change = fn(&mut BaselineConfig);
        let cases: [(&str, Change); 10] = [
            ("labels", |c| c.labels.truncate(1)),
            ("domains", |c| c.domains.clear()),
            ("input.channels", |c| c.input.channels = 2),
            ("halves a picture", |c| c.input.width = 16),
            ("epochs", |c| c.epochs = 0),
            ("batch", |c| c.batch = 1),
            ("width", |c| c.width = 7),
            ("output_stride", |c| c.output_stride = 4),
            ("learning_rate", |c| c.learning_rate = f64::NAN),
            ("balance", |c| c.balance = 2.0),
        ];
        for (expected, change) in cases {
            let mut config = good.clone();
            change(&mut config);
            let problem = config.check(Architecture::Resnet18).unwrap_err();
            assert!(problem.contains(expected), "{expected}: {problem}");
        }
        assert!(good.check(Architecture::Fcn).unwrap_err().contains("exactly one structure"));
        let text = toml::to_string(&good).unwrap();
        assert_eq!(toml::from_str::<BaselineConfig>(&text).unwrap(), good);
        assert!(toml::from_str::<BaselineConfig>(&format!("epoch = 3\n{text}")).is_err());
    }
}
