//! Classification decoders: dense layers on the encoder's feature vector.

pub mod export;
pub mod network;
pub mod scaler;
pub mod store;
pub mod train;

use serde::{Deserialize, Serialize};

pub use scaler::Scaler;
pub use train::{TrainingSet, fit};

use crate::error::{HostError, Result};

/// Shape and regularisation of a decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadConfig {
    /// Widths of the hidden layers (ReLU after each); empty for one linear layer. The article's decoder is `[512]`.
    pub hidden: Vec<usize>,
    /// Share of the hidden values that is dropped in training (only with hidden layers).
    pub dropout: f64,
    /// Share of the target spread evenly over the classes.
    pub label_smoothing: f64,
    /// `l2 / 2 * |W - W_0|^2` is added to the mean loss; `W_0` is the start (zero, or the shared head).
    pub l2: f64,
    /// How the minimum is looked for.
    pub optimiser: Optimiser,
}

/// How the minimum is looked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Optimiser {
    /// Full-batch L-BFGS with strong Wolfe line search: exact for linear decoders.
    Lbfgs {
        /// Most iterations.
        iterations: usize,
    },
    /// Mini-batches with Adam and cosine learning rate decay; the weight decay is `l2`.
    Adam {
        /// Passes over the training set.
        epochs: usize,
        /// Samples per step.
        batch: usize,
        /// First learning rate.
        learning_rate: f64,
    },
}

/// One dense layer: `y = x W + b`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// Length of x.
    pub inputs: usize,
    /// Length of y.
    pub outputs: usize,
    /// `inputs x outputs`, row-major by input.
    pub weight: Vec<f32>,
    /// `outputs` values.
    pub bias: Vec<f32>,
}

impl Dense {
    /// All zero.
    #[must_use]
    pub fn zero(inputs: usize, outputs: usize) -> Self {
        Self { inputs, outputs, weight: vec![0.0; inputs * outputs], bias: vec![0.0; outputs] }
    }

    /// `x W + b` in f64.
    #[must_use]
    pub fn apply(&self, x: &[f64]) -> Vec<f64> {
        let mut y: Vec<f64> = self.bias.iter().map(|&b| f64::from(b)).collect();
        for (&x, row) in x.iter().zip(self.weight.chunks_exact(self.outputs)) {
            for (y, &w) in y.iter_mut().zip(row) {
                *y += x * f64::from(w);
            }
        }
        y
    }
}

/// Dense layers with ReLU between them; the last gives logits.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// First to last.
    pub layers: Vec<Dense>,
}

impl Head {
    /// Logits of one feature vector.
    #[must_use]
    pub fn logits(&self, features: &[f32]) -> Vec<f64> {
        let mut x: Vec<f64> = features.iter().map(|&v| f64::from(v)).collect();
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.apply(&x);
            if index + 1 < self.layers.len() {
                x.iter_mut().for_each(|v| *v = v.max(0.0));
            }
        }
        x
    }

    /// Length of the feature vector.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |l| l.inputs)
    }

    /// Number of classes.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |l| l.outputs)
    }
}

/// One head whose logits are the mean of those of `heads`, which must have the same shape: hidden layers stand side by
/// side (block diagonal from the second on), the last layer averages.
///
/// # Errors
/// [`HostError::Dataset`] without heads or for heads of different shapes.
pub fn merge(heads: &[Head]) -> Result<Head> {
    let shape = |head: &Head| head.layers.iter().map(|l| (l.inputs, l.outputs)).collect::<Vec<_>>();
    let Some(first) = heads.first() else {
        return Err(HostError::Dataset("no heads to merge; train at least one".to_owned()));
    };
    if heads.iter().any(|h| shape(h) != shape(first)) {
        return Err(HostError::Dataset("heads of different shapes cannot be merged; train them alike".to_owned()));
    }
    let n = heads.len();
    let last = first.layers.len().saturating_sub(1);
    let layers = first.layers.iter().enumerate().map(|(index, like)| {
        // The first layer reads the same features in every head, the last one writes the same logits.
        let (rows, columns) = (if index == 0 { 1 } else { n }, if index == last { 1 } else { n });
        let mut layer = Dense::zero(like.inputs * rows, like.outputs * columns);
        let scale = if index == last { 1.0 / n as f32 } else { 1.0 };
        for (member, head) in heads.iter().enumerate() {
            let part = &head.layers[index];
            let (top, left) = (
                if rows == 1 { 0 } else { member * like.inputs },
                if columns == 1 { 0 } else { member * like.outputs },
            );
            for (row, weights) in part.weight.chunks_exact(part.outputs).enumerate() {
                let at = (top + row) * layer.outputs + left;
                layer.weight[at..at + part.outputs].iter_mut().zip(weights).for_each(|(sum, w)| *sum += w * scale);
            }
            layer.bias[left..left + part.outputs].iter_mut().zip(&part.bias).for_each(|(sum, b)| *sum += b * scale);
        }
        layer
    });
    Ok(Head { layers: layers.collect() })
}

/// `exp(x_i) / sum exp(x)`, safe for large logits.
#[must_use]
pub fn softmax(logits: &[f64]) -> Vec<f64> {
    let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exp: Vec<f64> = logits.iter().map(|l| (l - max).exp()).collect();
    let sum: f64 = exp.iter().sum();
    exp.iter().map(|e| e / sum).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn merged_head_averages_logits() {
        let mut rng = Rng::new(1);
        for widths in [vec![3, 2], vec![3, 5, 2], vec![3, 4, 6, 2]] {
            let mut random = || Head {
                layers: widths
                    .windows(2)
                    .map(|pair| {
                        let mut layer = Dense::zero(pair[0], pair[1]);
                        layer.weight.iter_mut().chain(&mut layer.bias).for_each(|v| *v = rng.normal() as f32);
                        layer
                    })
                    .collect(),
            };
            let heads = [random(), random(), random()];
            let merged = merge(&heads).unwrap();
            let x = [0.3, -0.7, 1.1];
            for (class, value) in merged.logits(&x).iter().enumerate() {
                let mean = heads.iter().map(|h| h.logits(&x)[class]).sum::<f64>() / 3.0;
                assert!((value - mean).abs() < 1e-5, "{value} {mean}");
            }
        }
        assert!(merge(&[]).is_err());
    }
}
