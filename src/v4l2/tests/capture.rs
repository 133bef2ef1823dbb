//! Streaming against a driver that errs in every way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use ushydra_v4l2::fake::{Camera, Counts, Event, Fake, FakeNode, Shot};
use ushydra_v4l2::{Capture, Device, FourCc, V4l2Error, Wanted, abi};

const NODE: &str = "/dev/video0";
const WAIT: Duration = Duration::from_millis(5);

fn start(fake: &Fake) -> Result<Capture<FakeNode>, V4l2Error> {
    let mut device = Device::open(fake, Path::new(NODE))?;
    let format = device.set_format(Wanted { fourcc: FourCc::GREY, size: Some((8, 4)) })?;
    device.stream(format, 4)
}

fn running(events: impl IntoIterator<Item = Event>) -> (Fake, Capture<FakeNode>) {
    let fake = Fake::new();
    fake.plug(NODE, Camera::default());
    fake.push(NODE, events);
    let capture = start(&fake).unwrap();
    (fake, capture)
}

fn frame(value: u8) -> Event {
    Event::Frame(Shot::of(&[value; 32]))
}

#[test]
fn frames_are_borrowed_in_order_and_buffers_go_round() {
    let (fake, mut capture) = running((0..100).map(frame));
    for value in 0..100 {
        let buffer = capture.next(WAIT).unwrap().unwrap();
        assert_eq!(buffer.bytes(), [value; 32]);
        assert_eq!((buffer.sequence(), buffer.is_damaged(), buffer.passed()), (u32::from(value), false, 0));
    }
    assert!(capture.next(WAIT).unwrap().is_none());
    assert_eq!(fake.counts(), Counts { nodes: 1, mappings: 4, streams: 1 });
    drop(capture);
    assert_eq!(fake.counts(), Counts::default());
}

#[test]
fn the_newest_frame_is_taken_and_older_ones_are_counted() {
    let (_fake, mut capture) = running((0..3).map(frame));
    let buffer = capture.newest(WAIT).unwrap().unwrap();
    assert_eq!((buffer.bytes()[0], buffer.sequence(), buffer.passed()), (2, 2, 2));
    drop(buffer);
    // A fault behind a good frame does not take it away.
    let (fake, mut capture) = running([frame(7), Event::Dequeue(libc::EIO), frame(9)]);
    assert_eq!(capture.newest(WAIT).unwrap().unwrap().bytes()[0], 7);
    assert!(matches!(capture.newest(WAIT), Err(V4l2Error::System { .. })));
    assert_eq!(capture.newest(WAIT).unwrap().unwrap().bytes()[0], 9);
    // A camera faster than the loop does not hold it.
    fake.push(NODE, (0..50).map(frame));
    assert_eq!(capture.newest(WAIT).unwrap().unwrap().passed(), 3);
}

#[test]
fn faults_while_streaming() {
    struct Case {
        name: &'static str,
        events: Vec<Event>,
        message: &'static str,
        /// Value of the frame that comes after the fault on the same stream.
        then: Option<u8>,
    }
    let shot = |change: fn(&mut Shot)| {
        let mut shot = Shot::of(&[5; 32]);
        change(&mut shot);
        Event::Frame(shot)
    };
    for case in [
        Case { name: "signal in poll", events: vec![Event::Poll(libc::EINTR), frame(1)], message: "", then: Some(1) },
        Case {
            name: "signal in dequeue",
            events: vec![Event::Dequeue(libc::EINTR), frame(1)],
            message: "",
            then: Some(1),
        },
        Case { name: "withdrawn", events: vec![Event::Withdrawn, frame(2)], message: "", then: Some(2) },
        Case { name: "unplugged", events: vec![Event::Unplug], message: "is gone", then: None },
        Case { name: "ENODEV", events: vec![Event::Dequeue(libc::ENODEV)], message: "is gone", then: None },
        Case { name: "stopped", events: vec![Event::Failed], message: "stopped the stream", then: None },
        Case { name: "EIO", events: vec![Event::Dequeue(libc::EIO), frame(3)], message: "take a frame", then: Some(3) },
        Case { name: "poll", events: vec![Event::Poll(libc::ENOMEM)], message: "wait for a frame", then: None },
        Case {
            name: "too long",
            events: vec![shot(|shot| shot.used = Some(33)), frame(4)],
            message: "33 bytes are in a buffer of 32",
            then: Some(4),
        },
        Case {
            name: "number out of range",
            events: vec![shot(|shot| shot.index = Some(4))],
            message: "number 4 of 4",
            then: None,
        },
        Case {
            name: "absurd number",
            events: vec![shot(|shot| shot.index = Some(u32::MAX))],
            message: "number 4294967295 of 4",
            then: None,
        },
    ] {
        let (fake, mut capture) = running(case.events);
        if !case.message.is_empty() {
            let error = capture.next(WAIT).err().expect(case.name).to_string();
            assert!(error.contains(case.message) && error.contains(';'), "{}: {error}", case.name);
        }
        if let Some(value) = case.then {
            assert_eq!(capture.next(WAIT).unwrap().expect(case.name).bytes()[0], value, "{}", case.name);
        }
        drop(capture);
        assert_eq!(fake.counts(), Counts::default(), "{}", case.name);
    }
}

#[test]
fn a_buffer_that_the_driver_does_not_have_is_refused() {
    let mut twice = Shot::of(&[1; 32]);
    twice.index = Some(0);
    let (_fake, mut capture) = running([frame(0), Event::Frame(twice)]);
    // Buffer 0 is out while the second one claims to be it.
    let buffer = capture.newest(WAIT).unwrap().unwrap();
    assert_eq!(buffer.bytes(), [0; 32]);
    drop(buffer);
    let error = capture.next(WAIT).err().unwrap();
    assert!(error.to_string().contains("not in the driver's hands"), "{error}");
}

