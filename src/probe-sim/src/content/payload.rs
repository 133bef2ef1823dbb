//! Pictures in the formats of the protocol and of cameras.

use std::collections::HashMap;
use std::sync::Arc;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use ushydra_wire::{Format, Scan};

use super::{Content, polar};
use crate::pattern::Grain;

/// 16-bit sample that stands for white: a converter of 12 bits.
pub const WHITE: u16 = 4095;
/// Quality of JPEG pictures.
const QUALITY: u8 = 90;

/// Layouts of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Layout {
    /// A format of the probe protocol.
    Probe(Format),
    /// YUY2 with the colour of grey.
    Yuyv,
    /// JPEG with colour at half the width, as cameras send it.
    ColourJpeg,
}

/// Makes payloads of one size out of content and keeps those that come again.
///
/// With `v` the grey value: GREY8 is `v`; GREY16 is `ceil(v * 4095 / 255)` with the white level 4095, so that both rounding
/// and cutting give `v` back; RGB8 is `v`, `v xor 0x55`, `v xor 0xAA` for the pattern and three times `v` for cines;
/// YUYV is `v, 128, v, 128`; JPEG shows `v`, with the pattern in cells. Lines hold the pattern itself, sample by sample, or
/// samples of a cine.
#[derive(Debug)]
pub struct Payloads {
    content: Arc<Content>,
    size: (u16, u16),
    scan: Scan,
    kept: HashMap<(Layout, usize), Vec<u8>>,
    grey: Vec<u8>,
}

impl Payloads {
    /// Payloads of `size` (columns, rows; samples, lines).
    #[must_use]
    pub fn new(content: Arc<Content>, size: (u16, u16), scan: Scan) -> Self {
        Self { content, size, scan, kept: HashMap::new(), grey: Vec::new() }
    }

    /// The content.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Adds the payload of a sequence number in a format of the probe protocol to `out`.
    pub fn append(&mut self, format: Format, sequence: u32, out: &mut Vec<u8>) {
        self.append_layout(Layout::Probe(format), sequence, out);
    }

    pub(crate) fn append_layout(&mut self, layout: Layout, sequence: u32, out: &mut Vec<u8>) {
        let index = self.content.repeats(sequence);
        if let Some(kept) = index.and_then(|index| self.kept.get(&(layout, index))) {
            out.extend_from_slice(kept);
            return;
        }
        let begin = out.len();
        self.make(layout, sequence, out);
        if let Some(index) = index {
            self.kept.insert((layout, index), out[begin..].to_vec());
        }
    }

    fn make(&mut self, layout: Layout, sequence: u32, out: &mut Vec<u8>) {
        let jpeg = matches!(layout, Layout::ColourJpeg | Layout::Probe(Format::Mjpeg));
        let grain = if jpeg { Grain::Cell } else { Grain::Pixel };
        self.content.grey(sequence, grain, self.size, &mut self.grey);
        let pattern = matches!(*self.content, Content::Pattern(_));
        let (width, height) = (usize::from(self.size.0), usize::from(self.size.1));
        if let (Layout::Probe(Format::Lines8 | Format::Lines16), false) = (layout, pattern) {
            self.grey = polar::lines(&self.scan, &self.grey, (width, height), width, height);
        }
        let grey = self.grey.iter();
        match layout {
            Layout::Probe(Format::Grey8) => out.extend_from_slice(&self.grey),
            Layout::Probe(Format::Grey16) => out.extend(grey.flat_map(wide)),
            Layout::Probe(Format::Rgb8) if pattern => out.extend(grey.flat_map(|v| [*v, v ^ 0x55, v ^ 0xaa])),
            Layout::Probe(Format::Rgb8) => out.extend(grey.flat_map(|v| [*v; 3])),
            Layout::Probe(Format::Lines8) => {
                out.extend(self.scan.encode());
                out.extend_from_slice(&self.grey);
            }
            Layout::Probe(Format::Lines16) => {
                out.extend(self.scan.encode());
                out.extend(grey.flat_map(wide));
            }
            Layout::Probe(Format::Mjpeg) => {
                let encoder = Encoder::new(&mut *out, QUALITY);
                // Writing to memory does not fail, and sizes were checked when the settings were made.
                let _ = encoder.encode(&self.grey, self.size.0, self.size.1, ColorType::Luma);
            }
            Layout::Yuyv => out.extend(grey.flat_map(|v| [*v, 128])),
            Layout::ColourJpeg => {
                let colour: Vec<u8> = grey.flat_map(|v| [*v, 128, 128]).collect();
                let mut encoder = Encoder::new(&mut *out, QUALITY);
                encoder.set_sampling_factor(SamplingFactor::R_4_2_2);
                let _ = encoder.encode(&colour, self.size.0, self.size.1, ColorType::Ycbcr);
            }
        }
    }
}

fn wide(v: &u8) -> [u8; 2] {
    ((u32::from(*v) * u32::from(WHITE)).div_ceil(255) as u16).to_le_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::content::Geometry;

    #[test]
    fn payloads_have_the_lengths_of_their_formats() {
        let specs = ["pattern", "phantom:a4c"];
        for spec in specs {
            let content = Arc::new(Content::prepare(&spec.parse().unwrap(), (64, 48)).unwrap());
            let mut payloads = Payloads::new(content, (64, 48), Geometry::Sector.scan());
            for format in Format::ALL {
                for _ in 0..2 {
                    let mut out = vec![1, 2];
                    payloads.append(format, 3, &mut out);
                    let length = (out.len() - 2) as u64;
                    assert_eq!(format.payload_bytes(64, 48).unwrap_or(length), length, "{spec} {format:?}");
                    assert!(length > 100);
                }
            }
        }
    }

    #[test]
    fn wide_samples_come_back_by_rounding_and_by_cutting() {
        for v in 0..=255u8 {
            let sample = u32::from(u16::from_le_bytes(wide(&v)));
            let white = u32::from(WHITE);
            assert_eq!((sample * 255 / white, (sample * 255 + white / 2) / white), (v.into(), v.into()));
        }
    }
}
