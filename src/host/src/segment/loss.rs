//! The segmentation loss: Eq. (2) with an optional cross-entropy that weighs the boundary.

use burn::nn::PaddingConfig2d;
use burn::nn::pool::MaxPool2dConfig;
use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

/// Keeps the Dice of two empty masks at 1, in pixels.
const SMOOTH: f32 = 1.0;

/// Weights of the terms: `dice * (1 - Dice) + entropy * BCE`, BCE with pixel weights `1 + boundary * edge`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossConfig {
    /// Weight of `1 - Dice`.
    pub dice: f32,
    /// Weight of the mean binary cross-entropy.
    pub entropy: f32,
    /// Additional weight of pixels within `radius` of the structure's edge.
    pub boundary: f32,
    /// Reach of that edge in pixels.
    pub radius: usize,
}

impl LossConfig {
    /// The first value that cannot work.
    ///
    /// # Errors
    /// Cause and remedy.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [("dice", self.dice), ("entropy", self.entropy), ("boundary", self.boundary)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(format!("training.loss.{name} = {value}; use a number of at least 0"));
            }
        }
        if self.dice <= 0.0 && self.entropy <= 0.0 {
            return Err("training.loss: dice and entropy are both 0; give one of them a weight".to_owned());
        }
        Ok(())
    }

    /// Mean loss of logits and targets `[n, 1, h, w]`, targets being covered shares of pixels in 0..1.
    #[must_use]
    pub fn compute(&self, logits: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
        let [n, c, h, w] = logits.dims();
        let flat = |t: Tensor<4>| -> Tensor<2> { t.reshape([n, c * h * w]) };
        let probability = flat(activation::sigmoid(logits.clone()));
        let truth = flat(target.clone());
        let overlap = (probability.clone() * truth.clone()).sum_dim(1);
        let sizes = (probability + truth).sum_dim(1);
        let dice = (overlap.mul_scalar(2.0).add_scalar(SMOOTH) / sizes.add_scalar(SMOOTH)).reshape([n]);
        let mut loss = dice.neg().add_scalar(1.0).mul_scalar(self.dice);
        if self.entropy > 0.0 {
            // log(1 + exp(x)) - t x, stable for logits of any size.
            let entropy = activation::softplus(logits.clone(), 1.0) - logits * target.clone();
            let entropy = match self.edge(target) {
                Some(edge) => entropy * edge.mul_scalar(self.boundary).add_scalar(1.0),
                None => entropy,
            };
            loss = loss + flat(entropy).mean_dim(1).reshape([n]).mul_scalar(self.entropy);
        }
        loss.mean()
    }

    /// 1 within `radius` of the edge: dilation minus erosion of the target.
    fn edge(&self, target: Tensor<4>) -> Option<Tensor<4>> {
        if self.boundary <= 0.0 || self.radius == 0 {
            return None;
        }
        let side = 2 * self.radius + 1;
        let padding = PaddingConfig2d::Explicit(self.radius, self.radius, self.radius, self.radius);
        let pool = MaxPool2dConfig::new([side, side]).with_strides([1, 1]).with_padding(padding).init();
        let grow = |t: Tensor<4>| pool.forward(t);
        let grown = grow(target.clone());
        let shrunk = grow(target.neg()).neg();
        Some(grown - shrunk)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    fn tensor(values: &[f32]) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values.to_vec(), [1, 1, 1, values.len()]), &Device::flex())
    }

    fn loss(config: LossConfig, logits: &[f32], target: &[f32]) -> f32 {
        config.compute(tensor(logits), tensor(target)).into_scalar()
    }

    #[test]
    fn against_hand_computed_values() {
        let dice = LossConfig { dice: 1.0, entropy: 0.0, boundary: 0.0, radius: 0 };
        // p = 1/2 everywhere, two of four pixels set: (2 * 1 + 1) / (2 + 2 + 1).
        assert!((loss(dice, &[0.0; 4], &[1.0, 1.0, 0.0, 0.0]) - (1.0 - 3.0 / 5.0)).abs() < 1e-6);
        assert!(loss(dice, &[40.0, -40.0], &[1.0, 0.0]).abs() < 1e-6);
        assert!(loss(dice, &[-40.0, -40.0], &[0.0, 0.0]).abs() < 1e-6, "two empty masks agree");
        let entropy = LossConfig { dice: 0.0, entropy: 1.0, ..dice };
        assert!((loss(entropy, &[0.0; 4], &[1.0, 0.0, 0.5, 0.0]) - 2.0_f32.ln()).abs() < 1e-6);
        // Of five pixels the two around the step weigh twice.
        let edge = LossConfig { boundary: 1.0, radius: 1, ..entropy };
        let expected = 2.0_f32.ln() * 7.0 / 5.0;
        assert!((loss(edge, &[0.0; 5], &[1.0, 1.0, 1.0, 0.0, 0.0]) - expected).abs() < 1e-6);
    }

    #[test]
    fn values_that_cannot_work() {
        let good = LossConfig { dice: 1.0, entropy: 1.0, boundary: 1.0, radius: 2 };
        assert!(good.check().is_ok());
        for bad in [
            LossConfig { dice: -1.0, ..good },
            LossConfig { boundary: f32::NAN, ..good },
            LossConfig { dice: 0.0, entropy: 0.0, ..good },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
