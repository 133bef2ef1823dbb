//! What the networks are made of, with PyTorch's conventions, and weights that no backend's generator has a say in.

use burn::module::{Module, ModuleMapper, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::module::{interpolate, max_pool2d};
use burn::tensor::ops::{InterpolateMode, InterpolateOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData, activation};

use crate::rng::Rng;

/// Standard deviation of the weights of fully connected layers, torchvision's for VGG.
const LINEAR_STD: f64 = 0.01;

/// Shape of a square convolution. Without a bias unless [`Conv::biased`]: a bias before a batch normalisation has no effect.
#[derive(Clone, Copy)]
pub(super) struct Conv {
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: usize,
    bias: bool,
}

impl Conv {
    /// Kernel of 1 x 1 or `kernel` x `kernel` that keeps the size.
    pub(super) const fn new(inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self { inputs, outputs, kernel, stride: 1, dilation: 1, padding: kernel / 2, bias: false }
    }

    /// Every `stride`-th place only.
    pub(super) const fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// Taps `dilation` pixels apart.
    pub(super) const fn dilated(self, dilation: usize) -> Self {
        Self { dilation, padding: dilation * (self.kernel / 2), ..self }
    }

    /// With a bias.
    pub(super) const fn biased(self) -> Self {
        Self { bias: true, ..self }
    }

    /// The layer, all weights 0.
    pub(super) fn init(self, device: &Device) -> Conv2d {
        let pad = self.padding;
        Conv2dConfig::new([self.inputs, self.outputs], [self.kernel; 2])
            .with_stride([self.stride; 2])
            .with_dilation([self.dilation; 2])
            .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
            .with_bias(self.bias)
            .with_initializer(Initializer::Zeros)
            .init(device)
    }
}

/// Batch normalisation with PyTorch's epsilon (1e-5) and momentum (0.1).
pub(super) fn norm(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig::new(channels).init(device)
}

/// Fully connected layer, all weights 0.
pub(super) fn linear(inputs: usize, outputs: usize, device: &Device) -> Linear {
    LinearConfig::new(inputs, outputs).with_initializer(Initializer::Zeros).init(device)
}

/// `max(x, 0)` after a normalisation.
pub(super) fn norm_relu(norm: &BatchNorm, x: Tensor<4>) -> Tensor<4> {
    activation::relu(norm.forward(x))
}

/// Maximum over `kernel` x `kernel`.
pub(super) fn max_pool(x: Tensor<4>, kernel: usize, stride: usize, padding: usize) -> Tensor<4> {
    let options = MaxPoolOptions::new([kernel; 2]).with_stride([stride; 2]).with_padding_pairs([(padding, padding); 2]);
    max_pool2d(x, options)
}

/// Mean over the picture: `[n, c, h, w]` to `[n, c]`.
pub(super) fn global_mean(x: Tensor<4>) -> Tensor<2> {
    let [n, c, h, w] = x.dims();
    let flat: Tensor<3> = x.reshape([n, c, h * w]);
    flat.mean_dim(2).reshape([n, c])
}

/// Bilinear interpolation to `size` between pixel centres (`align_corners=False`).
pub(super) fn resize(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    let [_, _, h, w] = x.dims();
    if [h, w] == size {
        return x;
    }
    let options = InterpolateOptions::new(InterpolateMode::Bilinear).with_align_corners(false).with_output_size(size);
    interpolate(x, options)
}

/// Dropout of elements with probability `p`, scaled so that the mean stays. Without a generator, as in evaluation, `x` as it
/// is. The mask comes from our own generator, so that a resumed training draws what an uninterrupted one draws.
pub(super) fn dropout<const D: usize>(x: Tensor<D>, p: f64, noise: Option<&mut Rng>) -> Tensor<D> {
    let Some(noise) = noise else { return x };
    let dims = x.dims();
    let kept = (1.0 / (1.0 - p)) as f32;
    let mask: Vec<f32> = (0..dims.iter().product()).map(|_| if noise.chance(p) { 0.0 } else { kept }).collect();
    let mask = Tensor::from_data(TensorData::new(mask, dims), &x.device());
    x * mask
}

/// Draws every kernel: convolutions normal with variance 2 / fan-in (He et al. 2015), fully connected layers with standard
/// deviation 0.01. Vectors (biases 0, scales 1) and running statistics stay as they are.
pub(super) fn seeded<M: Module>(module: M, rng: &mut Rng) -> M {
    module.map(&mut Draw { rng, running: false })
}

struct Draw<'a> {
    rng: &'a mut Rng,
    running: bool,
}

impl ModuleMapper for Draw<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.running = name.starts_with(RUNNING);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let dims = param.val().dims();
        let std = match D {
            4 => (2.0 / dims[1..].iter().product::<usize>().max(1) as f64).sqrt(),
            2 if !self.running => LINEAR_STD,
            _ => return param,
        };
        let values: Vec<f32> = (0..dims.iter().product()).map(|_| (std * self.rng.normal()) as f32).collect();
        replace(param, values)
    }
}

/// Fields that hold running statistics begin like this.
pub(super) const RUNNING: &str = "running_";

/// The parameter with other values of the same shape.
pub(super) fn replace<const D: usize>(param: Param<Tensor<D>>, values: Vec<f32>) -> Param<Tensor<D>> {
    param.map(|old| {
        let (device, dims, tracked) = (old.device(), old.dims(), old.is_require_grad());
        let new = Tensor::from_data(TensorData::new(values, dims), &device);
        if tracked { new.require_grad() } else { new }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropout_keeps_the_mean_and_follows_its_seed() {
        let x = Tensor::<2>::ones([100, 100], &Device::flex());
        let drop = |seed| dropout(x.clone(), 0.5, Some(&mut Rng::new(seed)));
        let mean: f32 = drop(1).mean().into_scalar();
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
        assert_eq!(drop(1).into_data(), drop(1).into_data());
        assert_ne!(drop(1).into_data(), drop(2).into_data());
        assert_eq!(dropout(x.clone(), 0.5, None).into_data(), x.into_data());
    }
}
