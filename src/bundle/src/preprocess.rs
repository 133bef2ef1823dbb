//! The one way from a frame to the encoder's input, for calibration and inference alike.
//!
//! crop and mask -> (luma) -> resample to 8-bit planes -> integer pixel sums -> `(value / 255 - mean) / std` as planar f32.
//! The pixel moments of Eq. (3) and (4) come from the exact integer sums of the 8-bit planes, carried through the
//! normalisation, so they cost one pass and lose nothing.

use thiserror::Error;
use ushydra_core::simd::vectorised;
use ushydra_core::{FrameGeometry, FrameView, Moments, PixelFormat, PixelSums};

use crate::crop::LUMA;
use crate::cropper::CropFinder;
use crate::geometry::{Mapping, Rect};
use crate::resample::{Resampler, Source};
use crate::spec::{Colour, Crop, InputSpec, MAX_INPUT_CHANNELS};

/// Largest 8-bit sample.
const WHITE: f64 = 255.0;

/// What [`Preprocessor::run`] says about a frame besides its tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preprocessed {
    channels: [Moments; MAX_INPUT_CHANNELS],
    count: usize,
    mapping: Mapping,
}

impl Preprocessed {
    /// Moments of every channel of the tensor, Eq. (3) and (4).
    #[must_use]
    pub fn channels(&self) -> &[Moments] {
        self.channels.get(..self.count).unwrap_or(&self.channels)
    }

    /// The used part of the frame in source pixels.
    #[must_use]
    pub fn crop(&self) -> Rect {
        self.mapping.crop
    }

    /// The way between model input and source pixels.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }
}

/// One input specification with the buffers that serve it.
#[derive(Clone, Debug)]
pub struct Preprocessor {
    spec: InputSpec,
    /// `(v / 255 - mean) / std` as `v * scale + shift`, per channel.
    normalisation: Vec<(f64, f64)>,
    finder: CropFinder,
    resampler: Resampler,
    geometry: Option<FrameGeometry>,
    /// The crop where it cannot be read straight from the frame: masked, or luma of a coloured frame.
    staged: Vec<u8>,
    /// 8-bit planes of the input's size: one for grey, three for colour.
    planes: Vec<u8>,
    fitted: Rect,
}

impl Preprocessor {
    /// Prepares tables and buffers for `spec`.
    ///
    /// # Errors
    /// [`PreprocessError::Spec`] for a specification that no preprocessing can follow.
    pub fn new(spec: &InputSpec) -> Result<Self, PreprocessError> {
        if let Some((field, problem)) = spec.fault() {
            return Err(PreprocessError::Spec { field, problem });
        }
        let affine = |(&mean, &std): (&f32, &f32)| {
            let (mean, std) = (f64::from(mean), f64::from(std));
            (1.0 / (WHITE * std), -mean / std)
        };
        Ok(Self {
            spec: spec.clone(),
            normalisation: spec.mean.iter().zip(&spec.std).map(affine).collect(),
            finder: CropFinder::new(spec.crop),
            resampler: Resampler::new(spec.filter),
            geometry: None,
            staged: Vec::new(),
            planes: Vec::new(),
            fitted: Rect::default(),
        })
    }

    /// The specification that is followed.
    #[must_use]
    pub fn spec(&self) -> &InputSpec {
        &self.spec
    }

    /// Fills `out` (planar `[channels, height, width]`) from `frame`. Allocates only when the frame's geometry differs from
    /// the last one's.
    ///
    /// # Errors
    /// [`PreprocessError::Output`] where `out` does not hold exactly [`InputSpec::values`] values.
    pub fn run(&mut self, frame: FrameView<'_>, out: &mut [f32]) -> Result<Preprocessed, PreprocessError> {
        if out.len() != self.spec.values() {
            return Err(PreprocessError::Output { expected: self.spec.values(), found: out.len() });
        }
        let geometry = frame.geometry();
        if self.geometry != Some(geometry) {
            self.resize(geometry);
        }
        let crop = self.finder.find(frame);
        let mapping = Mapping::new(crop, self.spec.width, self.spec.height, self.spec.resize);
        if mapping.fitted != self.fitted {
            // Black outside the fitted rectangle.
            self.planes.fill(0);
            self.fitted = mapping.fitted;
        }
        let channels = self.sampled_channels(geometry.format);
        let (source, part) = if self.reads_frame_directly(geometry.format) {
            (Source { samples: frame.data(), width: geometry.width, channels }, crop)
        } else {
            vectorised(
                #[inline(always)]
                || stage(frame, crop, &self.finder, channels, &mut self.staged),
            );
            (Source { samples: &self.staged, width: crop.width, channels }, Rect::whole(crop.width, crop.height))
        };
        let pixels = self.spec.pixels();
        let stride = self.spec.width as usize;
        self.resampler.run(source, part, &mut self.planes, pixels, stride, mapping.fitted);
        Ok(Preprocessed { channels: self.normalise(out)?, count: self.spec.channels, mapping })
    }

