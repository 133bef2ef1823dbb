//! JPEG pictures in unusual shapes.

use jpeg_encoder::{ColorType, SamplingFactor};
use ushydra_core::PixelFormat;

use crate::fixtures::jpeg::{adobe, encode, grey, rgb, with_segment, without};
use crate::fixtures::{self, greatest_difference, read_error, read_one};

const WIDTH: u16 = 45;
const HEIGHT: u16 = 34;

fn colour() -> Vec<u8> {
    fixtures::rgb(WIDTH.into(), HEIGHT.into())
}

#[test]
fn frames_without_huffman_tables_get_the_standard_ones() {
    for file in [grey(WIDTH, HEIGHT, &fixtures::grey(WIDTH.into(), HEIGHT.into())), rgb(WIDTH, HEIGHT, &colour())] {
        let bare = without(&file, 0xc4);
        assert!(bare.len() < file.len());
        assert_eq!(read_one(bare).data, read_one(file).data);
    }
}

#[test]
fn subsampled_and_progressive_pictures_are_close_to_the_original() {
    let picture = colour();
    for (sampling, progressive) in [
        (SamplingFactor::F_1_1, false),
        (SamplingFactor::F_2_1, false),
        (SamplingFactor::F_2_2, false),
        (SamplingFactor::F_2_1, true),
    ] {
        let file = encode(WIDTH, HEIGHT, &picture, ColorType::Rgb, |encoder| {
            encoder.set_sampling_factor(sampling);
            encoder.set_progressive(progressive);
            encoder.set_restart_interval(if progressive { 0 } else { 3 });
        });
        let frame = read_one(file);
        let error: f64 = frame.data.iter().zip(&picture).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
        assert!(error / (picture.len() as f64) < 12.0, "{sampling:?} {progressive}: {error}");
    }
}

#[test]
fn colour_markers_decide_what_three_components_are() {
    let picture = colour();
    // The three channels stored as they are, without a conversion.
    let raw = without(
        &encode(WIDTH, HEIGHT, &picture, ColorType::Ycbcr, |encoder| {
            encoder.set_sampling_factor(SamplingFactor::F_1_1);
        }),
        0xe0,
    );
    // Adobe says: no transform.
    let frame = read_one(with_segment(&raw, 0xee, &adobe(0)));
    assert!(greatest_difference(&frame.data, &picture) < 40);
    // The same data, said to be YCbCr or not said to be anything, is another picture.
    let frame = read_one(with_segment(&raw, 0xee, &adobe(1)));
    assert!(greatest_difference(&frame.data, &picture) > 100);
    assert_eq!(read_one(raw).data, frame.data);
    // Four components come out as RGB.
    let inks: Vec<u8> = picture.chunks(3).flat_map(|p| [255 - p[0], 255 - p[1], 255 - p[2], 0]).collect();
    let frame = read_one(encode(WIDTH, HEIGHT, &inks, ColorType::Cmyk, |encoder| {
        encoder.set_sampling_factor(SamplingFactor::F_1_1);
    }));
    assert_eq!(frame.geometry.format, PixelFormat::Rgb8);
    assert!(greatest_difference(&frame.data, &picture) < 40);
}

#[test]
fn what_cannot_be_decoded_is_named() {
    let lossless = fixtures::jpeg::lossless(4, 4, 1, 8, &[7; 16]);
    let mut twelve_bit = grey(8, 8, &[0; 64]);
    let at = twelve_bit.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    let mut arithmetic = twelve_bit.clone();
    twelve_bit[at + 1] = 0xc1;
    twelve_bit[at + 4] = 12;
    arithmetic[at + 1] = 0xc9;
    for (file, part) in [
        (lossless, "lossless JPEG outside DICOM"),
        (twelve_bit, "JPEG with 12 bits per sample"),
        (arithmetic, "the JPEG process of marker FFC9"),
    ] {
        let message = read_error(file);
        assert!(message.contains(part) && message.contains("baseline JPEG or PNG"), "{message}");
    }
}

#[test]
fn damage_within_the_data_is_an_error_not_an_invented_picture() {
    let mut file = grey(200, 200, &fixtures::grey(200, 200));
    let middle = file.len() / 2;
    file[middle..middle + 40].fill(0xaa);
    file[middle + 40..middle + 42].copy_from_slice(&[0xff, 0xd9]);
    let message = read_error(file);
    assert!(message.contains("JPEG"), "{message}");
}

#[test]
fn a_missing_end_is_noticed_wherever_it_begins() {
    // In a cine the end marker may be missing, but not the data before it.
    let picture = fixtures::grey(64, 64);
    let whole = grey(64, 64, &picture);
    let data = whole.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 10;
    let read = |frame: Vec<u8>| fixtures::read_all(fixtures::avi::Avi::new((64, 64), &[frame]).write());
    let (frames, error) = read(whole[..whole.len() - 2].to_vec());
    assert_eq!((frames.len(), error.is_none()), (1, true));
    for end in data..whole.len() - 3 {
        let (frames, error) = read(whole[..end].to_vec());
        assert!(frames.is_empty() && error.is_some(), "cut to {end} of {}", whole.len());
        // The end marker put back changes nothing.
        let (frames, _) = read([&whole[..end], &[0xff, 0xd9]].concat());
        assert!(frames.is_empty(), "cut to {end} of {}", whole.len());
    }
}

#[test]
fn sampling_factors_out_of_order_are_refused() {
    let good = rgb(WIDTH, HEIGHT, &colour());
    let at = good.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    // Of the luminance, and of the last component.
    for (component, factors) in [(0, 0x00), (0, 0x15), (2, 0x24), (2, 0x01)] {
        let mut file = good.clone();
        file[at + 11 + 3 * component] = factors;
        let message = read_error(file);
        assert!(message.contains("sampling factors"), "{message}");
    }
}
