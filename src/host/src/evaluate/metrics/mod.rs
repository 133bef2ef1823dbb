//! Figures of merit, one definition each; `docs/metrics.md` holds the conventions and their sources.
//!
//! What a bootstrap repeats thousands of times is prepared once ([`Classified`], [`Ranking`]) and then asked with one
//! weight per patient: how often the patient was drawn.

pub mod calibration;
pub mod classified;
pub mod confusion;
pub mod distance;
pub mod masks;
pub mod paired;
pub mod roc;

pub use classified::Classified;
pub use confusion::{Average, ClassScores, Scores, confusion, macro_f1, scores};
pub use masks::MaskScores;
pub use paired::{Paired, paired};
pub use roc::{Areas, Ranking, area_under_curve};

/// Index of the largest value; the first of equals.
#[must_use]
pub fn argmax(values: &[f64]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    #[test]
    fn first_of_equals() {
        assert_eq!(super::argmax(&[0.2, 0.5, 0.5]), 1);
        assert_eq!(super::argmax(&[]), 0);
    }
}
