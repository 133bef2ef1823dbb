//! What a probe does at the moment.

use crate::error::BlockError;
use crate::fields::{f32_at, put, u16_at};

/// Bytes of the state block.
pub const STATE_BYTES: usize = 32;

const STREAMING: u8 = 1;
const FROZEN: u8 = 2;

/// Settings of a probe at the moment. Little endian:
///
/// | bytes | field |
/// |---|---|
/// | 0 | setup number, as in the frames that these settings hold for |
/// | 1 | bit 0 streaming, bit 1 frozen |
/// | 2..4 | white level of 16-bit samples |
/// | 4..8, 8..12 | distance of pixels along a row and between rows in um, binary32; 0 for unknown |
/// | 12..16 | depth in mm, binary32; 0 for unknown |
/// | 16..18 | gain in 0.1 dB, two's complement |
/// | 18..32 | reserved, 0 |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// Setup number: these settings hold for frames that carry it.
    pub setup: u8,
    /// Frames flow.
    pub streaming: bool,
    /// The picture is frozen.
    pub frozen: bool,
    /// 16-bit sample that is shown as white, 1 to 65535.
    pub white: u16,
    /// Distance of pixels in um, `[along a row, between rows]`; none where unknown. Of no meaning before scan conversion.
    pub spacing_um: Option<[f32; 2]>,
    /// Depth of the picture in mm; none where unknown.
    pub depth_mm: Option<f32>,
    /// Gain in 0.1 dB.
    pub gain_ddb: i16,
}

/// A length that can be one: finite and positive.
fn length(value: f32) -> Option<f32> {
    (value.is_finite() && value > 0.0).then_some(value)
}

impl State {
    /// Reads the block. Distances that cannot be any (negative, infinite, no number) are unknown ones.
    ///
    /// # Errors
    /// [`BlockError`] for a short block or a white level of 0.
    pub fn decode(block: &[u8]) -> Result<Self, BlockError> {
        let Some(block) = block.get(..STATE_BYTES) else {
            return Err(BlockError::Short { block: "state", found: block.len(), needed: STATE_BYTES });
        };
        let white = u16_at(block, 2);
        if white == 0 {
            return Err(BlockError::Value {
                block: "state",
                field: "white level",
                value: 0,
                allowed: "it is 1 to 65535",
            });
        }
        let spacing = [length(f32_at(block, 4)), length(f32_at(block, 8))];
        Ok(Self {
            setup: block[0],
            streaming: block[1] & STREAMING != 0,
            frozen: block[1] & FROZEN != 0,
            white,
            spacing_um: spacing[0].zip(spacing[1]).map(|(x, y)| [x, y]),
            depth_mm: length(f32_at(block, 12)),
            gain_ddb: u16_at(block, 16).cast_signed(),
        })
    }

    /// The bytes of the block.
    #[must_use]
    pub fn encode(&self) -> [u8; STATE_BYTES] {
        let mut block = [0; STATE_BYTES];
        let flags = u8::from(self.streaming) * STREAMING + u8::from(self.frozen) * FROZEN;
        let [x, y] = self.spacing_um.unwrap_or_default();
        put(&mut block, 0, &[self.setup, flags]);
        put(&mut block, 2, &self.white.to_le_bytes());
        put(&mut block, 4, &x.to_le_bytes());
        put(&mut block, 8, &y.to_le_bytes());
        put(&mut block, 12, &self.depth_mm.unwrap_or_default().to_le_bytes());
        put(&mut block, 16, &self.gain_ddb.to_le_bytes());
        block
    }
}
