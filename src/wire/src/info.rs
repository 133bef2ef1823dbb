//! What a probe is.

use core::fmt;

use crate::error::BlockError;
use crate::fields::{bytes, put, u16_at, u32_at};
use crate::{Formats, VERSION};

/// Bytes of the information block.
pub const INFO_BYTES: usize = 64;
/// First bytes of the information block.
pub const INFO_MAGIC: [u8; 4] = *b"USHI";
const TEXT_BYTES: usize = 24;

/// Abilities of a probe: bits of [`Info::capabilities`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Capability {
    /// Obeys [`crate::Request::Freeze`].
    Freeze = 1,
    /// Obeys [`crate::Request::Gain`].
    Gain = 2,
    /// Obeys [`crate::Request::Depth`].
    Depth = 4,
}

/// A short text of a probe, UTF-8, filled up with zeros.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text([u8; TEXT_BYTES]);

impl Text {
    /// The text, cut at a whole character where it is longer than 24 bytes.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut end = text.len().min(TEXT_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut out = [0; TEXT_BYTES];
        out[..end].copy_from_slice(&text.as_bytes()[..end]);
        Self(out)
    }

    /// The text up to the first zero, up to the first byte that is no UTF-8.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(TEXT_BYTES);
        match core::str::from_utf8(&self.0[..end]) {
            Ok(text) => text,
            Err(error) => core::str::from_utf8(&self.0[..error.valid_up_to()]).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A probe is not trusted to leave the terminal alone.
        self.as_str().chars().filter(|c| !c.is_control()).try_for_each(|c| fmt::Write::write_char(f, c))
    }
}

/// What a probe is and can. Little endian:
///
/// | bytes | field |
/// |---|---|
/// | 0..4 | magic `USHI` |
/// | 4 | version |
/// | 5..8 | reserved, 0 |
/// | 8..12 | formats, a bit each |
/// | 12..16 | capabilities, a bit each |
/// | 16..18, 18..20 | greatest width and height |
/// | 20..24 | greatest payload in bytes |
/// | 24..28 | greatest frame rate in mHz |
/// | 28..32 | firmware: major, minor, patch (u16 last) |
/// | 32..56 | model, UTF-8 |
/// | 56..64 | reserved, 0 |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Formats that it can send.
    pub formats: Formats,
    /// Bits of [`Capability`].
    pub capabilities: u32,
    /// Most pixels per row.
    pub max_width: u16,
    /// Most rows.
    pub max_height: u16,
    /// Most bytes of a payload; the host takes buffers of this size.
    pub max_payload: u32,
    /// Greatest frame rate in mHz.
    pub max_rate_mhz: u32,
    /// Version of the firmware.
    pub firmware: (u8, u8, u16),
    /// Name of the model.
    pub model: Text,
}

impl Info {
    /// Reads the block.
    ///
    /// # Errors
    /// [`BlockError`] for a short block, another magic number or version, no known format, or a payload out of range.
    pub fn decode(block: &[u8]) -> Result<Self, BlockError> {
        let Some(head) = block.get(..8) else {
            return Err(BlockError::Short { block: "information", found: block.len(), needed: INFO_BYTES });
        };
        let magic = bytes(head, 0);
        if magic != INFO_MAGIC {
            return Err(BlockError::Magic { found: magic });
        }
        if head[4] != VERSION {
            return Err(BlockError::Version { found: head[4] });
        }
        let Some(block) = block.get(..INFO_BYTES) else {
            return Err(BlockError::Short { block: "information", found: block.len(), needed: INFO_BYTES });
        };
        let value = |field, value: u32, allowed| BlockError::Value {
            block: "information",
            field,
            value: value.into(),
            allowed,
        };
        let info = Self {
            formats: Formats(u32_at(block, 8)),
            capabilities: u32_at(block, 12),
            max_width: u16_at(block, 16),
            max_height: u16_at(block, 18),
            max_payload: u32_at(block, 20),
            max_rate_mhz: u32_at(block, 24),
            firmware: (block[28], block[29], u16_at(block, 30)),
            model: Text(bytes(block, 32)),
        };
        if info.formats.iter().next().is_none() {
            return Err(value("formats", info.formats.0, "no format of it is known here; update this program"));
        }
        if !(1..=crate::MAX_PAYLOAD).contains(&info.max_payload) {
            return Err(value("greatest payload", info.max_payload, "it is 1 byte to 16 MiB"));
        }
        Ok(info)
    }

    /// The bytes of the block.
    #[must_use]
    pub fn encode(&self) -> [u8; INFO_BYTES] {
        let mut block = [0; INFO_BYTES];
        put(&mut block, 0, &INFO_MAGIC);
        put(&mut block, 4, &[VERSION]);
        put(&mut block, 8, &self.formats.0.to_le_bytes());
        put(&mut block, 12, &self.capabilities.to_le_bytes());
        put(&mut block, 16, &self.max_width.to_le_bytes());
        put(&mut block, 18, &self.max_height.to_le_bytes());
        put(&mut block, 20, &self.max_payload.to_le_bytes());
        put(&mut block, 24, &self.max_rate_mhz.to_le_bytes());
        put(&mut block, 28, &[self.firmware.0, self.firmware.1]);
        put(&mut block, 30, &self.firmware.2.to_le_bytes());
        put(&mut block, 32, &self.model.0);
        block
    }

    /// Whether the probe has an ability.
    #[must_use]
    pub const fn can(&self, capability: Capability) -> bool {
        self.capabilities & capability as u32 != 0
    }
}
