//! Logits to probabilities.

use super::fault::FrameFault;

/// `p_i = exp(l_i - max l) / sum_j exp(l_j - max l)`, computed in f64. Returns the index of the largest; ties go to the
/// first.
///
/// # Errors
/// [`FrameFault::Logits`] for a NaN or an infinity among `logits`.
pub(super) fn softmax(logits: &[f32], probabilities: &mut [f32]) -> Result<usize, FrameFault> {
    let mut best = 0;
    let mut largest = f32::NEG_INFINITY;
    for (index, &logit) in logits.iter().enumerate() {
        if !logit.is_finite() {
            return Err(FrameFault::Logits { index });
        }
        if logit > largest {
            (best, largest) = (index, logit);
        }
    }
    let power = |logit: f32| (f64::from(logit) - f64::from(largest)).exp();
    let sum: f64 = logits.iter().map(|&logit| power(logit)).sum();
    for (slot, &logit) in probabilities.iter_mut().zip(logits) {
        *slot = (power(logit) / sum) as f32;
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn probabilities_sum_to_one_and_ties_go_to_the_first() {
        struct Case {
            logits: [f32; 3],
            best: usize,
        }
        let cases = [
            Case { logits: [1.0, 2.0, 3.0], best: 2 },
            Case { logits: [5.0, 5.0, 5.0], best: 0 },
            Case { logits: [-1e30, 1e30, 0.0], best: 1 },
            Case { logits: [f32::MIN, f32::MIN, f32::MAX], best: 2 },
        ];
        for case in cases {
            let mut p = [0.0; 3];
            assert_eq!(softmax(&case.logits, &mut p).unwrap(), case.best);
            assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6 && p.iter().all(|p| (0.0..=1.0).contains(p)), "{p:?}");
            assert!(p.iter().all(|&other| other <= p[case.best]));
        }
        let mut p = [0.0; 2];
        softmax(&[0.0, 3_f32.ln()], &mut p).unwrap();
        assert!((p[1] - 0.75).abs() < 1e-6);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(matches!(softmax(&[0.0, bad], &mut p), Err(FrameFault::Logits { index: 1 })));
        }
    }
}
