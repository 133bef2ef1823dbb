//! The camera's way in against a fake driver: its frames here, finding it in `finding`.

mod finding;

use std::time::Duration;

use proptest::prelude::*;
use ushydra_core::PixelFormat;
use ushydra_v4l2::fake::{Camera, Counts, Event, Fake, FakeNode, Offer, Shot};
use ushydra_v4l2::{FourCc, abi};

use super::driver::CameraDriver;
use super::find::{candidate, first_of};
use super::session::CameraSession;
use crate::error::Fault;
use crate::frame::Frame;
use crate::live::{Driver, Session, SessionFault};

const NODE: &str = "/dev/video0";
const WAIT: Duration = Duration::from_millis(5);
const SIZE: (u32, u32) = (16, 8);

fn driver(fake: &Fake, settings: &str) -> CameraDriver<Fake> {
    CameraDriver::on(fake.clone(), settings.parse().unwrap())
}

fn session(camera: Camera, settings: &str) -> (Fake, CameraSession<FakeNode>) {
    let fake = Fake::new();
    fake.plug(NODE, camera);
    let session = driver(&fake, settings).open().unwrap().unwrap();
    (fake, session)
}

fn shot(bytes: &[u8]) -> Event {
    Event::Frame(Shot::of(bytes))
}

/// Value of the pixel (x, y).
fn pixel(x: u32, y: u32) -> u8 {
    (x * 13 + y * 29) as u8
}

fn grey() -> Vec<u8> {
    (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| pixel(x, y))).collect()
}

fn yuyv(padding: usize) -> Vec<u8> {
    grey()
        .chunks(SIZE.0 as usize)
        .flat_map(|row| {
            row.iter().flat_map(|y| [*y, 128]).chain(std::iter::repeat_n(0xee, padding)).collect::<Vec<_>>()
        })
        .collect()
}

fn jpeg() -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut out, 100);
    encoder.encode(&grey(), SIZE.0 as u16, SIZE.1 as u16, jpeg_encoder::ColorType::Luma).unwrap();
    out
}

fn frame_of(session: &mut CameraSession<FakeNode>) -> Frame {
    let mut frame = Frame::new();
    assert!(session.next(&mut frame, WAIT).unwrap());
    assert!(frame.view().is_ok());
    frame
}

#[test]
fn every_format_gives_the_same_picture() {
    struct Case {
        settings: &'static str,
        bytes: Vec<u8>,
        padding: u32,
        /// x, y, width, height of the expected part.
        part: [u32; 4],
        tolerance: u8,
    }
    let whole = [0, 0, SIZE.0, SIZE.1];
    let case = |settings, bytes, part, tolerance| Case { settings, bytes, padding: 0, part, tolerance };
    for case in [
        case("/dev/video0?format=grey", grey(), whole, 0),
        case("/dev/video0?format=yuyv", yuyv(0), whole, 0),
        case("/dev/video0?format=mjpeg", jpeg(), whole, 6),
        case("/dev/video0?format=mjpeg", [jpeg(), vec![0; 99]].concat(), whole, 6),
        case("/dev/video0?format=grey&crop=3,2,5,4", grey(), [3, 2, 5, 4], 0),
        case("/dev/video0?format=yuyv&crop=3,2,5,6", yuyv(0), [3, 2, 5, 6], 0),
        case("/dev/video0?format=mjpeg&crop=3,2,5,4", jpeg(), [3, 2, 5, 4], 6),
        case("/dev/video0?format=grey&crop=15,7,1,1", grey(), [15, 7, 1, 1], 0),
        Case { padding: 6, ..case("/dev/video0?format=yuyv", yuyv(6), whole, 0) },
        // The padding of the last row may be missing.
        Case { padding: 6, ..case("/dev/video0?format=yuyv", yuyv(6)[..38 * 8 - 6].to_vec(), whole, 0) },
    ] {
        let (fake, mut session) = session(Camera { padding: case.padding, ..Camera::default() }, case.settings);
        fake.push(NODE, [shot(&case.bytes)]);
        let frame = frame_of(&mut session);
        let [x, y, width, height] = case.part;
        let geometry = frame.geometry;
        assert_eq!((geometry.width, geometry.height, geometry.format), (width, height, PixelFormat::Grey8));
        for (index, value) in frame.data.iter().enumerate() {
            let expected = pixel(x + index as u32 % width, y + index as u32 / width);
            assert!(value.abs_diff(expected) <= case.tolerance, "{}: {index}: {value} {expected}", case.settings);
        }
        assert_eq!(session.link().received, 1);
    }
}

