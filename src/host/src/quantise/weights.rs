//! Weights in int8: symmetric, rounded to nearest.

use ushydra_onnx::{Operation, Weights};

use super::threshold::LEVELS;

/// Smallest scale: a channel of zeros needs one, too.
const SMALLEST_SCALE: f32 = 1e-12;

/// How many weights share a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// Every output channel has its own. The finer one.
    Channel,
    /// One for all of a convolution. tract scales the results inside its matrix product then, where scales of channels cost a
    /// pass over the whole map. Fully connected layers have one per column all the same.
    Tensor,
}

/// A layer's weight in int8.
#[derive(Clone, Debug, PartialEq)]
pub struct Int8Weights {
    /// Row-major, in the weight's shape.
    pub values: Vec<i8>,
    /// One per output channel.
    pub scales: Vec<f32>,
}

impl Int8Weights {
    /// Quantises the weights of a layer, none where it has no weights: `q = clamp(round(w / scale), -127, 127)` with
    /// `scale = max |w| / 127` over the weights that share it.
    #[must_use]
    pub fn of(operation: &Operation, granularity: Granularity) -> Option<Self> {
        let weights = operation.weights()?;
        let axis = operation.output_axis();
        let mut largest = largest(weights, axis);
        if granularity == Granularity::Tensor && !matches!(operation, Operation::Linear(_)) {
            let all = largest.iter().fold(0.0_f32, |a, &b| a.max(b));
            largest.fill(all);
        }
        let scales: Vec<f32> = largest.iter().map(|max| (max / LEVELS).max(SMALLEST_SCALE)).collect();
        let quantise = |(position, value): (usize, &f32)| {
            let scale = scales.get(weights.index(position, axis)).copied().unwrap_or(SMALLEST_SCALE);
            (value / scale).round_ties_even().clamp(-LEVELS, LEVELS) as i8
        };
        Some(Self { values: weights.values.iter().enumerate().map(quantise).collect(), scales })
    }

    /// One scale where all are equal, else all of them.
    #[must_use]
    pub fn shortest_scales(&self) -> &[f32] {
        match self.scales.split_first() {
            Some((first, rest)) if rest.iter().all(|scale| scale.to_bits() == first.to_bits()) => &self.scales[..1],
            _ => &self.scales,
        }
    }
}

/// Largest magnitude of every output channel.
#[must_use]
pub fn largest(weights: &Weights, axis: usize) -> Vec<f32> {
    let mut largest = vec![0.0_f32; weights.bias.len()];
    for (position, value) in weights.values.iter().enumerate() {
        if let Some(max) = largest.get_mut(weights.index(position, axis)) {
            *max = max.max(value.abs());
        }
    }
    largest
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;
    use ushydra_onnx::Conv2d;

    use super::*;

    fn operations(values: &[f32]) -> [Operation; 3] {
        let weights = |shape: &[usize], channels| Weights {
            shape: shape.to_vec(),
            values: values[..24].to_vec(),
            bias: vec![0.0; channels],
        };
        [
            Operation::Conv(weights(&[3, 2, 2, 2], 3), Conv2d::default()),
            Operation::ConvTranspose(weights(&[3, 2, 2, 2], 2)),
            Operation::Linear(weights(&[6, 4], 4)),
        ]
    }

    #[test]
    fn channels_lie_along_the_axis_that_tensorrt_wants() {
        let values: Vec<f32> = (1..=24).map(|v| v as f32).collect();
        let largest = operations(&values).map(|o| largest(o.weights().unwrap(), o.output_axis()));
        assert_eq!(largest, [vec![8.0, 16.0, 24.0], vec![20.0, 24.0], vec![21.0, 22.0, 23.0, 24.0]]);
    }

    proptest! {
        #[test]
        fn half_a_step_at_most(values in proptest::collection::vec(prop_oneof![Just(0.0_f32), -3_f32..3.0], 24)) {
            for operation in operations(&values) {
                for granularity in [Granularity::Channel, Granularity::Tensor] {
                    let (int8, weights) = (Int8Weights::of(&operation, granularity).unwrap(), operation.weights().unwrap());
                    let one = granularity == Granularity::Tensor && !matches!(operation, Operation::Linear(_));
                    prop_assert!(!one || int8.shortest_scales().len() == 1);
                    for (position, (q, w)) in int8.values.iter().zip(&weights.values).enumerate() {
                        let scale = int8.scales[weights.index(position, operation.output_axis())];
                        prop_assert!((f32::from(*q) * scale - w).abs() <= 0.501 * scale && *q != i8::MIN);
                    }
                }
            }
        }
    }
}