#[test]
fn a_refused_return_of_a_buffer_is_told_by_the_next_call() {
    let (fake, mut capture) = running([frame(1), frame(2)]);
    fake.fail(NODE, abi::QBUF, &[libc::ENODEV]);
    assert!(capture.next(WAIT).unwrap().is_some());
    assert!(matches!(capture.next(WAIT), Err(V4l2Error::Gone { .. })));
    assert_eq!(capture.next(WAIT).unwrap().unwrap().bytes()[0], 2);
}

#[test]
fn faults_at_the_start_leave_nothing_behind() {
    type Change = fn(&mut Camera);
    let cases: [(u32, i32, Change, &str); 12] = [
        (abi::S_FMT, libc::EBUSY, |_| {}, "another program"),
        (abi::REQBUFS, libc::EBUSY, |_| {}, "another program"),
        (abi::REQBUFS, libc::ENOMEM, |_| {}, "allocate frame buffers"),
        (abi::QUERYBUF, libc::EINVAL, |_| {}, "look up a frame buffer"),
        (abi::QBUF, libc::EIO, |_| {}, "hand a buffer"),
        (abi::STREAMON, libc::ENOSPC, |_| {}, "bandwidth"),
        (abi::STREAMON, libc::ENODEV, |_| {}, "gone"),
        (0, 0, |camera| camera.buffers = 1, "gave 1 buffers"),
        (0, 0, |camera| camera.buffer_length = Some(0), "0 bytes"),
        (0, 0, |camera| camera.buffer_length = Some(31), "31 bytes"),
        (0, 0, |camera| camera.buffer_length = Some(u32::MAX), "4294967295 bytes"),
        (0, 0, |camera| camera.offset_error = 12, "map a frame buffer"),
    ];
    for (request, error, change, message) in cases {
        let fake = Fake::new();
        let mut camera = Camera::default();
        change(&mut camera);
        fake.plug(NODE, camera);
        fake.fail(NODE, request, if error == 0 { &[] } else { std::slice::from_ref(&error) });
        let found = start(&fake).err().expect(message).to_string();
        assert!(found.contains(message), "{message}: {found}");
        assert_eq!(fake.counts(), Counts::default(), "{message}");
    }
}

#[test]
fn signals_never_show() {
    let fake = Fake::new();
    fake.plug(NODE, Camera::default());
    for request in [abi::QUERYCAP, abi::S_FMT, abi::REQBUFS, abi::QUERYBUF, abi::QBUF, abi::STREAMON] {
        fake.fail(NODE, request, &[libc::EINTR, libc::EINTR]);
    }
    fake.push(NODE, [frame(1)]);
    assert!(start(&fake).unwrap().next(WAIT).unwrap().is_some());
}

#[test]
fn capture_times_stay_within_what_is_possible() {
    let at = |seconds, micros| {
        let mut shot = Shot::of(&[0; 32]);
        shot.time = Some((seconds, micros));
        Event::Frame(shot)
    };
    // The fake's clock stands at an hour.
    let times = [at(3600, 0), at(0, 0), at(-5, 0), at(i64::MAX, 0), at(3600, 1_000_000), at(3600, -1), at(9999, 9)];
    let count = times.len();
    let before = Instant::now();
    let (_fake, mut capture) = running(times);
    for index in 0..count {
        let captured = capture.next(WAIT).unwrap().unwrap().captured();
        assert!(captured >= before && captured <= Instant::now(), "{index}");
    }
}

#[test]
fn a_thousand_replugs_leave_nothing_open() {
    let fake = Fake::new();
    for round in 0..1000 {
        fake.plug(NODE, Camera::default());
        fake.push(NODE, [frame(1), frame(2), Event::Unplug]);
        let mut capture = start(&fake).unwrap();
        assert!(capture.next(WAIT).unwrap().is_some());
        assert!(capture.next(WAIT).unwrap().is_some());
        assert!(matches!(capture.next(WAIT), Err(V4l2Error::Gone { .. })), "{round}");
        assert_eq!(fake.counts(), Counts { nodes: 1, mappings: 4, streams: 1 });
        drop(capture);
        assert_eq!(fake.counts(), Counts::default(), "{round}");
    }
}

fn events() -> impl Strategy<Value = Event> {
    let shot = (
        prop::collection::vec(any::<u8>(), 0..64),
        any::<u32>(),
        0_u32..3,
        prop::option::of(prop_oneof![0_u32..40, any::<u32>()]),
        prop::option::of(prop_oneof![0_u32..5, any::<u32>()]),
        prop::option::of(any::<(i64, i64)>()),
    )
        .prop_map(|(bytes, flags, lost, used, index, time)| {
            Event::Frame(Shot { bytes, flags, lost, used, index, time })
        });
    prop_oneof![
        6 => shot,
        1 => Just(Event::Nothing),
        1 => Just(Event::Withdrawn),
        1 => (1_i32..134).prop_map(Event::Poll),
        1 => (1_i32..134).prop_map(Event::Dequeue),
        1 => Just(Event::Failed),
    ]
}

proptest! {
    #[test]
    fn no_driver_makes_us_panic_or_read_beyond_a_buffer(events in prop::collection::vec(events(), 0..40), newest: bool) {
        let (fake, mut capture) = running(events);
        for _ in 0..60 {
            let outcome = if newest { capture.newest(WAIT) } else { capture.next(WAIT) };
            if let Ok(Some(buffer)) = outcome {
                prop_assert!(buffer.bytes().len() <= 32);
            }
        }
        drop(capture);
        prop_assert_eq!(fake.counts(), Counts::default());
    }
}
