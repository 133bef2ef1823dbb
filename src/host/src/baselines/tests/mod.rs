//! Networks against PyTorch, training on drawn pictures.

#![allow(clippy::unwrap_used, reason = "tests")]

mod parity;
mod pretrained;
mod training;

use safetensors::tensor::{Dtype, TensorView};
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

/// Writes formula weights of a network in torchvision's names, and those of `more` tensors.
pub(super) fn write_weights(
    architecture: super::Architecture,
    config: &BaselineConfig,
    path: &std::path::Path,
    more: &[(&str, &[usize])],
) {
    struct Shapes;
    impl super::build::WithClassifier for Shapes {
        type Answer = Vec<(String, Vec<usize>)>;
        fn run<C: super::network::Classifier>(self, network: C) -> crate::error::Result<Self::Answer> {
            Ok(super::weights::shapes(&network))
        }
    }
    let device = burn::tensor::Device::flex();
    let mut shapes = super::build::classifier(architecture, config, &device, Shapes).unwrap();
    shapes.extend(more.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())));
    let tensors = shapes.into_iter().map(|(name, shape)| (name.clone(), shape.clone(), parity::fill(&name, &shape)));
    write_tensors(path, &tensors.collect::<Vec<_>>());
}

/// Writes a safetensors file.
pub(super) fn write_tensors(path: &std::path::Path, tensors: &[(String, Vec<usize>, Vec<f32>)]) {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(_, _, values)| values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, shape, _), bytes)| (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    std::fs::write(path, safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap()).unwrap();
}
