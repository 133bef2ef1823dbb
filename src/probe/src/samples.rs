//! From the samples of a picture file to 8-bit grey or RGB.

use image::ColorType;
use ushydra_core::PixelFormat;

use crate::error::Fault;
use crate::frame::Frame;

/// Full scale of 8 and 16-bit samples.
const FULL_8: u32 = 255;
const FULL_16: u32 = 65_535;
/// Triples compared at a time when looking for colour: long enough to vectorise, short enough to stop early.
const GREY_BLOCK: usize = 64;

/// `value / 65535 * 255`, rounded.
pub(crate) fn narrow(value: u16) -> u8 {
    ((u32::from(value) * FULL_8 + FULL_16 / 2) / FULL_16) as u8
}

/// `value * alpha / 255`, rounded: the sample composed on black.
fn on_black(value: u8, alpha: u8) -> u8 {
    ((u32::from(value) * u32::from(alpha) + FULL_8 / 2) / FULL_8) as u8
}

/// The same for 16-bit samples, narrowed in the same step.
fn wide_on_black(value: u16, alpha: u16) -> u8 {
    // value * alpha < 2^32.
    narrow(((u64::from(value) * u64::from(alpha) + u64::from(FULL_16 / 2)) / u64::from(FULL_16)) as u16)
}

fn unit_to_byte(value: f32) -> u8 {
    // `as` saturates and takes NaN to 0.
    (value * FULL_8 as f32).round() as u8
}

/// Whether `color` needs no conversion, and the layout if so.
pub(crate) fn native(color: ColorType) -> Option<PixelFormat> {
    match color {
        ColorType::L8 => Some(PixelFormat::Grey8),
        ColorType::Rgb8 => Some(PixelFormat::Rgb8),
        _ => None,
    }
}

/// Converts `samples` (native endian, interleaved, as the `image` crate delivers them) into `frame`: 16-bit and
/// floating-point samples are scaled to 8 bits, alpha is composed on black.
pub(crate) fn convert(
    color: ColorType,
    width: u32,
    height: u32,
    samples: &[u8],
    frame: &mut Frame,
) -> Result<(), Fault> {
    let format = match color {
        ColorType::L8 | ColorType::La8 | ColorType::L16 | ColorType::La16 => PixelFormat::Grey8,
        _ => PixelFormat::Rgb8,
    };
    let out = frame.shape(width, height, format)?;
    match color {
        ColorType::L8 | ColorType::Rgb8 => out.copy_from_slice(samples),
        ColorType::La8 => per_pixel(samples, out, |[value, alpha], to: &mut [u8; 1]| to[0] = on_black(value, alpha)),
        ColorType::Rgba8 => per_pixel(samples, out, |[r, g, b, alpha], to| *to = [r, g, b].map(|v| on_black(v, alpha))),
        ColorType::L16 | ColorType::Rgb16 => per_pixel(samples, out, |from, to: &mut [u8; 1]| {
            to[0] = narrow(u16::from_ne_bytes(from));
        }),
        ColorType::La16 => per_pixel(samples, out, |from: [u8; 4], to: &mut [u8; 1]| {
            to[0] = wide_on_black(wide(from, 0), wide(from, 1));
        }),
        ColorType::Rgba16 => per_pixel(samples, out, |from: [u8; 8], to| {
            *to = [0, 1, 2].map(|channel| wide_on_black(wide(from, channel), wide(from, 3)));
        }),
        ColorType::Rgb32F => per_pixel(samples, out, |from: [u8; 12], to| {
            *to = [0, 1, 2].map(|channel| unit_to_byte(float(from, channel)));
        }),
        ColorType::Rgba32F => per_pixel(samples, out, |from: [u8; 16], to| {
            let alpha = float(from, 3).clamp(0.0, 1.0);
            *to = [0, 1, 2].map(|channel| unit_to_byte(float(from, channel) * alpha));
        }),
        other => {
            return Err(Fault::Unsupported {
                what: format!("the pixel type {other:?}"),
                remedy: "convert the picture to 8-bit grey or RGB",
            });
        }
    }
    Ok(())
}

fn wide<const N: usize>(bytes: [u8; N], sample: usize) -> u16 {
    u16::from_ne_bytes([bytes[2 * sample], bytes[2 * sample + 1]])
}

