//! The answers of one classifier, prepared for statistics of weighted patients.

use super::argmax;
use super::calibration::{self, BINS, Bin};
use super::confusion::{Scores, scores};
use super::roc::{Areas, Point, Ranking, averages};
use crate::evaluate::bootstrap::Patients;

/// Pictures with a known class and the probabilities that were given.
#[derive(Clone, Debug)]
pub struct Classified {
    classes: usize,
    /// By picture: patient, truth, answer, probability of the answer.
    pictures: Vec<(usize, usize, usize, f64)>,
    /// Patients, also those of pictures without a class.
    patients: usize,
    /// By patient: confusion, `classes x classes` row by row.
    confusions: Vec<u32>,
    rankings: Vec<Ranking>,
    /// Mean Brier score and log loss over the pictures.
    losses: Option<(f64, f64)>,
}

impl Classified {
    /// Prepares pictures; those without `truth`, or with fewer probabilities than classes, are left out.
    ///
    /// `patients`: of every picture, in the order of `answers`.
    #[must_use]
    pub fn new<'a>(
        classes: usize,
        patients: &Patients,
        answers: impl Iterator<Item = (Option<usize>, &'a [f64])>,
    ) -> Self {
        let mut pictures = Vec::new();
        let mut confusions = vec![0; patients.count * classes * classes];
        let mut probabilities: Vec<&[f64]> = Vec::new();
        let (mut brier, mut log_loss) = (0.0, 0.0);
        for (&patient, (truth, given)) in patients.of.iter().zip(answers) {
            let (Some(truth), Some(given)) = (truth.filter(|t| *t < classes), given.get(..classes)) else { continue };
            let answer = argmax(given);
            confusions[(patient * classes + truth) * classes + answer] += 1;
            pictures.push((patient, truth, answer, given[answer]));
            probabilities.push(given);
            brier += calibration::brier(given, truth);
            log_loss += calibration::log_loss(given, truth);
        }
        let rankings = (0..classes).map(|class| {
            let given: Vec<f64> = probabilities.iter().map(|p| p[class]).collect();
            Ranking::new(&given, |picture| pictures[picture].1 == class)
        });
        let rankings = rankings.collect();
        let count = pictures.len() as f64;
        let losses = (!pictures.is_empty()).then_some((brier / count, log_loss / count));
        Self { classes, pictures, patients: patients.count, confusions, rankings, losses }
    }

