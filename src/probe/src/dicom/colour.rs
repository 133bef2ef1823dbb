//! Colour: channel order, luminance and chrominance, palettes.

use super::FORMAT;
use super::header::PaletteChannel;
use crate::error::Fault;

/// Fraction bits of the fixed-point colour matrix.
const SHIFT: i32 = 16;
/// `R = Y + 1.402 Cr`, `G = Y - 0.344136 Cb - 0.714136 Cr`, `B = Y + 1.772 Cb` (PS3.3 C.7.6.3.1.2, ITU-R BT.601).
const RED_CR: i32 = fixed(1.402);
const GREEN_CB: i32 = fixed(0.344_136);
const GREEN_CR: i32 = fixed(0.714_136);
const BLUE_CB: i32 = fixed(1.772);
const CHROMA_ZERO: i32 = 128;
/// A palette of 65,536 entries says 0.
const FULL_PALETTE: usize = 1 << 16;

const fn fixed(factor: f64) -> i32 {
    (factor * (1 << SHIFT) as f64 + 0.5) as i32
}

fn rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (cb, cr) = (i32::from(cb) - CHROMA_ZERO, i32::from(cr) - CHROMA_ZERO);
    let y = (i32::from(y) << SHIFT) + (1 << (SHIFT - 1));
    let byte = |value: i32| (value >> SHIFT).clamp(0, 255) as u8;
    [byte(y + RED_CR * cr), byte(y - GREEN_CB * cb - GREEN_CR * cr), byte(y + BLUE_CB * cb)]
}

/// Interleaved Y Cb Cr, full range, to RGB.
pub(super) fn ybr_to_rgb(samples: &mut [u8]) {
    for pixel in samples.as_chunks_mut().0 {
        *pixel = rgb(*pixel);
    }
}

/// Y1 Y2 Cb Cr to two RGB pixels.
pub(super) fn ybr_422_to_rgb(samples: &[u8], out: &mut [u8]) {
    for (&[y1, y2, cb, cr], to) in samples.as_chunks().0.iter().zip(out.as_chunks_mut::<6>().0) {
        let ([r1, g1, b1], [r2, g2, b2]) = (rgb([y1, cb, cr]), rgb([y2, cb, cr]));
        *to = [r1, g1, b1, r2, g2, b2];
    }
}

/// Three planes to interleaved samples.
pub(super) fn interleave(planes: &[u8], out: &mut [u8]) {
    let (first, rest) = planes.split_at(planes.len() / 3);
    let (second, third) = rest.split_at(first.len());
    for (to, ((r, g), b)) in out.as_chunks_mut().0.iter_mut().zip(first.iter().zip(second).zip(third)) {
        *to = [*r, *g, *b];
    }
}

/// Colours of samples.
#[derive(Debug, PartialEq)]
pub(super) struct Palette {
    /// Sample that has the first colour; smaller ones have it too, and greater ones than the last have the last.
    first: usize,
    colours: Vec<[u8; 3]>,
}

impl Palette {
    /// Reads the three tables (PS3.3 C.7.6.3.1.5 and C.7.6.3.1.6).
    pub(super) fn new(channels: &[PaletteChannel; 3]) -> Result<Self, Fault> {
        let Some([entries, first, bits]) = channels[0].descriptor else {
            return Err(Fault::damaged(FORMAT, "its palette is missing"));
        };
        if channels.iter().any(|channel| channel.descriptor != channels[0].descriptor) {
            return Err(Fault::damaged(FORMAT, "the three tables of its palette differ in size"));
        }
        let entries = if entries == 0 { FULL_PALETTE } else { entries.into() };
        let [red, green, blue] = channels;
        let tables =
            [entry_bytes(red, entries, bits)?, entry_bytes(green, entries, bits)?, entry_bytes(blue, entries, bits)?];
        let colours = (0..entries).map(|entry| tables.each_ref().map(|table| table[entry])).collect();
        Ok(Self { first: first.into(), colours })
    }