#[test]
fn the_limited_range_is_spread_where_driver_or_settings_say_so() {
    for (quantization, settings, expected) in [
        (0, NODE.to_owned(), [16, 235]),
        (abi::QUANTIZATION_FULL_RANGE, NODE.to_owned(), [16, 235]),
        (abi::QUANTIZATION_LIM_RANGE, NODE.to_owned(), [0, 255]),
        (abi::QUANTIZATION_LIM_RANGE, format!("{NODE}?range=full"), [16, 235]),
        (0, format!("{NODE}?range=limited"), [0, 255]),
    ] {
        let (fake, mut session) = session(Camera { quantization, ..Camera::default() }, &settings);
        fake.push(NODE, [shot(&[[16; 64], [235; 64]].concat())]);
        let frame = frame_of(&mut session);
        assert_eq!([frame.data[0], frame.data[127]], expected, "{settings}");
    }
}

#[test]
fn the_best_format_and_the_largest_fast_size_are_taken() {
    let offer = |fourcc, sizes: &[((u32, u32), Vec<u32>)]| Offer { fourcc, sizes: sizes.to_vec() };
    let grabber = [
        offer(FourCc(*b"H264"), &[((1920, 1080), vec![60])]),
        offer(FourCc::MJPEG, &[((640, 480), vec![60]), ((1920, 1080), vec![30]), ((3840, 2160), vec![30])]),
        offer(FourCc::YUYV, &[((640, 480), vec![30]), ((1280, 720), vec![10]), ((1920, 1080), vec![5])]),
    ];
    for (settings, expected) in [
        ("", Ok("YUYV 1280x720")),
        ("?rate=25", Ok("YUYV 640x480")),
        ("?format=mjpeg", Ok("MJPG 1920x1080")),
        ("?format=mjpeg&size=3840x2160", Ok("MJPG 3840x2160")),
        ("?size=1920x1080", Ok("YUYV 1920x1080")),
        ("?size=3840x2160", Ok("MJPG 3840x2160")),
        ("?format=grey", Err("grey")),
        ("?size=320x240", Err("320x240")),
        ("?crop=1000,0,281,10", Err("crop=1000,0,281,10")),
    ] {
        let fake = Fake::new();
        fake.plug(NODE, Camera { offers: grabber.to_vec(), ..Camera::default() });
        let opened = driver(&fake, &format!("{NODE}{settings}")).open();
        match expected {
            Ok(words) => {
                let found = opened.unwrap().unwrap().describe();
                assert!(found.contains(words), "{settings}: {found}");
            }
            Err(part) => {
                let found = opened.err().unwrap().to_string();
                assert!(found.contains(part), "{settings}: {found}");
            }
        }
        assert_eq!(fake.counts(), Counts::default(), "{settings}");
    }
}

#[test]
fn a_bad_frame_is_left_out_and_the_session_goes_on() {
    let flagged = |bytes: &[u8]| Event::Frame(Shot { flags: abi::BUF_FLAG_ERROR, ..Shot::of(bytes) });
    let whole = jpeg();
    let mut cases = vec![
        ("grey", flagged(&grey())),
        ("grey", shot(&grey()[..127])),
        ("grey", shot(&[])),
        ("yuyv", shot(&yuyv(0)[..254])),
        ("mjpeg", shot(&[])),
        ("mjpeg", shot(b"no picture at all")),
        ("grey", Event::Frame(Shot { used: Some(u32::MAX), ..Shot::of(&grey()) })),
    ];
    // A payload that UVC cut anywhere.
    cases.extend((1..whole.len() - 1).step_by(7).map(|end| ("mjpeg", shot(&whole[..end]))));
    for (format, bad) in cases {
        let (fake, mut session) = session(Camera::default(), &format!("{NODE}?format={format}"));
        fake.push(NODE, [bad.clone()]);
        let mut frame = Frame::new();
        let outcome = session.next(&mut frame, WAIT);
        assert!(matches!(outcome, Err(SessionFault::Frame(_))), "{format} {bad:?}: {outcome:?}");
        let link = session.link();
        assert_eq!((link.received, link.short + link.bad_header), (0, 1));
        let good = match format {
            "grey" => grey(),
            "yuyv" => yuyv(0),
            _ => jpeg(),
        };
        fake.push(NODE, [shot(&good)]);
        frame_of(&mut session);
    }
}

