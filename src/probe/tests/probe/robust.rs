//! Nothing that comes from a file may bring the program down: prefixes, damaged bytes and noise.

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use image::ExtendedColorType as Color;
use proptest::prelude::*;
use ushydra_probe::{Fault, FileOptions, FileSource, Frame, FrameSource, Limits, Next};

use crate::fixtures::avi::Avi;
use crate::fixtures::dicom::{Dicom, Pixels, planes, region, rle};
use crate::fixtures::volume::{Nifti, meta};
use crate::fixtures::{PATIENCE, grey, jpeg, picture, rgb};

const SIZE: (u16, u16) = (11, 9);
/// Calls after which a file of a few hundred bytes must have ended.
const MAX_CALLS: usize = 2000;

/// Small, so that a damaged size is refused instead of decoded at length.
fn options() -> FileOptions {
    let limits = Limits { max_pixels: 1 << 20, max_encoded_bytes: 1 << 22 };
    FileOptions { limits, ..FileOptions::default() }
}

/// Reads everything; returns the frames' data. Fails on a decoder's panic, on frames that contradict themselves and on
/// files without end.
fn survive(bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut source = FileSource::from_bytes("memory", bytes, options());
    let mut frame = Frame::new();
    let mut frames = Vec::new();
    let mut faulty = false;
    for _ in 0..MAX_CALLS {
        match source.next(&mut frame, PATIENCE) {
            Ok(Next::Frame) => {
                assert_eq!(frame.data.len(), frame.geometry.bytes());
                frames.push(frame.data.clone());
            }
            Ok(_) => return (frames, faulty),
            Err(error) => {
                assert!(!matches!(error.fault(), Fault::Decoder { .. }), "{error}");
                faulty = true;
            }
        }
    }
    panic!("no end");
}

/// A small file of every kind.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let (width, height) = (u32::from(SIZE.0), u32::from(SIZE.1));
    let (g, c) = (grey(width, height), rgb(width, height));
    let grey_jpeg = jpeg::grey(SIZE.0, SIZE.1, &g);
    let colour_jpeg = jpeg::rgb(SIZE.0, SIZE.1, &c);
    let progressive = jpeg::encode(SIZE.0, SIZE.1, &c, jpeg_encoder::ColorType::Rgb, |e| e.set_progressive(true));
    let frames = [colour_jpeg.clone(), jpeg::without(&colour_jpeg, 0xc4), Vec::new(), colour_jpeg.clone()];
    let samples: Vec<u16> = g.iter().map(|&v| v.into()).collect();
    let lossless = jpeg::lossless(SIZE.0, SIZE.1, 1, 8, &samples);
    let dicom = |syntax, photometric, frames, pixels| {
        let mut dicom = Dicom::new(syntax, photometric, SIZE, frames, pixels);
        dicom.text(tags::FRAME_TIME_VECTOR, VR::DS, "0\\20").text(tags::WINDOW_CENTER, VR::DS, "100");
        dicom.text(tags::WINDOW_WIDTH, VR::DS, "300");
        dicom.sequence(tags::SEQUENCE_OF_ULTRASOUND_REGIONS, vec![region([0, 0, 9, 8], [0.1, 0.1], 1)]);
        dicom.write()
    };
    let fragments = |fragment: Vec<u8>| {
        let second = fragment.len().next_multiple_of(2) as u32 + 8;
        Pixels::Fragments { table: vec![0, second], fragments: vec![fragment; 2] }
    };
    vec![
        ("PNG", picture::png(width, height, Color::L8, &g)),
        ("PNG RGBA", picture::png(width, height, Color::Rgba8, &[c.as_slice(), &g].concat())),
        ("BMP", picture::bmp(width, height, Color::L8, &g)),
        ("TIFF", picture::encode(image::ImageFormat::Tiff, width, height, Color::Rgb8, &c)),
        ("JPEG", grey_jpeg.clone()),
        ("progressive JPEG", progressive),
        ("AVI", Avi { split: Some(2), records: true, ..Avi::new((width, height), &frames) }.write()),
        ("native DICOM", dicom(uids::EXPLICIT_VR_LITTLE_ENDIAN, "RGB", 2, Pixels::Bytes(c.repeat(2)))),
        ("implicit DICOM", dicom(uids::IMPLICIT_VR_LITTLE_ENDIAN, "MONOCHROME2", 2, Pixels::Bytes(g.repeat(2)))),
        ("RLE DICOM", dicom(uids::RLE_LOSSLESS, "RGB", 2, fragments(rle(&planes(&c, 3))))),
        ("JPEG DICOM", dicom(uids::JPEG_BASELINE8_BIT, "YBR_FULL_422", 2, fragments(colour_jpeg))),
        ("NIfTI", Nifti::new(&[width as i16, height as i16, 2], g.repeat(2)).write()),
        (
            "big-endian NIfTI",
            Nifti { big_endian: true, ..Nifti::new(&[width as i16, height as i16], g.clone()) }.write(),
        ),
        ("gzip NIfTI", Nifti::new(&[width as i16, height as i16, 2], g.repeat(2)).gzip()),
        (
            "MetaImage",
            [meta(&format!("{width} {height}"), "ElementType = MET_UCHAR\n", "LOCAL").as_bytes(), &g].concat(),
        ),
        ("lossless DICOM", dicom(uids::JPEG_LOSSLESS_SV1, "MONOCHROME2", 2, fragments(lossless))),
    ]
}

