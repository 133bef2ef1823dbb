//! Simulated devices behind a small kernel of our own: enumeration, streaming, faults, unplugging.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "tests")]

mod common;

use common::{Kernel, plug};
use ushydra_probe_sim::journal::Journal;
use ushydra_probe_sim::pattern::{Grain, Pattern};
use ushydra_probe_sim::stage::Link;
use ushydra_probe_sim::usbip::Left;
use ushydra_probe_sim::{Camera, CameraSettings, Probe, ProbeSettings};
use ushydra_wire::{Format, HEADER_BYTES, Header, Info, Request, Start, State, checksum};

const IN: u8 = 0xc1;
const OUT: u8 = 0x41;

fn probe(changes: &[(&str, &str)]) -> Box<Probe> {
    let mut settings = ProbeSettings { size: (96, 64), ..ProbeSettings::default() };
    changes.iter().try_for_each(|(name, value)| settings.set(name, value)).unwrap();
    Box::new(Probe::new(settings, Journal::silent()).unwrap())
}

fn enumerate(kernel: &mut Kernel) {
    let device = kernel.control_in(0x80, 6, 0x0100, 0, 64).unwrap().data;
    assert_eq!((device.len(), device[0], device[1]), (18, 18, 1));
    assert_eq!(kernel.control_in(0x80, 6, 0x0100, 0, 8).unwrap().data, device[..8]);
    let head = kernel.control_in(0x80, 6, 0x0200, 0, 9).unwrap().data;
    let total = u16::from_le_bytes([head[2], head[3]]);
    let configuration = kernel.control_in(0x80, 6, 0x0200, 0, total).unwrap().data;
    assert_eq!(configuration.len(), usize::from(total));
    // Every descriptor begins where the one before ends.
    let mut at = 0;
    while at < configuration.len() {
        assert!(configuration[at] >= 2);
        at += usize::from(configuration[at]);
    }
    assert_eq!(at, configuration.len());
    for index in 1..=3 {
        let text = kernel.control_in(0x80, 6, 0x0300 | index, 0x0409, 255).unwrap().data;
        assert!(text.len() > 4 && usize::from(text[0]) == text.len());
    }
    assert_eq!(kernel.control_in(0x80, 6, 0x0309, 0x0409, 255).unwrap().status, -32);
    assert_eq!(kernel.control_out(0, 9, 1, 0, &[]).unwrap().status, 0);
    assert_eq!(kernel.control_in(0x80, 8, 0, 0, 1).unwrap().data, [1]);
}

fn start(kernel: &mut Kernel, format: Format, rate_mhz: u32) -> i32 {
    let block = Start { format, rate_mhz }.encode();
    kernel.control_out(OUT, Request::Start.code(), 0, 0, &block).unwrap().status
}

/// A frame as it came, by buffers of `length` bytes of which `queued` are under way.
fn frame(kernel: &mut Kernel, queue: &mut Vec<u32>, length: u32, queued: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        while queue.len() < queued {
            queue.push(kernel.bulk(length));
        }
        let answer = kernel.wait(queue.remove(0))?;
        assert_eq!(answer.status, 0);
        bytes.extend_from_slice(&answer.data);
        if answer.data.len() < length as usize {
            return Some(bytes);
        }
    }
}

fn header(frame: &[u8]) -> Header {
    Header::decode(frame[..HEADER_BYTES].try_into().unwrap()).unwrap()
}

#[test]
fn frames_of_every_size_of_buffer_are_those_of_the_pattern() {
    // 96 x 64 + 32 bytes are no whole number of packets, 120 x 4 + 32 are one.
    for (size, (width, height)) in [("96x64", (96, 64)), ("120x4", (120, 4))] {
        for speed in ["high", "super"] {
            for length in [1024, 4096, 65536] {
                let (mut kernel, server) = plug(probe(&[("size", size), ("speed", speed)]), "");
                enumerate(&mut kernel);
                let info = Info::decode(&kernel.control_in(IN, Request::Info.code(), 0, 0, 64).unwrap().data).unwrap();
                assert_eq!((info.max_width, info.max_height), (width, height));
                assert_eq!(start(&mut kernel, Format::Grey8, 0), 0);
                let pattern = Pattern { seed: 1, width, height, grain: Grain::Pixel };
                let mut queue = Vec::new();
                for sequence in 0..200 {
                    let frame = frame(&mut kernel, &mut queue, length, 4).unwrap();
                    let header = header(&frame);
                    assert_eq!(header.sequence, sequence);
                    assert_eq!(checksum(&frame[HEADER_BYTES..]), header.crc);
                    assert_eq!(pattern.check(sequence, &frame[HEADER_BYTES..], 0), Ok(()));
                }
                drop(kernel);
                assert_eq!(server.join().unwrap().0.unwrap(), Left::Closed);
            }
        }
    }
}

