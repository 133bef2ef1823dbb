//! Intervals by resampling patients: pictures of one patient are no independent evidence.
//!
//! A resample is one weight per patient, how often the patient was drawn. A statistic prepares its pictures once and is
//! asked for its value under every weighting, so that 10,000 resamples of a few hundred patients take well below a second.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calibrate::quantile;
use crate::rng::Rng;

/// Confidence of the intervals.
pub const CONFIDENCE: f64 = 0.95;
/// Resamples behind a published interval.
pub const RESAMPLES: usize = 10_000;

/// A figure with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value over all pictures.
    pub mean: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Which patient every picture belongs to: patients as numbers in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patients {
    /// By picture.
    pub of: Vec<usize>,
    /// Different patients.
    pub count: usize,
}

impl Patients {
    /// Numbers the patients of pictures.
    #[must_use]
    pub fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = names.collect();
        let mut numbers: BTreeMap<&str, usize> = names.iter().map(|name| (*name, 0)).collect();
        numbers.values_mut().enumerate().for_each(|(number, value)| *value = number);
        Self { of: names.iter().filter_map(|name| numbers.get(name).copied()).collect(), count: numbers.len() }
    }
}

/// Values of `statistic` over `resamples` draws of `patients` patients with replacement. The draws depend on `patients`
/// and `seed` alone: statistics of one set of patients see the same resamples and may be subtracted. A resample on which
/// the statistic is not defined is left out.
pub fn resampled(
    patients: usize,
    resamples: usize,
    seed: u64,
    mut statistic: impl FnMut(&[u32]) -> Option<f64>,
) -> Vec<f64> {
    if patients == 0 {
        return Vec::new();
    }
    let mut rng = Rng::labelled(seed, &["bootstrap"]);
    let mut weights = vec![0_u32; patients];
    (0..resamples)
        .filter_map(|_| {
            weights.fill(0);
            for _ in 0..patients {
                weights[rng.below(patients)] += 1;
            }
            statistic(&weights)
        })
        .collect()
}

/// Percentile interval (Efron & Tibshirani 1993, chapter 13) of any statistic of weighted patients. The value itself
/// is the statistic with every weight 1; none where that is not defined.
pub fn estimate(
    patients: usize,
    resamples: usize,
    seed: u64,
    mut statistic: impl FnMut(&[u32]) -> Option<f64>,
) -> Option<Estimate> {
    let all = statistic(&vec![1; patients])?;
    Some(around(all, resampled(patients, resamples, seed, statistic)))
}

/// The value `all` with the percentile interval of `drawn`; the value alone where nothing was drawn.
#[must_use]
pub fn around(all: f64, mut drawn: Vec<f64>) -> Estimate {
    if drawn.is_empty() {
        return Estimate { mean: all, low: all, high: all };
    }
    let tail = (1.0 - CONFIDENCE) / 2.0;
    drawn.sort_by(f64::total_cmp);
    Estimate { mean: all, low: quantile(drawn.clone(), tail), high: quantile(drawn, 1.0 - tail) }
}

/// Mean of `values` with the percentile interval over `resamples` bootstraps of the patients.
///
/// `values`: one (patient, value) pair per picture and repetition.
#[must_use]
pub fn mean(values: &[(&str, f64)], resamples: usize, seed: u64) -> Estimate {
    let patients = Patients::new(values.iter().map(|v| v.0));
    let statistic = weighted_mean(&patients, values.iter().map(|v| Some(v.1)));
    estimate(patients.count, resamples, seed, statistic).unwrap_or_else(|| around(f64::NAN, Vec::new()))
}

/// Mean of the pictures' values as a statistic of weighted patients. Pictures without value are left out.
pub fn weighted_mean<I: Iterator<Item = Option<f64>>>(
    patients: &Patients,
    values: I,
) -> impl Fn(&[u32]) -> Option<f64> + use<I> {
    let mut sums = vec![(0.0, 0.0); patients.count];
    for (&patient, value) in patients.of.iter().zip(values) {
        if let Some(value) = value {
            sums[patient].0 += value;
            sums[patient].1 += 1.0;
        }
    }
    move |weights| {
        let (mut sum, mut count) = (0.0, 0.0);
        for (&weight, (patient_sum, pictures)) in weights.iter().zip(&sums) {
            sum += f64::from(weight) * patient_sum;
            count += f64::from(weight) * pictures;
        }
        (count > 0.0).then(|| sum / count)
    }
}

/// Median of `values` with the same interval as [`mean`].
#[must_use]
pub fn median(values: &[(&str, f64)], resamples: usize, seed: u64) -> Estimate {
    let patients = Patients::new(values.iter().map(|v| v.0));
    let statistic = weighted_quantile(&patients, values.iter().map(|v| Some(v.1)), 0.5);
    estimate(patients.count, resamples, seed, statistic).unwrap_or_else(|| around(f64::INFINITY, Vec::new()))
}

