//! What the pipeline says about one frame.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ushydra_bundle::Rect;
use ushydra_core::{Decision, Quality, Verdict};

/// Time spent on one frame, by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Reading and decoding the input (file, cine frame); measured by the source.
    pub decode_input: Duration,
    /// Crop, resize, normalise, pixel moments.
    pub preprocess: Duration,
    /// The encoder's engine call.
    pub encode: Duration,
    /// Feature moments, disparities, hysteresis.
    pub route: Duration,
    /// The chosen decoder's engine call and the reading of its output.
    pub decode: Duration,
    /// Everything above and what lies between.
    pub total: Duration,
}

/// The answer of a classification decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassResult {
    /// Index of the most probable label.
    pub label: usize,
    /// Probability per label, in the bundle's order; they sum to 1.
    pub probabilities: Box<[f32]>,
}

impl ClassResult {
    /// Probability of the chosen label.
    #[must_use]
    pub fn probability(&self) -> f32 {
        self.probabilities.get(self.label).copied().unwrap_or(0.0)
    }
}

/// Everything that is known about one frame. Its buffers belong to the pipeline and are reused for the next frame.
#[derive(Clone, Debug)]
pub struct FrameResult {
    /// Number of the frame in its source's order of capture.
    pub sequence: u64,
    /// When the frame was captured.
    pub captured: Instant,
    /// Where the frame comes from.
    pub source: Arc<str>,
    /// Position of the frame in its source, from 0.
    pub index: u32,
    /// Pixel and feature moments.
    pub quality: Quality,
    /// Disparities, margin and in-domain test of this very frame.
    pub decision: Decision,
    /// The decoder that ran: the decision's, unless hysteresis, `fixed` or `oracle` kept another one.
    pub decoder: usize,
    /// What the decoder said.
    pub class: ClassResult,
    /// Whether it may be shown.
    pub verdict: Verdict,
    /// The part of the frame that was judged, in its pixels.
    pub crop: Rect,
    /// Age of the frame when the gate judged it.
    pub age: Duration,
    /// Time per stage.
    pub timing: Timing,
}
