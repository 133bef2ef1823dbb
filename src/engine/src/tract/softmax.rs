//! Softmax over the last dimension, for rows of any length.
//!
//! Attention over a class token and a square grid of patches has rows such as 257. tract's kernels take rows of a multiple
//! of 4 (ARM) or of 64 (AVX-512) elements at full speed and copy the rest of every row through a padded buffer, three
//! times: 1.6 ms for the six heads of a ViT-S block, of which twelve follow each other. This operator takes the place of
//! tract's where the softmax runs over the last dimension of f32 values.

use tract_linalg::multithread::par_chunks_mut;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::model::Rewriter;
use tract_onnx::tract_core::ops::nn::{Softmax, SoftmaxKind};
use ushydra_core::simd::vectorised;

/// Values that one loop step takes together.
const LANES: usize = 16;

/// Softmax of each row: `exp(x - max) / sum(exp(x - max))`.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct RowSoftmax;

/// Replaces every softmax over the last dimension of f32 values.
pub(super) fn replace(model: &mut TypedModel) -> TractResult<()> {
    Rewriter::<()>::default()
        .with_rule_for::<Softmax>("softmax of rows", |_, model, node, _, softmax| {
            let fact = model.outlet_fact(node.inputs[0])?;
            let last = fact.rank().checked_sub(1);
            let plain = softmax.kind == SoftmaxKind::Softmax && softmax.quant_output_dt.is_none();
            if !plain
                || fact.datum_type != f32::datum_type()
                || Some(&softmax.axes[..]) != last.as_ref().map(std::slice::from_ref)
            {
                return Ok(None);
            }
            TypedModelPatch::replace_single_op(model, node, &node.inputs, RowSoftmax).map(Some)
        })
        .rewrite(&(), model)
}

impl Op for RowSoftmax {
    fn name(&self) -> StaticName {
        "RowSoftmax".into()
    }

    op_as_typed_op!();
}

impl EvalOp for RowSoftmax {
    fn eval(&self, _: &EvalContext, mut inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = inputs.pop().context("softmax needs an input")?;
        let mut rows = input.into_tensor();
        let length = rows.shape().last().copied().unwrap_or(1);
        if length > 0 {
            ensure!(
                rows.strides() == &*Tensor::natural_strides(rows.shape()),
                "softmax of a tensor that is not row-major"
            );
            let mut view = rows.try_as_plain_ram_mut()?;
            let values = view.as_slice_mut::<f32>()?;
            let total = values.len();
            par_chunks_mut(values, length, total, |_, block| {
                softmax_rows(block, length);
                Ok(())
            })?;
        }
        Ok(tvec!(rows.into_tvalue()))
    }

    op_out_of_plan!();
}

impl TypedOp for RowSoftmax {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(inputs[0].without_value()))
    }

    as_op!();
}

/// Softmax of each row of `length` values, in place. A row with NaN or plus infinity becomes NaN.
fn softmax_rows(rows: &mut [f32], length: usize) {
    vectorised(
        #[inline(always)]
        || {
            for row in rows.chunks_exact_mut(length) {
                softmax(row);
            }
        },
    );
}

#[inline(always)]
fn softmax(row: &mut [f32]) {
    let (blocks, rest) = row.as_chunks::<LANES>();
    let mut largest = [f32::NEG_INFINITY; LANES];
    for block in blocks {
        for (largest, value) in largest.iter_mut().zip(block) {
            *largest = greater(*value, *largest);
        }
    }
    let largest = largest.iter().chain(rest).fold(f32::NEG_INFINITY, |largest, value| greater(*value, largest));

    let (blocks, rest) = row.as_chunks_mut::<LANES>();
    let mut sums = [0.0; LANES];
    for block in blocks {
        for (sum, value) in sums.iter_mut().zip(block) {
            *value = exp_of_negative(*value - largest);
            *sum += *value;
        }
    }
    for (sum, value) in sums.iter_mut().zip(rest) {
        *value = exp_of_negative(*value - largest);
        *sum += *value;
    }
    let scale = sums.iter().sum::<f32>().recip();
    for value in row {
        *value *= scale;
    }
}

