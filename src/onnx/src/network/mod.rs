//! Reading a model of few, simple layers: what the quantiser takes apart.
//!
//! A [`Network`] is what [`Graph`](crate::Graph) writes for decoders: convolutions, transposed convolutions, fully connected
//! layers, ReLU, max pooling and concatenation, with constant weights. Anything else is refused by name, so that nothing is
//! taken for what it is not.

mod attributes;
mod read;
mod write;

use crate::ops::{Conv2d, Pool2d};

/// A model as a list of layers in the order of computation.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Name of the graph.
    pub name: String,
    /// Text for its reader.
    pub documentation: String,
    /// Metadata as (key, value).
    pub metadata: Vec<(String, String)>,
    /// Inputs as (tensor, shape).
    pub inputs: Vec<(String, Vec<usize>)>,
    /// Layers; each reads inputs or results of layers before it.
    pub layers: Vec<Layer>,
    /// Outputs: results of layers.
    pub outputs: Vec<String>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Name of its weights without `.weight`, or of its node where it has none.
    pub name: String,
    /// What it computes.
    pub operation: Operation,
    /// Tensors that it reads.
    pub inputs: Vec<String>,
    /// Tensor that it writes.
    pub output: String,
}

/// What a layer computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Convolution with a kernel `[m, c, kh, kw]` and a bias `[m]`; one group, no dilation.
    Conv(Weights, Conv2d),
    /// Transposed convolution with a kernel `[c, m, kh, kw]` whose copies touch but do not overlap: stride `[kh, kw]`, no
    /// padding.
    ConvTranspose(Weights),
    /// `x W + b` with `W` as `[k, n]` and `b` as `[n]`, `x` as `[m, k]`.
    Linear(Weights),
    /// `max(x, 0)`.
    Relu,
    /// Largest value of each window.
    MaxPool(Pool2d),
    /// Joins its inputs along this axis.
    Concat(usize),
}

/// Weight and bias of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Shape of the weight.
    pub shape: Vec<usize>,
    /// The weight, row-major.
    pub values: Vec<f32>,
    /// One value per output channel; zeros where the model has none.
    pub bias: Vec<f32>,
}

impl Operation {
    /// Weight and bias, where the layer has them.
    #[must_use]
    pub fn weights(&self) -> Option<&Weights> {
        match self {
            Self::Conv(weights, _) | Self::ConvTranspose(weights) | Self::Linear(weights) => Some(weights),
            Self::Relu | Self::MaxPool(_) | Self::Concat(_) => None,
        }
    }

    /// The same, to be changed.
    pub fn weights_mut(&mut self) -> Option<&mut Weights> {
        match self {
            Self::Conv(weights, _) | Self::ConvTranspose(weights) | Self::Linear(weights) => Some(weights),
            Self::Relu | Self::MaxPool(_) | Self::Concat(_) => None,
        }
    }

    /// Dimension of the weight that counts the output channels: 0 of a convolution, 1 of a transposed convolution and of a
    /// fully connected layer.
    #[must_use]
    pub const fn output_axis(&self) -> usize {
        match self {
            Self::ConvTranspose(_) | Self::Linear(_) => 1,
            Self::Conv(..) | Self::Relu | Self::MaxPool(_) | Self::Concat(_) => 0,
        }
    }
}

impl Weights {
    /// Index of `position` (row-major) along dimension `axis`.
    #[must_use]
    pub fn index(&self, position: usize, axis: usize) -> usize {
        let inner: usize = self.shape.iter().skip(axis + 1).product();
        let size = self.shape.get(axis).copied().unwrap_or(1).max(1);
        position / inner.max(1) % size
    }
}
