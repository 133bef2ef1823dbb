//! Between a picture and a segmentation network, the device's way: the picture as the encoder takes it, and a decoder's logits
//! as a mask in the picture's own pixels.

use std::path::Path;

use ushydra_bundle::{InputSpec, Preprocessor, Rect};
use ushydra_core::{FrameGeometry, FrameView, Moments, PixelFormat, Quality};
use ushydra_measure::{Cleaner, Mask, Upsampler};

use crate::error::{HostError, Result};
use crate::masks::LoadedSample;

/// Preprocessing, enlargement and clean-up with their buffers.
pub(crate) struct Canvas {
    preprocessor: Preprocessor,
    tensor: Vec<f32>,
    upsampler: Upsampler,
    cleaner: Cleaner,
}

/// A prepared picture.
#[derive(Clone, Copy)]
pub(crate) struct Placed {
    /// Eq. (3) and (4) of the network's input.
    pub(crate) pixel: Moments,
    width: u32,
    height: u32,
    fitted: Rect,
    crop: Rect,
}

impl Canvas {
    /// For networks that are fed `input`.
    ///
    /// # Errors
    /// The problem of `input` in words.
    pub(crate) fn new(input: &InputSpec) -> std::result::Result<Self, String> {
        Ok(Self {
            preprocessor: Preprocessor::new(input).map_err(|e| e.to_string())?,
            tensor: vec![0.0; input.values()],
            upsampler: Upsampler::new(),
            cleaner: Cleaner::new(),
        })
    }

    /// Prepares the picture that was read from `file`.
    ///
    /// # Errors
    /// [`HostError::Picture`].
    pub(crate) fn prepare(&mut self, file: &Path, loaded: &LoadedSample) -> Result<Placed> {
        let (width, height) = (loaded.width, loaded.height);
        let mut prepare = || -> std::result::Result<Placed, Box<dyn std::error::Error>> {
            let frame = FrameView::new(FrameGeometry::new(width, height, PixelFormat::Grey8)?, &loaded.image)?;
            let done = self.preprocessor.run(frame, &mut self.tensor)?;
            let pixel = Quality::new(done.channels(), Moments::default())?.pixel;
            let mapping = done.mapping();
            Ok(Placed { pixel, width, height, fitted: mapping.fitted, crop: mapping.crop })
        };
        prepare().map_err(|e| HostError::Picture { path: file.to_owned(), problem: e.to_string() })
    }

    /// The picture that was prepared last, as the encoder takes it.
    pub(crate) fn tensor(&self) -> &[f32] {
        &self.tensor
    }

    /// The mask of a prepared picture that `logits`, of the input's size, stand for.
    ///
    /// # Errors
    /// [`HostError::Dataset`] for logits of another size.
    pub(crate) fn draw(&mut self, placed: &Placed, logits: &[f32]) -> Result<Mask> {
        let spec = self.preprocessor.spec();
        let rect = |r: Rect| [r.x, r.y, r.width, r.height].into();
        let mut mask = Mask::new(placed.width, placed.height);
        self.upsampler
            .sample(logits, [spec.width, spec.height], rect(placed.fitted), rect(placed.crop), &mut mask)
            .map_err(|e| HostError::Dataset(e.to_string()))?;
        self.cleaner.clean(&mut mask);
        Ok(mask)
    }
}

/// The true mask of the picture that was read from `file`.
///
/// # Errors
/// [`HostError::Picture`] for a mask of another size than its picture.
pub(crate) fn truth(file: &Path, loaded: &LoadedSample) -> Result<Mask> {
    Mask::from_bytes(&loaded.mask, loaded.width, loaded.height)
        .map_err(|e| HostError::Picture { path: file.to_owned(), problem: e.to_string() })
}
