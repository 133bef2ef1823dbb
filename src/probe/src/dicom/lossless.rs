//! Lossless JPEG (processes 14 and 14 SV1), which the DCT decoder does not know.

use jpeg_decoder::{ColorTransform, Decoder};

use crate::error::Fault;
use crate::guard::guarded;
use crate::jpeg::Header;

const FORMAT: &str = "lossless JPEG";

/// Decodes to interleaved samples as they are stored, with the bytes per sample: 1 up to 8 bits, else 2, little endian.
///
/// The decoder returns a buffer of its own, and takes about ten bytes of working memory for each sample.
pub(super) fn decode(header: &Header, encoded: &[u8]) -> Result<(Vec<u8>, usize), Fault> {
    let sample_bytes = if header.precision <= 8 { 1 } else { 2 };
    let values = usize::from(header.width) * usize::from(header.height) * usize::from(header.components);
    let samples = guarded(FORMAT, || {
        let mut decoder = Decoder::new(encoded);
        decoder.set_color_transform(ColorTransform::None);
        decoder.decode().map_err(|error| Fault::damaged(FORMAT, error.to_string()))
    })?;
    // Its 8-bit path is for exactly 8 bits; everything else it delivers in 16, native endian.
    if samples.len() == values * 2 {
        let words = samples.as_chunks().0.iter().map(|word| u16::from_ne_bytes(*word));
        let samples = if sample_bytes == 1 {
            words.map(|word| word as u8).collect()
        } else {
            words.flat_map(u16::to_le_bytes).collect()
        };
        return Ok((samples, sample_bytes));
    }
    if samples.len() == values && sample_bytes == 1 {
        return Ok((samples, sample_bytes));
    }
    Err(Fault::damaged(FORMAT, format!("{} bytes were decoded where {values} samples are announced", samples.len())))
}
