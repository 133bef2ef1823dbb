//! The header before every frame on the bulk pipe.

use crate::error::HeaderError;
use crate::fields::{bytes, put, u16_at, u32_at, u64_at};
use crate::{Format, MAX_PAYLOAD, MAX_SIDE, VERSION};

/// Bytes of a header.
pub const HEADER_BYTES: usize = 32;
/// First bytes of a header.
pub const MAGIC: [u8; 4] = *b"USHF";
/// The picture is frozen: the probe repeats it, at least twice a second.
pub const FLAG_FROZEN: u8 = 0x01;

/// What the bulk pipe says before a payload. Little endian:
///
/// | bytes | field |
/// |---|---|
/// | 0..4 | magic `USHF` |
/// | 4 | version |
/// | 5 | pixel format |
/// | 6 | flags |
/// | 7 | setup number |
/// | 8..12 | sequence |
/// | 12..14 | width |
/// | 14..16 | height |
/// | 16..20 | payload length in bytes |
/// | 20..28 | capture time in ns |
/// | 28..32 | CRC-32 of the payload |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Layout of the payload.
    pub format: Format,
    /// [`FLAG_FROZEN`]; other bits are reserved, 0 from probes of this version and of no meaning to hosts of this version.
    pub flags: u8,
    /// Changes whenever gain, depth, spacing, white level or freeze changed: the host then asks for [`crate::State`] again.
    pub setup: u8,
    /// Counts the frames that the probe captured since [`crate::Start`], from 0, with overflow; a gap is a frame that the probe
    /// had no time to send.
    pub sequence: u32,
    /// Pixels per row; samples per line before scan conversion.
    pub width: u16,
    /// Rows; lines before scan conversion.
    pub height: u16,
    /// Bytes that follow.
    pub payload: u32,
    /// When the frame was captured, in ns of the probe's own clock, which never runs backwards between two starts.
    pub captured_ns: u64,
    /// [`checksum`] of the payload.
    pub crc: u32,
}

impl Header {
    /// Reads a header and checks it in itself: magic, version, format, size and length agree.
    ///
    /// # Errors
    /// [`HeaderError`] with the field that cannot be.
    pub fn decode(block: &[u8; HEADER_BYTES]) -> Result<Self, HeaderError> {
        let magic = bytes(block, 0);
        if magic != MAGIC {
            return Err(HeaderError::Magic { found: magic });
        }
        if block[4] != VERSION {
            return Err(HeaderError::Version { found: block[4] });
        }
        let format = Format::from_code(block[5]).ok_or(HeaderError::Format { found: block[5] })?;
        let header = Self {
            format,
            flags: block[6],
            setup: block[7],
            sequence: u32_at(block, 8),
            width: u16_at(block, 12),
            height: u16_at(block, 14),
            payload: u32_at(block, 16),
            captured_ns: u64_at(block, 20),
            crc: u32_at(block, 28),
        };
        header.check()?;
        Ok(header)
    }

    /// Whether size and length agree with the format and with the limits.
    ///
    /// # Errors
    /// [`HeaderError::Size`] and [`HeaderError::Length`].
    pub fn check(&self) -> Result<(), HeaderError> {
        let sides = 1..=MAX_SIDE;
        if !sides.contains(&self.width) || !sides.contains(&self.height) {
            return Err(HeaderError::Size { width: self.width, height: self.height });
        }
        let expected = self.format.payload_bytes(self.width, self.height);
        let fits = match expected {
            Some(bytes) => u64::from(self.payload) == bytes && self.payload <= MAX_PAYLOAD,
            None => (1..=MAX_PAYLOAD).contains(&self.payload),
        };
        if fits {
            return Ok(());
        }
        let expected = expected.map_or(MAX_PAYLOAD, |bytes| u32::try_from(bytes).unwrap_or(u32::MAX).min(MAX_PAYLOAD));
        Err(HeaderError::Length { found: self.payload, expected })
    }

    /// The bytes of the header.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut block = [0; HEADER_BYTES];
        put(&mut block, 0, &MAGIC);
        put(&mut block, 4, &[VERSION, self.format.code(), self.flags, self.setup]);
        put(&mut block, 8, &self.sequence.to_le_bytes());
        put(&mut block, 12, &self.width.to_le_bytes());
        put(&mut block, 14, &self.height.to_le_bytes());
        put(&mut block, 16, &self.payload.to_le_bytes());
        put(&mut block, 20, &self.captured_ns.to_le_bytes());
        put(&mut block, 28, &self.crc.to_le_bytes());
        block
    }

    /// Whether the picture is frozen.
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        self.flags & FLAG_FROZEN != 0
    }
}

/// CRC-32 of a payload: IEEE 802.3, polynomial 0x04C11DB7, reflected, begun with and inverted by all ones.
#[must_use]
pub fn checksum(payload: &[u8]) -> u32 {
    crc32fast::hash(payload)
}