#[test]
fn control_requests_pass_waiting_transfers_and_unlinking_is_answered() {
    let (mut kernel, _server) = plug(probe(&[]), "");
    enumerate(&mut kernel);
    // Nothing is started: transfers wait, requests do not.
    let waiting = [kernel.bulk(4096), kernel.bulk(4096)];
    let block = kernel.control_in(IN, Request::State.code(), 0, 0, 32).unwrap().data;
    let before = State::decode(&block).unwrap();
    assert!(!before.streaming && before.setup == 0);
    assert_eq!(kernel.unlink(waiting[0]), -104);
    assert_eq!(kernel.unlink(waiting[0]), 0);
    assert_eq!(start(&mut kernel, Format::Rgb8, 0), -32);
    assert_eq!(start(&mut kernel, Format::Grey8, 0), 0);
    assert_eq!(kernel.wait(waiting[1]).unwrap().data.len(), 4096);
    for (request, value, status) in
        [(Request::Gain, 0xfff6, 0), (Request::Depth, 150, 0), (Request::Depth, 0, -32), (Request::Freeze, 1, 0)]
    {
        assert_eq!(kernel.control_out(OUT, request.code(), value, 0, &[]).unwrap().status, status);
    }
    let after = State::decode(&kernel.control_in(IN, Request::State.code(), 0, 0, 32).unwrap().data).unwrap();
    assert_eq!((after.setup, after.gain_ddb, after.depth_mm, after.frozen), (3, -10, Some(150.0), true));
    // Other interfaces and unknown requests are refused.
    assert_eq!(kernel.control_in(IN, Request::Info.code(), 0, 3, 64).unwrap().status, -32);
    assert_eq!(kernel.control_in(IN, 0x55, 0, 0, 64).unwrap().status, -32);
    assert_eq!(kernel.control_in(0x82, 0, 0, 0x82, 2).unwrap().status, -32);
}

#[test]
fn faults_come_when_the_script_says() {
    let script = "after 2 frames corrupt; after 2 frames cut; after 2 frames babble 100; after 2 frames skip 5; \
        after 2 frames repeat; after 2 frames garbage 77; after 2 frames stall";
    let (mut kernel, _server) = plug(probe(&[]), script);
    enumerate(&mut kernel);
    assert_eq!(start(&mut kernel, Format::Grey8, 0), 0);
    let (whole, mut queue, mut found) = (HEADER_BYTES + 96 * 64, Vec::new(), Vec::new());
    for _ in 0..14 {
        let frame = frame(&mut kernel, &mut queue, 16384, 1).unwrap();
        if frame.len() == 77 {
            found.push((u32::MAX, 77, true));
            continue;
        }
        let header = header(&frame);
        found.push((header.sequence, frame.len(), header.crc == checksum(&frame[HEADER_BYTES..])));
    }
    let expected = [
        (0, whole, true),
        (1, whole, true),
        (2, whole, false),
        (3, whole, true),
        (4, HEADER_BYTES + 96 * 32, false),
        (5, whole, true),
        (6, whole + 100, false),
        (7, whole, true),
        (13, whole, true),
        (14, whole, true),
        (14, whole, true),
        (15, whole, true),
        (u32::MAX, 77, true),
        (16, whole, true),
    ];
    assert_eq!(found, expected);
    // One more frame, then the endpoint halts for every transfer until the halt is cleared.
    assert_eq!(header(&frame(&mut kernel, &mut queue, 16384, 1).unwrap()).sequence, 17);
    for _ in 0..2 {
        let number = kernel.bulk(16384);
        assert_eq!(kernel.wait(number).unwrap().status, -32);
    }
    assert_eq!(kernel.control_in(0x82, 0, 0, 0x81, 2).unwrap().data, [1, 0]);
    assert_eq!(kernel.control_out(0x02, 1, 0, 0x81, &[]).unwrap().status, 0);
    assert_eq!(header(&frame(&mut kernel, &mut queue, 16384, 1).unwrap()).sequence, 18);
}

#[test]
fn a_device_goes_in_the_middle_of_a_frame_and_comes_back() {
    let (mut kernel, server) = plug(probe(&[]), "after 300ms unplug 10ms");
    enumerate(&mut kernel);
    assert_eq!(start(&mut kernel, Format::Grey8, 0), 0);
    // Half a frame, then nothing is asked for until the device is gone.
    let first = kernel.bulk(3072);
    assert_eq!(kernel.wait(first).unwrap().data.len(), 3072);
    let (left, mut function) = server.join().unwrap();
    assert!(matches!(left.unwrap(), Left::Link(Link::Unplug(_))));
    let lost = kernel.bulk(3072);
    assert!(kernel.wait(lost).is_none());
    function.unplugged(false);
    let (mut kernel, _server) = plug(function, "");
    enumerate(&mut kernel);
    assert_eq!(start(&mut kernel, Format::Grey8, 0), 0);
    let frame = frame(&mut kernel, &mut Vec::new(), 16384, 1).unwrap();
    assert_eq!((header(&frame).sequence, frame.len()), (0, HEADER_BYTES + 96 * 64));
}

