//! Which measurements a mask has, and how they are taken.

use std::time::Instant;

use ushydra_bundle::{Manifest, Rect, Task};
use ushydra_measure::fetal::{Curve, GestationalAge, HC18_OUTLINE_PX, HeadBiometry};
use ushydra_measure::heart::{CineFrame, CineReport, CineTracker, Ventricle};
use ushydra_measure::{Mask, MeasureError, Spacing};
use ushydra_probe::Frame;

/// Columns of the pictures for which [`HC18_OUTLINE_PX`] was measured. A network's outline lies where its training put it in the
/// *input*, so the offset grows with the part of a frame that fills the input.
const HC18_COLUMNS: f64 = 800.0;

/// Which measurements belong to a bundle. The first label decides, by the table `SETS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasurementSet {
    /// Area and ellipse only.
    Nothing,
    /// Fetal head: circumference, diameters, gestational age.
    Head,
    /// Left ventricle: area, long axis, volume, and the ejection fraction over a cine.
    Ventricle,
}

/// Labels that have measurements.
const SETS: [(&str, MeasurementSet); 2] = [("head", MeasurementSet::Head), ("lv", MeasurementSet::Ventricle)];

impl MeasurementSet {
    /// The measurements of a bundle.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Self {
        let label = manifest.labels.first().map_or("", String::as_str);
        let listed = SETS.iter().find(|(name, _)| *name == label).map(|(_, set)| *set);
        listed.filter(|_| manifest.task == Task::Segment).unwrap_or(Self::Nothing)
    }

    /// What they are, for people.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Nothing => "area and ellipse",
            Self::Head => "fetal head: HC, BPD, OFD, gestational age",
            Self::Ventricle => "left ventricle: area, long axis, volume, ejection fraction",
        }
    }
}

/// Unit of lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The spacing is known.
    Millimetres,
    /// It is not.
    Pixels,
}

/// A fetal head in the transthalamic plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// Unit of the lengths.
    pub unit: Unit,
    /// Head circumference.
    pub hc: f64,
    /// Biparietal diameter, outer to outer.
    pub bpd: f64,
    /// Occipitofrontal diameter, outer to outer.
    pub ofd: f64,
    /// `100 BPD / OFD`.
    pub cephalic_index: f64,
    /// Gestational age by [`Curve::ALL`], or why a curve does not apply; only in millimetres.
    pub ages: Option<[Result<GestationalAge, MeasureError>; 2]>,
}

/// What was measured on one mask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measurements {
    /// The label has none, or there is nothing to measure.
    None,
    /// A fetal head.
    Head(Head),
    /// A left ventricle.
    Ventricle(Ventricle),
}

impl Head {
    /// Measures a cleaned mask. `crop` is the part of the frame that the network saw.
    fn measure(mask: &Mask, spacing: Option<Spacing>, crop: Rect) -> Option<Self> {
        let spacing = spacing.filter(Spacing::is_valid);
        let unit = if spacing.is_some() { Unit::Millimetres } else { Unit::Pixels };
        let outline_px = HC18_OUTLINE_PX * f64::from(crop.width) / HC18_COLUMNS;
        let found = HeadBiometry::of_mask(mask, spacing.unwrap_or(Spacing::PIXELS), outline_px).ok()??;
        let ages = (unit == Unit::Millimetres).then(|| Curve::ALL.map(|curve| found.age(curve)));
        let HeadBiometry { hc_mm, bpd_mm, ofd_mm, cephalic_index } = found;
        Some(Self { unit, hc: hc_mm, bpd: bpd_mm, ofd: ofd_mm, cephalic_index, ages })
    }
}

/// Where a frame stands in its cine and how far it is trusted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    /// The part of the frame that the network saw.
    pub(super) crop: Rect,
    /// The frame's quality is known.
    pub(super) in_domain: bool,
    /// The mask is not sure enough to be counted.
    pub(super) unsure: bool,
    /// Capture times are those of a live source.
    pub(super) live: bool,
}

/// Takes the measurements of one bundle and keeps the cine's.
#[derive(Debug)]
pub(super) struct Measurer {
    set: MeasurementSet,
    tracker: CineTracker,
    /// First capture time of the cine.
    begin: Instant,
}

impl Measurer {
    pub(super) fn new(set: MeasurementSet) -> Self {
        let capacity = if set == MeasurementSet::Ventricle { CineTracker::USUAL_CAPACITY } else { 1 };
        Self { set, tracker: CineTracker::new(capacity), begin: Instant::now() }
    }

    /// Another cine begins.
    pub(super) fn reset(&mut self) {
        self.tracker.clear();
    }

    /// Measures the mask of one frame, and the cine so far from its second frame on.
    pub(super) fn measure(
        &mut self,
        mask: &Mask,
        frame: &Frame,
        context: Context,
    ) -> (Measurements, Option<CineReport>) {
        let spacing = frame.spacing_mm.map(|mm| Spacing::from(mm.map(f64::from)));
        match self.set {
            MeasurementSet::Nothing => (Measurements::None, None),
            MeasurementSet::Head => {
                let head = Head::measure(mask, spacing, context.crop);
                (head.map_or(Measurements::None, Measurements::Head), None)
            }
            MeasurementSet::Ventricle => {
                let found = Ventricle::measure(mask, spacing);
                self.track(mask, found.as_ref(), frame, context);
                let report = (self.tracker.len() > 1).then(|| self.tracker.report());
                (found.map_or(Measurements::None, Measurements::Ventricle), report)
            }
        }
    }

    fn track(&mut self, mask: &Mask, found: Option<&Ventricle>, frame: &Frame, context: Context) {
        if self.tracker.is_empty() {
            self.begin = frame.captured;
        }
        let captured = context.live.then(|| frame.captured.saturating_duration_since(self.begin));
        let time_s = frame.recorded.or(captured).map_or(f64::NAN, |time| time.as_secs_f64());
        let Rect { x, y, width, height } = context.crop;
        let cut_off = mask.touches_border_of([x, y, width, height]);
        let counted = found.filter(|_| !context.unsure);
        self.tracker.push(CineFrame::new(u64::from(frame.index), time_s, counted, cut_off, context.in_domain));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_head_is_measured_inside_its_outline() {
        let mut mask = Mask::new(800, 540);
        for (i, pixel) in mask.data_mut().iter_mut().enumerate() {
            let (x, y) = ((i % 800) as f64 + 0.5 - 400.0, (i / 800) as f64 + 0.5 - 270.0);
            *pixel = u8::from((x / 250.0).powi(2) + (y / 200.0).powi(2) <= 1.0);
        }
        let whole = Rect::whole(800, 540);
        let pixels = Head::measure(&mask, None, whole).unwrap();
        assert_eq!((pixels.unit, pixels.ages), (Unit::Pixels, None));
        assert!((pixels.ofd - 2.0 * (250.0 - HC18_OUTLINE_PX)).abs() < 0.5, "{pixels:?}");
        let head = Head::measure(&mask, Some(Spacing { x_mm: 0.2, y_mm: 0.2 }), whole).unwrap();
        assert!((head.hc - 0.2 * pixels.hc).abs() < 1e-6 && head.unit == Unit::Millimetres, "{head:?}");
        assert!(head.ages.unwrap().iter().all(Result::is_ok), "{head:?}");
        let broken = Head::measure(&mask, Some(Spacing { x_mm: 0.2, y_mm: f64::NAN }), whole).unwrap();
        assert_eq!(broken, pixels, "a spacing that is no distance is none");
        assert_eq!(Head::measure(&Mask::new(800, 540), None, whole), None);
    }
}
