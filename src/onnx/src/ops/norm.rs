//! Normalisation and softmax.

use crate::error::OnnxError;
use crate::graph::{Graph, Value};
use crate::ops::{mismatch, rank};
use crate::proto::{float, int};
use crate::shape;

impl Graph {
    /// `(x - mean) / sqrt(variance + epsilon) * scale + bias` over the last dimension, with the population variance.
    /// `scale` and `bias` are vectors of that dimension.
    pub fn layer_norm(&mut self, x: Value, scale: Value, bias: Value, epsilon: f32) -> Result<Value, OnnxError> {
        const NAME: &str = "LayerNormalization";
        let shape = self.shape_of(NAME, x)?;
        let Some((_, vector)) = shape.split_last().map(|(last, rest)| (rest, [*last])) else {
            return mismatch(NAME, &shape, &[], "the input needs at least one dimension");
        };
        for parameter in [scale, bias] {
            let found = self.shape_of(NAME, parameter)?;
            if found != vector {
                return mismatch(NAME, &shape, &found, "scale and bias must be vectors of the last dimension");
            }
        }
        let attributes = vec![int("axis", -1), float("epsilon", epsilon)];
        self.node(NAME, &[x.into(), scale.into(), bias.into()], attributes, &shape)
    }

    /// Batch normalisation of `[n, c, ..]` with the running statistics of training, each a vector of `c`.
    pub fn batch_norm(
        &mut self,
        x: Value,
        scale: Value,
        bias: Value,
        mean: Value,
        variance: Value,
        epsilon: f32,
    ) -> Result<Value, OnnxError> {
        const NAME: &str = "BatchNormalization";
        let shape = self.shape_of(NAME, x)?;
        rank(NAME, "input", &shape, &[2, 3, 4, 5], "two to five dimensions")?;
        for parameter in [scale, bias, mean, variance] {
            let found = self.shape_of(NAME, parameter)?;
            if found != [shape[1]] {
                return mismatch(NAME, &shape, &found, "each parameter must be a vector with one entry per channel");
            }
        }
        let operands = [x.into(), scale.into(), bias.into(), mean.into(), variance.into()];
        self.node(NAME, &operands, vec![float("epsilon", epsilon)], &shape)
    }

    /// `exp(x) / sum(exp(x))` along `axis`, which counts from the end where negative.
    pub fn softmax(&mut self, x: Value, axis: isize) -> Result<Value, OnnxError> {
        const NAME: &str = "Softmax";
        let shape = self.shape_of(NAME, x)?;
        let axis = shape::axis(NAME, axis, shape.len())?;
        // Written from the end: independent of a batch dimension that a runtime drops or adds.
        let from_end = axis as i64 - shape.len() as i64;
        self.node(NAME, &[x.into()], vec![int("axis", from_end)], &shape)
    }
}