    /// Maps samples of 1 or 2 bytes (little endian).
    pub(super) fn apply(&self, samples: &[u8], sample_bytes: usize, out: &mut [u8]) {
        let out = out.as_chunks_mut().0.iter_mut();
        if sample_bytes == 1 {
            samples.iter().zip(out).for_each(|(from, to)| *to = self.colour((*from).into()));
        } else {
            let words = samples.as_chunks().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
            words.zip(out).for_each(|(from, to)| *to = self.colour(from.into()));
        }
    }

    fn colour(&self, sample: usize) -> [u8; 3] {
        let entry = sample.saturating_sub(self.first).min(self.colours.len().saturating_sub(1));
        self.colours.get(entry).copied().unwrap_or_default()
    }
}

/// The 8-bit values of one table; of 16-bit entries the upper byte.
fn entry_bytes(channel: &PaletteChannel, entries: usize, bits: u16) -> Result<Vec<u8>, Fault> {
    let data = &channel.entries;
    let wide = || data.as_chunks::<2>().0.iter().map(|&entry| u16::from_le_bytes(entry)).take(entries);
    let values: Vec<u8> = match bits {
        8 if data.len() >= 2 * entries => wide().map(|entry| entry as u8).collect(),
        8 => data.iter().copied().take(entries).collect(),
        16 => {
            let scaled = wide().any(|entry| entry > u16::from(u8::MAX));
            // Some writers put 8-bit values into 16-bit entries.
            wide().map(|entry| if scaled { (entry >> 8) as u8 } else { entry as u8 }).collect()
        }
        _ => return Err(Fault::damaged(FORMAT, format!("its palette has entries of {bits} bits"))),
    };
    if values.len() < entries {
        return Err(Fault::damaged(FORMAT, format!("its palette has {} of {entries} entries", values.len())));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
    use super::*;

    #[test]
    fn luminance_and_chrominance_become_the_colours_of_the_standard() {
        for y in 0..=255_u8 {
            for (cb, cr) in [(128, 128), (0, 255), (255, 0), (90, 240), (17, 33)] {
                let (b, r) = (f64::from(cb) - 128.0, f64::from(cr) - 128.0);
                let y64 = f64::from(y);
                let exact = [y64 + 1.402 * r, y64 - 0.344_136 * b - 0.714_136 * r, y64 + 1.772 * b];
                for (value, exact) in rgb([y, cb, cr]).into_iter().zip(exact) {
                    assert!((f64::from(value) - exact.clamp(0.0, 255.0)).abs() <= 0.501, "{y} {cb} {cr}");
                }
            }
        }
        let mut pixel = [76, 85, 255];
        ybr_to_rgb(&mut pixel);
        assert_eq!(pixel, [254, 0, 0]);
    }

    #[test]
    fn shared_chrominance_and_planes_are_spread() {
        let mut out = [0; 6];
        ybr_422_to_rgb(&[10, 20, 128, 128], &mut out);
        assert_eq!(out, [10, 10, 10, 20, 20, 20]);
        interleave(&[1, 2, 3, 4, 5, 6], &mut out);
        assert_eq!(out, [1, 3, 5, 2, 4, 6]);
    }

    #[test]
    fn palettes_clamp_at_both_ends() {
        let channel = |values: [u16; 3]| PaletteChannel {
            descriptor: Some([3, 10, 16]),
            entries: values.iter().flat_map(|value| (value << 8).to_le_bytes()).collect(),
        };
        let palette = Palette::new(&[channel([1, 2, 3]), channel([4, 5, 6]), channel([7, 8, 9])]).unwrap();
        let mut out = [0; 9];
        palette.apply(&[0, 11, 255], 1, &mut out);
        assert_eq!(out, [1, 4, 7, 2, 5, 8, 3, 6, 9]);

        let mut short = [channel([1, 2, 3]), channel([4, 5, 6]), channel([7, 8, 9])];
        short[2].entries.truncate(4);
        assert!(Palette::new(&short).unwrap_err().to_string().contains("2 of 3 entries"));
    }
}
