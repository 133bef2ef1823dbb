//! What fuzz targets need of the inside of this crate. Not part of its interface.
#![allow(missing_docs, clippy::missing_errors_doc, reason = "for the fuzz targets of this project only")]

use ushydra_wire::{Header, State};

use crate::convert::luminance::{Window, luminance};
use crate::convert::{Converter, mjpeg};
use crate::error::Fault;
use crate::frame::Frame;

/// The conversion of probe frames, as the USB session uses it.
#[derive(Debug, Default)]
pub struct ProbeFrames {
    converter: Converter,
}

impl ProbeFrames {
    pub fn convert(
        &mut self,
        header: &Header,
        payload: &[u8],
        state: Option<&State>,
        frame: &mut Frame,
    ) -> Result<(), Fault> {
        self.converter.convert(header, payload, state, frame)
    }
}

/// The conversion of a camera's Motion-JPEG buffers.
pub fn camera_mjpeg(bytes: &[u8], size: (u16, u16), scratch: &mut Vec<u8>, frame: &mut Frame) -> Result<(), Fault> {
    mjpeg::decode(bytes, size, scratch, frame)
}

/// The conversion of a camera's packed buffers: `start`, `stride` and `step` in bytes, rows of `width` pixels.
pub fn camera_luminance(bytes: &[u8], [start, stride, width, step]: [usize; 4], expand: bool, out: &mut [u8]) -> bool {
    luminance(bytes, Window { start, stride, width, step }, expand, out)
}
