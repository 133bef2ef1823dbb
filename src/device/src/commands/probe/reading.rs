//! What is gathered while frames come.

use std::time::Instant;

use ushydra_core::{FrameView, PixelFormat};
use ushydra_probe::{Frame, LinkCounters};

use super::outcome::{BINS, EDGES, Grey, Link, Outcome, Percentiles};
use crate::live::Histogram;

/// Most intervals that are kept for the histogram of the jitter: an hour at 240 Hz.
const MAX_INTERVALS: usize = 1 << 20;

/// Samples of every grey value.
struct GreyCounts([u64; 256]);

impl Default for GreyCounts {
    fn default() -> Self {
        Self([0; 256])
    }
}

/// Figures of the frames so far.
#[derive(Default)]
pub(super) struct Reading {
    frames: u64,
    bytes: u64,
    first: Option<Instant>,
    last: Option<Instant>,
    /// Between two frames, in microseconds.
    intervals: Vec<u32>,
    latency: Histogram,
    decode: Histogram,
    grey: GreyCounts,
    geometry: String,
    faults: Vec<String>,
    away: bool,
    losses: u64,
    /// The interval over a loss is none of the probe's.
    interrupted: bool,
}

impl Reading {
    /// When the first frame came.
    pub(super) const fn first(&self) -> Option<Instant> {
        self.first
    }

    pub(super) const fn frames(&self) -> u64 {
        self.frames
    }

    pub(super) fn add(&mut self, view: FrameView<'_>, frame: &Frame) {
        let now = Instant::now();
        self.first.get_or_insert(now);
        if let Some(last) = self.last.replace(now).filter(|_| !self.interrupted)
            && self.intervals.len() < MAX_INTERVALS
        {
            self.intervals.push(u32::try_from((now - last).as_micros()).unwrap_or(u32::MAX));
        }
        (self.away, self.interrupted) = (false, false);
        self.frames += 1;
        self.bytes += view.data().len() as u64;
        self.latency.record(now.saturating_duration_since(frame.captured));
        self.decode.record(frame.decode);
        view.data().iter().for_each(|value| self.grey.0[usize::from(*value)] += 1);
        if self.frames == 1 {
            let geometry = view.geometry();
            let format = match geometry.format {
                PixelFormat::Grey8 => "grey",
                PixelFormat::Rgb8 => "colour",
            };
            self.geometry = format!("{}x{} {format}", geometry.width, geometry.height);
        }
    }

    pub(super) fn lost(&mut self) {
        if !self.away && self.frames > 0 {
            self.losses += 1;
        }
        (self.away, self.interrupted) = (true, true);
    }

    pub(super) fn fault(&mut self, text: String) {
        self.interrupted = true;
        self.faults.push(text);
    }

    pub(super) fn outcome(mut self, source: String, link: Option<LinkCounters>) -> Outcome {
        let seconds = self.first.zip(self.last).map_or(0.0, |(first, last)| (last - first).as_secs_f64());
        self.intervals.sort_unstable();
        let rank = |share: f64| {
            let last = self.intervals.len().checked_sub(1)?;
            self.intervals.get((share * last as f64).round() as usize).copied()
        };
        let interval_us = Percentiles { p1: rank(0.01), p50: rank(0.5), p99: rank(0.99), max: rank(1.0) };
        let median = f64::from(interval_us.p50.unwrap_or(0));
        let mut jitter = [0; EDGES.len() + 1];
        for interval in &self.intervals {
            let share = f64::from(*interval) / median.max(1.0);
            jitter[EDGES.iter().position(|edge| share < *edge).unwrap_or(EDGES.len())] += 1;
        }
        let mut grey = [0; BINS];
        for (value, count) in self.grey.0.iter().enumerate() {
            grey[value * BINS / self.grey.0.len()] += count;
        }
        let samples: u64 = self.grey.0.iter().sum();
        let sum: u64 = self.grey.0.iter().zip(0_u64..).map(|(count, value)| count * value).sum();
        let share = |count: u64| count as f64 / samples.max(1) as f64;
        let micros = |histogram: &Histogram, percent| {
            histogram.percentile(percent).map(|d| u64::try_from(d.as_micros()).unwrap_or(u64::MAX))
        };
        Outcome {
            source,
            geometry: self.geometry,
            frames: self.frames,
            seconds,
            // A rate counts intervals, one fewer than frames.
            rate_hz: if seconds > 0.0 { (self.frames - 1) as f64 / seconds } else { 0.0 },
            megabytes_per_s: if seconds > 0.0 { self.bytes as f64 / 1e6 / seconds } else { 0.0 },
            interval_us,
            jitter,
            latency_p50_us: micros(&self.latency, 50.0),
            latency_p99_us: micros(&self.latency, 99.0),
            decode_p50_us: micros(&self.decode, 50.0),
            decode_p99_us: micros(&self.decode, 99.0),
            losses: self.losses,
            faults: self.faults,
            link: link.map(Link),
            grey: Grey {
                mean: sum as f64 / samples.max(1) as f64,
                black: share(self.grey.0[0]),
                white: share(self.grey.0[255]),
                histogram: grey,
            },
        }
    }
}
