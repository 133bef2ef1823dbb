//! A binary mask in source pixels.

use crate::MeasureError;

/// A binary mask, row-major, one byte per pixel: 0 background, 1 foreground.
///
/// The buffer is kept when the mask is resized, so frames of one source allocate once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask {
    data: Vec<u8>,
    width: u32,
    height: u32,
}

impl Mask {
    /// An empty (all background) mask.
    #[must_use]
    pub fn new(width: u32, height: u32) -> Self {
        let mut mask = Self::default();
        mask.resize(width, height);
        mask
    }

    /// A mask from bytes of which every value other than 0 is foreground.
    ///
    /// # Errors
    /// [`MeasureError::Length`] where `bytes` is not `width * height` long.
    pub fn from_bytes(bytes: &[u8], width: u32, height: u32) -> Result<Self, MeasureError> {
        let expected = length(width, height);
        if bytes.len() != expected {
            return Err(MeasureError::Length { what: "mask", expected, found: bytes.len() });
        }
        Ok(Self { data: bytes.iter().map(|&byte| u8::from(byte != 0)).collect(), width, height })
    }

    /// Takes another size and becomes all background; allocates only beyond the largest size so far.
    pub fn resize(&mut self, width: u32, height: u32) {
        self.data.clear();
        self.data.resize(length(width, height), 0);
        (self.width, self.height) = (width, height);
    }

    /// Makes every pixel background.
    pub fn clear(&mut self) {
        self.data.fill(0);
    }

    /// Columns.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The pixels, row-major, 0 or 1.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The pixels for writing. Only 0 and 1 may be written; every other value counts as 1.
    #[must_use]
    pub fn data_mut(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// One row; empty outside the mask.
    #[must_use]
    pub fn row(&self, y: u32) -> &[u8] {
        let width = self.width as usize;
        let start = y as usize * width;
        self.data.get(start..start + width).unwrap_or(&[])
    }

    /// Whether the pixel is foreground; `false` outside the mask.
    #[must_use]
    pub fn get(&self, x: u32, y: u32) -> bool {
        self.row(y).get(x as usize).is_some_and(|&value| value != 0)
    }

    /// Foreground pixels.
    #[must_use]
    pub fn area_px(&self) -> u64 {
        // Short chunks keep the inner counter in bytes, which the compiler turns into wide additions.
        self.data
            .chunks(usize::from(u8::MAX))
            .map(|chunk| u64::from(chunk.iter().fold(0_u8, |count, &value| count + u8::from(value != 0))))
            .sum()
    }

    /// Share of the picture that is foreground, 0 for an empty picture.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        if self.data.is_empty() { 0.0 } else { self.area_px() as f64 / self.data.len() as f64 }
    }

    /// Whether foreground lies in the outermost pixels of a rectangle (x, y, width, height), that is, whether the organ may go on beyond
    /// it. With the whole picture as rectangle this is the border of the picture.
    #[must_use]
    pub fn touches_border_of(&self, rect: [u32; 4]) -> bool {
        let [left, top, width, height] = rect;
        let right = left.saturating_add(width).min(self.width);
        let bottom = top.saturating_add(height).min(self.height);
        if left >= right || top >= bottom {
            return false;
        }
        let in_row = |y: u32| {
            self.row(y).get(left as usize..right as usize).is_some_and(|row| row.iter().any(|&value| value != 0))
        };
        in_row(top) || in_row(bottom - 1) || (top..bottom).any(|y| self.get(left, y) || self.get(right - 1, y))
    }

    /// Whether foreground lies in the outermost pixels of the picture.
    #[must_use]
    pub fn touches_border(&self) -> bool {
        self.touches_border_of([0, 0, self.width, self.height])
    }

    /// Dice overlap `2 |A n B| / (|A| + |B|)` with a mask of the same size, 1 where both are empty and `None` for other sizes.
    #[must_use]
    pub fn dice(&self, other: &Self) -> Option<f64> {
        if (self.width, self.height) != (other.width, other.height) {
            return None;
        }
        let both = self.data.iter().zip(&other.data).filter(|&(&a, &b)| a != 0 && b != 0).count() as f64;
        let sum = (self.area_px() + other.area_px()) as f64;
        Some(if sum == 0.0 { 1.0 } else { 2.0 * both / sum })
    }
}

const fn length(width: u32, height: u32) -> usize {
    (width as usize).saturating_mul(height as usize)
}

/// Runs of foreground in one row as `start..end`; whole words of one colour are passed over at once.
#[derive(Clone, Debug)]
pub(crate) struct Runs<'a> {
    row: &'a [u8],
    at: usize,
}

impl<'a> Runs<'a> {
    pub(crate) const fn new(row: &'a [u8]) -> Self {
        Self { row, at: 0 }
    }
}

impl Iterator for Runs<'_> {
    type Item = std::ops::Range<u32>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = skip(self.row, self.at, false);
        if start == self.row.len() {
            return None;
        }
        let end = skip(self.row, start, true);
        self.at = end;
        Some(start as u32..end as u32)
    }
}

/// The first place from `at` on whose value is not `foreground`.
fn skip(row: &[u8], mut at: usize, foreground: bool) -> usize {
    const WORD: usize = 8;
    let word = if foreground { [1; WORD] } else { [0; WORD] };
    while let Some(bytes) = row.get(at..at + WORD) {
        if bytes != word {
            break;
        }
        at += WORD;
    }
    // At most one word differs from here; values above 1 take this way too.
    row.get(at..)
        .and_then(|rest| rest.iter().position(|&value| (value != 0) != foreground))
        .map_or(row.len(), |offset| at + offset)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts_and_borders() {
        let mut mask = Mask::new(600, 3);
        assert_eq!((mask.area_px(), mask.fraction(), mask.touches_border()), (0, 0.0, false));
        mask.data_mut().fill(1);
        assert_eq!((mask.area_px(), mask.fraction(), mask.touches_border()), (1800, 1.0, true));
        mask.clear();
        mask.data_mut()[600 + 5] = 1;
        assert!(!mask.touches_border());
        assert!(mask.touches_border_of([5, 0, 20, 3]));
        assert!(!mask.touches_border_of([700, 0, 20, 3]));
        assert_eq!(Mask::new(0, 7).fraction(), 0.0);
        assert_eq!(Mask::from_bytes(&[0; 5], 2, 3), Err(MeasureError::Length { what: "mask", expected: 6, found: 5 }));
    }

    #[test]
    fn dice_of_halves() {
        let left = Mask::from_bytes(&[1, 1, 0, 0], 4, 1).unwrap();
        let middle = Mask::from_bytes(&[0, 255, 9, 0], 4, 1).unwrap();
        assert_eq!(left.dice(&middle), Some(0.5));
        assert_eq!(left.dice(&left), Some(1.0));
        assert_eq!(Mask::new(2, 2).dice(&Mask::new(2, 2)), Some(1.0));
        assert_eq!(left.dice(&Mask::new(2, 2)), None);
    }

    proptest! {
        #[test]
        fn runs_are_the_foreground(row in prop::collection::vec(prop_oneof![3 => Just(0_u8), 3 => Just(1), 1 => Just(7)], 0..90)) {
            let mut rebuilt = vec![0; row.len()];
            for run in Runs::new(&row) {
                prop_assert!(run.start < run.end);
                rebuilt[run.start as usize..run.end as usize].fill(1);
            }
            let expected: Vec<u8> = row.iter().map(|&value| u8::from(value != 0)).collect();
            prop_assert_eq!(rebuilt, expected);
        }
    }
}
