//! From a segmenter's logits to a mask in the picture's own pixels, the device's way.

use ushydra_bundle::{InputSpec, Preprocessor};
use ushydra_core::{FrameGeometry, FrameView, PixelFormat};
use ushydra_measure::{Cleaner, Mask, Upsampler};

use super::picture::MaskPicture;
use crate::error::{HostError, Result};

/// Enlarges logits to the picture, cuts at 0 and keeps the largest part without holes, as the device does with a decoder's.
pub struct Painter {
    preprocessor: Preprocessor,
    tensor: Vec<f32>,
    upsampler: Upsampler,
    cleaner: Cleaner,
}

impl Painter {
    /// For networks fed as `input` says.
    ///
    /// # Errors
    /// [`HostError::Dataset`] for a specification that cannot work.
    pub fn new(input: &InputSpec) -> Result<Self> {
        Ok(Self {
            preprocessor: Preprocessor::new(input).map_err(|e| HostError::Dataset(e.to_string()))?,
            tensor: vec![0.0; input.values()],
            upsampler: Upsampler::new(),
            cleaner: Cleaner::new(),
        })
    }

    /// The mask of `picture` that `logits` stand for.
    ///
    /// # Errors
    /// [`HostError::Picture`] where logits or picture do not fit the specification.
    pub fn mask(&mut self, picture: &MaskPicture, logits: &[f32]) -> Result<Mask> {
        let loaded = &picture.loaded;
        let problem =
            |e: &dyn std::fmt::Display| HostError::Picture { path: picture.file.clone(), problem: e.to_string() };
        let geometry = FrameGeometry::new(loaded.width, loaded.height, PixelFormat::Grey8).map_err(|e| problem(&e))?;
        let frame = FrameView::new(geometry, &loaded.image).map_err(|e| problem(&e))?;
        let done = self.preprocessor.run(frame, &mut self.tensor).map_err(|e| problem(&e))?;
        let mapping = *done.mapping();
        let spec = self.preprocessor.spec();
        let rect = |r: ushydra_bundle::Rect| [r.x, r.y, r.width, r.height].into();
        let mut mask = Mask::new(loaded.width, loaded.height);
        self.upsampler
            .sample(logits, [spec.width, spec.height], rect(mapping.fitted), rect(mapping.crop), &mut mask)
            .map_err(|e| problem(&e))?;
        self.cleaner.clean(&mut mask);
        Ok(mask)
    }

    /// The true mask of `picture`.
    ///
    /// # Errors
    /// [`HostError::Picture`] for a mask of another size than the picture.
    pub fn truth(picture: &MaskPicture) -> Result<Mask> {
        let loaded = &picture.loaded;
        Mask::from_bytes(&loaded.mask, loaded.width, loaded.height)
            .map_err(|e| HostError::Picture { path: picture.file.clone(), problem: e.to_string() })
    }
}
