//! From a histogram of magnitudes to the threshold at which an activation is clipped.

use ushydra_bundle::CalibrationMethod;

use super::histogram::{BINS, Histogram};

/// Largest magnitude of a symmetric int8 number: -128 is left out, so that both signs have the same range.
pub const LEVELS: f32 = 127.0;
/// Every method that is tried, in this order; the first of equals is taken.
pub const METHODS: [CalibrationMethod; 5] = [
    CalibrationMethod::MinMax,
    CalibrationMethod::Percentile9999,
    CalibrationMethod::Percentile999,
    CalibrationMethod::Kl,
    CalibrationMethod::Mse,
];
/// Intervals that one quantised magnitude stands for at least: the smallest candidate of [`kl`] has one each.
const KL_LEVELS: usize = 128;
/// Intervals between the candidates of [`kl`].
const KL_STEP: usize = 16;
/// Probability that stands for an empty interval of the quantised histogram.
const KL_FLOOR: f64 = 1e-9;
/// Candidates of [`mse`], evenly spaced up to the largest magnitude.
const MSE_CANDIDATES: usize = 200;
/// Smallest candidate of [`mse`] as a share of the largest magnitude.
const MSE_SMALLEST: f64 = 0.05;
/// Threshold of an activation that is 0 throughout: any is right.
const OF_NOTHING: f32 = 1.0;

/// Threshold by `method`; positive, and at most the largest magnitude. The scale is a 127th of it.
#[must_use]
pub fn threshold(histogram: &Histogram, method: CalibrationMethod) -> f32 {
    let max = histogram.max();
    if max <= f32::MIN_POSITIVE * LEVELS {
        return OF_NOTHING;
    }
    let found = match method {
        CalibrationMethod::MinMax => f64::from(max),
        CalibrationMethod::Percentile999 => percentile(histogram, 0.999),
        CalibrationMethod::Percentile9999 => percentile(histogram, 0.9999),
        CalibrationMethod::Kl => kl(histogram),
        CalibrationMethod::Mse => mse(histogram),
    };
    // A narrower range than one interval per level is finer than the histogram can tell.
    (found as f32).clamp(max / BINS as f32, max)
}

/// Upper end of the interval below which the share `share` of all values lies, zeros included.
fn percentile(histogram: &Histogram, share: f64) -> f64 {
    let wanted = share * histogram.total() as f64;
    let mut below = histogram.zeros();
    for (bin, count) in histogram.counts().iter().enumerate() {
        below += count;
        if below as f64 >= wanted {
            return (bin + 1) as f64 * histogram.width();
        }
    }
    f64::from(histogram.max())
}

/// Least Kullback-Leibler divergence `sum p ln(p / q)` between the clipped histogram p and its form q in [`KL_LEVELS`]
/// levels, each of which spreads its count evenly over those of its intervals that are not empty (Migacz, GTC 2017). Zeros
/// are left out: they are exact at any scale, and after a ReLU they would outweigh everything.
fn kl(histogram: &Histogram) -> f64 {
    let counts: Vec<f64> = histogram.counts().iter().map(|&n| n as f64).collect();
    let all: f64 = counts.iter().sum();
    let mut below: f64 = counts[..KL_LEVELS - 1].iter().sum();
    let mut best = (f64::INFINITY, BINS);
    for end in KL_LEVELS..=BINS {
        below += counts[end - 1];
        if !(end - KL_LEVELS).is_multiple_of(KL_STEP) {
            continue;
        }
        let divergence = divergence(&counts[..end], all - below);
        if divergence < best.0 {
            best = (divergence, end);
        }
    }
    best.1 as f64 * histogram.width()
}

/// Divergence of `counts`, whose last interval also holds the `clipped` values, from its quantised form, which does not know
/// of them.
fn divergence(counts: &[f64], clipped: f64) -> f64 {
    let end = counts.len();
    let inside: f64 = counts.iter().sum();
    let all = inside + clipped;
    if inside == 0.0 {
        return f64::INFINITY;
    }
    let mut sum = 0.0;
    for level in 0..KL_LEVELS {
        let (first, last) = (level * end / KL_LEVELS, (level + 1) * end / KL_LEVELS);
        let part = &counts[first..last];
        let filled = part.iter().filter(|&&n| n > 0.0).count();
        let spread = part.iter().sum::<f64>() / filled.max(1) as f64 / inside;
        for (bin, &count) in (first..).zip(part) {
            let p = (count + if bin + 1 == end { clipped } else { 0.0 }) / all;
            if p > 0.0 {
                let q = if count > 0.0 { spread } else { KL_FLOOR };
                sum += p * (p / q.max(KL_FLOOR)).ln();
            }
        }
    }
    sum
}

