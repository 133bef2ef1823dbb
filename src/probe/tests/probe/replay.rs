//! Files one after the other: order, errors, repetition, pace.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use image::ExtendedColorType as Color;
use ushydra_probe::{FALLBACK_INTERVAL, Fault, FileOptions, FileSource, Frame, FrameSource, Limits, Next, Pace};

use crate::fixtures::dicom::{Dicom, Pixels};
use crate::fixtures::picture::png;
use crate::fixtures::{PATIENCE, grey};

fn picture(value: u8) -> Vec<u8> {
    png(2, 2, Color::L8, &[value; 4])
}

fn put(path: &Path, bytes: &[u8]) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    path.to_owned()
}

fn open(inputs: &[PathBuf]) -> FileSource {
    FileSource::open(inputs, Pace::AsFastAsPossible, false).unwrap()
}

/// First sample of each frame, `-1` for each error, up to the end.
fn script(source: &mut FileSource) -> Vec<i32> {
    let mut frame = Frame::new();
    let mut out = Vec::new();
    loop {
        match source.next(&mut frame, PATIENCE) {
            Ok(Next::Frame) => out.push(frame.data[0].into()),
            Ok(Next::End) => return out,
            Ok(other) => panic!("{other:?}"),
            Err(_) => out.push(-1),
        }
    }
}

#[test]
fn folders_are_read_in_natural_order_with_their_subfolders() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    put(&root.join("frame10.png"), &picture(10));
    put(&root.join("frame2.png"), &picture(2));
    put(&root.join("frame3/b.png"), &picture(4));
    put(&root.join("frame3/a.PNG"), &picture(3));
    // No ending, and known by its first bytes.
    put(&root.join("scan"), &picture(11));
    put(&root.join("notes.txt"), b"not a frame");
    put(&root.join(".hidden.png"), &picture(99));
    put(&root.join(".thumbnails/x.png"), &picture(99));
    let mut source = open(&[root.to_owned()]);
    assert_eq!(source.inputs(), 5);
    assert_eq!(script(&mut source), [2, 3, 4, 10, 11]);
}

#[test]
#[cfg(unix)]
fn links_to_files_count_and_links_to_folders_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let file = put(&dir.path().join("real/a.png"), &picture(1));
    let folder = dir.path().join("folder");
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(&file, folder.join("link.png")).unwrap();
    std::os::unix::fs::symlink(&folder, folder.join("circle")).unwrap();
    assert_eq!(script(&mut open(&[folder])), [1]);
}

#[test]
fn each_faulty_input_gives_one_error_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let good = put(&root.join("good.png"), &picture(5));
    let cut = put(&root.join("cut.png"), &picture(5)[..40]);
    let text = put(&root.join("notes.txt"), b"not a frame");
    let empty = root.join("empty");
    fs::create_dir(&empty).unwrap();
    let unreadable = put(&root.join("other/readme.md"), b"# no frames here");
    let inputs = [
        root.join("missing.png"),
        good.clone(),
        cut,
        text,
        empty,
        unreadable.parent().unwrap().to_owned(),
        good.clone(),
    ];
    let mut source = open(&inputs);
    let mut frame = Frame::new();
    let mut errors = Vec::new();
    let mut sequences = Vec::new();
    loop {
        match source.next(&mut frame, PATIENCE) {
            Ok(Next::Frame) => sequences.push((frame.sequence, frame.source.to_string())),
            Ok(_) => break,
            Err(error) => errors.push(error),
        }
    }
    let good = good.to_string_lossy().to_string();
    assert_eq!(sequences, [(0, good.clone()), (1, good)]);
    let expected = [
        "cannot open the file",
        "PNG",
        "is not a type that can be read",
        "holds no frame file (0",
        "holds no frame file (1",
    ];
    assert_eq!(errors.len(), expected.len());
    let faulty = [0, 2, 3, 4, 5].map(|input| inputs[input].to_string_lossy());
    for ((error, part), name) in errors.iter().zip(expected).zip(faulty) {
        assert_eq!(error.source_name(), name);
        assert!(error.to_string().contains(part) && error.to_string().starts_with(&*name), "{error}");
        assert!(error.to_string().contains("; "), "cause and remedy: {error}");
    }
    for _ in 0..3 {
        assert_eq!(source.next(&mut frame, PATIENCE).unwrap(), Next::End);
    }
}

#[test]
fn no_input_is_an_error_at_once() {
    let error = FileSource::open(&[], Pace::Recorded, false).err().unwrap();
    assert!(matches!(error.fault(), Fault::NoInputs));
    assert!(error.to_string().starts_with("no input was given"), "{error}");
}

#[test]
#[cfg(unix)]
fn a_pipe_is_refused_instead_of_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = open(&[PathBuf::from("/dev/null"), dir.path().join("x.png")]);
    let error = source.next(&mut Frame::new(), PATIENCE).unwrap_err();
    assert!(matches!(error.fault(), Fault::NotAFile), "{error}");
}

