//! Standardisation of the features, folded into the first layer afterwards so that the device never sees it.

use super::Head;

/// Entries with a smaller standard deviation are constant: dividing by it would only blow up rounding.
const MIN_STD: f64 = 1e-6;

/// Mean and standard deviation of every entry of the feature vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaler {
    /// Mean per entry.
    pub mean: Vec<f64>,
    /// Standard deviation per entry (population); 1 for an entry that is constant.
    pub std: Vec<f64>,
}

impl Scaler {
    /// Of the rows of a matrix with `width` columns, in two passes.
    #[must_use]
    pub fn of<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone, width: usize) -> Self {
        let n = rows.clone().count().max(1) as f64;
        let mut mean = vec![0.0; width];
        for row in rows.clone() {
            mean.iter_mut().zip(row).for_each(|(m, &v)| *m += f64::from(v) / n);
        }
        let mut variance = vec![0.0; width];
        for row in rows {
            for ((s, &v), m) in variance.iter_mut().zip(row).zip(&mean) {
                let d = f64::from(v) - m;
                *s += d * d / n;
            }
        }
        let std = |variance: f64| if variance.sqrt() < MIN_STD { 1.0 } else { variance.sqrt() };
        Self { mean, std: variance.into_iter().map(std).collect() }
    }

    /// Appends `(x - mean) / std` to `out`.
    pub fn apply(&self, row: &[f32], out: &mut Vec<f32>) {
        let moments = self.mean.iter().zip(&self.std);
        out.extend(row.iter().zip(moments).map(|(&v, (m, s))| ((f64::from(v) - m) / s) as f32));
    }

    /// The head on raw features that equals `head` on standardised ones:
    /// `W' = W / std` (row by row), `b' = b - sum_i mean_i / std_i * W_i`.
    #[must_use]
    pub fn fold(&self, mut head: Head) -> Head {
        if let Some(first) = head.layers.first_mut() {
            let mut bias: Vec<f64> = first.bias.iter().map(|&b| f64::from(b)).collect();
            for (row, (mean, std)) in first.weight.chunks_exact_mut(first.outputs).zip(self.mean.iter().zip(&self.std))
            {
                for (w, b) in row.iter_mut().zip(&mut bias) {
                    let scaled = f64::from(*w) / std;
                    *b -= mean * scaled;
                    *w = scaled as f32;
                }
            }
            first.bias = bias.into_iter().map(|b| b as f32).collect();
        }
        head
    }

    /// The head on standardised features that equals `head` on raw ones, the inverse of [`Self::fold`]:
    /// `W = W' * std` (row by row), `b = b' + sum_i mean_i * W'_i`.
    #[must_use]
    pub fn unfold(&self, mut head: Head) -> Head {
        if let Some(first) = head.layers.first_mut() {
            let mut bias: Vec<f64> = first.bias.iter().map(|&b| f64::from(b)).collect();
            for (row, (mean, std)) in first.weight.chunks_exact_mut(first.outputs).zip(self.mean.iter().zip(&self.std))
            {
                for (w, b) in row.iter_mut().zip(&mut bias) {
                    *b += mean * f64::from(*w);
                    *w = (f64::from(*w) * std) as f32;
                }
            }
            first.bias = bias.into_iter().map(|b| b as f32).collect();
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use super::super::Dense;
    use super::*;

    #[test]
    fn folded_head_equals_head_on_standardised_features() {
        let rows: [&[f32]; 3] = [&[1.0, 10.0], &[3.0, 10.0], &[5.0, 10.0]];
        let scaler = Scaler::of(rows.iter().copied(), 2);
        assert_eq!(scaler.mean, [3.0, 10.0]);
        let head = Head {
            layers: vec![Dense { inputs: 2, outputs: 2, weight: vec![1.0, 2.0, -1.0, 0.5], bias: vec![0.1, -0.2] }],
        };
        let mut standard = Vec::new();
        scaler.apply(&[4.0, 10.0], &mut standard);
        let expected = head.logits(&standard);
        let raw = scaler.fold(head);
        let folded = raw.logits(&[4.0, 10.0]);
        assert!(expected.iter().zip(&folded).all(|(a, b)| (a - b).abs() < 1e-5), "{expected:?} {folded:?}");
        let back = scaler.unfold(raw).logits(&standard);
        assert!(expected.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-5), "{expected:?} {back:?}");
    }
}
