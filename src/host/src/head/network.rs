//! The burn module behind a [`Head`].

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData, activation};

use super::{Dense, Head};
use crate::error::{HostError, Result};
use crate::rng::Rng;

/// Dense layers as burn parameters.
#[derive(Module, Debug)]
pub(super) struct Network {
    layers: Vec<Linear>,
}

/// The CPU device that everything trains on.
pub(super) fn device() -> Device {
    Device::flex().autodiff()
}

impl Network {
    /// Copies `head`.
    pub(super) fn from_head(head: &Head, device: &Device) -> Self {
        let linear = |layer: &Dense| Linear {
            weight: Param::from_data(TensorData::new(layer.weight.clone(), [layer.inputs, layer.outputs]), device),
            bias: Some(Param::from_data(TensorData::new(layer.bias.clone(), [layer.outputs]), device)),
        };
        Self { layers: head.layers.iter().map(linear).collect() }
    }

    /// Copies the parameters out.
    pub(super) fn to_head(&self) -> Result<Head> {
        let values = |data: TensorData| data.try_to_vec::<f32>().map_err(|e| HostError::Diverged(format!("{e:?}")));
        let dense = |layer: &Linear| {
            let [inputs, outputs] = layer.weight.val().dims();
            let bias = layer.bias.as_ref().map_or_else(|| Ok(vec![0.0; outputs]), |b| values(b.val().into_data()))?;
            Ok(Dense { inputs, outputs, weight: values(layer.weight.val().into_data())?, bias })
        };
        Ok(Head { layers: self.layers.iter().map(dense).collect::<Result<_>>()? })
    }

    /// Logits `[n, classes]` of features `[n, d]`. `dropout` is the share of hidden values to drop and the generator
    /// that draws them; none drops nothing.
    pub(super) fn forward(&self, mut x: Tensor<2>, mut dropout: Option<(f64, &mut Rng)>) -> Tensor<2> {
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(x);
            if index + 1 < self.layers.len() {
                x = activation::relu(x);
                if let Some((rate, rng)) = &mut dropout {
                    x = drop(x, *rate, rng);
                }
            }
        }
        x
    }

    /// `|W - W_0|^2` over all weights; biases are free.
    pub(super) fn distance(&self, anchor: &[Tensor<2>]) -> Tensor<1> {
        let mut sum: Option<Tensor<1>> = None;
        for (layer, anchor) in self.layers.iter().zip(anchor) {
            let difference = layer.weight.val() - anchor.clone();
            let term = (difference.clone() * difference).sum();
            sum = Some(sum.map_or(term.clone(), |s| s + term));
        }
        sum.unwrap_or_else(|| Tensor::zeros([1], &device()))
    }
}

/// Sets a share of the values to 0 and scales the others so that the expectation stays.
fn drop(x: Tensor<2>, rate: f64, rng: &mut Rng) -> Tensor<2> {
    let [n, width] = x.dims();
    let keep = (1.0 / (1.0 - rate)) as f32;
    let mask: Vec<f32> = (0..n * width).map(|_| if rng.chance(rate) { 0.0 } else { keep }).collect();
    let mask = Tensor::from_data(TensorData::new(mask, [n, width]), &x.device());
    x * mask
}

/// A head with He-normal weights and zero biases (He et al. 2015); a single linear layer starts at zero, where its
/// convex loss needs no luck.
pub(super) fn initial(inputs: usize, hidden: &[usize], outputs: usize, rng: &mut Rng) -> Head {
    if hidden.is_empty() {
        return Head { layers: vec![Dense::zero(inputs, outputs)] };
    }
    let mut widths = vec![inputs];
    widths.extend_from_slice(hidden);
    widths.push(outputs);
    let layers = widths.windows(2).map(|pair| {
        let mut layer = Dense::zero(pair[0], pair[1]);
        let std = (2.0 / pair[0] as f64).sqrt();
        layer.weight.iter_mut().for_each(|w| *w = (std * rng.normal()) as f32);
        layer
    });
    Head { layers: layers.collect() }
}
