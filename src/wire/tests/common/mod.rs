//! Frames and transfers for the tests of the parser.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses its part")]

use ushydra_wire::{Event, Format, HEADER_BYTES, Header, LinkCounters, Parser, StreamFault, encode_frame};

/// An event that owns its payload.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Frame(Header, Vec<u8>),
    Fault(StreamFault),
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Frame { header, payload } => Self::Frame(header, payload.to_vec()),
            Event::Fault(fault) => Self::Fault(fault),
        }
    }
}

/// Everything that `pieces` of one transfer hold, and what its end says.
pub fn transfer<'a, B: AsRef<[u8]> + AsMut<[u8]>>(
    parser: &mut Parser<B>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    seen: &mut Vec<Seen>,
) {
    for piece in pieces {
        let mut input = piece;
        while let Some(event) = parser.next(&mut input) {
            seen.push(event.into());
        }
        assert!(input.is_empty());
    }
    parser.end_of_transfer();
    while let Some(event) = parser.next(&mut &[][..]) {
        seen.push(event.into());
    }
    assert_eq!(parser.waiting(), 0);
}

/// A grey frame whose payload follows from its number.
pub fn frame(sequence: u32, width: u16, height: u16) -> Vec<u8> {
    let payload: Vec<u8> = (0..u32::from(width) * u32::from(height))
        .map(|at| (at.wrapping_mul(7) ^ sequence.wrapping_mul(31)) as u8)
        .collect();
    let header = Header {
        format: Format::Grey8,
        flags: 0,
        setup: 3,
        sequence,
        width,
        height,
        payload: 0,
        captured_ns: u64::from(sequence) * 33_000_000,
        crc: 0,
    };
    [encode_frame(header, &payload).unwrap().as_slice(), &payload].concat()
}

/// The header bytes of a motion-JPEG frame that announces `payload` bytes.
pub fn announce(payload: u32) -> [u8; HEADER_BYTES] {
    let header = Header {
        format: Format::Mjpeg,
        flags: 0,
        setup: 0,
        sequence: 9,
        width: 8,
        height: 8,
        payload,
        captured_ns: 0,
        crc: 1,
    };
    header.encode()
}

/// Bytes that the parser accounted for.
pub fn accounted(counters: &LinkCounters) -> u64 {
    counters.received * HEADER_BYTES as u64 + counters.received_bytes + counters.skipped_bytes
}
