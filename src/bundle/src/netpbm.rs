//! Binary PGM (P5) and PPM (P6) with 8 bits per sample: the golden picture without a picture library.
//!
//! Strict on purpose: the header is exactly `P5\n<width> <height>\n255\n`, without comments, and nothing follows the
//! samples.

use ushydra_core::{FrameGeometry, PixelFormat};

/// Largest sample value that is accepted.
const MAX_VALUE: &[u8] = b"255";

/// Header and samples of a picture.
pub(crate) fn encode(geometry: FrameGeometry, samples: &[u8]) -> Vec<u8> {
    let magic = match geometry.format {
        PixelFormat::Grey8 => "P5",
        PixelFormat::Rgb8 => "P6",
    };
    let mut bytes = format!("{magic}\n{} {}\n255\n", geometry.width, geometry.height).into_bytes();
    bytes.extend_from_slice(samples);
    bytes
}

/// Geometry and samples, or what is wrong.
pub(crate) fn decode(bytes: &[u8]) -> Result<(FrameGeometry, Vec<u8>), &'static str> {
    let mut parts = bytes.splitn(4, |&byte| byte == b'\n');
    let mut line = || parts.next().ok_or("the picture's header is cut short");
    let format = match line()? {
        b"P5" => PixelFormat::Grey8,
        b"P6" => PixelFormat::Rgb8,
        _ => return Err("neither a binary PGM (P5) nor a binary PPM (P6)"),
    };
    let size = std::str::from_utf8(line()?).map_err(|_| "the picture's size is no text")?;
    let (width, height) = size.split_once(' ').ok_or("the picture's size is not `width height`")?;
    let side = |text: &str| text.parse::<u32>().map_err(|_| "the picture's size is no pair of numbers");
    let geometry =
        FrameGeometry::new(side(width)?, side(height)?, format).map_err(|_| "the picture's size is not possible")?;
    if line()? != MAX_VALUE {
        return Err("the picture does not have 8 bits per sample");
    }
    let samples = line()?;
    if samples.len() != geometry.bytes() {
        return Err("the picture's samples are cut short or too many");
    }
    Ok((geometry, samples.to_vec()))
}
