//! How much memory a file may ask for.

use crate::error::Fault;

/// Bounds that are checked before memory is taken. A header may claim anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Greatest number of pixels of one frame.
    pub max_pixels: u64,
    /// Greatest number of encoded bytes of one frame: a picture file, or one frame's part of a cine.
    pub max_encoded_bytes: u64,
}

impl Default for Limits {
    /// 64 megapixels and 512 MiB of encoded data.
    fn default() -> Self {
        Self { max_pixels: 64_000_000, max_encoded_bytes: 512 << 20 }
    }
}

impl Limits {
    pub(crate) fn check_pixels(&self, width: u32, height: u32) -> Result<(), Fault> {
        if u64::from(width) * u64::from(height) > self.max_pixels {
            return Err(Fault::TooManyPixels { width, height, limit: self.max_pixels });
        }
        Ok(())
    }

    pub(crate) fn check_encoded(&self, bytes: u64) -> Result<(), Fault> {
        if bytes > self.max_encoded_bytes {
            return Err(Fault::TooManyBytes { bytes, limit: self.max_encoded_bytes });
        }
        Ok(())
    }
}
