//! Control transfers: vendor requests to the interface.

use crate::Format;
use crate::error::BlockError;
use crate::fields::{bytes, u32_at};

/// `bRequest` of the control transfers. All are vendor requests whose recipient is the interface; `wIndex` is its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Request {
    /// IN, a [`crate::Info`] block.
    Info = 0x01,
    /// IN, a [`crate::State`] block.
    State = 0x02,
    /// OUT, a [`Start`] block: frames flow from sequence 0.
    Start = 0x03,
    /// OUT without data: no frame is begun any more; what is under way ends with a short packet.
    Stop = 0x04,
    /// OUT without data, `wValue` 1 freezes the picture, 0 lets it run.
    Freeze = 0x05,
    /// OUT without data, `wValue` is the gain in 0.1 dB, two's complement.
    Gain = 0x06,
    /// OUT without data, `wValue` is the depth in mm.
    Depth = 0x07,
}

impl Request {
    /// The request of a code; any other is answered with a stall.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Info, Self::State, Self::Start, Self::Stop, Self::Freeze, Self::Gain, Self::Depth]
            .into_iter()
            .find(|request| *request as u8 == code)
    }

    /// Its `bRequest`.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// What the host asks for: bytes 0 format, 1..4 reserved (0), 4..8 greatest frame rate in mHz (0: no limit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Layout of the frames, one that [`crate::Info::formats`] holds.
    pub format: Format,
    /// Greatest frame rate in mHz; 0 for none. The probe leaves out frames to keep it and counts them in the sequence.
    pub rate_mhz: u32,
}

impl Start {
    /// Bytes of the block.
    pub const BYTES: usize = 8;

    /// Reads the block.
    ///
    /// # Errors
    /// [`BlockError`] for a short block or an unknown format.
    pub fn decode(block: &[u8]) -> Result<Self, BlockError> {
        let Some(block) = block.get(..Self::BYTES) else {
            return Err(BlockError::Short { block: "start", found: block.len(), needed: Self::BYTES });
        };
        let [code] = bytes(block, 0);
        let format = Format::from_code(code).ok_or(BlockError::Value {
            block: "start",
            field: "format",
            value: code.into(),
            allowed: "it is one of the formats of the information block",
        })?;
        Ok(Self { format, rate_mhz: u32_at(block, 4) })
    }

    /// The bytes of the block.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let [a, b, c, d] = self.rate_mhz.to_le_bytes();
        [self.format.code(), 0, 0, 0, a, b, c, d]
    }
}
