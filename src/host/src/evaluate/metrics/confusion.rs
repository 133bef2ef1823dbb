//! Accuracy, precision, recall and F1 from counts.

use serde::{Deserialize, Serialize};

/// Counts of (truth, answer) pairs, `classes x classes`, rows are truths.
#[must_use]
pub fn confusion(pairs: &[(usize, usize)], classes: usize) -> Vec<Vec<usize>> {
    let mut matrix = vec![vec![0; classes]; classes];
    for &(truth, answer) in pairs {
        matrix[truth][answer] += 1;
    }
    matrix
}

/// One class against the rest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// `TP / (TP + FP)`; 0 without answers of this class.
    pub precision: f64,
    /// `TP / (TP + FN)`, the sensitivity; 0 without pictures of this class.
    pub recall: f64,
    /// `2 TP / (2 TP + FP + FN)`; 0 where none is right.
    pub f1: f64,
    /// Pictures of this class, `TP + FN`.
    pub support: usize,
    /// Answers of this class, `TP + FP`.
    pub answers: usize,
}

/// Means over the classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Average {
    /// Mean precision.
    pub precision: f64,
    /// Mean recall.
    pub recall: f64,
    /// Mean of the classes' F1 (not the F1 of the means).
    pub f1: f64,
}

/// Everything a confusion matrix says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Share of right answers.
    pub accuracy: f64,
    /// Every class, in order.
    pub classes: Vec<ClassScores>,
    /// All classes count alike; classes that neither occur nor are answered are left out.
    #[serde(rename = "macro")]
    pub macro_average: Average,
    /// Classes count by their support. The weighted recall is the accuracy.
    pub weighted: Average,
}

/// Precision, recall and F1 of every class, macro and weighted: scikit-learn's `precision_recall_fscore_support` with
/// `zero_division=0`. None without pictures.
#[must_use]
pub fn scores(confusion: &[Vec<usize>]) -> Option<Scores> {
    let total: usize = confusion.iter().flatten().sum();
    if total == 0 {
        return None;
    }
    let ratio = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let classes: Vec<ClassScores> = (0..confusion.len())
        .map(|class| {
            let right = confusion[class][class];
            let support = confusion[class].iter().sum();
            let answers = confusion.iter().map(|row| row[class]).sum();
            ClassScores {
                precision: ratio(right, answers),
                recall: ratio(right, support),
                f1: ratio(2 * right, support + answers),
                support,
                answers,
            }
        })
        .collect();
    let right: usize = (0..confusion.len()).map(|class| confusion[class][class]).sum();
    let macro_average = average(&classes, |c| f64::from(u8::from(c.support + c.answers > 0)));
    let weighted = average(&classes, |c| c.support as f64);
    Some(Scores { accuracy: ratio(right, total), classes, macro_average, weighted })
}

fn average(classes: &[ClassScores], weight: impl Fn(&ClassScores) -> f64) -> Average {
    let total: f64 = classes.iter().map(&weight).sum();
    let mean = |of: fn(&ClassScores) -> f64| classes.iter().map(|c| weight(c) * of(c)).sum::<f64>() / total;
    Average { precision: mean(|c| c.precision), recall: mean(|c| c.recall), f1: mean(|c| c.f1) }
}

/// Macro F1 as in [`scores`]; 0 without pictures.
#[must_use]
pub fn macro_f1(confusion: &[Vec<usize>]) -> f64 {
    scores(confusion).map_or(0.0, |scores| scores.macro_average.f1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        let matrix = confusion(&[(0, 0), (0, 1), (1, 1), (1, 1), (2, 0)], 3);
        assert_eq!(matrix, [[1, 1, 0], [0, 2, 0], [1, 0, 0]]);
        // F1: 2*1/(2+2) = 0.5, 2*2/(2+3) = 0.8, 0.
        assert!((macro_f1(&matrix) - 1.3 / 3.0).abs() < 1e-12);
        let found = scores(&matrix).unwrap();
        assert!((found.accuracy - 0.6).abs() < 1e-12);
        assert!((found.weighted.f1 - (2.0 * 0.5 + 2.0 * 0.8) / 5.0).abs() < 1e-12);
        assert_eq!(found.classes[2], ClassScores { precision: 0.0, recall: 0.0, f1: 0.0, support: 1, answers: 0 });
    }

    #[test]
    fn a_class_that_is_neither_shown_nor_answered_does_not_count() {
        let with = scores(&[vec![3, 1, 0], vec![0, 4, 0], vec![0, 0, 0]]).unwrap();
        let without = scores(&[vec![3, 1], vec![0, 4]]).unwrap();
        assert_eq!(with.macro_average, without.macro_average);
        assert!(scores(&[vec![0, 0], vec![0, 0]]).is_none());
        assert_eq!(macro_f1(&[]), 0.0);
    }

    proptest! {
        #[test]
        fn weighted_recall_is_accuracy_and_all_lie_in_one(cells in prop::collection::vec(0_usize..20, 9)) {
            let matrix: Vec<Vec<usize>> = cells.chunks(3).map(<[usize]>::to_vec).collect();
            if let Some(found) = scores(&matrix) {
                prop_assert!((found.weighted.recall - found.accuracy).abs() < 1e-12);
                for average in [found.macro_average, found.weighted] {
                    for value in [average.precision, average.recall, average.f1] {
                        prop_assert!((0.0..=1.0 + 1e-12).contains(&value));
                    }
                }
            }
        }
    }
}
