//! From a frame to the encoder's input tensors, one per view, through the bundle's own preprocessing.

use ushydra_bundle::{Colour, Crop, CropFinder, InputSpec, Preprocessed, Preprocessor, Rect};
use ushydra_core::{FrameGeometry, FrameView, Moments, PixelFormat, Quality};

use crate::augment::AugmentConfig;
use crate::rng::Rng;

/// Makes the tensors of one input specification.
pub struct ViewMaker {
    /// The specification as the device follows it.
    plain: Preprocessor,
    /// Grey levels of the input's size, for augmentation between the two halves of the preprocessing.
    levels: Preprocessor,
    /// The specification for a picture that is cropped and resampled already.
    cropped: Preprocessor,
    augmentation: AugmentConfig,
    finder: CropFinder,
    masked: Vec<u8>,
    cut: Vec<u8>,
    grey: Vec<f32>,
    picture: Vec<u8>,
}

impl ViewMaker {
    /// For `input`, with the changes of `augmentation`.
    ///
    /// # Errors
    /// The problem of `input` in words.
    pub fn new(input: &InputSpec, augmentation: &AugmentConfig) -> Result<Self, String> {
        let whole = InputSpec { crop: Crop::None, ..input.clone() };
        // With std = 1/255 the normalisation gives the grey level back.
        let levels = InputSpec {
            channels: 1,
            colour: Colour::Grey,
            mean: vec![0.0],
            std: vec![1.0 / f32::from(u8::MAX)],
            ..whole.clone()
        };
        let prepare = |spec: &InputSpec| Preprocessor::new(spec).map_err(|e| e.to_string());
        Ok(Self {
            plain: prepare(input)?,
            cropped: prepare(&whole)?,
            grey: vec![0.0; levels.values()],
            levels: prepare(&levels)?,
            augmentation: augmentation.clone(),
            finder: CropFinder::new(input.crop),
            masked: Vec::new(),
            cut: Vec::new(),
            picture: Vec::new(),
        })
    }

    /// The unaugmented view, as the device sees it: fills `out` and returns the pixel moments.
    ///
    /// # Errors
    /// What the preprocessing refuses.
    pub fn plain(&mut self, frame: FrameView<'_>, out: &mut [f32]) -> Result<Moments, String> {
        pixel(&self.plain.run(frame, out).map_err(|e| e.to_string())?)
    }

    /// An augmented view.
    ///
    /// # Errors
    /// What the preprocessing refuses.
    pub fn augmented(&mut self, frame: FrameView<'_>, rng: &mut Rng, out: &mut [f32]) -> Result<Moments, String> {
        let geometry = frame.geometry();
        let crop = self.finder.find(frame);
        mask(frame, self.finder.patches(), &mut self.masked);
        let frame = FrameView::new(geometry, &self.masked).map_err(|e| e.to_string())?;
        let sides = self.augmentation.jitter(crop, rng);
        let geometry = cut(frame, sides, &mut self.cut)?;
        let part = FrameView::new(geometry, &self.cut).map_err(|e| e.to_string())?;
        self.levels.run(part, &mut self.grey).map_err(|e| e.to_string())?;
        self.picture.clear();
        self.picture.extend(self.grey.iter().map(|v| v.round() as u8));
        let spec = self.levels.spec();
        let (width, height) = (spec.width, spec.height);
        self.augmentation.apply(&mut self.picture, width as usize, rng);
        let geometry = FrameGeometry::new(width, height, PixelFormat::Grey8).map_err(|e| e.to_string())?;
        let view = FrameView::new(geometry, &self.picture).map_err(|e| e.to_string())?;
        pixel(&self.cropped.run(view, out).map_err(|e| e.to_string())?)
    }
}

/// Channel-averaged pixel moments.
fn pixel(done: &Preprocessed) -> Result<Moments, String> {
    Quality::new(done.channels(), Moments::default()).map(|q| q.pixel).map_err(|e| e.to_string())
}

