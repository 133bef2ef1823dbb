//! From a segmentation decoder's logits to a mask of the frame's size.

use ushydra_bundle::{InputSpec, Mapping, Rect};
use ushydra_core::FrameGeometry;
use ushydra_measure::{Cleaner, Smoother, Upsampler, fit_ellipse, foreground_confidence};

use super::fault::FrameFault;
use super::result::MaskResult;

/// A crop that moved by more than this part of its side shows another picture: smoothing begins anew. The crop follows what
/// is lit and may well move by a few cells of the crop rule from frame to frame.
const MAX_CROP_SHIFT: f64 = 0.25;

/// Smoothing over the cine, way back to source pixels, clean-up. Allocates with the first frame of a geometry only.
///
/// The bundle's first label is the target; the planes of further labels are not read.
#[derive(Debug)]
pub(super) struct Segmenter {
    /// Columns and rows of the decoder's output.
    input: [u32; 2],
    smoother: Smoother,
    /// Smoothed logits of the target.
    logits: Box<[f32]>,
    upsampler: Upsampler,
    cleaner: Cleaner,
    /// Size of the last frame and how it lay in the input.
    seen: Option<(FrameGeometry, Mapping)>,
}

impl Segmenter {
    pub(super) fn new(input: &InputSpec) -> Self {
        Self {
            input: [input.width, input.height],
            smoother: Smoother::default(),
            logits: vec![0.0; input.pixels()].into_boxed_slice(),
            upsampler: Upsampler::new(),
            cleaner: Cleaner::new(),
            seen: None,
        }
    }

    /// Forgets the cine.
    pub(super) fn reset(&mut self) {
        self.smoother.reset();
    }

    /// Writes mask, area, ellipse and confidence of a frame into `answer`. `logits` are planes of `[labels, height, width]`.
    ///
    /// # Errors
    /// [`FrameFault::Logits`] for a NaN or an infinity, [`FrameFault::Measure`] for a mapping of another frame.
    pub(super) fn segment(
        &mut self,
        logits: &[f32],
        geometry: FrameGeometry,
        mapping: &Mapping,
        answer: &mut MaskResult,
    ) -> Result<(), FrameFault> {
        let target = logits.get(..self.logits.len()).unwrap_or(logits);
        if let Some(index) = target.iter().position(|logit| !logit.is_finite()) {
            return Err(FrameFault::Logits { index });
        }
        match self.seen.replace((geometry, *mapping)) {
            Some((_, before)) if before == *mapping => {}
            Some((size, before)) if size == geometry && alike(before.crop, mapping.crop) => {
                let (scale, offset) = way(mapping, &before);
                self.smoother.follow(self.input[0] as usize, scale, offset);
            }
            Some(_) | None => self.smoother.reset(),
        }
        for (slot, &logit) in self.logits.iter_mut().zip(target) {
            *slot = logit;
        }
        self.smoother.smooth(&mut self.logits);
        let mask = &mut answer.mask;
        mask.resize(geometry.width, geometry.height);
        self.upsampler.sample(&self.logits, self.input, plain(mapping.fitted), plain(mapping.crop), mask)?;
        self.cleaner.clean(mask);
        answer.area_px = mask.area_px();
        answer.fraction = answer.area_px as f64 / geometry.pixels() as f64;
        answer.ellipse = fit_ellipse(mask);
        answer.probability = match foreground_confidence(&self.logits) {
            Some(mean) if answer.area_px > 0 => f64::from(mean),
            _ => 0.0,
        };
        Ok(())
    }
}

fn plain(rect: Rect) -> ushydra_measure::PlainRect {
    [rect.x, rect.y, rect.width, rect.height].into()
}

/// Scale and offset that take a place of the input under `now` to the same place of the source under `before`.
fn way(now: &Mapping, before: &Mapping) -> ([f64; 2], [f64; 2]) {
    let at = |x: f64, y: f64| {
        let [x, y] = now.to_source(x, y);
        before.to_input(x, y)
    };
    let (origin, unit) = (at(0.0, 0.0), at(1.0, 1.0));
    ([unit[0] - origin[0], unit[1] - origin[1]], origin)
}

/// Whether two crops show mostly the same places.
fn alike(a: Rect, b: Rect) -> bool {
    let near = |a: u32, b: u32, side: u32| f64::from(a.abs_diff(b)) <= MAX_CROP_SHIFT * f64::from(side);
    near(a.x, b.x, a.width)
        && near(a.y, b.y, a.height)
        && near(a.x + a.width, b.x + b.width, a.width)
        && near(a.y + a.height, b.y + b.height, a.height)
}

#[cfg(test)]
mod tests {
    use ushydra_bundle::Fit;

    use super::*;

    #[test]
    fn the_way_leads_to_the_same_place_of_the_source() {
        let crop = |x, y, width, height| Rect { x, y, width, height };
        for fit in [Fit::Letterbox, Fit::Stretch] {
            let before = Mapping::new(crop(70, 15, 160, 190), 160, 128, fit);
            let now = Mapping::new(crop(80, 20, 155, 185), 160, 128, fit);
            let (scale, offset) = way(&now, &before);
            for [x, y] in [[0.0, 0.0], [80.0, 64.0], [150.5, 3.25]] {
                let [sx, sy] = now.to_source(x, y);
                let [bx, by] = before.to_source(scale[0] * x + offset[0], scale[1] * y + offset[1]);
                assert!((sx - bx).abs() < 1e-9 && (sy - by).abs() < 1e-9, "{fit:?} {x} {y}");
            }
        }
    }

    #[test]
    fn crops_that_moved_far_show_another_picture() {
        let crop = |x, width| Rect { x, y: 10, width, height: 100 };
        assert!(alike(crop(70, 160), crop(95, 160)) && !alike(crop(70, 160), crop(120, 160)));
    }
}
