//! DenseNet121 (Huang et al., CVPR 2017), torchvision's.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, Linear};
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Device, Tensor};

use super::layers::{Conv, global_mean, linear, max_pool, norm, norm_relu};
use super::network::{Classifier, Named};
use crate::rng::Rng;

/// Layers of the four blocks.
const BLOCKS: [usize; 4] = [6, 12, 24, 16];
/// Channels within a layer per channel that it adds.
const BOTTLENECK: usize = 4;

/// One layer: 1x1 and 3x3 convolution, each after its normalisation, whose result is joined to the input.
#[derive(Module, Debug)]
struct Layer {
    norm1: BatchNorm,
    conv1: Conv2d,
    norm2: BatchNorm,
    conv2: Conv2d,
}

impl Layer {
    fn new(inputs: usize, growth: usize, device: &Device) -> Self {
        let inner = BOTTLENECK * growth;
        Self {
            norm1: norm(inputs, device),
            conv1: Conv::new(inputs, inner, 1).init(device),
            norm2: norm(inner, device),
            conv2: Conv::new(inner, growth, 3).init(device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.conv1.forward(norm_relu(&self.norm1, x.clone()));
        let y = self.conv2.forward(norm_relu(&self.norm2, y));
        Tensor::cat(vec![x, y], 1)
    }
}

/// Between two blocks: half the channels, half the size.
#[derive(Module, Debug)]
struct Transition {
    norm: BatchNorm,
    conv: Conv2d,
}

impl Transition {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        avg_pool2d(self.conv.forward(norm_relu(&self.norm, x)), AvgPoolOptions::new([2, 2]).with_stride([2, 2]))
    }
}

/// DenseNet121 as a classifier.
#[derive(Module, Debug)]
pub(super) struct Densenet {
    conv0: Conv2d,
    norm0: BatchNorm,
    blocks: Vec<Vec<Layer>>,
    transitions: Vec<Transition>,
    norm5: BatchNorm,
    classifier: Linear,
}

impl Densenet {
    /// With `width` channels after the first convolution, 64 as published; every layer adds half as many.
    pub(super) fn new(inputs: usize, width: usize, outputs: usize, device: &Device) -> Self {
        let growth = (width / 2).max(1);
        let mut channels = width;
        let (mut blocks, mut transitions) = (Vec::new(), Vec::new());
        for (index, count) in BLOCKS.into_iter().enumerate() {
            if index > 0 {
                let half = channels / 2;
                let conv = Conv::new(channels, half, 1).init(device);
                transitions.push(Transition { norm: norm(channels, device), conv });
                channels = half;
            }
            blocks.push((0..count).map(|layer| Layer::new(channels + layer * growth, growth, device)).collect());
            channels += count * growth;
        }
        Self {
            conv0: Conv::new(inputs, width, 7).stride(2).init(device),
            norm0: norm(width, device),
            blocks,
            transitions,
            norm5: norm(channels, device),
            classifier: linear(channels, outputs, device),
        }
    }
}

impl Classifier for Densenet {
    fn maps(&self, image: Tensor<4>) -> Tensor<4> {
        let mut x = max_pool(norm_relu(&self.norm0, self.conv0.forward(image)), 3, 2, 1);
        for (index, block) in self.blocks.iter().enumerate() {
            if let Some(transition) = index.checked_sub(1).and_then(|before| self.transitions.get(before)) {
                x = transition.forward(x);
            }
            x = block.iter().fold(x, |x, layer| layer.forward(x));
        }
        norm_relu(&self.norm5, x)
    }

    fn head(&self, maps: Tensor<4>, _noise: Option<&mut Rng>) -> Tensor<2> {
        self.classifier.forward(global_mean(maps))
    }
}

impl Named for Densenet {
    fn published(&self, path: &str) -> String {
        let parts: Vec<&str> = path.split('.').collect();
        // torchvision counts from 1.
        let next = |index: &str| index.parse::<usize>().map_or_else(|_| index.to_owned(), |i| (i + 1).to_string());
        match parts.as_slice() {
            ["classifier", ..] => path.to_owned(),
            ["blocks", block, layer, rest @ ..] => {
                format!("features.denseblock{}.denselayer{}.{}", next(block), next(layer), rest.join("."))
            }
            ["transitions", index, rest @ ..] => format!("features.transition{}.{}", next(index), rest.join(".")),
            _ => format!("features.{path}"),
        }
    }

    fn head_names(&self) -> &'static [&'static str] {
        &["classifier."]
    }
}
