//! The test pattern: every pixel follows from seed, sequence number and place, so that any side can recompute it.

/// Side of a cell in pixels: a block of a JPEG picture.
pub const CELL: usize = 8;
/// Cells of the sequence number: one per bit.
pub const STRIP: usize = 32;
/// Grey value of a bit that is 0 and of one that is 1 in the strip.
pub const BITS: [u8; 2] = [32, 224];

/// How large the areas of one grey value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// Each pixel has its own value: finds every wrong byte.
    Pixel,
    /// Cells of 8 x 8 pixels have one value: survives JPEG within one or two grey values.
    Cell,
}

/// The pattern of a seed in a size.
///
/// With `z(k)` the 64-bit finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) and all arithmetic modulo 2^64:
///
/// ```text
/// row(y)      = seed * 0x9E3779B97F4A7C15 + sequence * 0xD1B54A32D192ED03 + y * 0x8CB92BA72F3D8DD7
/// word(x, y)  = z(row(y) + floor(x / 8) * 0xABC98388FB8FAC03)
/// pixel(x, y) = byte (x mod 8) of word(x, y), the lowest first        (Grain::Pixel)
/// pixel(x, y) = byte 0 of word(x, floor(y / 8))                       (Grain::Cell)
/// ```
///
/// and above it the strip: cell `n` of the picture, counted along the rows of whole cells from the top left, is 224 where
/// bit `n` of the sequence number is 1 and 32 where it is 0, for n = 0..32. Pictures of fewer than 32 whole cells have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Decides all values.
    pub seed: u64,
    /// Pixels per row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Size of the areas of one value.
    pub grain: Grain,
}

/// The first pixel that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Column.
    pub x: usize,
    /// Row.
    pub y: usize,
    /// Value there.
    pub found: u8,
    /// Value that should be there.
    pub expected: u8,
    /// Wrong pixels in the whole picture.
    pub count: usize,
}

