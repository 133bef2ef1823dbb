//! Intervals by resampling patients: pictures of one patient are no independent evidence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calibrate::quantile;
use crate::rng::Rng;

/// Confidence of the intervals.
pub const CONFIDENCE: f64 = 0.95;

/// A mean or a median with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The value over all pictures.
    pub mean: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Mean of `values` with the percentile interval over `resamples` bootstraps of the patients.
///
/// `values`: one (patient, value) pair per picture and repetition.
#[must_use]
pub fn mean(values: &[(&str, f64)], resamples: usize, seed: u64) -> Estimate {
    resample(values, resamples, seed, |sample| sample.iter().sum::<f64>() / sample.len() as f64)
}

/// Median of `values` with the same interval.
#[must_use]
pub fn median(values: &[(&str, f64)], resamples: usize, seed: u64) -> Estimate {
    resample(values, resamples, seed, |sample| quantile(sample.to_vec(), 0.5))
}

/// `statistic` of all values, and of those of patients drawn with replacement. The field `mean` holds the former.
fn resample(values: &[(&str, f64)], resamples: usize, seed: u64, statistic: impl Fn(&[f64]) -> f64) -> Estimate {
    let mut patients: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (patient, value) in values {
        patients.entry(patient).or_default().push(*value);
    }
    let patients: Vec<Vec<f64>> = patients.into_values().collect();
    let all = statistic(&patients.concat());
    if patients.is_empty() || resamples == 0 {
        return Estimate { mean: all, low: all, high: all };
    }
    let mut rng = Rng::labelled(seed, &["bootstrap"]);
    let mut sample = Vec::with_capacity(values.len());
    let drawn: Vec<f64> = (0..resamples)
        .map(|_| {
            sample.clear();
            for _ in 0..patients.len() {
                sample.extend_from_slice(&patients[rng.below(patients.len())]);
            }
            statistic(&sample)
        })
        .collect();
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Estimate { mean: all, low: quantile(drawn.clone(), tail), high: quantile(drawn, 1.0 - tail) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
