//! DICOM images and cines.

mod attributes;
mod faults;
mod pixels;

use dicom_dictionary_std::uids;

use crate::fixtures::dicom::Pixels;
use crate::fixtures::{grey, read_all, rgb};

const EXPLICIT: &str = uids::EXPLICIT_VR_LITTLE_ENDIAN;
const IMPLICIT: &str = uids::IMPLICIT_VR_LITTLE_ENDIAN;
const RLE: &str = uids::RLE_LOSSLESS;
const BASELINE: &str = uids::JPEG_BASELINE8_BIT;
const LOSSLESS: &str = uids::JPEG_LOSSLESS_SV1;
const SIZE: (u16, u16) = (36, 22);
const PIXELS: usize = 36 * 22;

fn grey_frame() -> Vec<u8> {
    grey(SIZE.0.into(), SIZE.1.into())
}

fn rgb_frame() -> Vec<u8> {
    rgb(SIZE.0.into(), SIZE.1.into())
}

/// `count` frames, each darker than the one before.
fn darker(frame: &[u8], count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| frame.iter().map(|value| value.saturating_sub(number as u8 * 20)).collect()).collect()
}

fn fragments(fragments: Vec<Vec<u8>>) -> Pixels {
    Pixels::Fragments { table: Vec::new(), fragments }
}

fn data(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let (frames, error) = read_all(bytes);
    assert!(error.is_none(), "{}", error.unwrap());
    frames.into_iter().map(|frame| frame.data).collect()
}

/// RGB to full-range luminance and chrominance.
fn ybr(rgb: &[u8]) -> Vec<u8> {
    let pixel = |p: &[u8]| {
        let [r, g, b] = [p[0], p[1], p[2]].map(f64::from);
        let y = 0.299 * r + 0.587 * g + 0.114 * b;
        [y, (b - y) / 1.772 + 128.0, (r - y) / 1.402 + 128.0].map(|v| v.round() as u8)
    };
    rgb.chunks(3).flat_map(pixel).collect()
}
