//! What the parser says of every kind of damage.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Seen, accounted, announce, frame, transfer};
use ushydra_wire::{HEADER_BYTES, HeaderError, LinkCounters, Parser, StreamFault};

/// Room for 10 x 10 pixels.
const ROOM: usize = HEADER_BYTES + 100;

fn with(mut bytes: Vec<u8>, at: usize, value: u8) -> Vec<u8> {
    bytes[at] = value;
    bytes
}

#[test]
fn every_fault_is_named_and_counted() {
    struct Case {
        name: &'static str,
        transfers: Vec<Vec<u8>>,
        faults: Vec<StreamFault>,
        /// Sequence numbers of the whole frames.
        frames: Vec<u32>,
        expected: LinkCounters,
    }
    let none = LinkCounters::default();
    let (f0, f1) = (frame(0, 10, 10), frame(1, 10, 10));
    let checksums = {
        let payload = with(f0.clone(), 50, !f0[50]);
        let expected = ushydra_wire::checksum(&f0[HEADER_BYTES..]);
        StreamFault::Checksum { sequence: 0, expected, found: ushydra_wire::checksum(&payload[HEADER_BYTES..]) }
    };
    let cases = [
        Case {
            name: "whole frames",
            transfers: vec![f0.clone(), f1.clone()],
            faults: vec![],
            frames: vec![0, 1],
            expected: LinkCounters { received: 2, received_bytes: 200, ..none },
        },
        Case {
            name: "two frames in one transfer",
            transfers: vec![[f0.clone(), f1.clone()].concat()],
            faults: vec![],
            frames: vec![0, 1],
            expected: LinkCounters { received: 2, received_bytes: 200, ..none },
        },
        Case {
            name: "a frame over two transfers is cut",
            transfers: vec![f0[..60].to_vec(), f0[60..].to_vec(), f1.clone()],
            faults: vec![StreamFault::Short { found: 60, needed: 132 }],
            frames: vec![1],
            expected: LinkCounters {
                received: 1,
                received_bytes: 100,
                short: 1,
                skipped_bytes: 132,
                dropped: 1,
                ..none
            },
        },
        Case {
            name: "a header is cut",
            transfers: vec![f0[..20].to_vec(), f1.clone()],
            faults: vec![StreamFault::Short { found: 20, needed: HEADER_BYTES }],
            frames: vec![1],
            expected: LinkCounters {
                received: 1,
                received_bytes: 100,
                short: 1,
                skipped_bytes: 20,
                dropped: 1,
                ..none
            },
        },
        Case {
            name: "part of a magic number is no frame",
            transfers: vec![b"xxUSH".to_vec(), f0.clone()],
            faults: vec![],
            frames: vec![0],
            expected: LinkCounters { received: 1, received_bytes: 100, skipped_bytes: 5, ..none },
        },
        Case {
            name: "a damaged payload",
            transfers: vec![with(f0.clone(), 50, !f0[50]), f1.clone()],
            faults: vec![checksums],
            frames: vec![1],
            expected: LinkCounters {
                received: 1,
                received_bytes: 100,
                crc_failed: 1,
                skipped_bytes: 132,
                dropped: 1,
                ..none
            },
        },
        Case {
            name: "a damaged magic number",
            transfers: vec![with(f0.clone(), 1, b'X'), f1.clone()],
            faults: vec![],
            frames: vec![1],
            expected: LinkCounters { received: 1, received_bytes: 100, skipped_bytes: 132, dropped: 1, ..none },
        },
        Case {
            name: "another version",
            transfers: vec![with(f0.clone(), 4, 2)],
            faults: vec![StreamFault::Header(HeaderError::Version { found: 2 })],
            frames: vec![],
            expected: LinkCounters { bad_header: 1, skipped_bytes: 132, ..none },
        },
        Case {
            name: "an unknown format",
            transfers: vec![with(f0.clone(), 5, 0x77)],
            faults: vec![StreamFault::Header(HeaderError::Format { found: 0x77 })],
            frames: vec![],
            expected: LinkCounters { bad_header: 1, skipped_bytes: 132, ..none },
        },
        Case {
            name: "no rows",
            transfers: vec![with(f0.clone(), 14, 0)],
            faults: vec![StreamFault::Header(HeaderError::Size { width: 10, height: 0 })],
            frames: vec![],
            expected: LinkCounters { bad_header: 1, skipped_bytes: 132, ..none },
        },
        Case {
            name: "a length that contradicts the size",
            transfers: vec![with(f0.clone(), 17, 1)],
            faults: vec![StreamFault::Header(HeaderError::Length { found: 356, expected: 100 })],
            frames: vec![],
            expected: LinkCounters { bad_header: 1, skipped_bytes: 132, ..none },
        },
        Case {
            name: "more than was promised",
            transfers: vec![frame(0, 101, 1), f1.clone()],
            faults: vec![StreamFault::TooLong { payload: 101, room: 100 }],
            frames: vec![1],
            expected: LinkCounters {
                received: 1,
                received_bytes: 100,
                bad_header: 1,
                skipped_bytes: 133,
                dropped: 1,
                ..none
            },
        },
        Case {
            name: "a false header swallows no frame",
            transfers: vec![[announce(100).to_vec(), frame(0, 4, 4)].concat(), f1.clone()],
            faults: vec![StreamFault::Short { found: 80, needed: 132 }],
            frames: vec![0, 1],
            expected: LinkCounters { received: 2, received_bytes: 116, short: 1, skipped_bytes: 32, ..none },
        },
        Case {
            name: "nor does it without an end of transfer",
            transfers: vec![[announce(40).to_vec(), frame(0, 4, 4), f1.clone()].concat()],
            faults: vec![StreamFault::Checksum {
                sequence: 9,
                expected: 1,
                found: ushydra_wire::checksum(&frame(0, 4, 4)[..40]),
            }],
            frames: vec![0, 1],
            expected: LinkCounters { received: 2, received_bytes: 116, crc_failed: 1, skipped_bytes: 32, ..none },
        },
        Case {
            name: "a repeated frame and a gap",
            transfers: vec![f0.clone(), f0.clone(), frame(4, 2, 2)],
            faults: vec![],
            frames: vec![0, 0, 4],
            expected: LinkCounters { received: 3, received_bytes: 204, out_of_sequence: 1, dropped: 3, ..none },
        },
        Case {
            name: "empty transfers",
            transfers: vec![vec![], f0.clone(), vec![]],
            faults: vec![],
            frames: vec![0],
            expected: LinkCounters { received: 1, received_bytes: 100, ..none },
        },
    ];
    for case in cases {
        // In one piece, and byte by byte.
        for size in [usize::MAX, 1] {
            let (mut parser, mut seen) = (Parser::new([0; ROOM]), Vec::new());
            for bytes in &case.transfers {
                transfer(&mut parser, bytes.chunks(size.min(bytes.len().max(1))), &mut seen);
            }
            let name = format!("{} in pieces of {size}", case.name);
            let faults: Vec<_> =
                seen.iter().filter_map(|s| if let Seen::Fault(fault) = s { Some(*fault) } else { None }).collect();
            let frames: Vec<_> =
                seen.iter().filter_map(|s| if let Seen::Frame(h, _) = s { Some(h.sequence) } else { None }).collect();
            assert_eq!(faults, case.faults, "{name}");
            assert_eq!(frames, case.frames, "{name}");
            assert_eq!(parser.counters(), case.expected, "{name}");
            assert!(faults.iter().all(|fault| !fault.to_string().is_empty()));
            assert_eq!(accounted(&parser.counters()), case.transfers.iter().map(|t| t.len() as u64).sum(), "{name}");
        }
    }
}

