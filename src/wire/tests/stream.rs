//! Properties of the parser on streams of frames, damage and noise.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Seen, accounted, announce, frame, transfer};
use proptest::prelude::*;
use ushydra_wire::{FLAG_FROZEN, Format, HEADER_BYTES, Header, MAX_SIDE, Parser, SCAN_BYTES, encode_frame};

/// Larger than any frame of these tests and smaller than some that are announced.
const ROOM: usize = HEADER_BYTES + 400;

/// Bytes among which beginnings of headers are frequent.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..40),
        2 => prop::collection::vec(prop::sample::select(b"USHF\x01".to_vec()), 0..12),
        1 => Just(b"USHF".to_vec()),
        2 => (1_u32..600).prop_map(|length| announce(length).to_vec()),
        1 => (0_usize..32, any::<u8>()).prop_map(|(at, value)| {
            let mut header = announce(20);
            header[at] = value;
            header.to_vec()
        }),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn good() -> impl Strategy<Value = Vec<u8>> {
    (any::<u32>(), 1_u16..20, 1_u16..20).prop_map(|(sequence, width, height)| frame(sequence, width, height))
}

/// What a bad cable makes of a frame.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    (good(), any::<prop::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(|(mut bytes, at, mask, cut)| {
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= mask;
        }
        bytes
    })
}

fn transfers() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let part = prop_oneof![3 => good(), 2 => damaged(), 2 => noise()];
    let one = prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat());
    prop::collection::vec(one, 1..6)
}

/// Cuts `bytes` after lengths that `cuts` repeats.
fn pieces<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let mut out = Vec::new();
    for length in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at(rest.len().min(*length));
        out.push(piece);
        rest = behind;
    }
    out
}

fn read(transfers: &[Vec<u8>], cuts: &[usize]) -> (Vec<Seen>, ushydra_wire::LinkCounters) {
    let (mut parser, mut seen) = (Parser::new([0; ROOM]), Vec::new());
    for bytes in transfers {
        transfer(&mut parser, pieces(bytes, cuts), &mut seen);
    }
    (seen, parser.counters())
}

proptest! {
    #[test]
    fn any_split_gives_the_same(transfers in transfers(), cuts in prop::collection::vec(1_usize..200, 1..20)) {
        let (whole, counters) = read(&transfers, &[usize::MAX]);
        prop_assert_eq!(&read(&transfers, &cuts), &(whole, counters));
        prop_assert_eq!(accounted(&counters), transfers.iter().map(|t| t.len() as u64).sum::<u64>());
    }

    #[test]
    fn ends_of_transfers_may_be_told_with_the_next_input(transfers in transfers()) {
        let (expected, counters) = read(&transfers, &[usize::MAX]);
        let (mut parser, mut seen) = (Parser::new([0; ROOM]), Vec::new());
        for bytes in &transfers {
            let mut input = bytes.as_slice();
            while let Some(event) = parser.next(&mut input) {
                seen.push(Seen::from(event));
            }
            parser.end_of_transfer();
        }
        while let Some(event) = parser.next(&mut &[][..]) {
            seen.push(event.into());
        }
        prop_assert_eq!(seen, expected);
        prop_assert_eq!(parser.counters(), counters);
    }

    #[test]
    fn noise_loses_no_whole_frame(
        parts in prop::collection::vec((noise(), good(), any::<bool>()), 1..6), cuts in prop::collection::vec(1_usize..200, 1..9),
    ) {
        let mut transfers = Vec::new();
        for (noise, good, apart) in &parts {
            if *apart {
                transfers.extend([noise.clone(), good.clone()]);
            } else {
                transfers.push([noise.as_slice(), good].concat());
            }
        }
        let (seen, _) = read(&transfers, &cuts);
        let payloads: Vec<_> =
            seen.iter().filter_map(|s| if let Seen::Frame(_, payload) = s { Some(payload.as_slice()) } else { None }).collect();
        prop_assert_eq!(payloads, parts.iter().map(|(_, good, _)| &good[HEADER_BYTES..]).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_are_accounted_for(
        inputs in prop::collection::vec((prop_oneof![noise(), prop::collection::vec(any::<u8>(), 0..300)], any::<bool>()), 0..20),
    ) {
        let mut parser = Parser::new([0; ROOM]);
        let mut total = 0;
        for (bytes, ends) in &inputs {
            let mut input = bytes.as_slice();
            total += input.len() as u64;
            while parser.next(&mut input).is_some() {}
            prop_assert!(input.is_empty() && parser.waiting() <= ROOM);
            prop_assert_eq!(accounted(&parser.counters()) + parser.waiting() as u64, total);
            if *ends {
                parser.end_of_transfer();
            }
        }
    }

    #[test]
    fn every_encoded_frame_comes_back(
        format in prop::sample::select(Format::ALL.to_vec()), width in 1_u16..30, height in 1_u16..30, frozen in any::<bool>(),
        setup in any::<u8>(), sequence in any::<u32>(), captured_ns in any::<u64>(), seed in any::<u8>(), jpeg in 1_u64..2000,
    ) {
        let length = format.payload_bytes(width, height).unwrap_or(jpeg);
        let payload: Vec<u8> = (0..length).map(|at| (at as u8).wrapping_mul(seed)).collect();
        let flags = if frozen { FLAG_FROZEN } else { 0 };
        let header = Header { format, flags, setup, sequence, width, height, payload: 0, captured_ns, crc: 0 };
        let head = encode_frame(header, &payload).unwrap();
        let mut parser = Parser::new(vec![0; HEADER_BYTES + SCAN_BYTES + 3000]);
        let mut seen = Vec::new();
        transfer(&mut parser, [head.as_slice(), &payload], &mut seen);
        let sealed = Header { payload: length as u32, crc: ushydra_wire::checksum(&payload), ..header };
        prop_assert_eq!(&seen[..], &[Seen::Frame(sealed, payload)]);
        prop_assert_eq!(sealed.is_frozen(), frozen);
    }

    #[test]
    fn headers_are_read_as_they_are_written_or_refused(block in prop::array::uniform32(any::<u8>()), grey in any::<bool>()) {
        let mut block = block;
        block[..5].copy_from_slice(b"USHF\x01");
        if grey {
            block[5] = 1;
            let (width, height) = (u32::from(block[12]) + 1, u32::from(block[14]) + 1);
            block[12..14].copy_from_slice(&(width as u16).to_le_bytes());
            block[14..16].copy_from_slice(&(height as u16).to_le_bytes());
            block[16..20].copy_from_slice(&(width * height).to_le_bytes());
        }
        if let Ok(header) = Header::decode(&block) {
            prop_assert!(header.width <= MAX_SIDE && header.height <= MAX_SIDE);
            prop_assert_eq!(header.encode(), block);
        } else {
            prop_assert!(!grey);
        }
    }
}
