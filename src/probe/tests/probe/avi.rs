//! AVI with Motion-JPEG.

use std::time::Duration;

use ushydra_core::PixelFormat;
use ushydra_probe::Fault;

use crate::fixtures::avi::{Avi, chunk, list};
use crate::fixtures::{greatest_difference, grey, jpeg, read_all, read_error, rgb};

const SIZE: (u32, u32) = (112, 112);

/// Frames that differ, some of odd length, some without tables.
fn frames(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|number| {
            let mut picture = rgb(SIZE.0, SIZE.1);
            picture.iter_mut().for_each(|value| *value = value.saturating_sub(number as u8 * 8));
            let frame = jpeg::rgb(SIZE.0 as u16, SIZE.1 as u16, &picture);
            if number % 2 == 0 { frame } else { jpeg::without(&frame, 0xc4) }
        })
        .collect()
}

#[test]
fn every_layout_gives_the_same_frames() {
    let frames = frames(6);
    let plain = Avi::new(SIZE, &frames);
    let expected: Vec<Vec<u8>> = read_all(plain.write()).0.into_iter().map(|frame| frame.data).collect();
    assert_eq!(expected.len(), 6);
    assert!(greatest_difference(&expected[0], &rgb(SIZE.0, SIZE.1)) < 60);
    for layout in [
        Avi { index: false, ..Avi::new(SIZE, &frames) },
        Avi { records: true, ..Avi::new(SIZE, &frames) },
        Avi { split: Some(4), ..Avi::new(SIZE, &frames) },
        Avi { codec: *b"mjpg", ..Avi::new(SIZE, &frames) },
    ] {
        let (read, error) = read_all(layout.write());
        assert!(error.is_none(), "{error:?}");
        assert_eq!(read.into_iter().map(|frame| frame.data).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn frames_carry_index_and_time() {
    let frames = frames(3);
    let (read, _) = read_all(Avi { rate: (30_000, 1001), ..Avi::new(SIZE, &frames) }.write());
    for (index, frame) in read.iter().enumerate() {
        assert_eq!(frame.index as usize, index);
        let nanos = index as u64 * 1001 * 1_000_000_000 / 30_000;
        assert_eq!(frame.recorded, Some(Duration::from_nanos(nanos)));
        assert_eq!(frame.geometry.format, PixelFormat::Rgb8);
    }
}

#[test]
fn an_empty_chunk_takes_its_time_but_is_no_frame() {
    let mut frames = frames(3);
    frames[1].clear();
    let (read, error) = read_all(Avi::new(SIZE, &frames).write());
    assert!(error.is_none());
    assert_eq!(read.iter().map(|frame| frame.index).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(read[1].recorded, Some(Duration::from_millis(40)));
}

#[test]
fn a_cut_file_gives_its_whole_frames_and_then_an_error() {
    let frames = frames(8);
    let file = Avi::new(SIZE, &frames).write();
    let (read, error) = read_all(file[..file.len() / 2].to_vec());
    assert!((2..6).contains(&read.len()), "{}", read.len());
    let error = error.unwrap();
    assert!(matches!(error.fault(), Fault::Cut { format: "AVI", .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.contains(&format!("{} whole frames", read.len())) && message.contains("copy it again"),
        "{message}"
    );

    // Cut exactly behind a frame: only the announced size gives it away.
    let file = Avi { index: false, ..Avi::new(SIZE, &frames[..2]) }.write();
    let last = chunk(b"00dc", &frames[1]).len();
    let (read, error) = read_all(file[..file.len() - last].to_vec());
    assert_eq!(read.len(), 1);
    assert!(error.unwrap().to_string().contains("are announced"));

    // A recording that was never finished has a size of 0; its frames are all there.
    let mut file = Avi { index: false, ..Avi::new(SIZE, &frames[..2]) }.write();
    file[4..8].fill(0);
    let stream = file.windows(4).position(|name| name == b"strh").unwrap();
    file[stream + 40..stream + 44].fill(0);
    let (read, error) = read_all(file);
    assert_eq!((read.len(), error.is_none()), (2, true));
}

#[test]
fn what_cannot_be_read_is_named() {
    let frames = frames(1);
    let avi = |codec: &[u8; 4]| Avi { codec: *codec, ..Avi::new(SIZE, &frames) }.write();
    let only_sound = list(b"RIFF", b"AVI ", &list(b"LIST", b"hdrl", &chunk(b"avih", &[0; 56])));
    let mut other_size = Avi::new((100, 100), &frames).write();
    for (file, part) in [
        (avi(b"XVID"), "the codec `XVID`"),
        (avi(b"\0\0\0\0"), "the codec `uncompressed`"),
        (only_sound, "no video stream"),
        (std::mem::take(&mut other_size), "frame 0 is 112x112, but the video 100x100"),
        (Avi::new((20_000, 20_000), &frames).write(), "limit of 64000000 pixels"),
        (Avi::new((0, 0), &frames).write(), "size of its video is 0x0"),
    ] {
        let message = read_error(file);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_damaged_frame_ends_the_file_with_its_number() {
    let mut frames = frames(3);
    let end = frames[1].len();
    frames[1][end / 2..].fill(0);
    let (read, error) = read_all(Avi::new(SIZE, &frames).write());
    assert_eq!(read.len(), 1);
    assert!(error.unwrap().to_string().contains("frame 1:"));
}

#[test]
fn grey_frames_stay_grey() {
    let picture = grey(SIZE.0, SIZE.1);
    let frames = [jpeg::grey(SIZE.0 as u16, SIZE.1 as u16, &picture)];
    let (read, _) = read_all(Avi::new(SIZE, &frames).write());
    assert_eq!(read[0].geometry.format, PixelFormat::Grey8);
    assert!(greatest_difference(&read[0].data, &picture) < 30);
}

#[test]
fn missing_frames_are_noticed_by_their_number() {
    // Between the parts of a long recording nothing else tells that the second part is gone.
    let frames = frames(4);
    let file = Avi { split: Some(2), ..Avi::new(SIZE, &frames) }.write();
    let second = file.windows(12).position(|name| name.starts_with(b"RIFF") && name.ends_with(b"AVIX")).unwrap();
    let (read, error) = read_all(file[..second].to_vec());
    assert_eq!(read.len(), 2);
    assert!(error.unwrap().to_string().contains("2 of 4 frames are missing"));
}
