//! One suite for all sources: what every implementation of `FrameSource` promises.

use std::time::{Duration, Instant};

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use image::ExtendedColorType as Color;
use ushydra_probe::{FileOptions, FileSource, Frame, FrameSource, Next, Pace};

use crate::fixtures::avi::Avi;
use crate::fixtures::dicom::{Dicom, Pixels, planes, rle};
use crate::fixtures::{PATIENCE, grey, jpeg, picture, rgb};

const SIZE: (u32, u32) = (48, 32);
const SMALL: (u16, u16) = (48, 32);
const FRAMES: usize = 4;

/// Opens the source under test; the same content every time.
type Open<'a> = &'a dyn Fn(Pace, bool) -> Box<dyn FrameSource>;

fn check(name: &str, frames: usize, open: Open<'_>) {
    let first = check_frames(name, frames, open(Pace::AsFastAsPossible, false));
    let second = check_frames(name, frames, open(Pace::AsFastAsPossible, false));
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a.data, b.data, "{name}: two opens differ");
        assert_eq!((a.geometry, a.index, &a.source), (b.geometry, b.index, &b.source), "{name}");
        assert_eq!((a.recorded, a.spacing_mm), (b.recorded, b.spacing_mm), "{name}");
    }
    check_timeout(name, open(Pace::Recorded, false));
    check_repetition(name, &first, open(Pace::AsFastAsPossible, true));
    let description = open(Pace::Recorded, false).describe();
    assert!(!description.is_empty() && !description.contains('\n'), "{name}");
}

fn check_frames(name: &str, frames: usize, mut source: Box<dyn FrameSource>) -> Vec<Frame> {
    let mut frame = Frame::new();
    let mut out: Vec<Frame> = Vec::new();
    let mut buffer = None;
    while source.next(&mut frame, PATIENCE).unwrap() == Next::Frame {
        assert_eq!(frame.sequence, out.len() as u64, "{name}");
        assert_eq!(frame.data.len(), frame.geometry.bytes(), "{name}");
        frame.view().unwrap();
        assert!(!frame.source.is_empty(), "{name}");
        assert!(frame.captured <= Instant::now(), "{name}");
        if let Some(previous) = out.last() {
            assert!(previous.captured <= frame.captured, "{name}: time runs backwards");
            assert!(previous.source != frame.source || previous.index < frame.index, "{name}");
            assert!(previous.source != frame.source || previous.recorded <= frame.recorded, "{name}");
            let same = previous.geometry == frame.geometry;
            assert!(!same || buffer == Some(frame.data.as_ptr()), "{name}: the buffer was not reused");
        }
        buffer = Some(frame.data.as_ptr());
        out.push(frame.clone());
    }
    assert_eq!(out.len(), frames, "{name}");
    for _ in 0..3 {
        assert_eq!(source.next(&mut frame, PATIENCE).unwrap(), Next::End, "{name}: the end is repeated");
    }
    out
}

fn check_timeout(name: &str, mut source: Box<dyn FrameSource>) {
    let mut frame = Frame::new();
    assert_eq!(source.next(&mut frame, Duration::ZERO).unwrap(), Next::Frame, "{name}: the first frame is due at once");
    let next = loop {
        match source.next(&mut frame, Duration::from_millis(1)).unwrap() {
            Next::Timeout => {}
            other => break other,
        }
    };
    // A timeout costs no frame.
    if next == Next::Frame {
        assert_eq!(frame.sequence, 1, "{name}");
    }
}

fn check_repetition(name: &str, round: &[Frame], mut source: Box<dyn FrameSource>) {
    let mut frame = Frame::new();
    for number in 0..round.len() * 2 + 1 {
        assert_eq!(source.next(&mut frame, PATIENCE).unwrap(), Next::Frame, "{name}");
        let expected = &round[number % round.len()];
        assert_eq!(frame.sequence, number as u64, "{name}");
        assert_eq!((frame.index, frame.data == expected.data), (expected.index, true), "{name}");
    }
}

fn from_memory(bytes: Vec<u8>) -> impl Fn(Pace, bool) -> Box<dyn FrameSource> {
    move |pace, looping| {
        let options = FileOptions { pace, looping, ..FileOptions::default() };
        Box::new(FileSource::from_bytes("memory", bytes.clone(), options))
    }
}

fn cine(syntax: &'static str, photometric: &str, pixels: Pixels) -> Vec<u8> {
    let mut dicom = Dicom::new(syntax, photometric, SMALL, FRAMES as u32, pixels);
    dicom.text(tags::FRAME_TIME, VR::DS, "5");
    dicom.write()
}

fn fragments(fragment: Vec<u8>) -> Pixels {
    Pixels::Fragments { table: Vec::new(), fragments: vec![fragment; FRAMES] }
}

#[test]
fn pictures_conform() {
    let file = picture::png(SIZE.0, SIZE.1, Color::L8, &grey(SIZE.0, SIZE.1));
    check("PNG", 1, &from_memory(file));
    check("JPEG", 1, &from_memory(jpeg::rgb(SMALL.0, SMALL.1, &rgb(SIZE.0, SIZE.1))));
    check("BMP", 1, &from_memory(picture::bmp(SIZE.0, SIZE.1, Color::Rgb8, &rgb(SIZE.0, SIZE.1))));
}

#[test]
fn dicom_conforms() {
    let (g, c) = (grey(SIZE.0, SIZE.1), rgb(SIZE.0, SIZE.1));
    let native = cine(uids::EXPLICIT_VR_LITTLE_ENDIAN, "MONOCHROME2", Pixels::Bytes(g.repeat(FRAMES)));
    check("native", FRAMES, &from_memory(native));
    check("run lengths", FRAMES, &from_memory(cine(uids::RLE_LOSSLESS, "RGB", fragments(rle(&planes(&c, 3))))));
    let stream = jpeg::rgb(SMALL.0, SMALL.1, &c);
    check("JPEG", FRAMES, &from_memory(cine(uids::JPEG_BASELINE8_BIT, "YBR_FULL_422", fragments(stream))));
}

#[test]
fn avi_conforms() {
    let frames = vec![jpeg::rgb(SMALL.0, SMALL.1, &rgb(SIZE.0, SIZE.1)); FRAMES];
    check("AVI", FRAMES, &from_memory(Avi { rate: (200, 1), ..Avi::new(SIZE, &frames) }.write()));
}

#[test]
fn folders_conform() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..3 {
        let file = picture::png(SIZE.0, SIZE.1, Color::L8, &vec![number; (SIZE.0 * SIZE.1) as usize]);
        std::fs::write(dir.path().join(format!("{number}.png")), file).unwrap();
    }
    let inputs = [dir.path().to_owned()];
    check("folder", 3, &|pace, looping| Box::new(FileSource::open(&inputs, pace, looping).unwrap()));
}
