//! A cine in memory, in the size that the device sends.

/// Most pictures of a cine that are kept: ten seconds at 30 frames per second.
pub(crate) const MAX_FRAMES: usize = 300;
/// Most bytes of a cine that are kept.
pub(crate) const MAX_BYTES: usize = 256 << 20;

/// Grey pictures of one size that repeat.
#[derive(Clone, Debug)]
pub struct Cine {
    frames: Vec<Vec<u8>>,
    /// Distance of pixels in um, along a row and between rows.
    pub spacing_um: Option<[f32; 2]>,
}

impl Cine {
    /// A cine of these pictures; none without any.
    #[must_use]
    pub fn new(frames: Vec<Vec<u8>>, spacing_um: Option<[f32; 2]>) -> Option<Self> {
        (!frames.is_empty()).then_some(Self { frames, spacing_um })
    }

    /// Pictures until it repeats, at least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// The picture of a sequence number.
    #[must_use]
    pub fn frame(&self, sequence: u32) -> &[u8] {
        &self.frames[sequence as usize % self.frames.len()]
    }
}

#[cfg(any(feature = "files", test))]
/// A picture in another size: bilinear, each output pixel's centre mapped to the input, borders repeated.
#[must_use]
pub(crate) fn resize(pixels: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    if from == to {
        return pixels.to_vec();
    }
    let mut out = Vec::with_capacity(to.0 * to.1);
    for y in 0..to.1 {
        let v = (y as f32 + 0.5) * from.1 as f32 / to.1 as f32 - 0.5;
        for x in 0..to.0 {
            let u = (x as f32 + 0.5) * from.0 as f32 / to.0 as f32 - 0.5;
            let clamped = (u.clamp(0.0, from.0 as f32 - 1.0), v.clamp(0.0, from.1 as f32 - 1.0));
            out.push(sample(pixels, from, clamped).unwrap_or(0));
        }
    }
    out
}

/// Bilinear value at a place in pixels; none outside of the picture.
#[must_use]
pub(crate) fn sample(pixels: &[u8], (width, height): (usize, usize), (x, y): (f32, f32)) -> Option<u8> {
    let inside = x >= 0.0 && y >= 0.0 && x <= width as f32 - 1.0 && y <= height as f32 - 1.0;
    if !inside {
        return None;
    }
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let at = |x: usize, y: usize| pixels.get(y * width + x).map(|value| f32::from(*value));
    let (across, down) = (x - left as f32, y - top as f32);
    let upper = at(left, top)? * (1.0 - across) + at(right, top)? * across;
    let lower = at(left, bottom)? * (1.0 - across) + at(right, bottom)? * across;
    Some((upper * (1.0 - down) + lower * down).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resizing_keeps_what_it_can() {
        assert_eq!(resize(&[1, 2, 3, 4], (2, 2), (2, 2)), [1, 2, 3, 4]);
        assert_eq!(resize(&[9; 12], (4, 3), (7, 5)), [9; 35]);
        assert_eq!(resize(&[0, 100], (2, 1), (4, 1)), [0, 25, 75, 100]);
    }
}
