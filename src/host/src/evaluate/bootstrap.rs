//! Intervals by resampling patients: pictures of one patient are no independent evidence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calibrate::quantile;
use crate::rng::Rng;

/// Confidence of the intervals.
pub const CONFIDENCE: f64 = 0.95;

/// A mean with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Mean.
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
    let mut patients: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (patient, value) in values {
        let sums = patients.entry(patient).or_default();
        sums.0 += value;
        sums.1 += 1.0;
    }
    let sums: Vec<(f64, f64)> = patients.into_values().collect();
    let ratio = |(value, count): (f64, f64)| if count > 0.0 { value / count } else { f64::NAN };
    let total = |chosen: &mut dyn Iterator<Item = (f64, f64)>| {
        ratio(chosen.fold((0.0, 0.0), |sum, s| (sum.0 + s.0, sum.1 + s.1)))
    };
    let mean = total(&mut sums.iter().copied());
    let mut rng = Rng::labelled(seed, &["bootstrap"]);
    let means: Vec<f64> = (0..resamples)
        .map(|_| total(&mut (0..sums.len()).map(|_| sums[rng.below(sums.len())]).collect::<Vec<_>>().into_iter()))
        .collect();
    let tail = (1.0 - CONFIDENCE) / 2.0;
    if means.is_empty() || sums.is_empty() {
        return Estimate { mean, low: mean, high: mean };
    }
    Estimate { mean, low: quantile(means.clone(), tail), high: quantile(means, 1.0 - tail) }
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
