//! The device's side of the bulk pipe.

use crate::{HEADER_BYTES, Header, HeaderError, checksum};

/// The header bytes of a frame: `header` with length and checksum of `payload`. The frame on the wire is these bytes, then
/// the payload.
///
/// # Errors
/// [`HeaderError`] where size, format and payload contradict each other.
pub fn encode_frame(header: Header, payload: &[u8]) -> Result<[u8; HEADER_BYTES], HeaderError> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let header = Header { payload: length, crc: checksum(payload), ..header };
    header.check()?;
    Ok(header.encode())
}

/// Whether a transfer of `total` bytes needs an empty packet behind it: where the last packet is full, the host cannot see
/// from its length that the frame ends.
#[must_use]
pub const fn needs_zero_length_packet(total: usize, max_packet: usize) -> bool {
    max_packet > 0 && total > 0 && total.is_multiple_of(max_packet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, MAX_PAYLOAD};

    const HEADER: Header = Header {
        format: Format::Grey8,
        flags: 0,
        setup: 0,
        sequence: 0,
        width: 4,
        height: 2,
        payload: 0,
        captured_ns: 0,
        crc: 0,
    };

    #[test]
    fn length_and_checksum_are_filled_in() {
        let bytes = encode_frame(HEADER, &[7; 8]);
        let read = bytes.and_then(|bytes| Header::decode(&bytes));
        assert_eq!(read, Ok(Header { payload: 8, crc: checksum(&[7; 8]), ..HEADER }));
    }

    #[test]
    fn payloads_of_another_size_are_refused() {
        assert_eq!(encode_frame(HEADER, &[7; 9]), Err(HeaderError::Length { found: 9, expected: 8 }));
        let picture = Header { format: Format::Mjpeg, ..HEADER };
        assert_eq!(encode_frame(picture, &[]), Err(HeaderError::Length { found: 0, expected: MAX_PAYLOAD }));
        let empty = Header { width: 0, ..HEADER };
        assert_eq!(encode_frame(empty, &[]), Err(HeaderError::Size { width: 0, height: 2 }));
    }

    #[test]
    fn only_full_last_packets_need_an_empty_one() {
        struct Case {
            total: usize,
            max_packet: usize,
            needed: bool,
        }
        let cases = [
            Case { total: 512, max_packet: 512, needed: true },
            Case { total: 511, max_packet: 512, needed: false },
            Case { total: 1024, max_packet: 512, needed: true },
            Case { total: 307_232, max_packet: 512, needed: false },
            Case { total: 32 + 480, max_packet: 512, needed: true },
            Case { total: 0, max_packet: 512, needed: false },
            Case { total: 5, max_packet: 0, needed: false },
        ];
        for case in cases {
            assert_eq!(needs_zero_length_packet(case.total, case.max_packet), case.needed, "{}", case.total);
        }
    }
}
