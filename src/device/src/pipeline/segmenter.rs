//! From a segmentation decoder's logits to a mask of the frame's size.

use ushydra_bundle::{InputSpec, Mapping, Rect};
use ushydra_core::FrameGeometry;
use ushydra_measure::{Cleaner, Smoother, Upsampler, fit_ellipse, foreground_confidence};

use super::fault::FrameFault;
use super::result::MaskResult;

/// A crop that moved by more than this part of its side shows another picture: smoothing begins anew.
const MAX_CROP_SHIFT: f64 = 0.02;

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
    /// What the last frame looked like.
    seen: Option<(FrameGeometry, Rect)>,
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
        if !self.seen.is_some_and(|seen| alike(seen, (geometry, mapping.crop))) {
            self.smoother.reset();
        }
        self.seen = Some((geometry, mapping.crop));
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

/// Whether logits of two frames show the same places.
fn alike((geometry, crop): (FrameGeometry, Rect), (other_geometry, other): (FrameGeometry, Rect)) -> bool {
    let near = |a: u32, b: u32, side: u32| f64::from(a.abs_diff(b)) <= MAX_CROP_SHIFT * f64::from(side);
    geometry == other_geometry
        && near(crop.x, other.x, crop.width)
        && near(crop.y, other.y, crop.height)
        && near(crop.x + crop.width, other.x + other.width, crop.width)
        && near(crop.y + crop.height, other.y + other.height, crop.height)
}
