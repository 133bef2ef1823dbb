//! DICOM images and cines.
//!
//! The data set is walked once when the file is opened ([`header`]); of its pixels only the places are noted
//! ([`frames`]). Each frame is then read, decoded and converted alone, so a cine of any length needs the memory of one
//! frame.

mod colour;
mod frames;
mod grey;
mod header;
mod image;
mod lossless;
mod rle;
mod spacing;
mod syntax;
mod timing;
mod value;
mod walk;

use std::time::Duration;

use crate::error::Fault;
use crate::frame::Frame;
use crate::limits::Limits;
use crate::media::Scratch;
use crate::stream::Stream;
use frames::Frames;
use header::Attributes;
use image::Image;
use timing::Timing;

const FORMAT: &str = "DICOM";

/// An opened DICOM file.
pub(crate) struct Dicom {
    stream: Stream,
    image: Image,
    frames: Frames,
    timing: Timing,
    spacing_mm: Option<[f32; 2]>,
    index: u32,
}

impl Dicom {
    /// Reads the data set up to the pixels and checks that they can be decoded.
    pub(crate) fn open(mut stream: Stream, limits: &Limits) -> Result<Self, Fault> {
        let attributes = Attributes::read(&mut stream)?;
        let image = Image::new(&attributes, limits)?;
        let frames = Frames::locate(&mut stream, &attributes, &image)?;
        let timing = Timing::new(&attributes);
        let spacing_mm = attributes.spacing.mm(image.columns(), image.rows());
        Ok(Self { stream, image, frames, timing, spacing_mm, index: 0 })
    }

    pub(crate) fn position(&self) -> u32 {
        self.index
    }

    pub(crate) fn time_of(&self, index: u32) -> Option<Duration> {
        self.timing.of(index)
    }

    /// Decodes the next frame into `frame`; `false` behind the last.
    pub(crate) fn next(&mut self, frame: &mut Frame, scratch: &mut Scratch, limits: &Limits) -> Result<bool, Fault> {
        if !self.frames.read(self.index, &mut self.stream, &mut scratch.encoded, limits)? {
            return Ok(false);
        }
        let index = self.index;
        self.index = self.index.saturating_add(1);
        self.image.decode(scratch, frame, limits).map_err(|fault| in_frame(index, fault))?;
        frame.index = index;
        frame.recorded = self.time_of(index);
        frame.spacing_mm = self.spacing_mm;
        Ok(true)
    }
}

/// Says which frame has the fault.
fn in_frame(index: u32, fault: Fault) -> Fault {
    match fault {
        Fault::Damaged { detail, .. } | Fault::Cut { detail, .. } => {
            Fault::damaged(FORMAT, format!("frame {index}: {detail}"))
        }
        other => other,
    }
}