#[test]
fn frozen_pictures_stand_still() {
    let (mut kernel, _server) = plug(probe(&[]), "");
    enumerate(&mut kernel);
    assert_eq!(start(&mut kernel, Format::Grey8, 0), 0);
    let mut queue = Vec::new();
    let before = frame(&mut kernel, &mut queue, 16384, 1).unwrap();
    assert_eq!(kernel.control_out(OUT, Request::Freeze.code(), 1, 0, &[]).unwrap().status, 0);
    for sequence in 1..4 {
        let still = frame(&mut kernel, &mut queue, 16384, 1).unwrap();
        let header = header(&still);
        assert!(header.is_frozen() && header.setup == 1 && header.sequence == sequence);
        assert_eq!(still[HEADER_BYTES..], before[HEADER_BYTES..]);
    }
    assert_eq!(kernel.control_out(OUT, Request::Freeze.code(), 0, 0, &[]).unwrap().status, 0);
    let after = frame(&mut kernel, &mut queue, 16384, 1).unwrap();
    assert!(!header(&after).is_frozen() && header(&after).sequence == 4 && header(&after).setup == 2);
    assert_ne!(after[HEADER_BYTES..], before[HEADER_BYTES..]);
}

#[test]
fn hostile_bytes_end_the_connection_and_nothing_else() {
    let mut too_long = vec![0; 48];
    too_long[3] = 1;
    too_long[24..28].copy_from_slice(&u32::MAX.to_be_bytes());
    for bytes in [vec![0xff; 48], vec![0; 200], too_long] {
        let (mut kernel, server) = plug(probe(&[]), "");
        kernel.send(&bytes);
        assert_eq!(server.join().unwrap().0.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    }
}

#[test]
fn cameras_negotiate_and_stream() {
    let mut settings = CameraSettings { size: (64, 48), rate_mhz: 200_000, ..CameraSettings::default() };
    settings.set("format", "all").unwrap();
    let camera = Box::new(Camera::new(settings, Journal::silent()).unwrap());
    let (mut kernel, _server) = plug(camera, "after 3 frames cut; after 2 frames error");
    enumerate(&mut kernel);
    let pattern = Pattern { seed: 1, width: 64, height: 48, grain: Grain::Pixel };
    for (format, bytes) in [(1u8, 64 * 48), (2, 2 * 64 * 48), (3, 0)] {
        let mut block = kernel.control_in(0xa1, 0x81, 0x0100, 1, 26).unwrap().data;
        block[2] = format;
        assert_eq!(kernel.control_out(0x21, 0x01, 0x0100, 1, &block).unwrap().status, 0);
        let block = kernel.control_in(0xa1, 0x81, 0x0100, 1, 26).unwrap().data;
        assert_eq!((block.len(), block[2]), (26, format));
        assert_eq!(kernel.control_out(0x21, 0x01, 0x0200, 1, &block).unwrap().status, 0);
        let (mut queue, mut flags) = (Vec::new(), Vec::new());
        for number in 0..8 {
            let payload = frame(&mut kernel, &mut queue, 16384, 1).unwrap();
            assert_eq!(payload[0], 2);
            flags.push(payload[1]);
            let pixels = &payload[2..];
            let luma: Vec<u8> = pixels.iter().step_by(usize::from(format.min(2))).copied().collect();
            match (format, number) {
                (1, 3) => assert_eq!(pixels.len(), bytes / 2 - 1),
                (1 | 2, _) => {
                    let sequence = pattern.sequence_of(&luma).unwrap();
                    assert_eq!((pixels.len(), pattern.check(sequence, &luma, 0)), (bytes, Ok(())));
                    assert_eq!(sequence & 1, u32::from(payload[1] & 1));
                }
                _ => assert!(pixels.starts_with(&[0xff, 0xd8]) && pixels.ends_with(&[0xff, 0xd9])),
            }
        }
        if format == 1 {
            assert_eq!((flags[2] & 2, flags[3] & 2, flags[5] & 0x40, flags[6] & 0x40), (2, 0, 0x40, 0));
        }
        // The host ends streaming by clearing the halt: transfers wait again.
        assert_eq!(kernel.control_out(0x02, 1, 0, 0x81, &[]).unwrap().status, 0);
        let idle = kernel.bulk(512);
        assert_eq!(kernel.control_in(0x80, 0, 0, 0, 2).unwrap().data, [0, 0]);
        assert_eq!(kernel.unlink(idle), -104);
    }
}
