//! Networks against PyTorch, training on drawn pictures.

#![allow(clippy::unwrap_used, reason = "tests")]

mod parity;
mod training;

use ushydra_bundle::{Colour, Crop, Filter, Fit, InputSpec};

use super::BaselineConfig;
use crate::augment::AugmentConfig;

/// Tiny networks for pictures of 32 x 32.
pub(super) fn config() -> BaselineConfig {
    let input = InputSpec {
        width: 32,
        height: 32,
        channels: 1,
        colour: Colour::Grey,
        crop: Crop::None,
        resize: Fit::Stretch,
        filter: Filter::Bilinear,
        mean: vec![0.2],
        std: vec![0.2],
    };
    let augmentation = AugmentConfig { mirror: 0.5, gain: 0.1, ..AugmentConfig::none() };
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    BaselineConfig {
        width: 4,
        batch: 4,
        epochs: 3,
        backbone: super::Depth::Resnet18,
        output_stride: 16,
        ..BaselineConfig::new(names(&["bar", "disc"]), names(&["low", "high"]), input, augmentation)
    }
}