/// Copies `patches` of the frame, black elsewhere.
fn mask(frame: FrameView<'_>, patches: impl Iterator<Item = Rect>, out: &mut Vec<u8>) {
    let geometry = frame.geometry();
    let channels = geometry.format.channels();
    out.clear();
    out.resize(geometry.bytes(), 0);
    for patch in patches {
        for y in patch.y..patch.y + patch.height {
            let from = (y as usize * geometry.width as usize + patch.x as usize) * channels;
            let range = from..from + patch.width as usize * channels;
            out[range.clone()].copy_from_slice(&frame.data()[range]);
        }
    }
}

/// Copies the rectangle `[x0, y0, x1, y1)`, black where it leaves the frame.
fn cut(frame: FrameView<'_>, [x0, y0, x1, y1]: [i64; 4], out: &mut Vec<u8>) -> Result<FrameGeometry, String> {
    let geometry = frame.geometry();
    let side = |length: i64| u32::try_from(length).map_err(|e| e.to_string());
    let target = FrameGeometry::new(side(x1 - x0)?, side(y1 - y0)?, geometry.format).map_err(|e| e.to_string())?;
    let channels = geometry.format.channels();
    let (width, height) = (i64::from(geometry.width), i64::from(geometry.height));
    out.clear();
    out.resize(target.bytes(), 0);
    let (left, right) = (x0.clamp(0, width), x1.clamp(0, width));
    for y in y0.clamp(0, height)..y1.clamp(0, height) {
        let from = (y * width + left) as usize * channels;
        let count = (right - left) as usize * channels;
        let to = ((y - y0) as usize * target.width as usize + (left - x0) as usize) * channels;
        out[to..to + count].copy_from_slice(&frame.data()[from..from + count]);
    }
    Ok(target)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use ushydra_bundle::{Filter, Fit};

    use super::*;

    fn input(crop: Crop) -> InputSpec {
        InputSpec {
            width: 16,
            height: 16,
            channels: 3,
            colour: Colour::Grey,
            crop,
            resize: Fit::Stretch,
            filter: Filter::Bilinear,
            mean: vec![0.485, 0.456, 0.406],
            std: vec![0.229, 0.224, 0.225],
        }
    }

    #[test]
    fn augmentation_of_strength_zero_is_the_plain_view() {
        let geometry = FrameGeometry::new(64, 48, PixelFormat::Grey8).unwrap();
        // A bright block with a small separate one, which the sector rule masks.
        let inside = |x: i32, y: i32| (8..40).contains(&x) && y > 8 || (44..46).contains(&x) && y < 20;
        let data: Vec<u8> =
            (0..64 * 48).map(|i| if inside(i % 64, i / 64) { 40 + ((i * 7) % 201) as u8 } else { 0 }).collect();
        let frame = FrameView::new(geometry, &data).unwrap();
        for crop in [Crop::None, Crop::Sector, Crop::Fan] {
            let mut maker = ViewMaker::new(&input(crop), &AugmentConfig::none()).unwrap();
            let (mut a, mut b) = (vec![0.0; 768], vec![0.0; 768]);
            let moments = maker.plain(frame, &mut a).unwrap();
            let again = maker.augmented(frame, &mut Rng::new(1), &mut b).unwrap();
            assert_eq!(a, b);
            assert_eq!(moments, again);
        }
    }

    #[test]
    fn cut_is_black_outside() {
        let geometry = FrameGeometry::new(2, 2, PixelFormat::Rgb8).unwrap();
        let data: Vec<u8> = (1..=12).collect();
        let frame = FrameView::new(geometry, &data).unwrap();
        let mut out = Vec::new();
        let target = cut(frame, [-1, 1, 3, 3], &mut out).unwrap();
        assert_eq!((target.width, target.height), (4, 2));
        let first = [0, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0, 0];
        assert_eq!(out[..12], first);
        assert!(out[12..].iter().all(|v| *v == 0));
    }
}