#[test]
fn a_prefix_is_an_error_or_gives_only_frames_of_the_whole_file() {
    for (name, file) in files() {
        let (whole, faulty) = survive(&file);
        assert!(!whole.is_empty() && !faulty, "{name}: {:?}", crate::fixtures::read_all(file).1);
        for length in 0..file.len() {
            let (frames, faulty) = survive(&file[..length]);
            assert!(faulty || frames.len() == whole.len(), "{name} cut to {length} of {}", file.len());
            assert_eq!(frames, whole[..frames.len()], "{name} cut to {length} of {}", file.len());
        }
    }
}

#[test]
fn one_damaged_byte_never_panics() {
    for (_, file) in files() {
        for at in 0..file.len() {
            for mask in [0x01, 0x40, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[at] ^= mask;
                survive(&damaged);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn several_damaged_bytes_never_panic(
        which in 0_usize..16,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (_, mut file) = files().swap_remove(which);
        for (at, value) in damage {
            let at = at.index(file.len());
            file[at] = value;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        survive(&file);
    }

    #[test]
    fn noise_behind_a_true_beginning_never_panics(which in 0_usize..16, keep in 8_usize..400, noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let (_, mut file) = files().swap_remove(which);
        file.truncate(keep);
        file.extend(noise);
        survive(&file);
    }
}

#[test]
fn deep_nesting_is_refused_without_deep_recursion() {
    // A hundred thousand sequences of open length, one in the other.
    let mut file =
        Dicom::new(uids::IMPLICIT_VR_LITTLE_ENDIAN, "MONOCHROME2", SIZE, 1, Pixels::Bytes(vec![0; 99])).write();
    let open = [0x08, 0x00, 0x40, 0x11, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff];
    let data_set = file.windows(4).position(|tag| tag == [0x08, 0x00, 0x16, 0x00]).unwrap();
    file.splice(data_set..data_set, open.repeat(100_000));
    let mut source = FileSource::from_bytes("memory", file, FileOptions::default());
    let error = source.next(&mut Frame::new(), PATIENCE).unwrap_err();
    assert!(error.to_string().contains("nested more than 64 deep"), "{error}");
}

/// Writes the small files as a first corpus for the fuzz targets.
#[test]
#[ignore = "writes into the fuzz folder; run it before fuzzing"]
fn write_fuzz_corpus() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, file) in files() {
        let target = if name.contains("DICOM") {
            "dicom"
        } else if name == "AVI" {
            "avi"
        } else if name.contains("NIfTI") || name == "MetaImage" {
            "volume"
        } else {
            "picture"
        };
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name.replace(' ', "-")), file).unwrap();
    }
}
