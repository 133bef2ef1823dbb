//! `--overlay DIR`: the picture with the result drawn in.

mod canvas;
mod layout;
mod shapes;

use std::path::{Path, PathBuf};

use image::RgbImage;
use image::imageops::{FilterType, resize};
use ushydra_core::{FrameView, PixelFormat};

use crate::failure::Failure;
use crate::gallery::{Gallery, Samples};
use crate::pipeline::{FrameResult, Identity};
use canvas::Typeface;

/// Pictures narrower than this are enlarged by a whole factor, or the text would not be legible.
const LEGIBLE_WIDTH: u32 = 240;
/// Longest side to which a picture is enlarged.
const ENLARGED_SIDE: u32 = 1024;
/// Marks a PNG as ours: only such files are ever overwritten.
const MARK: &str = "USHydra overlay";

/// Writes overlays into one folder.
#[derive(Debug)]
pub struct Overlays {
    gallery: Gallery,
    face: Typeface,
    /// A line that stands on every picture.
    notice: Option<String>,
}

impl Overlays {
    /// Overlays into `folder`, which is created where it is missing.
    ///
    /// # Errors
    /// [`Failure::Usage`] where the folder cannot be created.
    pub fn new(folder: &Path) -> Result<Self, Failure> {
        Ok(Self { gallery: Gallery::new("--overlay", folder, MARK)?, face: Typeface::load()?, notice: None })
    }

    /// Puts a line on every picture from now on, or no longer.
    pub fn notice(&mut self, notice: Option<String>) {
        self.notice = notice;
    }

    /// Draws `result` into `frame`, writes the picture and returns its path.
    ///
    /// # Errors
    /// [`Failure::Output`] where the file cannot be written.
    pub fn write(
        &mut self,
        frame: FrameView<'_>,
        identity: &Identity,
        result: &FrameResult,
    ) -> Result<PathBuf, Failure> {
        let mut picture = rgb(frame);
        let longest = picture.width().max(picture.height());
        let scale = LEGIBLE_WIDTH.div_ceil(picture.width()).min(ENLARGED_SIDE / longest).max(1);
        if scale > 1 {
            picture = resize(&picture, picture.width() * scale, picture.height() * scale, FilterType::Nearest);
        }
        layout::draw(&mut picture, &self.face, scale, identity, result, self.notice.as_deref());
        self.gallery.write(&result.source, result.index, picture.dimensions(), &Samples::Rgb(picture.as_raw()))
    }
}

/// The frame as an RGB picture of its own size.
fn rgb(frame: FrameView<'_>) -> RgbImage {
    let geometry = frame.geometry();
    let channels = geometry.format.channels();
    RgbImage::from_fn(geometry.width, geometry.height, |x, y| {
        let at = (y as usize * geometry.width as usize + x as usize) * channels;
        match geometry.format {
            PixelFormat::Grey8 => image::Rgb([frame.data()[at]; 3]),
            PixelFormat::Rgb8 => image::Rgb([frame.data()[at], frame.data()[at + 1], frame.data()[at + 2]]),
        }
    })
}
