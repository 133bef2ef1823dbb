//! Whether one system is better than another on the same pictures.

use serde::{Deserialize, Serialize};

use crate::evaluate::bootstrap::{Estimate, around, resampled};

/// Difference of two systems over the same patients.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// First minus second, with its 95 % interval.
    pub difference: Estimate,
    /// Two-sided p value: twice the smaller share of resamples on either side of 0, those at 0 belonging to both,
    /// `2 min(#{d* <= 0} + 1, #{d* >= 0} + 1) / (B + 1)`, at most 1 (Davison & Hinkley 1997, section 4.2: the 1 counts the
    /// observed sample, so that B resamples never claim less than 2 / (B + 1)).
    pub p: f64,
    /// Resamples on which the difference is defined.
    pub resamples: usize,
}

/// Paired bootstrap by patient of `first - second`, both statistics of the same weighted patients. None where either is
/// not defined on all patients.
pub fn paired(
    patients: usize,
    resamples: usize,
    seed: u64,
    mut first: impl FnMut(&[u32]) -> Option<f64>,
    mut second: impl FnMut(&[u32]) -> Option<f64>,
) -> Option<Paired> {
    let mut difference = |weights: &[u32]| Some(first(weights)? - second(weights)?);
    let all = difference(&vec![1; patients])?;
    let drawn = resampled(patients, resamples, seed, difference);
    let side = |count: usize| (count + 1) as f64 / (drawn.len() + 1) as f64;
    // Sums in another order leave a trace where nothing differs.
    let (below, above) =
        (drawn.iter().filter(|d| **d <= f64::EPSILON).count(), drawn.iter().filter(|d| **d >= -f64::EPSILON).count());
    let p = (2.0 * side(below).min(side(above))).min(1.0);
    Some(Paired { difference: around(all, drawn.clone()), p, resamples: drawn.len() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::evaluate::bootstrap::{Patients, weighted_mean};
    use crate::rng::Rng;

    fn compare(first: &[f64], second: &[f64], resamples: usize) -> Paired {
        let names: Vec<String> = (0..first.len()).map(|i| i.to_string()).collect();
        let patients = Patients::new(names.iter().map(String::as_str));
        let [a, b] = [first, second].map(|values| weighted_mean(&patients, values.iter().copied().map(Some)));
        paired(patients.count, resamples, 3, a, b).unwrap()
    }

    #[test]
    fn equal_systems_do_not_differ_and_better_ones_do() {
        let values: Vec<f64> = (0..60).map(|i| f64::from(i % 3)).collect();
        let same = compare(&values, &values, 500);
        assert_eq!((same.p, same.difference.mean, same.difference.low), (1.0, 0.0, 0.0));
        let better: Vec<f64> = values.iter().map(|v| v + 0.5).collect();
        let found = compare(&better, &values, 999);
        assert!((found.difference.low - 0.5).abs() < 1e-12 && (found.p - 2.0 / 1000.0).abs() < 1e-12, "{found:?}");
        let worse = compare(&values, &better, 999);
        assert!((worse.p - found.p).abs() < 1e-12 && (worse.difference.mean + found.difference.mean).abs() < 1e-12);
        assert!(paired(2, 10, 1, |_| None, |_| Some(1.0)).is_none());
    }

    #[test]
    fn one_in_twenty_equal_pairs_seems_to_differ() {
        // 400 experiments without a difference: p below 0.05 in about 20 of them.
        let mut rng = Rng::new(11);
        let hits = (0..400)
            .filter(|_| {
                let [a, b] = [0, 1].map(|_| (0..50).map(|_| rng.normal()).collect::<Vec<f64>>());
                compare(&a, &b, 400).p < 0.05
            })
            .count();
        assert!((8..=40).contains(&hits), "{hits}");
    }
}