/// The greater of two numbers as one instruction: `f32::max` orders NaN, which takes three.
#[inline(always)]
fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// `exp(x)` for `x <= 0` with a relative error below 2e-7; below -87.3, where the result leaves the normal numbers, the
/// smallest of them. NaN gives NaN.
///
/// `exp(x) = 2^n exp(r)` with `n` the nearest integer to `x / ln 2` and `|r| <= ln 2 / 2`; the polynomial is that of
/// Cephes' `expf`.
#[inline(always)]
fn exp_of_negative(x: f32) -> f32 {
    const LOWEST: f32 = -87.3;
    /// Added to a small number, leaves its nearest integer in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const POLYNOMIAL: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    const MANTISSA_BITS: u32 = 23;
    const BIAS: u32 = 127;

    let x = if LOWEST > x { LOWEST } else { x };
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    let tail = POLYNOMIAL.iter().fold(0.0_f32, |sum, coefficient| sum.mul_add(r, *coefficient));
    let mantissa = tail.mul_add(r * r, r) + 1.0;
    mantissa * f32::from_bits(shifted.to_bits().wrapping_add(BIAS) << MANTISSA_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_is_accurate() {
        const STEPS: u32 = 100_000;
        const TOLERANCE: f64 = 2e-7;
        for step in 0..=STEPS {
            let x = -87.3 * step as f32 / STEPS as f32;
            let (found, expected) = (f64::from(exp_of_negative(x)), f64::from(x).exp());
            assert!((found - expected).abs() <= TOLERANCE * expected, "exp({x}) is {found}, expected {expected}");
        }
        assert_eq!(exp_of_negative(0.0), 1.0);
        assert!(exp_of_negative(f32::NEG_INFINITY) < 1.3e-38);
        assert!(exp_of_negative(f32::NAN).is_nan());
    }

    #[test]
    fn rows_sum_to_one_and_follow_the_definition() {
        const TOLERANCE: f64 = 1e-6;
        for length in [1, 2, 15, 16, 17, 64, 257] {
            for scale in [0.0_f32, 1.0, 30.0, 1e4] {
                let values =
                    (0..3 * length).map(|i| ((i * 7919 % 101) as f32 / 50.0 - 1.0) * scale).collect::<Vec<_>>();
                let mut rows = values.clone();
                softmax_rows(&mut rows, length);
                for (row, values) in rows.chunks(length).zip(values.chunks(length)) {
                    let largest = values.iter().copied().fold(f32::MIN, f32::max);
                    let sum = values.iter().map(|value| f64::from(value - largest).exp()).sum::<f64>();
                    for (found, value) in row.iter().zip(values) {
                        let expected = f64::from(value - largest).exp() / sum;
                        assert!(
                            (f64::from(*found) - expected).abs() <= TOLERANCE,
                            "{length} {scale}: {found}, {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_not_hidden() {
        struct Case {
            row: [f32; 3],
            expected: Option<[f32; 3]>,
        }
        let masked = f32::NEG_INFINITY;
        let cases = [
            Case { row: [0.0, f32::NAN, 0.0], expected: None },
            Case { row: [0.0, f32::INFINITY, 0.0], expected: None },
            Case { row: [masked; 3], expected: None },
            Case { row: [0.0, masked, 0.0], expected: Some([0.5, 0.0, 0.5]) },
        ];
        for case in cases {
            let mut row = case.row;
            softmax_rows(&mut row, 3);
            match case.expected {
                None => assert!(row.iter().any(|value| value.is_nan()), "{:?} became {row:?}", case.row),
                Some(expected) => {
                    let same = row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
                    assert!(same, "{:?} became {row:?}", case.row);
                }
            }
        }
    }
}
