//! Recorded cines.

use std::path::Path;
use std::time::Duration;

use ushydra_core::PixelFormat;
use ushydra_probe::{FileSource, Frame, FrameSource, Next, Pace};

use super::ContentSpec;
use super::cine::{Cine, MAX_BYTES, MAX_FRAMES, resize};
use crate::SimError;

/// Reads as many frames as are kept and scales them to the device's size.
pub(super) fn prepare(spec: &ContentSpec, path: &Path, size: (u16, u16)) -> Result<Cine, SimError> {
    let fail = |message: String| SimError::Content { content: spec.to_string(), message };
    let to = (usize::from(size.0), usize::from(size.1));
    let most = (MAX_BYTES / (to.0 * to.1).max(1)).clamp(1, MAX_FRAMES);
    let mut source = FileSource::open(&[path.to_path_buf()], Pace::AsFastAsPossible, false)
        .map_err(|error| fail(error.to_string()))?;
    let (mut frame, mut frames, mut spacing, mut fault) = (Frame::new(), Vec::new(), None, None);
    while frames.len() < most {
        match source.next(&mut frame, Duration::from_secs(1)) {
            Ok(Next::Frame) => {}
            Ok(Next::Timeout) => continue,
            // Live sources alone know more than these.
            Ok(_) => break,
            Err(error) => {
                fault = Some(error.to_string());
                continue;
            }
        }
        let from = (frame.geometry.width as usize, frame.geometry.height as usize);
        let grey = match frame.geometry.format {
            PixelFormat::Grey8 => resize(&frame.data, from, to),
            _ => resize(&luma(&frame.data), from, to),
        };
        frames.push(grey);
        spacing = frame
            .spacing_mm
            .map(|[x, y]| [x * 1000.0 * from.0 as f32 / to.0 as f32, y * 1000.0 * from.1 as f32 / to.1 as f32]);
    }
    Cine::new(frames, spacing).ok_or_else(|| fail(fault.unwrap_or_else(|| "no frame in it".into())))
}

/// Luma of RGB by ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B.
fn luma(rgb: &[u8]) -> Vec<u8> {
    let weigh = |p: &[u8; 3]| (299 * u32::from(p[0]) + 587 * u32::from(p[1]) + 114 * u32::from(p[2]) + 500) / 1000;
    rgb.as_chunks::<3>().0.iter().map(|pixel| weigh(pixel) as u8).collect()
}
