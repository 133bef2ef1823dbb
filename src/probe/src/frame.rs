//! The frame that a source fills, and the trait of every source.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ushydra_core::{FrameError, FrameGeometry, FrameView, PixelFormat};
use ushydra_wire::LinkCounters;

use crate::error::{Fault, ProbeError};

/// One frame with its origin. The caller keeps it and hands it to [`FrameSource::next`] again and again: its buffer
/// grows to the largest frame and is then reused.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Width, height and sample layout of `data`.
    pub geometry: FrameGeometry,
    /// Samples, row-major, interleaved, exactly `geometry.bytes()` long.
    pub data: Vec<u8>,
    /// Number of the frame in its source: 0 for the first, then one more for each, over all files and repetitions.
    pub sequence: u64,
    /// When the frame was captured, on this machine's monotonic clock. A replay at the recorded rate counts a frame as
    /// captured at the moment it was due, so that a late consumer sees its lateness as age.
    pub captured: Instant,
    /// Time of the frame since the start of its recording, where the recording says so.
    pub recorded: Option<Duration>,
    /// Distance between neighbouring pixels in mm: `[along a row, between rows]`.
    pub spacing_mm: Option<[f32; 2]>,
    /// Path or name of the file or device.
    pub source: Arc<str>,
    /// Number of the frame in its file, from 0.
    pub index: u32,
    /// Time spent on reading and decoding.
    pub decode: Duration,
}

impl Frame {
    /// One black pixel without origin, ready to be filled.
    #[must_use]
    pub fn new() -> Self {
        Self {
            geometry: FrameGeometry { width: 1, height: 1, format: PixelFormat::Grey8 },
            data: vec![0],
            sequence: 0,
            captured: Instant::now(),
            recorded: None,
            spacing_mm: None,
            source: Arc::from(""),
            index: 0,
            decode: Duration::ZERO,
        }
    }

    /// The frame as the statistics and preprocessing take it.
    ///
    /// # Errors
    /// [`FrameError::Length`] where the caller changed `data` or `geometry` so that they disagree.
    pub fn view(&self) -> Result<FrameView<'_>, FrameError> {
        FrameView::new(self.geometry, &self.data)
    }

    /// Takes the geometry and makes `data` as long as it needs. Bytes that were there before stay: the decoder
    /// overwrites them all.
    pub(crate) fn shape(&mut self, width: u32, height: u32, format: PixelFormat) -> Result<&mut [u8], Fault> {
        let geometry = FrameGeometry::new(width, height, format)?;
        self.data.resize(geometry.bytes(), 0);
        self.geometry = geometry;
        Ok(&mut self.data)
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::new()
    }
}

/// What [`FrameSource::next`] has to say when nothing is wrong with the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// The frame was filled.
    Frame,
    /// There will be no more frames. Said again on every further call.
    End,
    /// No frame came within the timeout; the source is well.
    Timeout,
    /// The probe was unplugged or stopped answering. Live sources only; the source looks for it on the next call.
    Lost,
}

/// Anything that delivers frames: files, and live probes.
///
/// After an `Err` the source stays usable: the next call goes on with the next file, or with the next frame of a live
/// probe. What `frame` holds is only defined after [`Next::Frame`].
pub trait FrameSource: Send {
    /// Waits at most `timeout` for the next frame and fills `frame` with it.
    ///
    /// The timeout bounds the wait for a frame to be due or to arrive, not its decoding.
    ///
    /// # Errors
    /// [`ProbeError`] with the name of the file or device and what is wrong with it.
    fn next(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Next, ProbeError>;

    /// One line for logs and the status line: what is read, and how.
    fn describe(&self) -> String;

    /// Whether frames come from a device that may be unplugged and plugged in again: [`Next::Lost`] is then a possible answer,
    /// and an error concerns the device at this moment, not an input that was lost for good.
    fn is_live(&self) -> bool {
        false
    }

    /// What happened on the link to the device since the source was opened; `None` where there is no link.
    fn link(&self) -> Option<LinkCounters> {
        None
    }
}
