//! The markers of a JPEG picture before its data (ITU-T T.81 annex B): what must be known before memory is taken.

use crate::error::Fault;

const FORMAT: &str = "JPEG";

/// Greatest sampling factor.
const MAX_SAMPLING: u8 = 4;

/// Markers, second byte.
mod marker {
    pub(super) const TEM: u8 = 0x01;
    pub(super) const SOF0: u8 = 0xc0;
    pub(super) const SOF15: u8 = 0xcf;
    pub(super) const DHT: u8 = 0xc4;
    pub(super) const JPG: u8 = 0xc8;
    pub(super) const DAC: u8 = 0xcc;
    pub(super) const RST0: u8 = 0xd0;
    pub(super) const RST7: u8 = 0xd7;
    pub(super) const SOI: u8 = 0xd8;
    pub(super) const EOI: u8 = 0xd9;
    pub(super) const SOS: u8 = 0xda;
    pub(super) const APP0: u8 = 0xe0;
    pub(super) const APP14: u8 = 0xee;
}

/// How the picture is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Process {
    /// Discrete cosine transform, sequential or progressive, Huffman coded (SOF0 to SOF2).
    Dct,
    /// Lossless prediction, Huffman coded (SOF3).
    Lossless,
    /// Hierarchical or arithmetic coding, which nobody uses; the second byte of the SOF marker.
    Other(u8),
}

/// What the markers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// Bits per sample.
    pub(crate) precision: u8,
    pub(crate) components: u8,
    pub(crate) process: Process,
    /// Component identifiers are the letters R, G, B.
    pub(crate) named_rgb: bool,
    /// A JFIF marker: three components are YCbCr.
    pub(crate) jfif: bool,
    /// Adobe marker: its colour transform, and where that byte is.
    pub(crate) adobe: Option<(u8, usize)>,
    /// Whether Huffman tables come with the picture.
    pub(crate) huffman: bool,
    /// First byte of the entropy-coded data.
    pub(crate) data: usize,
}

impl Header {
    /// Walks the markers up to the first scan.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        if !bytes.starts_with(&[0xff, marker::SOI]) {
            return Err(Fault::damaged(FORMAT, "it does not begin with the start marker FFD8"));
        }
        let mut header = Self {
            width: 0,
            height: 0,
            precision: 0,
            components: 0,
            process: Process::Dct,
            named_rgb: false,
            jfif: false,
            adobe: None,
            huffman: false,
            data: 0,
        };
        let mut at = 2;
        loop {
            let (code, begin) = next_marker(bytes, at)?;
            if matches!(code, marker::TEM | marker::RST0..=marker::RST7 | marker::SOI) {
                at = begin;
                continue;
            }
            if code == marker::EOI {
                return Err(Fault::damaged(FORMAT, "it ends before any picture data"));
            }
            let segment = segment(bytes, begin)?;
            match code {
                marker::DHT => header.huffman = true,
                marker::APP0 => header.jfif |= segment.starts_with(b"JFIF\0"),
                marker::APP14 if segment.starts_with(b"Adobe") && segment.len() >= 12 => {
                    // Length bytes, name, version, two flag words, then the transform.
                    header.adobe = Some((segment[11], begin + 2 + 11));
                }
                marker::JPG | marker::DAC => {}
                marker::SOF0..=marker::SOF15 => header.start_of_frame(code, segment)?,
                marker::SOS => {
                    header.data = begin + 2 + segment.len();
                    if header.components == 0 {
                        return Err(Fault::damaged(FORMAT, "its data begins without a frame header"));
                    }
                    return Ok(header);
                }
                _ => {}
            }
            at = begin + 2 + segment.len();
        }
    }

    fn start_of_frame(&mut self, code: u8, segment: &[u8]) -> Result<(), Fault> {
        let &[precision, h1, h0, w1, w0, components, ref tables @ ..] = segment else {
            return Err(Fault::damaged(FORMAT, format!("its frame header has only {} bytes", segment.len())));
        };
        if self.components != 0 {
            return Err(Fault::damaged(FORMAT, "it has two frame headers"));
        }
        self.precision = precision;
        self.height = u16::from_be_bytes([h1, h0]);
        self.width = u16::from_be_bytes([w1, w0]);
        if self.width == 0 || self.height == 0 {
            return Err(Fault::damaged(FORMAT, format!("its size is {}x{}", self.width, self.height)));
        }
        if !matches!(components, 1 | 3 | 4) || tables.len() != usize::from(components) * 3 {
            return Err(Fault::damaged(FORMAT, format!("its frame header lists {components} components")));
        }
        self.components = components;
        let sampling = || tables.as_chunks::<3>().0.iter().map(|table| (table[1] >> 4, table[1] & 0xf));
        let (most_h, most_v) = sampling().next().unwrap_or_default();
        // The standard allows finer chrominance than luminance; no encoder writes it, and the decoder stumbles over it.
        if sampling().any(|(h, v)| !(1..=most_h).contains(&h) || !(1..=most_v).contains(&v))
            || most_h.max(most_v) > MAX_SAMPLING
        {
            return Err(Fault::damaged(FORMAT, "its sampling factors are out of order"));
        }
        let identifiers = tables.as_chunks::<3>().0.iter().map(|table| table[0]);
        self.named_rgb = identifiers.eq(*b"RGB");
        self.process = match code {
            0xc0..=0xc2 => Process::Dct,
            0xc3 => Process::Lossless,
            other => Process::Other(other),
        };
        Ok(())
    }

    /// Index behind the end marker; `None` where it is missing.
    pub(crate) fn end(&self, bytes: &[u8]) -> Option<usize> {
        let mut at = self.data;
        loop {
            // In entropy-coded data FF is followed by 00; restart markers are part of it.
            at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)? + 1;
            match *bytes.get(at)? {
                0x00 | 0xff | marker::TEM | marker::RST0..=marker::RST7 => {}
                marker::EOI => return Some(at + 1),
                // Tables and the headers of further scans, which may contain anything.
                _ => at += 1 + segment(bytes, at + 1).ok()?.len() + 2,
            }
        }
    }
}

/// Finds the next marker from `at` on; returns its code and the index behind it.
fn next_marker(bytes: &[u8], at: usize) -> Result<(u8, usize), Fault> {
    let cut = || Fault::cut(FORMAT, format!("it ends after {} bytes, before its picture data", bytes.len()));
    let mut at = at;
    // Some writers leave padding between segments.
    while *bytes.get(at).ok_or_else(cut)? != 0xff {
        at += 1;
    }
    // Any number of FF may precede the code; FF00 is no marker.
    loop {
        match *bytes.get(at).ok_or_else(cut)? {
            0xff | 0x00 => at += 1,
            code => return Ok((code, at + 1)),
        }
    }
}

/// The payload of the segment whose length field is at `begin`.
fn segment(bytes: &[u8], begin: usize) -> Result<&[u8], Fault> {
    let cut = || Fault::cut(FORMAT, format!("it ends after {} bytes, before its picture data", bytes.len()));
    let &[high, low] = bytes.get(begin..begin + 2).and_then(|pair| pair.first_chunk()).ok_or_else(cut)?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length < 2 {
        return Err(Fault::damaged(FORMAT, format!("a segment at byte {begin} has the length {length}")));
    }
    bytes.get(begin + 2..begin + length).ok_or_else(cut)
}
