//! The JSON record of one frame; its fields and their order are a contract.

use std::path::Path;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use ushydra_board::Derating;
use ushydra_core::Verdict;

use super::mask::{CineRecord, MaskRecord};
use crate::pipeline::{Answer, FrameResult, Identity};

/// One frame's line.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    source: &'a str,
    frame: u32,
    bundle: &'a str,
    backend: &'a str,
    quality: QualityRecord,
    routing: RoutingRecord<'a>,
    result: ResultRecord<'a>,
    timing_us: TimingRecord,
    /// Only of a left ventricle, from a cine's second frame on.
    #[serde(skip_serializing_if = "Option::is_none")]
    cine: Option<CineRecord>,
    /// Only in `run`: what belongs to a live frame and has no meaning for a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<LiveRecord>,
}

#[derive(Debug, Serialize)]
struct QualityRecord {
    pixel_mean: f64,
    pixel_std: f64,
    feature_mean: f64,
    feature_std: f64,
    mean: f64,
    std: f64,
}

#[derive(Debug, Serialize)]
struct RoutingRecord<'a> {
    mode: &'a str,
    decoder: &'a str,
    disparity: ByName<'a, f64>,
    /// Null with a single domain, which has no second to be compared with.
    margin: Option<f64>,
    in_domain: bool,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum ResultRecord<'a> {
    Class { label: &'a str, probability: f32, probabilities: ByName<'a, f32>, abstained: bool },
    Mask(MaskRecord<'a>),
}

impl<'a> ResultRecord<'a> {
    fn new(identity: &'a Identity, result: &'a FrameResult, mask_path: Option<&'a Path>) -> Self {
        let abstained = result.verdict.abstained();
        let label = identity.label(result.answer.label());
        match &result.answer {
            Answer::Class(class) => Self::Class {
                label,
                probability: class.probability(),
                probabilities: ByName { names: &identity.labels, values: &class.probabilities },
                abstained,
            },
            Answer::Mask(mask) => Self::Mask(MaskRecord::new(label, mask, mask_path, abstained)),
        }
    }
}

#[derive(Debug, Serialize)]
struct TimingRecord {
    decode_input: u64,
    preprocess: u64,
    encode: u64,
    route: u64,
    decode: u64,
    /// Only of a mask.
    #[serde(skip_serializing_if = "Option::is_none")]
    measure: Option<u64>,
    total: u64,
}

/// The part of a record that only a live frame has.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LiveRecord {
    /// Number of the frame in order of capture.
    pub sequence: u64,
    /// Capture time in microseconds since the run began.
    pub captured_us: u64,
    /// Capture to result, in microseconds.
    pub latency_us: u64,
    /// Frames dropped so far because a newer one arrived.
    pub dropped: u64,
    /// `show`, `out-of-domain`, `unsure` or `stale`.
    pub verdict: &'static str,
    /// What the board gives up at the moment; only where there is something to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub derating: Option<Derating>,
}

impl LiveRecord {
    /// The word for a verdict.
    #[must_use]
    pub const fn verdict(verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Show => "show",
            Verdict::OutOfDomain => "out-of-domain",
            Verdict::Unsure => "unsure",
            Verdict::Stale => "stale",
        }
    }
}

/// Values under their names, in the given order.
#[derive(Debug)]
struct ByName<'a, T> {
    names: &'a [String],
    values: &'a [T],
}

impl<T: Serialize> Serialize for ByName<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.names.len()))?;
        for (name, value) in self.names.iter().zip(self.values) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'a> Record<'a> {
    /// The record of `result`; `mask_path` is the picture of its mask, where one was written.
    #[must_use]
    pub fn new(
        identity: &'a Identity,
        result: &'a FrameResult,
        mask_path: Option<&'a Path>,
        live: Option<LiveRecord>,
    ) -> Self {
        let micros = |d: std::time::Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
        let quality = &result.quality;
        let timing = &result.timing;
        Self {
            source: &result.source,
            frame: result.index,
            bundle: &identity.bundle,
            backend: identity.backend,
            quality: QualityRecord {
                pixel_mean: quality.pixel.mean,
                pixel_std: quality.pixel.std,
                feature_mean: quality.feature.mean,
                feature_std: quality.feature.std,
                mean: quality.mean(),
                std: quality.std(),
            },
            routing: RoutingRecord {
                mode: identity.mode,
                decoder: identity.domain(result.decoder),
                disparity: ByName { names: &identity.domains, values: &result.decision.disparity },
                margin: Some(result.decision.margin).filter(|m| m.is_finite()),
                in_domain: result.decision.in_domain,
            },
            result: ResultRecord::new(identity, result, mask_path),
            timing_us: TimingRecord {
                decode_input: micros(timing.decode_input),
                preprocess: micros(timing.preprocess),
                encode: micros(timing.encode),
                route: micros(timing.route),
                decode: micros(timing.decode),
                measure: result.answer.mask().map(|_| micros(timing.measure)),
                total: micros(timing.total),
            },
            cine: result.cine.as_ref().map(CineRecord::new),
            live,
        }
    }
}

/// The line of an input that could not be read or judged.
#[derive(Debug, Serialize)]
pub struct ErrorRecord<'a> {
    /// The input as it was named.
    pub source: &'a str,
    /// Cause and remedy.
    pub error: &'a str,
}
