//! Values of data elements. Numbers are little endian, as all syntaxes that can be read are.

use super::FORMAT;
use crate::error::Fault;

/// Text without its padding.
pub(super) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_matches(['\0', ' ']).to_owned()
}

/// First of the numbers in a text value.
pub(super) fn number(value: &[u8]) -> Option<f64> {
    numbers(value).first().copied()
}

/// Numbers in a text value, separated by backslashes. Ends before the first that is none.
pub(super) fn numbers(value: &[u8]) -> Vec<f64> {
    let finite = |number: &f64| number.is_finite();
    text(value).split('\\').map_while(|part| part.trim().parse().ok().filter(finite)).collect()
}

/// `NumberOfFrames`; 1 where it is empty.
pub(super) fn frames(value: &[u8]) -> Result<u32, Fault> {
    let text = text(value);
    match text.parse() {
        Ok(frames @ 1..) => Ok(frames),
        _ if text.is_empty() => Ok(1),
        _ => Err(Fault::damaged(FORMAT, format!("its number of frames is `{text}`"))),
    }
}

/// First 16-bit number.
pub(super) fn short(value: &[u8]) -> Option<u16> {
    value.first_chunk().copied().map(u16::from_le_bytes)
}

/// First 32-bit number, 0 where it is missing.
pub(super) fn long(value: &[u8]) -> u32 {
    value.first_chunk().copied().map_or(0, u32::from_le_bytes)
}

/// First double, 0 where it is missing.
pub(super) fn double(value: &[u8]) -> f64 {
    value.first_chunk().copied().map_or(0.0, f64::from_le_bytes)
}