/// Quantile (type 7, as [`quantile`]) of the pictures' values as a statistic of weighted patients.
pub fn weighted_quantile<I: Iterator<Item = Option<f64>>>(
    patients: &Patients,
    values: I,
    q: f64,
) -> impl Fn(&[u32]) -> Option<f64> + use<I> {
    let mut sorted: Vec<(f64, usize)> =
        patients.of.iter().zip(values).filter_map(|(&patient, value)| Some((value?, patient))).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    move |weights| {
        let weight = |patient: usize| weights.get(patient).copied().unwrap_or(0) as usize;
        let count: usize = sorted.iter().map(|(_, patient)| weight(*patient)).sum();
        let position = q.clamp(0.0, 1.0) * count.checked_sub(1)? as f64;
        let (below, part) = (position.floor() as usize, position.fract());
        let (mut passed, mut first) = (0, None);
        for &(value, patient) in sorted.iter().filter(|(_, patient)| weight(*patient) > 0) {
            passed += weight(patient);
            if first.is_none() && passed > below {
                first = Some(value);
            }
            if let Some(first) = first
                && (part == 0.0 || passed > below + 1)
            {
                return Some(first + (value - first) * part);
            }
        }
        first
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rng::Rng;

    #[test]
    fn interval_holds_the_mean_and_widens_with_dependence() {
        let names: Vec<String> = (0..100).map(|i| format!("p{i}")).collect();
        let independent: Vec<(&str, f64)> =
            names.iter().enumerate().map(|(i, n)| (n.as_str(), f64::from(u8::from(i % 4 != 0)))).collect();
        let few: Vec<(&str, f64)> =
            names.iter().enumerate().map(|(i, _)| (names[i / 25].as_str(), f64::from(u8::from(i >= 25)))).collect();
        let (a, b) = (mean(&independent, 500, 1), mean(&few, 500, 1));
        assert!((a.mean - 0.75).abs() < 1e-12 && (b.mean - 0.75).abs() < 1e-12);
        assert!(a.low < 0.75 && a.high > 0.75 && a.low > 0.6 && a.high < 0.9);
        assert!(b.high - b.low > a.high - a.low);
        assert_eq!(a, mean(&independent, 500, 1));
    }

    #[test]
    fn one_patient_has_an_interval_of_no_width_and_none_has_none() {
        assert_eq!(mean(&[("a", 1.0), ("a", 2.0)], 100, 1), Estimate { mean: 1.5, low: 1.5, high: 1.5 });
        assert!(mean(&[], 100, 1).mean.is_nan());
        assert!(median(&[], 100, 1).mean.is_infinite());
        assert!(estimate(0, 100, 1, |_| None).is_none());
    }

    #[test]
    fn interval_of_a_mean_is_the_normal_one() {
        // 400 patients, a standard normal value each: mean +- 1.96 / 20.
        let mut rng = Rng::new(8);
        let names: Vec<String> = (0..400).map(|i| i.to_string()).collect();
        let values: Vec<(&str, f64)> = names.iter().map(|n| (n.as_str(), rng.normal())).collect();
        let found = mean(&values, RESAMPLES, 2);
        let deviation = {
            let square = values.iter().map(|v| (v.1 - found.mean).powi(2)).sum::<f64>() / 400.0;
            (square / 400.0).sqrt()
        };
        for (end, sign) in [(found.low, -1.0), (found.high, 1.0)] {
            assert!((end - (found.mean + sign * 1.96 * deviation)).abs() < 0.1 * deviation, "{found:?} {deviation}");
        }
    }

    proptest! {
        #[test]
        fn weights_are_repetitions(
            pictures in prop::collection::vec((0_usize..5, -9_i8..9), 1..30),
            weights in prop::collection::vec(0_u32..4, 5),
            q in 0.0_f64..=1.0,
        ) {
            let names: Vec<String> = pictures.iter().map(|p| p.0.to_string()).collect();
            let patients = Patients::new(names.iter().map(String::as_str));
            let values = || pictures.iter().map(|p| Some(f64::from(p.1)));
            let weights = &weights[..patients.count];
            let mut repeated = Vec::new();
            for (patient, value) in patients.of.iter().zip(values().flatten()) {
                repeated.extend(std::iter::repeat_n(value, weights[*patient] as usize));
            }
            let mean = weighted_mean(&patients, values())(weights);
            let at = weighted_quantile(&patients, values(), q)(weights);
            prop_assert_eq!(mean.is_some(), !repeated.is_empty());
            prop_assert_eq!(at.is_some(), !repeated.is_empty());
            if let (Some(mean), Some(at)) = (mean, at) {
                prop_assert!((mean - repeated.iter().sum::<f64>() / repeated.len() as f64).abs() < 1e-9);
                prop_assert!((at - quantile(repeated, q)).abs() < 1e-9);
            }
        }
    }
}
