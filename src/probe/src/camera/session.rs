//! Frames of a running camera.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ushydra_core::PixelFormat;
use ushydra_v4l2::{Capture, ImageFormat, Kernel, Quantization, V4l2Error};
use ushydra_wire::LinkCounters;

use super::fault;
use super::settings::{CameraFormat, CameraSettings, Range, Rect};
use crate::convert::luminance::{Window, luminance};
use crate::convert::mjpeg;
use crate::error::Fault;
use crate::frame::Frame;
use crate::live::{Session, SessionFault};

/// Room for what the JPEG decoder puts into a picture: default tables and an end.
const JPEG_EXTRA: usize = 1024;
/// Compressed pictures are never reserved more room than this, whatever the driver says they may take.
const MOST_RESERVED: usize = 32 << 20;
/// A step back of a 32-bit counter looks like a step ahead by more than this.
const HALF: u32 = 1 << 31;

/// A camera that streams.
pub(crate) struct CameraSession<K: Kernel> {
    capture: Capture<K>,
    pictures: Pictures,
    node: PathBuf,
    name: Arc<str>,
    words: String,
    last: Option<u32>,
    link: LinkCounters,
}

/// How buffers become pictures.
struct Pictures {
    kind: CameraFormat,
    format: ImageFormat,
    /// Part that is used.
    part: Rect,
    expand: bool,
    /// A JPEG picture before its part is cut out.
    whole: Frame,
    /// JPEG bytes while they are prepared.
    scratch: Vec<u8>,
}

impl<K: Kernel> CameraSession<K> {
    /// Frames of `capture`, whose format is of `kind`; the crop rectangle of the settings lies in it. `words` describe it.
    pub(super) fn new(
        capture: Capture<K>,
        kind: CameraFormat,
        settings: &CameraSettings,
        node: &Path,
        words: String,
    ) -> Result<Self, Fault> {
        let format = capture.format();
        if kind.step().is_some() {
            format.layout().map_err(Fault::Camera)?;
        }
        let part = settings.crop.unwrap_or(Rect { x: 0, y: 0, width: format.width, height: format.height });
        let expand = match settings.range {
            Some(range) => range == Range::Limited,
            None => format.quantization == Quantization::Limited,
        };
        let reserved = (format.image_bytes as usize).min(MOST_RESERVED) + JPEG_EXTRA;
        let scratch = if kind == CameraFormat::Mjpeg { Vec::with_capacity(reserved) } else { Vec::new() };
        let name = Arc::from(format!("v4l:{}", settings.path.display()));
        let pictures = Pictures { kind, format, part, expand, whole: Frame::new(), scratch };
        Ok(Self { capture, pictures, node: node.to_path_buf(), name, words, last: None, link: LinkCounters::default() })
    }
}

impl<K: Kernel> Session for CameraSession<K> {
    /// The newest frame that is ready. Older ones are passed over and counted as late: a camera that is faster than the
    /// program must not make every picture old.
    fn next(&mut self, frame: &mut Frame, timeout: Duration) -> Result<bool, SessionFault> {
        let link = &mut self.link;
        let name = self.pictures.kind.name();
        let buffer = match self.capture.newest(timeout) {
            Ok(None) => return Ok(false),
            Ok(Some(buffer)) => buffer,
            Err(error @ V4l2Error::Overrun { .. }) => {
                link.bad_header += 1;
                return Err(SessionFault::Frame(Fault::Camera(error)));
            }
            Err(error) => return Err(SessionFault::Ended(fault(&self.node, error))),
        };
        let passed = buffer.passed();
        link.late += u64::from(passed);
        if let Some(last) = self.last.replace(buffer.sequence()) {
            match buffer.sequence().wrapping_sub(last).wrapping_sub(1) {
                left_out @ 0..HALF => link.dropped += u64::from(left_out.saturating_sub(passed)),
                HALF.. => link.out_of_sequence += 1,
            }
        }
        let bytes = buffer.bytes();
        let begin = Instant::now();
        let outcome = if buffer.is_damaged() {
            Err(broken(name, format!("the driver marks its {} bytes as damaged or incomplete", bytes.len())))
        } else {
            self.pictures.convert(bytes, frame)
        };
        if let Err(fault) = outcome {
            link.short += 1;
            link.skipped_bytes += bytes.len() as u64;
            return Err(SessionFault::Frame(fault));
        }
        link.received += 1;
        link.received_bytes += bytes.len() as u64;
        frame.captured = buffer.captured();
        frame.recorded = None;
        frame.spacing_mm = None;
        frame.decode = begin.elapsed();
        Ok(true)
    }

    fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    fn link(&self) -> LinkCounters {
        self.link
    }

    fn describe(&self) -> String {
        self.words.clone()
    }
}

impl Pictures {
    /// Fills pixels and geometry of `frame`.
    fn convert(&mut self, bytes: &[u8], frame: &mut Frame) -> Result<(), Fault> {
        let Rect { x, y, width, height } = self.part;
        let Some(step) = self.kind.step() else { return self.jpeg(bytes, frame) };
        let stride = self.format.stride as usize;
        let start = y as usize * stride + x as usize * step;
        let window = Window { start, stride, width: width as usize, step };
        if !luminance(bytes, window, self.expand, frame.shape(width, height, PixelFormat::Grey8)?) {
            let detail = format!("{} bytes are too few for {}", bytes.len(), self.format);
            return Err(broken(self.kind.name(), detail));
        }
        Ok(())
    }

    fn jpeg(&mut self, bytes: &[u8], frame: &mut Frame) -> Result<(), Fault> {
        let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX);
        let size = (side(self.format.width), side(self.format.height));
        let Rect { x, y, width, height } = self.part;
        if (width, height) == (self.format.width, self.format.height) {
            return mjpeg::decode(bytes, size, &mut self.scratch, frame);
        }
        mjpeg::decode(bytes, size, &mut self.scratch, &mut self.whole)?;
        let format = self.whole.geometry.format;
        let channels = format.channels();
        let stride = self.whole.geometry.width as usize * channels;
        let row = width as usize * channels;
        let rows = self.whole.data.chunks_exact(stride).skip(y as usize);
        for (out, whole) in frame.shape(width, height, format)?.chunks_exact_mut(row).zip(rows) {
            if let Some(part) = whole.get(x as usize * channels..).and_then(|rest| rest.get(..row)) {
                out.copy_from_slice(part);
            }
        }
        Ok(())
    }
}

fn broken(format: &'static str, detail: String) -> Fault {
    Fault::LivePicture { format, detail }
}
