//! Counts over a whole run or batch.

use std::fmt;
use std::time::Duration;

use ushydra_core::{MAX_DOMAINS, Verdict};

use super::histogram::Histogram;
use crate::pipeline::{FrameResult, Identity};

/// Frames by decoder and verdict, and their latencies.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    judged: u64,
    decoders: [u64; MAX_DOMAINS],
    shown: u64,
    outside: u64,
    unsure: u64,
    stale: u64,
    /// Capture to result.
    pub latency: Histogram,
}

impl Tally {
    /// Counts one result with its latency.
    pub fn record(&mut self, result: &FrameResult, latency: Duration) {
        self.judged += 1;
        if let Some(count) = self.decoders.get_mut(result.decoder) {
            *count += 1;
        }
        *match result.verdict {
            Verdict::Show => &mut self.shown,
            Verdict::OutOfDomain => &mut self.outside,
            Verdict::Unsure => &mut self.unsure,
            Verdict::Stale => &mut self.stale,
        } += 1;
        self.latency.record(latency);
    }

    /// Results counted.
    #[must_use]
    pub const fn judged(&self) -> u64 {
        self.judged
    }

    /// "12 shown, 3 outside the known domains, 1 unsure, 0 too old".
    pub fn verdicts(&self) -> impl fmt::Display {
        let Self { shown, outside, unsure, stale, .. } = self;
        format!("{shown} shown, {outside} outside the known domains, {unsure} unsure, {stale} too old")
    }

    /// "low 12 (75.0 %), high 4 (25.0 %)".
    pub fn shares(&self, identity: &Identity) -> impl fmt::Display {
        let share = |(name, &count): (&String, &u64)| {
            let percent = count as f64 * 100.0 / self.judged.max(1) as f64;
            format!("{name} {count} ({percent:.1} %)")
        };
        identity.domains.iter().zip(&self.decoders).map(share).collect::<Vec<_>>().join(", ")
    }

    /// "p50 81.2 ms, p95 95.0 ms, p99 101.4 ms", or nothing before the first result.
    #[must_use]
    pub fn percentiles(&self) -> String {
        let percentile =
            |p: f64| self.latency.percentile(p).map(|d| format!("p{p:.0} {:.1} ms", d.as_secs_f64() * 1e3));
        [50.0, 95.0, 99.0].into_iter().filter_map(percentile).collect::<Vec<_>>().join(", ")
    }
}
