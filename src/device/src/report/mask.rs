//! The part of the JSON record that only a mask has; its fields and their order are a contract.

use std::path::Path;

use serde::Serialize;
use ushydra_measure::fetal::GestationalAge;
use ushydra_measure::heart::{CineReport, Ventricle};
use ushydra_measure::{Ellipse, MeasureError};

use crate::pipeline::{Head, MaskResult, Measurements, Unit};

/// `result` of a segmentation bundle.
#[derive(Debug, Serialize)]
pub(super) struct MaskRecord<'a> {
    area_px: u64,
    /// Part of the frame, 0 to 1.
    fraction: f64,
    /// Null for an empty mask.
    ellipse: Option<EllipseRecord>,
    measurements: MeasurementsRecord,
    /// Null unless masks are written.
    mask: Option<&'a Path>,
    label: &'a str,
    /// Mean over the pixels inside.
    probability: f64,
    abstained: bool,
}

impl<'a> MaskRecord<'a> {
    pub(super) fn new(label: &'a str, result: &MaskResult, mask: Option<&'a Path>, abstained: bool) -> Self {
        Self {
            area_px: result.area_px,
            fraction: result.fraction,
            ellipse: result.ellipse.map(EllipseRecord::from),
            measurements: MeasurementsRecord::new(&result.measurements),
            mask,
            label,
            probability: result.probability,
            abstained,
        }
    }
}

/// Centre and half axes in pixels of the frame; the centre of its first pixel is (0.5, 0.5).
#[derive(Debug, Serialize)]
struct EllipseRecord {
    cx: f64,
    cy: f64,
    a: f64,
    b: f64,
    /// From the direction of a row towards that of a column, in degrees.
    angle_deg: f64,
}

impl From<Ellipse> for EllipseRecord {
    fn from(Ellipse { cx, cy, a, b, angle_deg }: Ellipse) -> Self {
        Self { cx, cy, a, b, angle_deg }
    }
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum MeasurementsRecord {
    None {},
    Head {
        hc_mm: f64,
        bpd_mm: f64,
        ofd_mm: f64,
        cephalic_index: f64,
        /// Null outside the curve's range.
        ga_hadlock: Option<AgeRecord>,
        ga_intergrowth: Option<AgeRecord>,
        /// Why an age is null.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        refused: Vec<String>,
    },
    HeadPixels {
        hc_px: f64,
        bpd_px: f64,
        ofd_px: f64,
        cephalic_index: f64,
    },
    Ventricle {
        area_cm2: f64,
        long_axis_mm: f64,
        volume_ml: f64,
        /// In pixels of the frame, as `base`.
        apex: [f64; 2],
        base: [f64; 2],
    },
    VentriclePixels {
        area_px: f64,
        long_axis_px: f64,
        volume_px3: f64,
        apex: [f64; 2],
        base: [f64; 2],
    },
}

impl MeasurementsRecord {
    fn new(measurements: &Measurements) -> Self {
        match measurements {
            Measurements::None => Self::None {},
            Measurements::Head(head) => Self::head(head),
            Measurements::Ventricle(found) => Self::ventricle(found),
        }
    }

    fn head(&Head { unit, hc, bpd, ofd, cephalic_index, ages }: &Head) -> Self {
        if unit == Unit::Pixels {
            return Self::HeadPixels { hc_px: hc, bpd_px: bpd, ofd_px: ofd, cephalic_index };
        }
        let age = |index: usize| ages.and_then(|ages| ages[index].ok()).map(AgeRecord::from);
        let refusals = ages.iter().flatten().filter_map(|age| age.err());
        Self::Head {
            hc_mm: hc,
            bpd_mm: bpd,
            ofd_mm: ofd,
            cephalic_index,
            ga_hadlock: age(0),
            ga_intergrowth: age(1),
            refused: refusals.map(|refusal: MeasureError| refusal.to_string()).collect(),
        }
    }

    fn ventricle(found: &Ventricle) -> Self {
        let (apex, base) = (found.apex, found.base);
        match (found.area_cm2(), found.long_axis_mm(), found.volume_ml()) {
            (Some(area_cm2), Some(long_axis_mm), Some(volume_ml)) => {
                Self::Ventricle { area_cm2, long_axis_mm, volume_ml, apex, base }
            }
            _ => Self::VentriclePixels {
                area_px: found.area,
                long_axis_px: found.long_axis,
                volume_px3: found.volume,
                apex,
                base,
            },
        }
    }
}

/// A gestational age with the interval that about 95 % of such heads fall into, in weeks.
#[derive(Debug, Serialize)]
struct AgeRecord {
    weeks: f64,
    low: f64,
    high: f64,
    /// The interval may begin earlier than the curve does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    low_open: bool,
    /// The interval may end later than the curve does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    high_open: bool,
}

impl From<GestationalAge> for AgeRecord {
    fn from(age: GestationalAge) -> Self {
        Self {
            weeks: age.weeks,
            low: age.from_weeks,
            high: age.to_weeks,
            low_open: age.from_open,
            high_open: age.to_open,
        }
    }
}

/// The heart over the cine so far.
#[derive(Debug, Serialize)]
pub(super) struct CineRecord {
    frames: usize,
    beats: usize,
    /// Null where the cine is unfit.
    ef_percent: Option<f64>,
    /// Null also without a spacing.
    edv_ml: Option<f64>,
    esv_ml: Option<f64>,
    ed_frame: Option<u64>,
    es_frame: Option<u64>,
    /// Beats per minute; null without times or a whole interval.
    heart_rate: Option<f64>,
    /// `good`, `caution` or `unfit`.
    quality: &'static str,
    /// What speaks against the figures, the gravest first.
    reasons: Vec<&'static str>,
}

impl CineRecord {
    pub(super) fn new(report: &CineReport) -> Self {
        Self {
            frames: report.frames,
            beats: report.beats,
            ef_percent: report.ef_percent,
            edv_ml: report.edv_ml,
            esv_ml: report.esv_ml,
            ed_frame: report.ed_frame,
            es_frame: report.es_frame,
            heart_rate: report.heart_rate,
            quality: report.grade().name(),
            reasons: report.concerns.iter().map(|concern| concern.name()).collect(),
        }
    }
}
