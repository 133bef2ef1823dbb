//! How sure the decoder is of what it marked.

/// The logistic function `1 / (1 + e^-x)`: logit to probability.
#[must_use]
pub fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// Mean of `sigmoid(logit)` over the foreground (logit above 0), in (0.5, 1]; `None` without foreground.
///
/// Values that are not numbers count as background.
#[must_use]
pub fn foreground_confidence(logits: &[f32]) -> Option<f32> {
    let (sum, count) = logits
        .iter()
        .filter(|&&logit| logit > 0.0)
        .fold((0.0_f64, 0_u64), |(sum, count), &logit| (sum + f64::from(sigmoid(logit)), count + 1));
    (count > 0).then(|| (sum / count as f64) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_over_the_foreground() {
        // sigmoid(ln 3) = 3/4, sigmoid(ln 9) = 9/10.
        let logits = [3.0_f32.ln(), -50.0, f32::NAN, 9.0_f32.ln(), 0.0];
        assert!(foreground_confidence(&logits).is_some_and(|mean| (mean - 0.825).abs() < 1e-6));
        assert_eq!(foreground_confidence(&[-1.0, 0.0]), None);
        assert_eq!(foreground_confidence(&[]), None);
        assert_eq!(foreground_confidence(&[1e30]), Some(1.0));
    }
}
