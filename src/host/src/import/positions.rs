//! Position embeddings for the grid of the recipe's input.

use super::weights::Weights;
use crate::error::Result;

/// Free parameter of the cubic kernel, as in PyTorch's bicubic interpolation.
const CUBIC: f64 = -0.75;

/// Embeddings `[1 + grid^2, width]`: the file's own for this grid (`<name>` of that length, or `<name>_16x16`), else its
/// largest ones resampled bicubically as PyTorch's `interpolate(mode="bicubic", align_corners=False)` does.
pub(super) fn load(file: &Weights, name: &str, width: usize, grid: usize) -> Result<Vec<f32>> {
    let fitting = format!("{name}_{grid}x{grid}");
    if file.has(&fitting) {
        return file.shaped(&fitting, &[1, 1 + grid * grid, width]);
    }
    let tensor = file.any(name)?;
    let tokens = match tensor.shape.as_slice() {
        [1, tokens, w] if *w == width => *tokens,
        other => return Err(file.error(format!("`{name}` has shape {other:?}, expected [1, tokens, {width}]"))),
    };
    let side = tokens.saturating_sub(1).isqrt();
    if side == 0 || 1 + side * side != tokens {
        return Err(file.error(format!("`{name}` has {tokens} tokens; one class token and a square grid are expected")));
    }
    if side == grid {
        return Ok(tensor.values);
    }
    let (class, patches) = tensor.values.split_at(width);
    let mut out = class.to_vec();
    out.extend(resample(patches, side, grid, width));
    Ok(out)
}

/// Cubic convolution weights of the four taps around a position with fraction `t` (Keys 1981).
fn taps(t: f64) -> [f64; 4] {
    let near = |x: f64| ((CUBIC + 2.0) * x - (CUBIC + 3.0)) * x * x + 1.0;
    let far = |x: f64| ((CUBIC * x - 5.0 * CUBIC) * x + 8.0 * CUBIC) * x - 4.0 * CUBIC;
    [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
}

/// Resamples a `side` x `side` grid of tokens to `grid` x `grid`; taps beyond the edge repeat it.
fn resample(values: &[f32], side: usize, grid: usize, width: usize) -> Vec<f32> {
    let scale = side as f64 / grid as f64;
    let axis: Vec<([usize; 4], [f64; 4])> = (0..grid)
        .map(|i| {
            let position = (i as f64 + 0.5) * scale - 0.5;
            let first = position.floor();
            let at = |offset: f64| (first + offset).clamp(0.0, side as f64 - 1.0) as usize;
            ([at(-1.0), at(0.0), at(1.0), at(2.0)], taps(position - first))
        })
        .collect();
    let mut out = Vec::with_capacity(grid * grid * width);
    for (rows, row_weights) in &axis {
        for (columns, column_weights) in &axis {
            for entry in 0..width {
                let mut sum = 0.0;
                for (row, wr) in rows.iter().zip(row_weights) {
                    for (column, wc) in columns.iter().zip(column_weights) {
                        sum += wr * wc * f64::from(values[(row * side + column) * width + entry]);
                    }
                }
                out.push(sum as f32);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_pytorch() {
        // torch.nn.functional.interpolate(torch.arange(9.).view(1, 1, 3, 3) ** 2, size=(2, 2), mode="bicubic",
        // align_corners=False), torch 2.15.
        let expected = [1.430_755_6, 6.522_369, 32.397_37, 53.180_756];
        let values: Vec<f32> = (0..9_u8).map(|v| f32::from(v) * f32::from(v)).collect();
        let found = resample(&values, 3, 2, 1);
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-5, "{found:?}");
        }
    }

    #[test]
    fn keeps_constants_and_weights_sum_to_one() {
        let found = resample(&[2.5; 25], 5, 7, 1);
        assert!(found.iter().all(|v| (v - 2.5).abs() < 1e-6));
        for t in [0.0, 0.3, 0.9] {
            assert!((taps(t).iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
}
