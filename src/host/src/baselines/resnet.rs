//! ResNet (He et al., CVPR 2016), torchvision's v1.5: the stride of a bottleneck stands at its 3x3 convolution.

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, Linear};
use burn::tensor::{Device, Tensor, activation};
use serde::{Deserialize, Serialize};

use super::layers::{Conv, global_mean, linear, max_pool, norm, norm_relu};
use super::network::{Classifier, Named};
use crate::rng::Rng;

/// Factor between the inner and the outer channels of a bottleneck.
const EXPANSION: usize = 4;

/// Depth of the residual network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// ResNet18: two blocks of two 3x3 convolutions per stage.
    Resnet18,
    /// ResNet50: 3, 4, 6 and 3 bottlenecks.
    #[default]
    Resnet50,
}

impl Depth {
    const fn blocks(self) -> [usize; 4] {
        match self {
            Self::Resnet18 => [2; 4],
            Self::Resnet50 => [3, 4, 6, 3],
        }
    }

    const fn expansion(self) -> usize {
        match self {
            Self::Resnet18 => 1,
            Self::Resnet50 => EXPANSION,
        }
    }
}

/// Shape of a backbone.
#[derive(Clone, Copy)]
pub(super) struct ResnetConfig {
    pub(super) depth: Depth,
    /// Channels of the picture.
    pub(super) inputs: usize,
    /// Channels of the first stage, 64 as published.
    pub(super) width: usize,
    /// By how much the last map is smaller than the picture: 32 as published; 16 and 8 keep the size of the last stages and
    /// spread the taps instead (DeepLab).
    pub(super) stride: usize,
}

impl ResnetConfig {
    /// Channels of stage `stage`, 0 to 3.
    pub(super) const fn channels(&self, stage: usize) -> usize {
        (self.width << stage) * self.depth.expansion()
    }
}

/// A residual block: two 3x3 convolutions, or three where `conv3` is there: 1x1, 3x3, 1x1.
#[derive(Module, Debug)]
struct Block {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    conv3: Option<Conv2d>,
    bn3: Option<BatchNorm>,
    downsample: Option<(Conv2d, BatchNorm)>,
}

/// Steps of one block.
#[derive(Clone, Copy)]
struct Step {
    stride: usize,
    dilation: usize,
}

impl Block {
    fn new(depth: Depth, inputs: usize, inner: usize, step: Step, device: &Device) -> Self {
        let outputs = inner * depth.expansion();
        let Step { stride, dilation } = step;
        let wide = |inputs: usize| Conv::new(inputs, inner, 3).stride(stride).dilated(dilation);
        let (conv1, conv2, conv3) = match depth {
            Depth::Resnet18 => (wide(inputs), Conv::new(inner, inner, 3).dilated(dilation), None),
            Depth::Resnet50 => (Conv::new(inputs, inner, 1), wide(inner), Some(Conv::new(inner, outputs, 1))),
        };
        let downsample = (stride != 1 || inputs != outputs)
            .then(|| (Conv::new(inputs, outputs, 1).stride(stride).init(device), norm(outputs, device)));
        Self {
            conv1: conv1.init(device),
            bn1: norm(inner, device),
            conv2: conv2.init(device),
            bn2: norm(inner, device),
            bn3: conv3.is_some().then(|| norm(outputs, device)),
            conv3: conv3.map(|conv| conv.init(device)),
            downsample,
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let identity = match &self.downsample {
            Some((conv, norm)) => norm.forward(conv.forward(x.clone())),
            None => x.clone(),
        };
        let mut y = norm_relu(&self.bn1, self.conv1.forward(x));
        y = self.bn2.forward(self.conv2.forward(y));
        if let (Some(conv), Some(norm)) = (&self.conv3, &self.bn3) {
            y = norm.forward(conv.forward(activation::relu(y)));
        }
        activation::relu(y + identity)
    }
}

/// Everything before the pooling.
#[derive(Module, Debug)]
pub(super) struct Backbone {
    conv1: Conv2d,
    bn1: BatchNorm,
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
    layer4: Vec<Block>,
}

impl Backbone {
    pub(super) fn new(config: ResnetConfig, device: &Device) -> Self {
        let mut inputs = config.width;
        let (mut reduction, mut dilation) = (4, 1);
        let mut stage = |index: usize| -> Vec<Block> {
            let inner = config.width << index;
            let mut stride = if index == 0 { 1 } else { 2 };
            // As torchvision: the first block of a stage that keeps its size still has the dilation of the stage before.
            let first = dilation;
            if stride == 2 && reduction >= config.stride {
                dilation *= 2;
                stride = 1;
            }
            reduction *= stride;
            let blocks = (0..config.depth.blocks()[index]).map(|block| {
                let step = if block == 0 { Step { stride, dilation: first } } else { Step { stride: 1, dilation } };
                let block = Block::new(config.depth, inputs, inner, step, device);
                inputs = config.channels(index);
                block
            });
            blocks.collect()
        };
        Self {
            layer1: stage(0),
            layer2: stage(1),
            layer3: stage(2),
            layer4: stage(3),
            conv1: Conv::new(config.inputs, config.width, 7).stride(2).init(device),
            bn1: norm(config.width, device),
        }
    }

    /// Maps of the third and the fourth stage.
    pub(super) fn forward(&self, image: Tensor<4>) -> [Tensor<4>; 2] {
        let x = max_pool(norm_relu(&self.bn1, self.conv1.forward(image)), 3, 2, 1);
        let run = |x: Tensor<4>, blocks: &[Block]| blocks.iter().fold(x, |x, block| block.forward(x));
        let third = run(run(run(x, &self.layer1), &self.layer2), &self.layer3);
        let fourth = run(third.clone(), &self.layer4);
        [third, fourth]
    }
}

/// ResNet18 or ResNet50 as a classifier.
#[derive(Module, Debug)]
pub(super) struct Resnet {
    backbone: Backbone,
    fc: Linear,
}

impl Resnet {
    pub(super) fn new(config: ResnetConfig, outputs: usize, device: &Device) -> Self {
        Self { backbone: Backbone::new(config, device), fc: linear(config.channels(3), outputs, device) }
    }
}

impl Classifier for Resnet {
    fn maps(&self, image: Tensor<4>) -> Tensor<4> {
        let [_, fourth] = self.backbone.forward(image);
        fourth
    }

    fn head(&self, maps: Tensor<4>, _noise: Option<&mut Rng>) -> Tensor<2> {
        self.fc.forward(global_mean(maps))
    }
}

impl Named for Resnet {
    fn published(&self, path: &str) -> String {
        path.strip_prefix("backbone.").unwrap_or(path).to_owned()
    }

    fn head_names(&self) -> &'static [&'static str] {
        &["fc."]
    }
}
