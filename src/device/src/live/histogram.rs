//! Latency percentiles in fixed memory.

use std::time::Duration;

/// Buckets per factor of two: a bucket is at most 1/32 (3 %) wider than its lower edge.
const STEPS: u64 = 32;
/// `log2(STEPS)`.
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Octaves above the exact range; the last bucket ends at 2^36 us, 19 hours.
const OCTAVES: u64 = 31;
/// Fixed number of buckets.
const BUCKETS: usize = (STEPS + OCTAVES * STEPS) as usize;

/// Counts of durations in logarithmic buckets of microseconds; exact below 32 us, within 3 % above.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], total: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.counts[bucket(micros)] += 1;
        self.total += 1;
        self.max = self.max.max(micros);
    }

    /// Durations counted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// The smallest bucket edge that at least `percent` of all durations do not exceed (nearest rank), or `None`
    /// before the first one. Never more than the largest duration itself.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        if self.total == 0 {
            return None;
        }
        let rank = ((percent / 100.0 * self.total as f64).ceil() as u64).clamp(1, self.total);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(Duration::from_micros(upper_edge(index).min(self.max)));
            }
        }
        Some(Duration::from_micros(self.max))
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

fn bucket(micros: u64) -> usize {
    let index = if micros < STEPS {
        micros
    } else {
        let octave = u64::from(micros.ilog2() - STEP_BITS);
        STEPS + octave * STEPS + ((micros >> octave) - STEPS)
    };
    (index as usize).min(BUCKETS - 1)
}

/// Largest value that falls into the bucket.
fn upper_edge(index: usize) -> u64 {
    let index = index as u64;
    if index < STEPS {
        index
    } else {
        let (octave, step) = ((index - STEPS) / STEPS, (index - STEPS) % STEPS);
        ((STEPS + step + 1) << octave) - 1
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn buckets_are_contiguous_and_narrow() {
        for micros in (0..200_000).chain((0..30).map(|e| (1 << e) + 7)) {
            let index = bucket(micros);
            let edge = upper_edge(index);
            assert!(edge >= micros && edge - micros <= micros / STEPS, "{micros} in bucket {index} up to {edge}");
            if index > 0 {
                assert!(upper_edge(index - 1) < micros, "{micros} belongs to an earlier bucket than {index}");
            }
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_within_a_bucket_of_the_exact_ones() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50.0), None);
        for micros in 1..=10_000_u64 {
            histogram.record(Duration::from_micros(micros));
        }
        for (percent, exact) in [(50.0, 5_000.0), (95.0, 9_500.0), (99.0, 9_900.0), (100.0, 10_000.0)] {
            let found = histogram.percentile(percent).unwrap().as_micros() as f64;
            assert!(found >= exact && found <= exact * (1.0 + 1.0 / STEPS as f64), "p{percent}: {found}");
        }
        histogram.clear();
        histogram.record(Duration::from_micros(1_000_001));
        assert_eq!(histogram.percentile(99.0), Some(Duration::from_micros(1_000_001)), "never above the largest");
        assert_eq!(histogram.count(), 1);
    }
}
