//! Whether one network draws better masks than another on the same validation pictures.

/// Dice coefficient of one picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Score<'a> {
    /// Domain of the picture.
    pub(super) domain: usize,
    /// Whose picture it is.
    pub(super) patient: &'a str,
    /// Dice coefficient, 0 to 1.
    pub(super) dice: f64,
}

/// Mean Dice, domains weighted alike; none without pictures.
pub(super) fn mean(scores: &[Score<'_>]) -> Option<f64> {
    let means: Vec<f64> = domains(scores).map(|own| average(own.iter().map(|s| s.dice))).collect();
    (!means.is_empty()).then(|| average(means.iter().copied()))
}

/// By how much one network is better than another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gain {
    /// Mean difference of the Dice coefficients, domains weighted alike.
    pub(super) mean: f64,
    /// Its standard error, pictures of one patient counted as one drawing; infinite where a domain has one patient only.
    pub(super) error: f64,
}

impl Gain {
    /// Mean and error of `first - second`, scores of the same pictures in the same order; none without pictures.
    pub(super) fn of(first: &[Score<'_>], second: &[Score<'_>]) -> Option<Self> {
        debug_assert_eq!(first.len(), second.len());
        let differences: Vec<Score<'_>> =
            first.iter().zip(second).map(|(a, b)| Score { dice: a.dice - b.dice, ..*a }).collect();
        let variances: Vec<f64> = domains(&differences).map(|own| variance_of_mean(&own)).collect();
        let error = variances.iter().sum::<f64>().sqrt() / variances.len() as f64;
        mean(&differences).map(|mean| Self { mean, error })
    }

    /// Whether the gain is more than the chance of which pictures happen to judge it: the best of several epochs always
    /// gains a little on the pictures that chose it.
    pub(super) fn counts(self) -> bool {
        self.mean > self.error
    }
}

/// Scores of every domain that has any.
fn domains<'s, 'a>(scores: &'s [Score<'a>]) -> impl Iterator<Item = Vec<Score<'a>>> + 's {
    let count = scores.iter().map(|s| s.domain + 1).max().unwrap_or(0);
    (0..count)
        .map(|domain| scores.iter().copied().filter(|s| s.domain == domain).collect::<Vec<_>>())
        .filter(|own| !own.is_empty())
}

/// Variance of a mean over clusters: sums of the deviations of every patient, squared, with the small-sample factor
/// G / (G - 1) (Cameron & Miller 2015, section II.B).
fn variance_of_mean(scores: &[Score<'_>]) -> f64 {
    let mean = average(scores.iter().map(|s| s.dice));
    let mut patients = std::collections::BTreeMap::<&str, f64>::new();
    for score in scores {
        *patients.entry(score.patient).or_default() += score.dice - mean;
    }
    let groups = patients.len() as f64;
    if groups < 2.0 {
        return f64::INFINITY;
    }
    let count = scores.len() as f64;
    patients.values().map(|sum| sum * sum).sum::<f64>() / (count * count) * groups / (groups - 1.0)
}

fn average(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

    fn scores(values: &[f64]) -> Vec<Score<'static>> {
        values.iter().zip(NAMES).map(|(&dice, patient)| Score { domain: 0, patient, dice }).collect()
    }

    #[test]
    fn the_error_of_one_picture_per_patient_is_the_textbook_one() {
        let gain = Gain::of(&scores(&[0.9, 0.8, 0.7, 0.9]), &scores(&[0.8, 0.8, 0.8, 0.7])).unwrap();
        // Differences 0.1, 0, -0.1, 0.2: mean 0.05, s = 0.1291, s / sqrt(4) = 0.0645.
        assert!((gain.mean - 0.05).abs() < 1e-12 && (gain.error - 0.064_549_722).abs() < 1e-8, "{gain:?}");
        assert!(!gain.counts());
    }

    #[test]
    fn pictures_of_one_patient_are_one_drawing() {
        let few = scores(&[0.9, 0.7, 0.8]);
        let many: Vec<Score<'_>> = few.iter().flat_map(|s| [*s; 5]).collect();
        let none = |s: &[Score<'static>]| s.iter().map(|s| Score { dice: 0.7, ..*s }).collect::<Vec<_>>();
        let [a, b] = [&few, &many].map(|s| Gain::of(s, &none(s)).unwrap());
        assert!((a.error - b.error).abs() < 1e-12 && (a.mean - b.mean).abs() < 1e-12, "{a:?} {b:?}");
    }

    #[test]
    fn domains_weigh_alike_and_one_patient_shows_nothing() {
        let mut first = scores(&[1.0, 1.0, 1.0]);
        first.push(Score { domain: 2, patient: "z", dice: 0.0 });
        assert_eq!(mean(&first), Some(0.5));
        assert_eq!(mean(&[]), None);
        let second: Vec<Score<'_>> = first.iter().map(|s| Score { dice: 0.0, ..*s }).collect();
        let gain = Gain::of(&first, &second).unwrap();
        assert!(gain.mean > 0.4 && !gain.counts(), "{gain:?}");
        assert!(Gain::of(&[], &[]).is_none());
    }

    #[test]
    fn equal_networks_gain_nothing_and_chance_counts_in_one_of_six() {
        let same = scores(&[0.9, 0.8]);
        assert!(!Gain::of(&same, &same).unwrap().counts());
        let mut rng = Rng::new(5);
        let counted = (0..2000)
            .filter(|_| {
                let [a, b] = [0, 1].map(|_| scores(&[0; 6].map(|_| rng.normal())));
                Gain::of(&a, &b).unwrap().counts()
            })
            .count();
        // P(t > 1) with five degrees of freedom: 0.182.
        assert!((300..430).contains(&counted), "{counted}");
    }
}