    /// Channels that are resampled: one unless both frame and input are coloured.
    fn sampled_channels(&self, format: PixelFormat) -> usize {
        match (self.spec.colour, format) {
            (Colour::Rgb, PixelFormat::Rgb8) => MAX_INPUT_CHANNELS,
            _ => 1,
        }
    }

    fn reads_frame_directly(&self, format: PixelFormat) -> bool {
        self.spec.crop == Crop::None && self.sampled_channels(format) == format.channels()
    }

    fn resize(&mut self, geometry: FrameGeometry) {
        let channels = self.sampled_channels(geometry.format);
        let staged = if self.reads_frame_directly(geometry.format) { 0 } else { geometry.pixels() * channels };
        self.staged.clear();
        self.staged.resize(staged, 0);
        self.planes.clear();
        self.planes.resize(channels * self.spec.pixels(), 0);
        self.fitted = Rect::default();
        let output = Rect::whole(self.spec.width, self.spec.height);
        self.resampler.reserve(geometry.width, geometry.height, channels, output);
        self.geometry = Some(geometry);
    }

    /// Pixel sums and normalised planes. A single plane serves every channel.
    fn normalise(&self, out: &mut [f32]) -> Result<[Moments; MAX_INPUT_CHANNELS], PreprocessError> {
        let pixels = self.spec.pixels();
        let mut moments = [Moments::default(); MAX_INPUT_CHANNELS];
        let mut levels = Moments::default();
        let slots = self.normalisation.iter().zip(&mut moments).zip(out.chunks_exact_mut(pixels));
        for (channel, ((&(scale, shift), slot), values)) in slots.enumerate() {
            let plane = self.planes.chunks_exact(pixels).nth(channel);
            if let Some(plane) = plane {
                let mut sums = PixelSums::default();
                sums.add(plane);
                levels = sums.moments().map_err(|_| PreprocessError::Output { expected: pixels, found: 0 })?;
            }
            *slot = levels.affine(scale, shift);
            let plane = plane.unwrap_or(&self.planes);
            vectorised(
                #[inline(always)]
                || {
                    let (scale, shift) = (scale as f32, shift as f32);
                    for (value, &sample) in values.iter_mut().zip(plane) {
                        *value = f32::from(sample) * scale + shift;
                    }
                },
            );
        }
        Ok(moments)
    }
}

/// Copies the crop into `staged` (rows of `crop.width` pixels): masked pixels black, colour as luma where one channel is
/// asked for.
#[inline(always)]
fn stage(frame: FrameView<'_>, crop: Rect, finder: &CropFinder, channels: usize, staged: &mut [u8]) {
    let geometry = frame.geometry();
    let (from, to) = (geometry.format.channels(), channels);
    let (row, staged_row) = (geometry.width as usize * from, crop.width as usize * to);
    // What no patch covers is masked.
    staged[..staged_row * crop.height as usize].fill(0);
    for patch in finder.patches() {
        for y in patch.y..patch.y + patch.height {
            let samples = &frame.data()[y as usize * row + patch.x as usize * from..][..patch.width as usize * from];
            let at = (y - crop.y) as usize * staged_row + (patch.x - crop.x) as usize * to;
            let target = &mut staged[at..][..patch.width as usize * to];
            if from == to { target.copy_from_slice(samples) } else { luma(samples, target) }
        }
    }
}

/// BT.601 luma of interleaved RGB; equal channels keep their value exactly.
#[inline(always)]
fn luma(rgb: &[u8], grey: &mut [u8]) {
    const HALF: u32 = 128;
    const SHIFT: u32 = 8;
    let (pixels, _) = rgb.as_chunks::<3>();
    for (slot, [red, green, blue]) in grey.iter_mut().zip(pixels) {
        let sum = LUMA[0] * u32::from(*red) + LUMA[1] * u32::from(*green) + LUMA[2] * u32::from(*blue);
        *slot = ((sum + HALF) >> SHIFT) as u8;
    }
}

/// A frame that cannot be preprocessed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PreprocessError {
    /// A specification that contradicts itself.
    #[error("input.{field}: {problem}; correct the manifest")]
    Spec {
        /// Field of `[input]`.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// An output buffer of the wrong size.
    #[error(
        "the input tensor has room for {found} values, the specification needs {expected}; size it by InputSpec::values"
    )]
    Output {
        /// Values that the specification needs.
        expected: usize,
        /// Values that the buffer holds.
        found: usize,
    },
}
