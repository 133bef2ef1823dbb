//! The network in burn.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor, activation};

use super::UnetConfig;

/// Added to a variance before its root, so that a constant channel has a gradient.
pub(super) const VARIANCE_EPSILON: f64 = 1e-5;
/// Side of the kernel of the double convolutions.
const KERNEL: usize = 3;

/// Twice: 3x3 convolution, batch normalisation, ReLU.
#[derive(Module, Debug)]
pub struct DoubleConv {
    pub(super) conv1: Conv2d,
    pub(super) norm1: BatchNorm,
    pub(super) conv2: Conv2d,
    pub(super) norm2: BatchNorm,
}

impl DoubleConv {
    fn new(inputs: usize, outputs: usize, device: &Device) -> Self {
        // A bias before a batch normalisation has no effect.
        let conv = |inputs: usize| {
            Conv2dConfig::new([inputs, outputs], [KERNEL, KERNEL])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .with_bias(false)
                .with_initializer(Initializer::Zeros)
                .init(device)
        };
        let norm = || BatchNormConfig::new(outputs).init(device);
        Self { conv1: conv(inputs), norm1: norm(), conv2: conv(outputs), norm2: norm() }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = activation::relu(self.norm1.forward(self.conv1.forward(x)));
        activation::relu(self.norm2.forward(self.conv2.forward(x)))
    }
}

/// The shared encoder.
#[derive(Module, Debug)]
pub struct Encoder {
    pub(super) levels: Vec<DoubleConv>,
    pool: MaxPool2d,
}

impl Encoder {
    fn new(config: UnetConfig, device: &Device) -> Self {
        let channels = config.channels();
        let inputs = std::iter::once(1).chain(channels.iter().copied());
        let levels = inputs.zip(&channels).map(|(inputs, &outputs)| DoubleConv::new(inputs, outputs, device));
        Self { levels: levels.collect(), pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init() }
    }

    /// Maps of every level `[n, c, h, w]`, the bottleneck last, of pictures `[n, 1, h, w]`.
    #[must_use]
    pub fn forward(&self, picture: Tensor<4>) -> Vec<Tensor<4>> {
        let mut maps: Vec<Tensor<4>> = Vec::with_capacity(self.levels.len());
        for level in &self.levels {
            let input = match maps.last() {
                Some(above) => self.pool.forward(above.clone()),
                None => picture.clone(),
            };
            maps.push(level.forward(input));
        }
        maps
    }

    /// Feature vectors `[n, features]`: mean of every channel over the picture, then standard deviation, level by level.
    /// They are what Eq. (5) and (6) call the entries of f.
    #[must_use]
    pub fn features(maps: &[Tensor<4>]) -> Tensor<2> {
        let mut parts = Vec::with_capacity(2 * maps.len());
        for map in maps {
            let [n, c, h, w] = map.dims();
            let flat: Tensor<3> = map.clone().reshape([n, c, h * w]);
            let mean = flat.clone().mean_dim(2);
            let deviation = flat - mean.clone();
            let variance = (deviation.clone() * deviation).mean_dim(2);
            parts.push(mean.reshape([n, c]));
            parts.push(variance.add_scalar(VARIANCE_EPSILON).sqrt().reshape([n, c]));
        }
        Tensor::cat(parts, 1)
    }
}

/// The decoder of one domain.
#[derive(Module, Debug)]
pub struct Decoder {
    pub(super) ups: Vec<ConvTranspose2d>,
    pub(super) blocks: Vec<DoubleConv>,
    pub(crate) head: Conv2d,
}

impl Decoder {
    fn new(config: UnetConfig, labels: usize, device: &Device) -> Self {
        let channels = config.channels();
        let steps: Vec<(usize, usize)> = channels.windows(2).rev().map(|pair| (pair[1], pair[0])).collect();
        let up = |&(below, here): &(usize, usize)| {
            ConvTranspose2dConfig::new([below, here], [2, 2])
                .with_stride([2, 2])
                .with_initializer(Initializer::Zeros)
                .init(device)
        };
        let block = |&(_, here): &(usize, usize)| DoubleConv::new(2 * here, here, device);
        Self {
            ups: steps.iter().map(up).collect(),
            blocks: steps.iter().map(block).collect(),
            head: Conv2dConfig::new([config.width, labels], [1, 1]).with_initializer(Initializer::Zeros).init(device),
        }
    }

    /// Logits `[n, labels, h, w]` of the encoder's maps.
    #[must_use]
    pub fn forward(&self, maps: &[Tensor<4>]) -> Tensor<4> {
        let mut levels = maps.iter().rev();
        let mut x = levels.next().cloned().unwrap_or_else(|| Tensor::zeros([1, 1, 1, 1], &self.head.weight.device()));
        for ((up, block), skip) in self.ups.iter().zip(&self.blocks).zip(levels) {
            x = block.forward(Tensor::cat(vec![skip.clone(), up.forward(x)], 1));
        }
        self.head.forward(x)
    }
}

/// Encoder and decoders.
#[derive(Module, Debug)]
pub struct Network {
    /// The shared encoder.
    pub encoder: Encoder,
    /// The decoders: one during the warm start, then one per domain.
    pub decoders: Vec<Decoder>,
}

impl Network {
    /// A network with one decoder whose kernels and biases are all 0; [`Network::seeded`] draws the kernels, so that no backend's
    /// generator has a say.
    pub(super) fn new(config: UnetConfig, labels: usize, device: &Device) -> Self {
        Self { encoder: Encoder::new(config, device), decoders: vec![Decoder::new(config, labels, device)] }
    }
}