#[test]
fn repetition_goes_on_with_what_can_be_read_and_reports_faults_once() {
    let dir = tempfile::tempdir().unwrap();
    let a = put(&dir.path().join("a.png"), &picture(1));
    let bad = put(&dir.path().join("bad.png"), b"nothing");
    let b = put(&dir.path().join("b.png"), &picture(2));
    let mut source = FileSource::open(&[a, bad.clone(), b], Pace::AsFastAsPossible, true).unwrap();
    let mut frame = Frame::new();
    let mut seen = Vec::new();
    for _ in 0..8 {
        match source.next(&mut frame, PATIENCE) {
            Ok(Next::Frame) => seen.push((frame.sequence as i32, i32::from(frame.data[0]))),
            Ok(other) => panic!("{other:?}"),
            Err(_) => seen.push((-1, -1)),
        }
    }
    assert_eq!(seen, [(0, 1), (-1, -1), (1, 2), (2, 1), (3, 2), (4, 1), (5, 2), (6, 1)]);
    // Nothing to repeat: the end, not an endless round.
    let mut source = FileSource::open(&[bad], Pace::AsFastAsPossible, true).unwrap();
    assert_eq!(script(&mut source), [-1]);
}

/// A DICOM cine of `frames` frames at `interval` milliseconds.
fn cine(frames: u32, interval: u32) -> Vec<u8> {
    let pixels = Pixels::Bytes(grey(4, 4).repeat(frames as usize));
    let mut dicom = Dicom::new(uids::EXPLICIT_VR_LITTLE_ENDIAN, "MONOCHROME2", (4, 4), frames, pixels);
    dicom.text(tags::FRAME_TIME, VR::DS, &interval.to_string());
    dicom.write()
}

fn recorded() -> FileOptions {
    FileOptions { pace: Pace::Recorded, ..FileOptions::default() }
}

#[test]
fn frames_are_due_at_the_start_plus_their_time() {
    let mut source = FileSource::from_bytes("cine", cine(4, 20), recorded());
    let mut frame = Frame::new();
    let begun = Instant::now();
    let mut captured = Vec::new();
    while source.next(&mut frame, PATIENCE).unwrap() == Next::Frame {
        assert!(Instant::now() >= frame.captured, "never early");
        captured.push(frame.captured);
    }
    assert_eq!(captured.len(), 4);
    for (index, moment) in captured.iter().enumerate() {
        assert_eq!(*moment, captured[0] + Duration::from_millis(20 * index as u64), "to the nanosecond");
    }
    // The last frame has its time too, before the end is reported.
    assert!(begun.elapsed() >= Duration::from_millis(80));
}

#[test]
fn a_late_consumer_does_not_stop_the_clock() {
    let mut source = FileSource::from_bytes("cine", cine(6, 20), recorded());
    let mut frame = Frame::new();
    assert_eq!(source.next(&mut frame, Duration::ZERO).unwrap(), Next::Frame);
    let start = frame.captured;
    sleep(Duration::from_millis(70));
    // Due at 20, 40 and 60 ms: all at once now, each captured when it was due.
    for index in 1..=3 {
        assert_eq!(source.next(&mut frame, Duration::ZERO).unwrap(), Next::Frame);
        assert_eq!(frame.captured, start + Duration::from_millis(20 * index));
    }
}

#[test]
fn a_timeout_is_kept_and_loses_no_frame() {
    let mut source = FileSource::from_bytes("cine", cine(2, 300), recorded());
    let mut frame = Frame::new();
    assert_eq!(source.next(&mut frame, Duration::ZERO).unwrap(), Next::Frame);
    let begun = Instant::now();
    assert_eq!(source.next(&mut frame, Duration::from_millis(30)).unwrap(), Next::Timeout);
    let waited = begun.elapsed();
    assert!((Duration::from_millis(30)..Duration::from_millis(250)).contains(&waited), "{waited:?}");
    assert_eq!(source.next(&mut frame, Duration::ZERO).unwrap(), Next::Timeout);
    assert_eq!(source.next(&mut frame, PATIENCE).unwrap(), Next::Frame);
    assert_eq!((frame.sequence, frame.index), (1, 1));
}

#[test]
fn files_follow_each_other_without_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let first = put(&dir.path().join("a.dcm"), &cine(2, 10));
    let second = put(&dir.path().join("b.png"), &picture(1));
    let third = put(&dir.path().join("c.png"), &picture(2));
    let mut source = FileSource::open(&[first, second, third], Pace::Recorded, true).unwrap();
    let mut frame = Frame::new();
    let mut captured = Vec::new();
    for _ in 0..6 {
        assert_eq!(source.next(&mut frame, PATIENCE).unwrap(), Next::Frame);
        captured.push(frame.captured);
    }
    let since: Vec<Duration> = captured.iter().map(|&moment| moment - captured[0]).collect();
    let picture = FALLBACK_INTERVAL;
    let ms = Duration::from_millis;
    let round = ms(20) + picture * 2;
    assert_eq!(since, [ms(0), ms(10), ms(20), ms(20) + picture, round, round + ms(10)]);
}

#[test]
fn sources_describe_themselves() {
    let source = FileSource::from_bytes("cine.dcm", cine(1, 10), recorded());
    assert_eq!(source.describe(), "replay of cine.dcm at the recorded rate");
    let inputs = [PathBuf::from("a"), PathBuf::from("b")];
    let options = FileOptions { looping: true, limits: Limits::default(), pace: Pace::AsFastAsPossible };
    let source = FileSource::open_with(&inputs, options).unwrap();
    assert_eq!(source.describe(), "replay of 2 files from a on as fast as possible, again and again");
}
