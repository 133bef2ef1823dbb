//! Any bytes as what comes over the bulk pipe of a probe: the parser, cut anywhere, and the conversion of what it finds.
//!
//! The first bytes of the input steer: room of the parser, white level, and whether checksums are put right (which a fuzzer
//! cannot guess). Then come transfers: a length of two bytes, a piece length, and the bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ushydra_probe::Frame;
use ushydra_probe::fuzzing::ProbeFrames;
use ushydra_wire::{Event, HEADER_BYTES, Header, Info, MAGIC, Parser, Scan, Start, State, checksum};

/// Most room, so that time goes into structure and not into pixels.
const MAX_ROOM: usize = 1 << 14;
/// A scan becomes a picture of up to a million pixels; with more per input, others starve.
const MAX_SCANS: usize = 2;

/// Makes the checksum right of every header whose payload follows it.
fn seal(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(MAGIC.len()).position(|window| window == MAGIC) {
        at += found;
        if let Some(header) = bytes[at..].first_chunk().and_then(|block| Header::decode(block).ok())
            && let Some(payload) = bytes[at + HEADER_BYTES..].get(..header.payload as usize)
        {
            let crc = checksum(payload).to_le_bytes();
            bytes[at + HEADER_BYTES - crc.len()..at + HEADER_BYTES].copy_from_slice(&crc);
        }
        at += 1;
    }
}

fuzz_target!(|bytes: &[u8]| {
    ushydra_fuzz::let_codecs_panic();
    // Control blocks of any content.
    let _ = (Info::decode(bytes), Start::decode(bytes), Scan::decode(bytes));
    let state = State::decode(bytes).ok();
    let Some((&[room_low, room_high, mode], mut rest)) = bytes.split_first_chunk() else { return };
    let room = usize::from(u16::from_le_bytes([room_low, room_high])) % MAX_ROOM;
    let (mut cut, mut whole) = (Parser::new(vec![0; room]), Parser::new(vec![0; room]));
    let (mut frames, mut frame, mut scans) = (ProbeFrames::default(), Frame::new(), 0);
    while let Some((&[low, high, piece], behind)) = rest.split_first_chunk() {
        let (transfer, behind) = behind.split_at(behind.len().min(u16::from_le_bytes([low, high]).into()));
        rest = behind;
        let mut transfer = transfer.to_vec();
        if mode & 1 == 0 {
            seal(&mut transfer);
        }
        let mut events = 0_u32;
        for packet in transfer.chunks(usize::from(piece) + 1) {
            let mut input = packet;
            while let Some(event) = cut.next(&mut input) {
                events += 1;
                let Event::Frame { header, payload } = event else { continue };
                assert_eq!((payload.len(), checksum(payload)), (header.payload as usize, header.crc));
                scans += usize::from(header.format.name().starts_with("lines"));
                if scans > MAX_SCANS {
                    continue;
                }
                match frames.convert(&header, payload, state.as_ref(), &mut frame) {
                    Ok(()) => assert!(frame.view().is_ok()),
                    Err(fault) => assert!(!fault.to_string().is_empty()),
                }
            }
            assert!(input.is_empty() && cut.waiting() <= room);
        }
        // The same bytes in one piece say the same.
        let mut input = transfer.as_slice();
        while whole.next(&mut input).is_some() {
            events = events.wrapping_sub(1);
        }
        assert_eq!((events, cut.waiting(), cut.counters()), (0, whole.waiting(), whole.counters()));
        if mode & 2 == 0 {
            for parser in [&mut cut, &mut whole] {
                parser.end_of_transfer();
                while parser.next(&mut &[][..]).is_some() {}
            }
        }
    }
});
