//! AVI with Motion-JPEG: the layout of EchoNet-Dynamic and of most capture programs.
//!
//! The file is walked chunk by chunk, one frame at a time; the index at its end is not needed. Lists are entered, not
//! stacked: frames are found in `movi`, in its `rec ` lists and in the `RIFF AVIX` parts of files beyond 1 GiB (OpenDML)
//! alike, and a wrong list size does no harm.

mod header;
mod riff;

use std::time::Duration;

use crate::error::Fault;
use crate::frame::Frame;
use crate::jpeg;
use crate::limits::Limits;
use crate::media::Scratch;
use crate::stream::Stream;
use header::Header;
use riff::{Chunk, Item, Riff};

const FORMAT: &str = "AVI";

/// An opened AVI file.
pub(crate) struct Avi {
    riff: Riff,
    header: Header,
    /// Index of the next frame.
    index: u32,
}

impl Avi {
    /// Reads the header lists up to the first frame.
    pub(crate) fn open(stream: Stream, limits: &Limits) -> Result<Self, Fault> {
        let mut riff = Riff::open(stream)?;
        let header = Header::read(&mut riff)?;
        limits.check_pixels(header.width, header.height)?;
        Ok(Self { riff, header, index: 0 })
    }

    pub(crate) fn position(&self) -> u32 {
        self.index
    }

    pub(crate) fn time_of(&self, index: u32) -> Option<Duration> {
        self.header.rate.time_of(index)
    }

    /// Decodes the next frame into `frame`; `false` at the end of a whole file.
    ///
    /// An empty chunk repeats the picture before it: it takes its time, and no frame is delivered.
    pub(crate) fn next(&mut self, frame: &mut Frame, scratch: &mut Scratch, limits: &Limits) -> Result<bool, Fault> {
        while let Some(item) = self.riff.next().map_err(|fault| after_frames(self.index, fault))? {
            let Item::Chunk(chunk) = item else { continue };
            if !self.header.is_frame(chunk.id) {
                continue;
            }
            let index = self.index;
            self.index = self.index.saturating_add(1);
            if chunk.size == 0 {
                continue;
            }
            self.decode(chunk, index, frame, scratch, limits)?;
            frame.index = index;
            frame.recorded = self.time_of(index);
            frame.spacing_mm = None;
            return Ok(true);
        }
        if self.index < self.header.frames {
            let detail = format!("{} of {} frames are missing", self.header.frames - self.index, self.header.frames);
            return Err(after_frames(self.index, Fault::cut(FORMAT, detail)));
        }
        Ok(false)
    }

    fn decode(
        &mut self,
        chunk: Chunk,
        index: u32,
        frame: &mut Frame,
        scratch: &mut Scratch,
        limits: &Limits,
    ) -> Result<(), Fault> {
        self.riff.read(chunk, &mut scratch.encoded, limits)?;
        let header = jpeg::Header::parse(&scratch.encoded).map_err(|fault| in_frame(index, fault))?;
        let (width, height) = (u32::from(header.width), u32::from(header.height));
        if (width, height) != (self.header.width, self.header.height) {
            let detail = format!(
                "frame {index} is {width}x{height}, but the video {}x{}",
                self.header.width, self.header.height
            );
            return Err(Fault::damaged(FORMAT, detail));
        }
        jpeg::decode(&header, &mut scratch.encoded, jpeg::Colour::YCbCr, limits, frame)
            .map_err(|fault| in_frame(index, fault))
    }
}

/// Says how many frames come before the place where the file is cut.
fn after_frames(frames: u32, fault: Fault) -> Fault {
    match fault {
        Fault::Cut { format, detail } => Fault::cut(format, format!("{detail}; {frames} whole frames come before")),
        other => other,
    }
}

/// Says which frame of the video has the fault.
fn in_frame(index: u32, fault: Fault) -> Fault {
    match fault {
        Fault::Damaged { detail, .. } | Fault::Cut { detail, .. } => {
            Fault::damaged(FORMAT, format!("frame {index}: {detail}"))
        }
        other => other,
    }
}
