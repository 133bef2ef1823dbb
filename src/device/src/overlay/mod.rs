//! `infer --overlay DIR`: the picture with the result drawn in.

mod canvas;
mod layout;
mod names;

use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};

use image::RgbImage;
use image::imageops::{FilterType, resize};
use ushydra_core::{FrameView, PixelFormat};

use crate::failure::Failure;
use crate::pipeline::{FrameResult, Identity};
use canvas::Typeface;
use names::Names;

/// Pictures narrower than this are enlarged by a whole factor, or the text would not be legible.
const LEGIBLE_WIDTH: u32 = 240;
/// Longest side to which a picture is enlarged.
const ENLARGED_SIDE: u32 = 1024;
/// Text chunk that marks a PNG as ours: only such files are ever overwritten.
const MARK: (&str, &str) = ("Software", "USHydra overlay");
/// The mark stands within this many bytes from the start of a file.
const MARK_WITHIN: u64 = 256;

/// Writes overlays into one folder.
#[derive(Debug)]
pub struct Overlays {
    folder: PathBuf,
    face: Typeface,
    names: Names,
}

impl Overlays {
    /// Overlays into `folder`, which is created where it is missing.
    ///
    /// # Errors
    /// [`Failure::Usage`] where the folder cannot be created.
    pub fn new(folder: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder)
            .map_err(|e| Failure::Usage(format!("--overlay {}: cannot be created: {e}", folder.display())))?;
        Ok(Self { folder: folder.to_owned(), face: Typeface::load()?, names: Names::default() })
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
        let path = self.names.path(&self.folder, &result.source, result.index, is_foreign);
        let mut picture = rgb(frame);
        let longest = picture.width().max(picture.height());
        let scale = LEGIBLE_WIDTH.div_ceil(picture.width()).min(ENLARGED_SIDE / longest).max(1);
        if scale > 1 {
            picture = resize(&picture, picture.width() * scale, picture.height() * scale, FilterType::Nearest);
        }
        layout::draw(&mut picture, &self.face, scale, identity, result);
        save(&path, &picture).map_err(|cause| Failure::Output { what: path.display().to_string(), cause })?;
        Ok(path)
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

fn save(path: &Path, picture: &RgbImage) -> io::Result<()> {
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.add_text_chunk(MARK.0.to_owned(), MARK.1.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(picture.as_raw())?;
    writer.finish()?;
    Ok(())
}

/// Whether a file stands there that this program did not write.
fn is_foreign(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return path.exists() };
    let mut start = Vec::new();
    match file.take(MARK_WITHIN).read_to_end(&mut start) {
        Ok(_) => !start.windows(MARK.1.len()).any(|window| window == MARK.1.as_bytes()),
        Err(_) => true,
    }
}
