//! Picture files: PNG, JPEG, BMP and TIFF.
//!
//! All bit depths and colour types end as 8-bit grey or RGB: 16-bit samples are scaled, palettes expanded, alpha is
//! composed on black, RGB with three equal channels becomes grey. Orientation marks (EXIF) are not applied: pixels keep
//! their place in the file.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::tiff::TiffDecoder;
use image::error::ImageError;
use image::{ImageDecoder, Limits as ImageLimits};

use crate::error::Fault;
use crate::frame::Frame;
use crate::guard::guarded;
use crate::jpeg;
use crate::kind::Kind;
use crate::limits::Limits;
use crate::media::Scratch;
use crate::samples;
use crate::stream::Stream;

/// Memory that a decoder may take beside the picture: rows, tables, metadata.
const WORKING_BYTES: u64 = 16 << 20;

/// One picture file, decoded once.
pub(crate) struct Picture {
    kind: Kind,
    stream: Stream,
    delivered: bool,
}

impl Picture {
    pub(crate) fn new(kind: Kind, stream: Stream) -> Self {
        Self { kind, stream, delivered: false }
    }

    /// Frames delivered so far.
    pub(crate) fn position(&self) -> u32 {
        u32::from(self.delivered)
    }

    /// Decodes the picture into `frame`; `false` on the second call.
    ///
    /// JPEG goes into the frame's buffer directly, and so do 8-bit grey and RGB of the other formats; the rest passes
    /// through the reused scratch buffer. The codecs take working memory of their own for every picture.
    pub(crate) fn next(&mut self, frame: &mut Frame, scratch: &mut Scratch, limits: &Limits) -> Result<bool, Fault> {
        if std::mem::replace(&mut self.delivered, true) {
            return Ok(false);
        }
        let format = self.kind.name();
        self.stream.take(self.stream.length(), &mut scratch.encoded, limits, format)?;
        let Scratch { encoded, samples } = scratch;
        match self.kind {
            Kind::Jpeg => {
                let header = jpeg::Header::parse(encoded)?;
                if header.end(encoded).is_none() {
                    return Err(Fault::cut(format, "its end marker is missing"));
                }
                jpeg::decode(&header, encoded, jpeg::Colour::YCbCr, limits, frame)?;
            }
            kind => guarded(format, || decode(kind, encoded, samples, limits, frame))?,
        }
        samples::collapse_grey(frame)?;
        Ok(true)
    }
}

fn decode(kind: Kind, bytes: &[u8], samples: &mut Vec<u8>, limits: &Limits, frame: &mut Frame) -> Result<(), Fault> {
    let fault = |error| fault(kind.name(), error);
    // The decoders read the header here and the pixels only in `read`.
    let reader = Cursor::new(bytes);
    match kind {
        Kind::Png => {
            let mut working = ImageLimits::default();
            working.max_alloc = Some(limits.max_pixels.saturating_mul(MAX_PIXEL_BYTES).saturating_add(WORKING_BYTES));
            let decoder = PngDecoder::with_limits(reader, working).map_err(fault)?;
            read(kind, decoder, samples, limits, frame)
        }
        Kind::Bmp => read(kind, BmpDecoder::new(reader).map_err(fault)?, samples, limits, frame),
        _ => read(kind, TiffDecoder::new(reader).map_err(fault)?, samples, limits, frame),
    }
}

/// Bytes of the widest pixel: RGBA with 32-bit floats.
const MAX_PIXEL_BYTES: u64 = 16;

fn read<D: ImageDecoder>(
    kind: Kind,
    mut decoder: D,
    samples: &mut Vec<u8>,
    limits: &Limits,
    frame: &mut Frame,
) -> Result<(), Fault> {
    let fault = |error| fault(kind.name(), error);
    let (width, height) = decoder.dimensions();
    limits.check_pixels(width, height)?;
    let bytes = decoder.total_bytes();
    let mut working = ImageLimits::default();
    // The decoder counts the picture itself too, and the TIFF decoder a copy of it.
    working.max_alloc = Some(bytes.saturating_mul(2).saturating_add(WORKING_BYTES));
    decoder.set_limits(working).map_err(fault)?;
    let color = decoder.color_type();
    if let Some(format) = samples::native(color) {
        let out = frame.shape(width, height, format)?;
        // Run-length coded bitmaps may leave pixels out.
        out.fill(0);
        return decoder.read_image(out).map_err(fault);
    }
    let bytes = usize::try_from(bytes).map_err(|_| Fault::TooManyBytes { bytes, limit: usize::MAX as u64 })?;
    samples.clear();
    samples.resize(bytes, 0);
    decoder.read_image(samples).map_err(fault)?;
    samples::convert(color, width, height, samples, frame)
}

fn fault(format: &'static str, error: ImageError) -> Fault {
    match error {
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Fault::cut(format, "its data ends before the last row")
        }
        ImageError::Unsupported(error) => {
            Fault::Unsupported { what: error.to_string(), remedy: "convert the picture to an 8-bit grey or RGB PNG" }
        }
        other => Fault::damaged(format, other.to_string()),
    }
}