fn float<const N: usize>(bytes: [u8; N], sample: usize) -> f32 {
    let at = 4 * sample;
    f32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Maps every `I` bytes to `O` bytes.
fn per_pixel<const I: usize, const O: usize>(
    samples: &[u8],
    out: &mut [u8],
    mut map: impl FnMut([u8; I], &mut [u8; O]),
) {
    for (from, to) in samples.as_chunks::<I>().0.iter().zip(out.as_chunks_mut::<O>().0) {
        map(*from, to);
    }
}

/// Makes a grey frame of an RGB frame whose three channels are equal everywhere: scanners and exporters store grey
/// pictures as RGB all the time, and a third of the work suffices for them.
pub(crate) fn collapse_grey(frame: &mut Frame) -> Result<(), Fault> {
    if frame.geometry.format != PixelFormat::Rgb8 {
        return Ok(());
    }
    let (pixels, _) = frame.data.as_chunks::<3>();
    let coloured = |block: &[[u8; 3]]| block.iter().fold(0, |sum, [r, g, b]| sum | (r ^ g) | (r ^ b)) != 0;
    if pixels.chunks(GREY_BLOCK).any(coloured) {
        return Ok(());
    }
    for pixel in 0..pixels.len() {
        frame.data[pixel] = frame.data[3 * pixel];
    }
    frame.shape(frame.geometry.width, frame.geometry.height, PixelFormat::Grey8)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
    use super::*;

    #[test]
    fn narrowing_is_exact_at_the_ends_and_rounds() {
        assert_eq!([0, 128, 129, 257, 32_767, 65_535].map(narrow), [0, 0, 1, 1, 127, 255]);
        for value in 0..=u8::MAX {
            assert_eq!(narrow(u16::from(value) * 257), value);
            assert_eq!(on_black(value, 255), value);
            assert_eq!(on_black(value, 0), 0);
            assert_eq!(wide_on_black(u16::from(value) * 257, 65_535), value);
        }
        assert_eq!(on_black(200, 128), 100);
        assert_eq!([f32::NAN, -1.0, 0.5, 2.0].map(unit_to_byte), [0, 0, 128, 255]);
    }

    #[test]
    fn every_colour_type_becomes_grey_or_rgb() {
        struct Case {
            color: ColorType,
            samples: Vec<u8>,
            expected: &'static [u8],
        }
        let words = |values: &[u16]| values.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<u8>>();
        let floats = |values: &[f32]| values.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<u8>>();
        let cases = [
            Case { color: ColorType::L8, samples: vec![7, 9], expected: &[7, 9] },
            Case { color: ColorType::La8, samples: vec![200, 255, 200, 128], expected: &[200, 100] },
            Case { color: ColorType::Rgb8, samples: vec![1, 2, 3, 4, 5, 6], expected: &[1, 2, 3, 4, 5, 6] },
            Case { color: ColorType::Rgba8, samples: vec![1, 2, 3, 255, 4, 5, 6, 0], expected: &[1, 2, 3, 0, 0, 0] },
            Case { color: ColorType::L16, samples: words(&[0, 65_535]), expected: &[0, 255] },
            Case { color: ColorType::La16, samples: words(&[65_535, 65_535, 65_535, 0]), expected: &[255, 0] },
            Case {
                color: ColorType::Rgb16,
                samples: words(&[0, 257, 514, 771, 1028, 1285]),
                expected: &[0, 1, 2, 3, 4, 5],
            },
            Case {
                color: ColorType::Rgba16,
                samples: words(&[257, 514, 771, 65_535, 65_535, 65_535, 65_535, 0]),
                expected: &[1, 2, 3, 0, 0, 0],
            },
            Case {
                color: ColorType::Rgb32F,
                samples: floats(&[0.0, 0.5, 1.0, 2.0, -1.0, 1.0]),
                expected: &[0, 128, 255, 255, 0, 255],
            },
            Case {
                color: ColorType::Rgba32F,
                samples: floats(&[0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5]),
                expected: &[0, 128, 255, 128, 128, 128],
            },
        ];
        for case in cases {
            let mut frame = Frame::new();
            convert(case.color, 2, 1, &case.samples, &mut frame).unwrap();
            assert_eq!(frame.data, case.expected, "{:?}", case.color);
            assert_eq!(frame.geometry.bytes(), case.expected.len());
        }
    }

    #[test]
    fn only_grey_rgb_collapses() {
        let mut frame = Frame::new();
        // More than one block, so that the last, short one counts too.
        let pixels = GREY_BLOCK as u32 + 3;
        let out = frame.shape(pixels, 1, PixelFormat::Rgb8).unwrap();
        for (index, value) in out.iter_mut().enumerate() {
            *value = (index / 3) as u8;
        }
        let mut coloured = frame.clone();
        *coloured.data.last_mut().unwrap() += 1;

        collapse_grey(&mut frame).unwrap();
        assert_eq!(frame.geometry.format, PixelFormat::Grey8);
        assert_eq!(frame.data, (0..pixels as u8).collect::<Vec<u8>>());

        collapse_grey(&mut coloured).unwrap();
        assert_eq!(coloured.geometry.format, PixelFormat::Rgb8);
    }
}
