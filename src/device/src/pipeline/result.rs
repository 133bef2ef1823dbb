//! What the pipeline says about one frame.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ushydra_bundle::Rect;
use ushydra_core::{Decision, Quality, Verdict};
use ushydra_measure::heart::CineReport;
use ushydra_measure::{Ellipse, Mask};

use super::measurements::Measurements;

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
    /// From logits to mask and measurements; nothing for a classifier.
    pub measure: Duration,
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

/// The answer of a segmentation decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskResult {
    /// Index of the label that is segmented: the bundle's first one.
    pub label: usize,
    /// The mask in the frame's own pixels: one component without holes.
    pub mask: Mask,
    /// Its pixels.
    pub area_px: u64,
    /// Its part of the frame, 0 to 1.
    pub fraction: f64,
    /// The ellipse fitted to its outline, in the frame's pixels; none for an empty or degenerate mask.
    pub ellipse: Option<Ellipse>,
    /// Mean probability over the pixels inside, 0 for an empty mask.
    pub probability: f64,
    /// What the label's measurements are, where it has any.
    pub measurements: Measurements,
}

/// What a decoder said.
#[allow(clippy::large_enum_variant, reason = "a pipeline holds one, for as long as it lives")]
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Of a classification bundle.
    Class(ClassResult),
    /// Of a segmentation bundle.
    Mask(MaskResult),
}

impl Answer {
    /// Index of the label.
    #[must_use]
    pub const fn label(&self) -> usize {
        match self {
            Self::Class(class) => class.label,
            Self::Mask(mask) => mask.label,
        }
    }

    /// What the gate judges: probability of the label, or mean probability inside the mask.
    #[must_use]
    pub fn probability(&self) -> f64 {
        match self {
            Self::Class(class) => f64::from(class.probability()),
            Self::Mask(mask) => mask.probability,
        }
    }

    /// The class, of a classification bundle.
    #[must_use]
    pub const fn class(&self) -> Option<&ClassResult> {
        if let Self::Class(class) = self { Some(class) } else { None }
    }

    /// The mask, of a segmentation bundle.
    #[must_use]
    pub const fn mask(&self) -> Option<&MaskResult> {
        if let Self::Mask(mask) = self { Some(mask) } else { None }
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
    pub answer: Answer,
    /// Whether it may be shown.
    pub verdict: Verdict,
    /// The heart over the cine so far: of a left ventricle, from a cine's second frame on.
    pub cine: Option<CineReport>,
    /// The part of the frame that was judged, in its pixels.
    pub crop: Rect,
    /// Age of the frame when the gate judged it.
    pub age: Duration,
    /// Time per stage.
    pub timing: Timing,
}
