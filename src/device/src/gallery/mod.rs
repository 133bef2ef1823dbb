//! A folder of PNG files, one per frame, that never overwrites what this program did not write there.

mod names;

use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use names::Names;

/// Text chunk that marks a PNG as ours; its value says of which kind.
const MARK_KEY: &str = "Software";
/// The mark stands within this many bytes from the start of a file.
const MARK_WITHIN: u64 = 256;

/// Samples of a picture.
pub(crate) enum Samples<'a> {
    /// One byte per pixel.
    Grey(&'a [u8]),
    /// Three bytes per pixel.
    Rgb(&'a [u8]),
}

/// Writes pictures of one kind into one folder.
#[derive(Debug)]
pub(crate) struct Gallery {
    folder: PathBuf,
    /// Only files with this mark are ever overwritten.
    mark: &'static str,
    names: Names,
}

impl Gallery {
    /// Pictures with `mark` into `folder`, which is created where it is missing; `argument` named it.
    ///
    /// # Errors
    /// [`Failure::Usage`] where the folder cannot be created.
    pub(crate) fn new(argument: &str, folder: &Path, mark: &'static str) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder)
            .map_err(|e| Failure::Usage(format!("{argument} {}: cannot be created: {e}", folder.display())))?;
        Ok(Self { folder: folder.to_owned(), mark, names: Names::default() })
    }

    /// Writes the picture that belongs to frame `index` of `source` and returns its path.
    ///
    /// # Errors
    /// [`Failure::Output`] where the file cannot be written.
    pub(crate) fn write(
        &mut self,
        source: &str,
        index: u32,
        size: (u32, u32),
        samples: &Samples<'_>,
    ) -> Result<PathBuf, Failure> {
        let mark = self.mark;
        let path = self.names.path(&self.folder, source, index, |path| is_foreign(path, mark));
        save(&path, mark, size, samples)
            .map_err(|cause| Failure::Output { what: path.display().to_string(), cause })?;
        Ok(path)
    }
}

fn save(path: &Path, mark: &str, (width, height): (u32, u32), samples: &Samples<'_>) -> io::Result<()> {
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), width, height);
    let (colour, bytes) = match samples {
        Samples::Grey(bytes) => (png::ColorType::Grayscale, bytes),
        Samples::Rgb(bytes) => (png::ColorType::Rgb, bytes),
    };
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.add_text_chunk(MARK_KEY.to_owned(), mark.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(bytes)?;
    writer.finish()?;
    Ok(())
}

/// Whether a file stands there that this program did not write, or not for this purpose.
fn is_foreign(path: &Path, mark: &str) -> bool {
    let Ok(file) = File::open(path) else { return path.exists() };
    let mut start = Vec::new();
    match file.take(MARK_WITHIN).read_to_end(&mut start) {
        Ok(_) => !start.windows(mark.len()).any(|window| window == mark.as_bytes()),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn two_kinds_share_a_folder_and_only_their_own_files_are_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        std::fs::write(scratch.path().join("x.png"), "not ours").unwrap();
        for _ in 0..2 {
            let mut masks = Gallery::new("--masks", scratch.path(), "USHydra mask").unwrap();
            let mut overlays = Gallery::new("--overlay", scratch.path(), "USHydra overlay").unwrap();
            let mask = masks.write("a/x.png", 0, (2, 1), &Samples::Grey(&[0, 255])).unwrap();
            let overlay = overlays.write("a/x.png", 0, (1, 1), &Samples::Rgb(&[1, 2, 3])).unwrap();
            assert_eq!(mask, scratch.path().join("a_x.png"));
            assert_eq!(overlay, scratch.path().join("x-2.png"));
            assert_eq!(image::open(&mask).unwrap().to_luma8().as_raw(), &[0, 255]);
            assert_eq!(image::open(&overlay).unwrap().to_rgb8().as_raw(), &[1, 2, 3]);
        }
        assert_eq!(std::fs::read(scratch.path().join("x.png")).unwrap(), b"not ours");
    }

    #[test]
    fn a_folder_that_cannot_be_is_a_usage_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let failure = Gallery::new("--masks", file.path(), "mark").unwrap_err();
        assert_eq!(failure.exit_code(), crate::failure::USAGE);
        assert!(failure.to_string().contains("--masks"), "{failure}");
    }
}