#[test]
fn whole_frames_are_not_copied() {
    let bytes = [frame(0, 10, 10), frame(1, 10, 10)].concat();
    let mut parser = Parser::new([0; ROOM]);
    let mut input = bytes.as_slice();
    for begin in [HEADER_BYTES, ROOM + HEADER_BYTES] {
        let Some(ushydra_wire::Event::Frame { payload, .. }) = parser.next(&mut input) else { unreachable!() };
        assert_eq!(payload.as_ptr(), bytes[begin..].as_ptr());
    }
    assert_eq!(parser.next(&mut input), None);
}

#[test]
fn a_restart_forgets_the_past() {
    let (mut parser, mut seen) = (Parser::new([0; ROOM]), Vec::new());
    transfer(&mut parser, [frame(0, 3, 3).as_slice()], &mut seen);
    let half = frame(1, 10, 10);
    assert_eq!(parser.next(&mut &half[..70]), None);
    assert_eq!(parser.waiting(), 70);
    parser.restart();
    transfer(&mut parser, [frame(0, 3, 3).as_slice()], &mut seen);
    assert_eq!(seen.len(), 2);
    let expected = LinkCounters { received: 2, received_bytes: 18, skipped_bytes: 70, ..LinkCounters::default() };
    assert_eq!(parser.counters(), expected);
}

#[test]
fn a_device_cannot_keep_the_host_computing() {
    // A false header every 32 bytes, each of which claims a long payload: without a bound the work grows with the square.
    let mut parser = Parser::new(vec![0; HEADER_BYTES + 4096]);
    let evil = announce(4096).repeat(4096);
    let mut seen = Vec::new();
    transfer(&mut parser, evil.chunks(512), &mut seen);
    assert_eq!(parser.counters().crc_failed, 64);
    assert_eq!(accounted(&parser.counters()), evil.len() as u64);
    transfer(&mut parser, [frame(0, 10, 10).as_slice()], &mut seen);
    assert_eq!(parser.counters().received, 1, "the next transfer is a fresh start");
}

#[test]
fn without_room_for_a_header_nothing_comes() {
    for room in [0, 1, HEADER_BYTES - 1, HEADER_BYTES] {
        let (mut parser, mut seen) = (Parser::new(vec![0; room]), Vec::new());
        let bytes = frame(0, 1, 1);
        transfer(&mut parser, bytes.chunks(3), &mut seen);
        assert_eq!(parser.counters().received, 0);
        assert_eq!(parser.counters().skipped_bytes, 33);
    }
}