fn finalise(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Pattern {
    /// Pixels of a picture.
    #[must_use]
    pub fn pixels(&self) -> usize {
        usize::from(self.width) * usize::from(self.height)
    }

    fn row_key(&self, sequence: u32, y: usize) -> u64 {
        let y = match self.grain {
            Grain::Pixel => y,
            Grain::Cell => y / CELL,
        };
        (self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .wrapping_add(u64::from(sequence).wrapping_mul(0xd1b5_4a32_d192_ed03))
            .wrapping_add((y as u64).wrapping_mul(0x8cb9_2ba7_2f3d_8dd7))
    }

    fn word(key: u64, column: usize) -> [u8; CELL] {
        finalise(key.wrapping_add((column as u64).wrapping_mul(0xabc9_8388_fb8f_ac03))).to_le_bytes()
    }

    fn cells(&self) -> [usize; 2] {
        [usize::from(self.width) / CELL, usize::from(self.height) / CELL]
    }

    fn has_strip(&self) -> bool {
        let [across, down] = self.cells();
        across * down >= STRIP
    }

    /// The value of one pixel: the definition that [`Pattern::fill`] is a fast form of.
    #[must_use]
    pub fn pixel(&self, sequence: u32, x: usize, y: usize) -> u8 {
        let [across, _] = self.cells();
        let cell = y / CELL * across + x / CELL;
        if self.has_strip() && x / CELL < across && cell < STRIP {
            return BITS[(sequence >> cell & 1) as usize];
        }
        let word = Self::word(self.row_key(sequence, y), x / CELL);
        match self.grain {
            Grain::Pixel => word[x % CELL],
            Grain::Cell => word[0],
        }
    }

    /// One row of a picture.
    pub fn fill_row(&self, sequence: u32, y: usize, row: &mut [u8]) {
        let key = self.row_key(sequence, y);
        for (column, pixels) in row.chunks_mut(CELL).enumerate() {
            let word = Self::word(key, column);
            match self.grain {
                Grain::Pixel => pixels.copy_from_slice(&word[..pixels.len()]),
                Grain::Cell => pixels.fill(word[0]),
            }
        }
        let [across, _] = self.cells();
        let first = y / CELL * across;
        if self.has_strip() && first < STRIP {
            for (cell, pixels) in (first..STRIP).zip(row.chunks_exact_mut(CELL).take(across)) {
                pixels.fill(BITS[(sequence >> cell & 1) as usize]);
            }
        }
    }

    /// A whole picture; `pixels` is [`Pattern::pixels`] long, anything beyond it stays.
    pub fn fill(&self, sequence: u32, pixels: &mut [u8]) {
        let rows = pixels.chunks_exact_mut(usize::from(self.width).max(1)).take(self.height.into());
        for (y, row) in rows.enumerate() {
            self.fill_row(sequence, y, row);
        }
    }

    /// Compares a picture with the pattern; values may differ by `tolerance` (0 but for JPEG).
    ///
    /// # Errors
    /// The first wrong pixel and how many there are; missing rows count as wrong.
    pub fn check(&self, sequence: u32, pixels: &[u8], tolerance: u8) -> Result<(), Mismatch> {
        let width = usize::from(self.width).max(1);
        let mut expected = vec![0; width];
        let mut wrong: Option<Mismatch> = None;
        for (y, row) in pixels.chunks_exact(width).take(self.height.into()).enumerate() {
            self.fill_row(sequence, y, &mut expected);
            if row == expected {
                continue;
            }
            for (x, (found, expected)) in row.iter().zip(&expected).enumerate() {
                if found.abs_diff(*expected) > tolerance {
                    let first = Mismatch { x, y, found: *found, expected: *expected, count: 0 };
                    wrong.get_or_insert(first).count += 1;
                }
            }
        }
        let missing = self.pixels().saturating_sub(pixels.len());
        if missing > 0 {
            let y = pixels.len() / width;
            let first = Mismatch { x: 0, y, found: 0, expected: self.pixel(sequence, 0, y), count: 0 };
            wrong.get_or_insert(first).count += missing;
        }
        wrong.map_or(Ok(()), Err)
    }

    /// The sequence number that the strip of a picture shows; none where the picture has no legible strip. Lets a host
    /// that gets no sequence number from the device (a camera) know which picture it has.
    #[must_use]
    pub fn sequence_of(&self, pixels: &[u8]) -> Option<u32> {
        if !self.has_strip() || pixels.len() < self.pixels() {
            return None;
        }
        let ([across, _], width) = (self.cells(), usize::from(self.width));
        (0..STRIP).try_fold(0, |sequence, cell| {
            let (x, y) = (cell % across * CELL + CELL / 2, cell / across * CELL + CELL / 2);
            let value = *pixels.get(y * width + x)?;
            let bit = BITS.iter().position(|level| level.abs_diff(value) <= 48)?;
            Some(sequence | (bit as u32) << cell)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn filling_follows_the_definition(
            seed in any::<u64>(), sequence in any::<u32>(), width in 1u16..300, height in 1u16..40, cells in any::<bool>(),
        ) {
            let grain = if cells { Grain::Cell } else { Grain::Pixel };
            let pattern = Pattern { seed, width, height, grain };
            let mut pixels = vec![0; pattern.pixels()];
            pattern.fill(sequence, &mut pixels);
            for (at, value) in pixels.iter().enumerate() {
                let (x, y) = (at % usize::from(width), at / usize::from(width));
                prop_assert_eq!(*value, pattern.pixel(sequence, x, y), "{} {}", x, y);
            }
            prop_assert!(pattern.check(sequence, &pixels, 0).is_ok());
            if pattern.has_strip() {
                prop_assert_eq!(pattern.sequence_of(&pixels), Some(sequence));
            }
        }
    }

    #[test]
    fn wrong_pictures_are_found() {
        let pattern = Pattern { seed: 1, width: 64, height: 48, grain: Grain::Pixel };
        let mut right = vec![0; pattern.pixels()];
        pattern.fill(7, &mut right);
        let mut other = right.clone();
        pattern.fill(8, &mut other);
        let torn = [&right[..1500], &other[1500..]].concat();
        let shifted = [&right[1..], &right[..1]].concat();
        let mut flipped = right.clone();
        flipped[2000] ^= 1;
        for (name, picture) in [("another", &other), ("torn", &torn), ("shifted", &shifted), ("flipped", &flipped)] {
            assert!(pattern.check(7, picture, 0).is_err(), "{name}");
        }
        let wrong = pattern.check(7, &flipped, 0).unwrap_err();
        assert_eq!((wrong.x, wrong.y, wrong.count), (2000 % 64, 2000 / 64, 1));
        assert!(pattern.check(7, &right[..3000], 0).is_err());
    }
}
