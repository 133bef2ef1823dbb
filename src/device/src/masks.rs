//! `infer --masks DIR`: masks as pictures of the input's size, 255 inside and 0 outside.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::gallery::{Gallery, Samples};
use crate::pipeline::{FrameResult, MaskResult};

/// Marks a PNG as ours: only such files are ever overwritten.
const MARK: &str = "USHydra mask";
/// Sample of a pixel inside.
const INSIDE: u8 = 255;

/// Writes masks into one folder.
#[derive(Debug)]
pub struct Masks {
    gallery: Gallery,
    samples: Vec<u8>,
}

impl Masks {
    /// Masks into `folder`, which is created where it is missing.
    ///
    /// # Errors
    /// [`Failure::Usage`] where the folder cannot be created.
    pub fn new(folder: &Path) -> Result<Self, Failure> {
        Ok(Self { gallery: Gallery::new("--masks", folder, MARK)?, samples: Vec::new() })
    }

    /// Writes the mask of one frame and returns the path of the picture.
    ///
    /// # Errors
    /// [`Failure::Output`] where the file cannot be written.
    pub fn write(&mut self, result: &FrameResult, answer: &MaskResult) -> Result<PathBuf, Failure> {
        let mask = &answer.mask;
        self.samples.clear();
        self.samples.extend(mask.data().iter().map(|&pixel| if pixel == 0 { 0 } else { INSIDE }));
        let size = (mask.width(), mask.height());
        self.gallery.write(&result.source, result.index, size, &Samples::Grey(&self.samples))
    }
}