#[test]
fn what_ends_a_session() {
    for (event, part) in [
        (Event::Unplug, "gone"),
        (Event::Dequeue(libc_enodev()), "gone"),
        (Event::Failed, "stopped"),
        (Event::Dequeue(5), "dmesg"),
        (Event::Frame(Shot { index: Some(99), ..Shot::of(&grey()) }), "impossible buffer"),
    ] {
        let (fake, mut session) = session(Camera::default(), NODE);
        fake.push(NODE, [event]);
        match session.next(&mut Frame::new(), WAIT) {
            Err(SessionFault::Ended(fault)) => assert!(fault.to_string().contains(part), "{fault}"),
            other => panic!("{part}: {other:?}"),
        }
    }
    let (_fake, mut session) = session(Camera::default(), NODE);
    assert!(!session.next(&mut Frame::new(), WAIT).unwrap());
}

/// `ENODEV` of every Linux.
const fn libc_enodev() -> i32 {
    19
}

#[test]
fn lost_and_late_frames_are_counted() {
    let (fake, mut session) = session(Camera::default(), NODE);
    let lost = |lost| Event::Frame(Shot { lost, ..Shot::of(&grey()) });
    fake.push(NODE, [lost(0)]);
    frame_of(&mut session);
    fake.push(NODE, [lost(3)]);
    frame_of(&mut session);
    assert_eq!((session.link().dropped, session.link().late), (3, 0));
    // Two ready at once, one lost before them: the older one is late, not lost.
    fake.push(NODE, [lost(1), lost(0)]);
    frame_of(&mut session);
    assert_eq!((session.link().dropped, session.link().late), (4, 1));
    // The counter goes back.
    fake.push(NODE, [lost(u32::MAX - 2)]);
    frame_of(&mut session);
    assert_eq!((session.link().dropped, session.link().out_of_sequence), (4, 1));
    assert_eq!(session.link().received, 4);
}

#[test]
fn buffers_of_frames_are_used_again() {
    for (format, bytes) in [("grey", grey()), ("yuyv", yuyv(0)), ("mjpeg", jpeg())] {
        let (fake, mut session) = session(Camera::default(), &format!("{NODE}?format={format}&crop=1,1,9,5"));
        let mut frame = Frame::new();
        let mut place = None;
        for _ in 0..20 {
            fake.push(NODE, [shot(&bytes)]);
            assert!(session.next(&mut frame, WAIT).unwrap());
            let now = (frame.data.as_ptr(), frame.data.capacity());
            assert_eq!(*place.get_or_insert(now), now, "{format}");
        }
    }
}

proptest! {
    #[test]
    fn no_payload_makes_a_session_panic(
        format in 0_usize..3,
        payloads in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), any::<u16>(), any::<u8>()), 1..6),
    ) {
        let name = ["grey", "yuyv", "mjpeg"][format];
        let (fake, mut session) = session(Camera::default(), &format!("{NODE}?format={name}&crop=2,1,9,5"));
        let mut frame = Frame::new();
        for (bytes, place, value) in payloads {
            // A picture with one wrong byte, and plain noise.
            let mut picture = jpeg();
            let place = usize::from(place) % picture.len();
            picture[place] = value;
            for bytes in [&picture, &bytes] {
                fake.push(NODE, [shot(bytes)]);
                match session.next(&mut frame, WAIT) {
                    Ok(filled) => prop_assert!(!filled || frame.view().is_ok()),
                    Err(SessionFault::Frame(_)) => {}
                    Err(SessionFault::Ended(fault)) => prop_assert!(false, "{}", fault),
                }
            }
        }
    }
}
