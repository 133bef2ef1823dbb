//! Values that all devices share, as text.

use crate::SimError;

/// `640x480`: columns and rows.
pub(crate) fn parse_size(text: &str) -> Result<(u16, u16), SimError> {
    let wrong = || SimError::setting("size", text, "use WIDTHxHEIGHT, for example 640x480");
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    match (width.parse::<u16>(), height.parse::<u16>()) {
        (Ok(width), Ok(height)) if width > 0 && height > 0 => Ok((width, height)),
        _ => Err(wrong()),
    }
}

/// Hertz, as thousandths.
pub(crate) fn parse_rate(text: &str) -> Result<u32, SimError> {
    let wrong = || SimError::setting("rate", text, "use frames per second, 0 to 10000");
    let rate = text.parse::<f64>().map_err(|_| wrong())?;
    if (0.0..=10_000.0).contains(&rate) { Ok((rate * 1000.0).round() as u32) } else { Err(wrong()) }
}