/// Least mean squared error `E (x - quantised x)^2`, with every value at the middle of its interval.
fn mse(histogram: &Histogram) -> f64 {
    let (width, max) = (histogram.width(), f64::from(histogram.max()));
    let filled: Vec<(f64, f64)> = histogram
        .counts()
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(bin, &count)| (((bin as f64 + 0.5) * width).min(max), count as f64))
        .collect();
    let mut best = (f64::INFINITY, max);
    // From the largest down, so that the widest of equals is taken.
    for candidate in (0..=MSE_CANDIDATES).rev() {
        let share = MSE_SMALLEST + (1.0 - MSE_SMALLEST) * candidate as f64 / MSE_CANDIDATES as f64;
        let threshold = share * max;
        let scale = threshold / f64::from(LEVELS);
        let error = |x: f64| x - (x / scale).round_ties_even().min(f64::from(LEVELS)) * scale;
        let sum: f64 = filled.iter().map(|(x, count)| count * error(*x).powi(2)).sum();
        if sum < best.0 {
            best = (sum, threshold);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rng::Rng;

    fn of(values: &[f32]) -> Histogram {
        let mut histogram = Histogram::default();
        histogram.add(values);
        histogram
    }

    /// 100,000 values of a half-normal distribution, and one far outside.
    fn with_outlier() -> Histogram {
        let mut rng = Rng::new(5);
        let mut values: Vec<f32> = (0..100_000).map(|_| rng.normal() as f32).collect();
        values.push(40.0);
        of(&values)
    }

    #[test]
    fn known_distributions() {
        struct Case {
            name: &'static str,
            histogram: Histogram,
            method: CalibrationMethod,
            between: [f32; 2],
        }
        use CalibrationMethod::{Kl, MinMax, Mse, Percentile999, Percentile9999};
        let even: Vec<f32> = (1..=10_000).map(|i| i as f32 / 10_000.0).collect();
        let relu: Vec<f32> = (0..10_000).map(|i| if i < 9_995 { 0.0 } else { 1.0 }).collect();
        let cases = [
            Case { name: "outlier kept", histogram: with_outlier(), method: MinMax, between: [40.0, 40.0] },
            Case { name: "outlier cut", histogram: with_outlier(), method: Percentile999, between: [3.2, 3.4] },
            Case { name: "outlier cut later", histogram: with_outlier(), method: Percentile9999, between: [3.7, 4.4] },
            // Rounding costs T^2 / (12 127^2) per value and the outlier (40 - T)^2 / 100,001: least at T = 26.4.
            Case { name: "outlier weighed", histogram: with_outlier(), method: Mse, between: [25.0, 28.0] },
            Case { name: "outlier judged", histogram: with_outlier(), method: Kl, between: [2.4, 6.0] },
            Case { name: "even, mse keeps nearly all", histogram: of(&even), method: Mse, between: [0.98, 1.0] },
            Case { name: "even, kl keeps nearly all", histogram: of(&even), method: Kl, between: [0.9, 1.0] },
            Case { name: "even, percentile", histogram: of(&even), method: Percentile999, between: [0.9985, 1.0] },
            // All values above 0 are less than a thousandth: nothing of the zeros' range is left, but it stays positive.
            Case { name: "mostly zero", histogram: of(&relu), method: Percentile999, between: [1e-4, 1e-3] },
            Case { name: "nothing but zeros", histogram: of(&[0.0; 9]), method: Kl, between: [1.0, 1.0] },
            Case { name: "no values", histogram: of(&[]), method: MinMax, between: [1.0, 1.0] },
        ];
        for case in cases {
            let found = threshold(&case.histogram, case.method);
            assert!((case.between[0]..=case.between[1]).contains(&found), "{}: {found}", case.name);
        }
    }

    proptest! {
        #[test]
        fn every_method_stays_within_the_values(
            values in proptest::collection::vec(prop_oneof![Just(0.0_f32), -1e4_f32..1e4, -1e-4_f32..1e-4], 1..300),
        ) {
            let histogram = of(&values);
            for method in METHODS {
                let found = threshold(&histogram, method);
                prop_assert!(found > 0.0 && found.is_finite());
                prop_assert!(found <= histogram.max() || histogram.max() == 0.0, "{:?}: {}", method, found);
            }
            prop_assert!(histogram.max() == 0.0 || threshold(&histogram, CalibrationMethod::MinMax) == histogram.max());
        }

        #[test]
        fn scaling_the_values_by_a_power_of_two_scales_the_threshold(
            values in proptest::collection::vec(-8_f32..8.0, 20..300),
            exponent in -6_i32..6,
        ) {
            let factor = (exponent as f32).exp2();
            let scaled: Vec<f32> = values.iter().map(|v| v * factor).collect();
            for method in METHODS {
                let (a, b) = (threshold(&of(&values), method), threshold(&of(&scaled), method));
                prop_assert!((a * factor - b).abs() <= 1e-5 * b, "{:?}: {} {}", method, a, b);
            }
        }
    }
}
