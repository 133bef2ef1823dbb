//! The weights of a transformer, and what can be folded into them.

use crate::error::OnnxError;

/// A fully connected layer as PyTorch stores it: `weight` is row-major `[outputs, inputs]`, `bias` has `outputs`
/// elements or none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Linear {
    /// The matrix.
    pub weight: Vec<f32>,
    /// The offset of each output; empty for zero.
    pub bias: Vec<f32>,
}

impl Linear {
    /// Splits the outputs into equal parts, as for timm's merged `qkv` layer (query, key, value in this order).
    pub fn split<const PARTS: usize>(&self) -> Result<[Self; PARTS], OnnxError> {
        let part = |data: &[f32], index: usize| {
            let length = data.len() / PARTS.max(1);
            data.iter().skip(index * length).take(length).copied().collect::<Vec<_>>()
        };
        for data in [&self.weight, &self.bias] {
            if PARTS == 0 || data.len() % PARTS != 0 {
                return Err(OnnxError::Parameter {
                    operator: "split".to_owned(),
                    parameter: "length",
                    found: data.len().to_string(),
                    expected: format!("a multiple of {PARTS}"),
                });
            }
        }
        Ok(std::array::from_fn(|index| Self { weight: part(&self.weight, index), bias: part(&self.bias, index) }))
    }
}

/// Scale and bias of a layer normalisation, one entry per element of a token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Affine {
    /// Factor.
    pub scale: Vec<f32>,
    /// Offset.
    pub bias: Vec<f32>,
}

/// Weights of one block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VitBlock {
    /// Normalisation before attention.
    pub norm1: Affine,
    /// Query projection, `[width, width]`.
    pub query: Linear,
    /// Key projection, `[width, width]`.
    pub key: Linear,
    /// Value projection, `[width, width]`.
    pub value: Linear,
    /// Output projection of the attention, `[width, width]`.
    pub projection: Linear,
    /// Layer scale of the attention's output, where the network has one.
    pub scale1: Option<Vec<f32>>,
    /// Normalisation before the perceptron.
    pub norm2: Affine,
    /// First layer of the perceptron, `[hidden, width]`.
    pub expand: Linear,
    /// Second layer of the perceptron, `[width, hidden]`.
    pub contract: Linear,
    /// Layer scale of the perceptron's output, where the network has one.
    pub scale2: Option<Vec<f32>>,
}

/// Weights of a transformer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VitWeights {
    /// Patch embedding: weight `[width, channels, patch, patch]`.
    pub patch: Linear,
    /// The class token, `[width]`.
    pub class_token: Vec<f32>,
    /// Position embeddings of the class token and the patches row by row, `[tokens, width]`.
    pub positions: Vec<f32>,
    /// The blocks in order.
    pub blocks: Vec<VitBlock>,
    /// The final normalisation.
    pub norm: Affine,
}

impl Linear {
    /// The layer that takes the normalised token before `affine` where this one takes it afterwards:
    /// `W (s x + b) + c = (W diag s) x + (W b + c)`.
    pub(super) fn after(&self, affine: &Affine) -> Self {
        let rows = self.weight.chunks(affine.scale.len().max(1));
        let offset =
            |row: &[f32]| row.iter().zip(&affine.bias).map(|(w, b)| f64::from(*w) * f64::from(*b)).sum::<f64>();
        let own = self.bias.iter().copied().chain(std::iter::repeat(0.0));
        Self {
            bias: rows.clone().zip(own).map(|(row, bias)| (offset(row) + f64::from(bias)) as f32).collect(),
            weight: rows.flat_map(|row| row.iter().zip(&affine.scale).map(|(w, s)| w * s)).collect(),
        }
    }

    /// Every output multiplied by its factor.
    pub(super) fn scaled(&self, factors: &[f32]) -> Self {
        let inputs = (self.weight.len() / factors.len().max(1)).max(1);
        let rows = self.weight.chunks(inputs).zip(factors);
        Self {
            weight: rows.flat_map(|(row, factor)| row.iter().map(move |w| w * factor)).collect(),
            bias: self.bias.iter().zip(factors).map(|(bias, factor)| bias * factor).collect(),
        }
    }
}

/// The layer with layer scale folded in, where there is one.
pub(super) fn scaled(layer: &Linear, factors: Option<&[f32]>) -> Linear {
    factors.map_or_else(|| layer.clone(), |factors| layer.scaled(factors))
}
