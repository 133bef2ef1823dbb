//! From the payload of a live device to a [`Frame`].

mod grey16;
pub(crate) mod luminance;
pub(crate) mod mjpeg;
mod scan_conversion;
mod scan_grid;

use ushydra_core::PixelFormat;
use ushydra_wire::{Format, Header, SCAN_BYTES, Scan, State};

use crate::error::Fault;
use crate::frame::Frame;
use crate::samples;
use scan_conversion::ScanConversion;

/// White level of a probe that did not say any.
const FULL_16: u16 = u16::MAX;
const UM_PER_MM: f32 = 1000.0;

/// Turns frames of the probe protocol into 8-bit pictures. Keeps the tables and buffers that it needs, so that from the second
/// frame of a geometry on only the JPEG decoder takes memory.
#[derive(Debug, Default)]
pub(crate) struct Converter {
    scan: ScanConversion,
    scratch: Vec<u8>,
}

impl Converter {
    /// Fills pixels, geometry and pixel spacing of `frame`; the rest of it stays.
    ///
    /// Spacing is taken from `state` only where that holds for this frame (equal setup numbers): a measurement without
    /// a scale is better than one with the wrong scale. The white level of an older state is used until the new one is known.
    /// After scan conversion the spacing follows from the geometry in the payload and is always known.
    ///
    /// # Errors
    /// [`Fault::LivePicture`] for a payload that contradicts its header or cannot be decoded, [`Fault::Block`] for an impossible
    /// scan geometry.
    pub(crate) fn convert(
        &mut self,
        header: &Header,
        payload: &[u8],
        state: Option<&State>,
        frame: &mut Frame,
    ) -> Result<(), Fault> {
        let format = header.format;
        let expected = format.payload_bytes(header.width, header.height).unwrap_or(payload.len() as u64);
        if payload.len() as u64 != expected {
            let detail = format!("{} bytes came where {expected} were announced", payload.len());
            return Err(Fault::LivePicture { format: format.name(), detail });
        }
        let white = state.map_or(FULL_16, |state| state.white);
        let spacing = state.filter(|state| state.setup == header.setup).and_then(|state| state.spacing_um);
        frame.spacing_mm = spacing.map(|um| um.map(|um| um / UM_PER_MM));
        let (width, height) = (u32::from(header.width), u32::from(header.height));
        match format {
            Format::Grey8 => frame.shape(width, height, PixelFormat::Grey8)?.copy_from_slice(payload),
            Format::Grey16 => grey16::scale(payload, white, frame.shape(width, height, PixelFormat::Grey8)?),
            Format::Rgb8 => {
                frame.shape(width, height, PixelFormat::Rgb8)?.copy_from_slice(payload);
                samples::collapse_grey(frame)?;
            }
            Format::Mjpeg => mjpeg::decode(payload, (header.width, header.height), &mut self.scratch, frame)?,
            Format::Lines8 | Format::Lines16 => {
                let geometry = Scan::decode(payload)?;
                let lines = &payload[SCAN_BYTES..];
                let narrow = if format == Format::Lines8 {
                    lines
                } else {
                    self.scratch.resize(lines.len() / 2, 0);
                    grey16::scale(lines, white, &mut self.scratch);
                    self.scratch.as_slice()
                };
                self.scan.convert(&geometry, header.width, header.height, narrow, frame)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
