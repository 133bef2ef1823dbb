//! Frames as a stream of netpbm pictures, which other programs can check.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use ushydra_core::{FrameView, PixelFormat};

use crate::failure::Failure;

/// A file of pictures one behind the other: binary grey (P5) or colour (P6).
pub(super) struct Dump {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Dump {
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|cause| Failure::Output { what: path.display().to_string(), cause })?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    pub(super) fn write(&mut self, view: FrameView<'_>) -> Result<(), Failure> {
        let geometry = view.geometry();
        let kind = match geometry.format {
            PixelFormat::Grey8 => "P5",
            PixelFormat::Rgb8 => "P6",
        };
        let header = write!(self.file, "{kind}\n{} {}\n255\n", geometry.width, geometry.height);
        header.and_then(|()| self.file.write_all(view.data())).map_err(|cause| self.refusal(cause))
    }

    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.file.flush().map_err(|cause| self.refusal(cause))
    }

    fn refusal(&self, cause: io::Error) -> Failure {
        Failure::Output { what: self.path.display().to_string(), cause }
    }
}