    /// Judged pictures.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pictures.len()
    }

    /// Whether nothing was judged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty()
    }

    /// Every patient once: the sample itself.
    #[must_use]
    pub fn everyone(&self) -> Vec<u32> {
        vec![1; self.patients]
    }

    /// Confusion of weighted patients, rows are truths.
    #[must_use]
    pub fn confusion(&self, weights: &[u32]) -> Vec<Vec<usize>> {
        let cells = self.classes * self.classes;
        let mut flat = vec![0_usize; cells];
        for (patient, &weight) in self.confusions.chunks(cells.max(1)).zip(weights).filter(|(_, weight)| **weight > 0) {
            flat.iter_mut().zip(patient).for_each(|(sum, &count)| *sum += (weight * count) as usize);
        }
        flat.chunks(self.classes.max(1)).map(<[usize]>::to_vec).collect()
    }

    /// Accuracy, precision, recall and F1.
    #[must_use]
    pub fn scores(&self, weights: &[u32]) -> Option<Scores> {
        scores(&self.confusion(weights))
    }

    /// Share of right answers.
    #[must_use]
    pub fn accuracy(&self, weights: &[u32]) -> Option<f64> {
        self.scores(weights).map(|s| s.accuracy)
    }

    /// Macro F1.
    #[must_use]
    pub fn macro_f1(&self, weights: &[u32]) -> Option<f64> {
        self.scores(weights).map(|s| s.macro_average.f1)
    }

    /// Areas under the curves, one class against the rest.
    #[must_use]
    pub fn areas(&self, weights: &[u32]) -> Option<Areas> {
        let weight = |picture: usize| f64::from(weights[self.pictures[picture].0]);
        let mut support = vec![0.0; self.classes];
        self.pictures.iter().enumerate().for_each(|(picture, p)| support[p.1] += weight(picture));
        averages(self.rankings.iter().map(|r| r.area(weight)).collect(), &support)
    }

    /// Macro area under the curves.
    #[must_use]
    pub fn macro_area(&self, weights: &[u32]) -> Option<f64> {
        self.areas(weights).map(|a| a.macro_average)
    }

    /// The curve of `class` against the rest.
    #[must_use]
    pub fn curve(&self, class: usize) -> Vec<Point> {
        self.rankings.get(class).map(Ranking::points).unwrap_or_default()
    }

    /// Reliability diagram of the given answers.
    #[must_use]
    pub fn reliability(&self, weights: &[u32]) -> Vec<Bin> {
        let answers = self.pictures.iter().map(|&(patient, truth, answer, confidence)| {
            (confidence, truth == answer, f64::from(weights.get(patient).copied().unwrap_or(0)))
        });
        calibration::reliability(answers, BINS)
    }

    /// Expected calibration error.
    #[must_use]
    pub fn calibration_error(&self, weights: &[u32]) -> Option<f64> {
        calibration::expected_error(&self.reliability(weights))
    }

    /// Mean Brier score over all classes.
    #[must_use]
    pub fn brier(&self) -> Option<f64> {
        self.losses.map(|l| l.0)
    }

    /// Mean log loss.
    #[must_use]
    pub fn log_loss(&self) -> Option<f64> {
        self.losses.map(|l| l.1)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Probabilities from small numbers, so that ties occur.
    fn answers(pictures: &[(usize, usize, [u8; 3])]) -> Vec<(Option<usize>, Vec<f64>)> {
        let share = |numbers: [u8; 3]| {
            let sum: f64 = numbers.iter().map(|n| f64::from(*n) + 1.0).sum();
            numbers.iter().map(|n| (f64::from(*n) + 1.0) / sum).collect()
        };
        // Class 3 stands for no known plane.
        pictures.iter().map(|p| ((p.1 < 3).then_some(p.1), share(p.2))).collect()
    }

    fn prepare(patients: &[String], answers: &[(Option<usize>, Vec<f64>)]) -> Classified {
        let patients = Patients::new(patients.iter().map(String::as_str));
        Classified::new(3, &patients, answers.iter().map(|a| (a.0, a.1.as_slice())))
    }

    proptest! {
        #[test]
        fn weights_are_repetitions(
            pictures in prop::collection::vec((0_usize..4, 0_usize..4, prop::array::uniform3(0_u8..4)), 1..25),
            weights in prop::collection::vec(0_u32..4, 4),
        ) {
            let names: Vec<String> = pictures.iter().map(|p| p.0.to_string()).collect();
            let given = answers(&pictures);
            let found = prepare(&names, &given);
            let patients = Patients::new(names.iter().map(String::as_str));
            let weights = &weights[..patients.count];
            let (mut repeated_names, mut repeated) = (Vec::new(), Vec::new());
            for (index, answer) in given.iter().enumerate() {
                for _ in 0..weights[patients.of[index]] {
                    repeated_names.push(repeated_names.len().to_string());
                    repeated.push(answer.clone());
                }
            }
            let plain = prepare(&repeated_names, &repeated);
            let once = plain.everyone();
            prop_assert_eq!(found.confusion(weights), plain.confusion(&once));
            prop_assert_eq!(found.scores(weights), plain.scores(&once));
            let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                (a, b) => a == b,
            };
            prop_assert!(close(found.macro_area(weights), plain.macro_area(&once)));
            prop_assert!(close(found.areas(weights).map(|a| a.weighted), plain.areas(&once).map(|a| a.weighted)));
            prop_assert!(close(found.calibration_error(weights), plain.calibration_error(&once)));
        }
    }

    #[test]
    fn what_is_not_there_is_none() {
        let none = Classified::new(3, &Patients::default(), std::iter::empty());
        assert!(none.is_empty() && none.scores(&[]).is_none() && none.areas(&[]).is_none() && none.brier().is_none());
        let damaged = Classified::new(3, &Patients::new(["a"].into_iter()), [(Some(0), &[0.5, 0.5][..])].into_iter());
        assert_eq!(damaged.len(), 0);
        assert!(Classified::new(0, &Patients::new(["a"].into_iter()), std::iter::empty()).confusion(&[1]).is_empty());
    }
}
