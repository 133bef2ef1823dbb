//! Magnitudes of an activation, counted while they pass by.

/// Intervals of a histogram; NVIDIA's calibrator has as many.
pub const BINS: usize = 2048;

/// Counts of `|x|` over `[0, range)` in [`BINS`] equal intervals, without the values.
///
/// The range is a power of two that doubles when a larger value comes: neighbouring intervals are merged two by two. A power of
/// two, so that a value lies in the same interval whether it came before the doubling or after; the histogram is that of the
/// set of values, whatever their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Values per interval, zeros left out.
    counts: Vec<u64>,
    /// Binary logarithm of the range; none before the first value that is not 0.
    exponent: Option<i32>,
    zeros: u64,
    max: f32,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BINS], exponent: None, zeros: 0, max: 0.0 }
    }
}

impl Histogram {
    /// Counts the magnitudes of `values`; those that are not finite are left out.
    pub fn add(&mut self, values: &[f32]) {
        let finite = |v: f32| if v.is_finite() { v.abs() } else { 0.0 };
        let max = values.iter().fold(0.0, |max: f32, &v| max.max(finite(v)));
        if max > 0.0 {
            self.widen(max);
        }
        self.max = self.max.max(max);
        let width = self.width();
        for &value in values.iter().filter(|v| v.is_finite()) {
            if value == 0.0 {
                self.zeros += 1;
            } else {
                let bin = (f64::from(value.abs()) / width) as usize;
                self.counts[bin.min(BINS - 1)] += 1;
            }
        }
    }

    /// Adds what another histogram counted.
    pub fn merge(&mut self, other: &Self) {
        self.zeros += other.zeros;
        let Some(exponent) = other.exponent else { return };
        let mut other = other.clone();
        self.widen(other.max);
        let own = self.exponent.unwrap_or(exponent);
        while other.exponent.is_some_and(|e| e < own) {
            other.double();
        }
        self.max = self.max.max(other.max);
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, n)| *sum += n);
    }

    /// Values per interval, zeros left out.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Width of an interval.
    #[must_use]
    pub fn width(&self) -> f64 {
        f64::from(self.exponent.unwrap_or(0)).exp2() / BINS as f64
    }

    /// Values that were exactly 0.
    #[must_use]
    pub const fn zeros(&self) -> u64 {
        self.zeros
    }

    /// Values that were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.zeros + self.counts.iter().sum::<u64>()
    }

    /// The largest magnitude.
    #[must_use]
    pub const fn max(&self) -> f32 {
        self.max
    }

    /// Doubles the range until it holds `value`, which is above 0.
    fn widen(&mut self, value: f32) {
        // The least power of two above the value.
        let needed = f64::from(value).log2().floor() as i32 + 1;
        match self.exponent {
            None => self.exponent = Some(needed),
            Some(exponent) => (exponent..needed).for_each(|_| self.double()),
        }
    }

    fn double(&mut self) {
        for bin in 0..BINS / 2 {
            self.counts[bin] = self.counts[2 * bin] + self.counts[2 * bin + 1];
        }
        self.counts[BINS / 2..].fill(0);
        self.exponent = self.exponent.map(|e| e + 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn range_doubles_and_keeps_the_counts() {
        let mut histogram = Histogram::default();
        histogram.add(&[0.0, 0.25, -0.25]);
        assert_eq!((histogram.width(), histogram.max(), histogram.zeros()), (0.5 / BINS as f64, 0.25, 1));
        assert_eq!(histogram.counts()[BINS / 2], 2);
        histogram.add(&[-3.0, f32::NAN]);
        assert_eq!((histogram.width(), histogram.max(), histogram.total()), (4.0 / BINS as f64, 3.0, 4));
        assert_eq!((histogram.counts()[BINS / 16], histogram.counts()[BINS * 3 / 4]), (2, 1));
    }

    proptest! {
        #[test]
        fn a_function_of_the_values_only(
            mut values in proptest::collection::vec(prop_oneof![Just(0.0_f32), -1e3_f32..1e3, -1e-3_f32..1e-3], 1..200),
            cut in 0_usize..200,
        ) {
            let mut whole = Histogram::default();
            whole.add(&values);
            let (a, b) = values.split_at(cut.min(values.len()));
            let (mut first, mut second) = (Histogram::default(), Histogram::default());
            first.add(a);
            second.add(b);
            second.merge(&first);
            prop_assert_eq!(&second, &whole);
            values.reverse();
            let mut one_by_one = Histogram::default();
            values.iter().for_each(|v| one_by_one.add(&[*v]));
            prop_assert_eq!(&one_by_one, &whole);
            prop_assert_eq!(whole.total(), values.len() as u64);
            let largest = values.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
            prop_assert_eq!(whole.max(), largest);
            prop_assert!(f64::from(largest) < whole.width() * BINS as f64);
        }
    }
}
