//! The bytes in `docs/probe-protocol.md` are those of the code.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::f32::consts::FRAC_PI_4;

use ushydra_wire::{
    Capability, Event, Format, Formats, HEADER_BYTES, Header, Info, Parser, Scan, Shape, Text, checksum, encode_frame,
    needs_zero_length_packet,
};

const PAGE: &str = include_str!("../../../docs/probe-protocol.md");

/// The bytes of the dump that is marked with `name`.
fn dump(name: &str) -> Vec<u8> {
    let (_, block) = PAGE.split_once(&format!("```{name}\n")).unwrap();
    let (block, _) = block.split_once("```").unwrap();
    block
        .lines()
        .flat_map(|line| line.split_whitespace().skip(1))
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

#[test]
fn the_frame_is_the_one_described() {
    let bytes = dump("frame");
    let payload = [0, 64, 128, 255, 16, 32, 48, 80];
    let header = Header {
        format: Format::Grey8,
        flags: 0,
        setup: 2,
        sequence: 7,
        width: 4,
        height: 2,
        payload: 8,
        captured_ns: 1_234_567_890,
        crc: checksum(&payload),
    };
    assert_eq!(bytes, [encode_frame(header, &payload).unwrap().as_slice(), &payload].concat());
    let mut parser = Parser::new([0; HEADER_BYTES + 8]);
    assert_eq!(parser.next(&mut bytes.as_slice()), Some(Event::Frame { header, payload: &payload }));
    assert!(!needs_zero_length_packet(bytes.len(), 512));
}

#[test]
fn the_blocks_are_the_ones_described() {
    let info = Info {
        formats: Formats::of(&[Format::Grey8, Format::Lines8]),
        capabilities: Capability::Freeze as u32 | Capability::Gain as u32 | Capability::Depth as u32,
        max_width: 640,
        max_height: 480,
        max_payload: 307_232,
        max_rate_mhz: 30_000,
        firmware: (1, 2, 3),
        model: Text::new("Demo"),
    };
    assert_eq!(dump("info"), info.encode());
    assert_eq!(Info::decode(&dump("info")), Ok(info));
    let shape = Shape::Sector { first_rad: -FRAC_PI_4, last_rad: FRAC_PI_4, radius_mm: 0.0 };
    let scan = Scan { shape, start_mm: 0.0, end_mm: 160.0 };
    assert_eq!(dump("scan"), scan.encode());
    assert_eq!(Scan::decode(&dump("scan")), Ok(scan));
}

#[test]
fn the_checksum_is_the_one_named() {
    assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
}
