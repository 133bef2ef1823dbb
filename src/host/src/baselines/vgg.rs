//! VGG16 (Simonyan & Zisserman, ICLR 2015), torchvision's configuration D, with or without batch normalisation.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, Linear};
use burn::tensor::module::adaptive_avg_pool2d;
use burn::tensor::{Device, Tensor, activation};

use super::layers::{Conv, dropout, linear, max_pool, norm};
use super::network::{Classifier, Named};
use crate::rng::Rng;

/// Convolutions per stage.
pub(super) const STAGES: [usize; 5] = [2, 2, 3, 3, 3];
/// Side of the map that the fully connected layers read.
const SIDE: usize = 7;
/// Width of the hidden layers per channel of the first stage: 4096 for 64.
const HIDDEN: usize = 64;
const DROPOUT: f64 = 0.5;

/// Channels of stage `stage`, 64, 128, 256, 512 and 512 for the published width of 64.
pub(super) const fn channels(width: usize, stage: usize) -> usize {
    width << if stage < 3 { stage } else { 3 }
}

/// 3x3 convolution with bias, normalisation where there is one, ReLU.
#[derive(Module, Debug)]
pub(super) struct Unit {
    pub(super) conv: Conv2d,
    pub(super) norm: Option<BatchNorm>,
}

impl Unit {
    pub(super) fn new(inputs: usize, outputs: usize, normalised: bool, device: &Device) -> Self {
        Self {
            conv: Conv::new(inputs, outputs, 3).biased().init(device),
            norm: normalised.then(|| norm(outputs, device)),
        }
    }

    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.conv.forward(x);
        activation::relu(match &self.norm {
            Some(norm) => norm.forward(x),
            None => x,
        })
    }
}

/// The thirteen convolutions in order.
pub(super) fn features(inputs: usize, width: usize, normalised: bool, device: &Device) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut from = inputs;
    for (stage, count) in STAGES.into_iter().enumerate() {
        for _ in 0..count {
            let to = channels(width, stage);
            units.push(Unit::new(from, to, normalised, device));
            from = to;
        }
    }
    units
}

/// torchvision's name of a tensor below `features`, where every ReLU and pooling counts as a layer of its own:
/// `features.2.conv.weight` becomes `features.5.weight` without normalisation.
pub(super) fn published(path: &str, normalised: bool) -> String {
    let mut parts = path.split('.');
    let (Some("features"), Some(unit), Some(kind), Some(tensor)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return path.to_owned();
    };
    let Ok(unit) = unit.parse::<usize>() else { return path.to_owned() };
    let mut ends = 0;
    let pools = STAGES.iter().filter(|count| {
        ends += **count;
        ends <= unit
    });
    let layers = if normalised { 3 } else { 2 };
    let index = layers * unit + pools.count() + usize::from(kind == "norm");
    format!("features.{index}.{tensor}")
}

/// VGG16 as a classifier.
#[derive(Module, Debug)]
pub(super) struct Vgg {
    features: Vec<Unit>,
    classifier: (Linear, Linear, Linear),
}

impl Vgg {
    pub(super) fn new(inputs: usize, width: usize, normalised: bool, outputs: usize, device: &Device) -> Self {
        let (last, hidden) = (channels(width, STAGES.len() - 1) * SIDE * SIDE, HIDDEN * width);
        let classifier =
            (linear(last, hidden, device), linear(hidden, hidden, device), linear(hidden, outputs, device));
        Self { features: features(inputs, width, normalised, device), classifier }
    }
}

impl Classifier for Vgg {
    /// The map after the last ReLU, before its pooling: the last one with more than a few pixels.
    fn maps(&self, image: Tensor<4>) -> Tensor<4> {
        let mut units = self.features.iter();
        let mut x = image;
        for (stage, count) in STAGES.into_iter().enumerate() {
            if stage > 0 {
                x = max_pool(x, 2, 2, 0);
            }
            x = units.by_ref().take(count).fold(x, |x, unit| unit.forward(x));
        }
        x
    }

    fn head(&self, maps: Tensor<4>, mut noise: Option<&mut Rng>) -> Tensor<2> {
        let x = adaptive_avg_pool2d(max_pool(maps, 2, 2, 0), [SIDE, SIDE]);
        let [n, c, h, w] = x.dims();
        let (first, second, last) = &self.classifier;
        let x = activation::relu(first.forward(x.reshape([n, c * h * w])));
        let x = activation::relu(second.forward(dropout(x, DROPOUT, noise.as_deref_mut())));
        last.forward(dropout(x, DROPOUT, noise))
    }
}

impl Named for Vgg {
    fn published(&self, path: &str) -> String {
        // torchvision counts ReLU and dropout between the three layers.
        match path.strip_prefix("classifier.").and_then(|rest| rest.split_once('.')) {
            Some(("1", tensor)) => format!("classifier.3.{tensor}"),
            Some(("2", tensor)) => format!("classifier.6.{tensor}"),
            _ => published(path, self.features.iter().any(|unit| unit.norm.is_some())),
        }
    }

    fn head_names(&self) -> &'static [&'static str] {
        &["classifier.6."]
    }
}
