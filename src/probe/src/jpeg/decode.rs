//! From JPEG bytes to samples.

use ushydra_core::PixelFormat;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::header::{Header, Process};
use super::tables;
use crate::error::Fault;
use crate::frame::Frame;
use crate::guard::guarded;
use crate::limits::Limits;

const FORMAT: &str = "JPEG";
const END_MARKER: [u8; 2] = [0xff, 0xd9];
/// 64 ones, more than the decoder reads ahead; FF is followed by 00 in entropy-coded data.
const NO_CODE: [u8; 16] = [0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0];
/// Adobe's colour transform: 0 none (RGB or CMYK), 1 YCbCr.
const ADOBE_NONE: u8 = 0;
const ADOBE_YCBCR: u8 = 1;

/// What the three components of a colour picture are, where neither a JFIF nor an Adobe marker says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Luminance and chrominance: the rule for JPEG files and Motion-JPEG.
    YCbCr,
    /// Red, green, blue: DICOM with the photometric interpretation RGB.
    Rgb,
}

/// Decodes `bytes` into `frame`: one component to grey, three or four to RGB. `bytes` may be changed (default tables are
/// put in, a wrong colour marker is corrected).
///
/// The decoder takes working memory of its own for each picture: rows of coefficients, and all coefficients of a
/// progressive picture. Its result goes straight into the frame's reused buffer.
pub(crate) fn decode(
    header: &Header,
    bytes: &mut Vec<u8>,
    assumed: Colour,
    limits: &Limits,
    frame: &mut Frame,
) -> Result<(), Fault> {
    limits.check_pixels(header.width.into(), header.height.into())?;
    check_process(header)?;
    let rgb_inside = header.components == 3 && is_rgb(header, assumed);
    let format = if header.components == 1 { PixelFormat::Grey8 } else { PixelFormat::Rgb8 };
    let target = match (format, rgb_inside) {
        (PixelFormat::Grey8, _) => ColorSpace::Luma,
        (PixelFormat::Rgb8, false) => ColorSpace::RGB,
        // The decoder sees YCbCr unless the components are named RGB; asked for the same, it copies them as they are.
        (PixelFormat::Rgb8, true) if header.named_rgb => ColorSpace::RGB,
        (PixelFormat::Rgb8, true) => ColorSpace::YCbCr,
    };
    if let Some((ADOBE_NONE, at)) = header.adobe
        && header.components == 3
        && let Some(transform) = bytes.get_mut(at)
    {
        // The decoder reads "no transform" as CMYK, which three components are not.
        *transform = ADOBE_YCBCR;
    }
    guard_end(header, bytes);
    if !header.huffman {
        tables::insert(bytes);
    }
    let out = frame.shape(header.width.into(), header.height.into(), format)?;
    // The decoder gives up on some damaged data without saying so: better black than the frame before.
    out.fill(0);
    let options = DecoderOptions::default()
        // A medical picture with invented pixels is worse than none.
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(target);
    guarded(FORMAT, || {
        let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes.as_slice()), options);
        decoder.decode_headers().map_err(fault)?;
        // Fails only where our reading of the markers and the decoder's differ.
        if decoder.output_buffer_size() != Some(out.len()) {
            return Err(Fault::damaged(FORMAT, "its markers contradict each other"));
        }
        decoder.decode_into(out).map_err(fault)
    })
}

/// Makes missing data an error: behind the last byte of the picture, before its end marker, comes a code that no Huffman
/// table has (JPEG reserves all ones). The decoder by itself reads zeros behind the end marker, and makes a picture of
/// them.
fn guard_end(header: &Header, bytes: &mut Vec<u8>) {
    if let Some(end) = header.end(bytes) {
        bytes.truncate(end - END_MARKER.len());
    }
    bytes.extend(NO_CODE.iter().chain(&END_MARKER));
}

fn is_rgb(header: &Header, assumed: Colour) -> bool {
    match header.adobe {
        Some((ADOBE_NONE, _)) => true,
        Some(_) => false,
        None if header.named_rgb => true,
        None if header.jfif => false,
        None => assumed == Colour::Rgb,
    }
}

fn check_process(header: &Header) -> Result<(), Fault> {
    let what = match header.process {
        Process::Dct if header.precision == 8 => return Ok(()),
        Process::Dct => format!("JPEG with {} bits per sample", header.precision),
        Process::Lossless => "lossless JPEG outside DICOM".to_owned(),
        Process::Other(code) => format!("the JPEG process of marker FF{code:02X}"),
    };
    Err(Fault::Unsupported { what, remedy: "save the picture as baseline JPEG or PNG" })
}

fn fault(error: DecodeErrors) -> Fault {
    match error {
        DecodeErrors::ExhaustedData => Fault::cut(FORMAT, "its data ends before the last row"),
        other => Fault::damaged(FORMAT, format!("{other:?}")),
    }
}
