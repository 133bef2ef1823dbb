//! Whether a probability of 0.9 is right nine times in ten.

use serde::{Deserialize, Serialize};

/// Bins of equal width that calibration errors are stated with here.
pub const BINS: usize = 15;
/// Probabilities below this count as this in the log loss, as in scikit-learn (the spacing of f64 at 1).
const SMALLEST: f64 = f64::EPSILON;

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Weight of the answers in the bin.
    pub count: f64,
    /// Mean probability of the given answers; 0 for an empty bin.
    pub confidence: f64,
    /// Share of right answers; 0 for an empty bin.
    pub accuracy: f64,
}

/// Bin of a probability: bin b of B holds `(b / B, (b + 1) / B]`, the first one 0 too.
fn bin_of(confidence: f64, bins: usize) -> usize {
    ((confidence * bins as f64).ceil() as usize).clamp(1, bins) - 1
}

/// Reliability diagram of (probability of the given answer, whether it is right, weight).
#[must_use]
pub fn reliability(answers: impl Iterator<Item = (f64, bool, f64)>, bins: usize) -> Vec<Bin> {
    let bins = bins.max(1);
    let mut found = vec![Bin::default(); bins];
    for (confidence, right, weight) in answers {
        let bin = &mut found[bin_of(confidence, bins)];
        bin.count += weight;
        bin.confidence += weight * confidence;
        bin.accuracy += weight * f64::from(u8::from(right));
    }
    for bin in found.iter_mut().filter(|b| b.count > 0.0) {
        bin.confidence /= bin.count;
        bin.accuracy /= bin.count;
    }
    found
}

/// Expected calibration error `sum_b n_b / n |accuracy_b - confidence_b|` (Naeini et al. 2015; Guo et al. 2017, Eq. 3).
/// None without answers.
#[must_use]
pub fn expected_error(bins: &[Bin]) -> Option<f64> {
    let total: f64 = bins.iter().map(|b| b.count).sum();
    (total > 0.0).then(|| bins.iter().map(|b| b.count * (b.accuracy - b.confidence).abs()).sum::<f64>() / total)
}

/// Brier score of one answer over all classes, `sum_c (p_c - [c = truth])^2` (Brier 1950), 0 to 2.
#[must_use]
pub fn brier(probabilities: &[f64], truth: usize) -> f64 {
    probabilities.iter().enumerate().map(|(c, p)| (p - f64::from(u8::from(c == truth))).powi(2)).sum()
}

/// Log loss of one answer, `-ln p_truth` with p clipped to the spacing of f64 at 1.
#[must_use]
pub fn log_loss(probabilities: &[f64], truth: usize) -> f64 {
    -probabilities.get(truth).copied().unwrap_or(0.0).clamp(SMALLEST, 1.0).ln()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // Two bins: (0.4, wrong), (0.5, right) and (0.9, right), (0.7, wrong).
        let answers = [(0.4, false, 1.0), (0.5, true, 1.0), (0.9, true, 1.0), (0.7, false, 1.0)];
        let bins = reliability(answers.into_iter(), 2);
        assert!((bins[0].confidence - 0.45).abs() < 1e-12 && (bins[0].accuracy - 0.5).abs() < 1e-12);
        assert!((expected_error(&bins).unwrap() - (0.5 * 0.05 + 0.5 * 0.3)).abs() < 1e-12);
        assert!(expected_error(&reliability(std::iter::empty(), BINS)).is_none());
        assert!((brier(&[0.7, 0.2, 0.1], 0) - (0.09 + 0.04 + 0.01)).abs() < 1e-12);
        assert!((log_loss(&[0.25, 0.75], 1) + 0.75_f64.ln()).abs() < 1e-12);
        assert!(log_loss(&[1.0, 0.0], 1).is_finite());
    }

    #[test]
    fn edges_belong_to_the_lower_bin() {
        for (confidence, bin) in [(0.0, 0), (0.2, 0), (0.200_001, 1), (1.0, 4), (1.5, 4), (f64::NAN, 0), (-1.0, 0)] {
            assert_eq!(bin_of(confidence, 5), bin, "{confidence}");
        }
    }
}
