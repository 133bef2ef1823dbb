//! Geometry of a frame in memory: row-major, tightly packed, 8 bits per sample.

use thiserror::Error;

/// Sample layout of a frame. Sources convert everything else (16-bit, palettes, YBR, alpha) before it gets here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// One byte per pixel, 0 black to 255 white.
    Grey8,
    /// Three interleaved bytes per pixel: red, green, blue.
    Rgb8,
}

impl PixelFormat {
    /// Interleaved samples per pixel.
    #[must_use]
    pub const fn channels(self) -> usize {
        match self {
            Self::Grey8 => 1,
            Self::Rgb8 => 3,
        }
    }
}

/// Width and height in pixels with the sample layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameGeometry {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Sample layout.
    pub format: PixelFormat,
}

impl FrameGeometry {
    /// A geometry with at least one pixel whose byte count fits `u32`.
    ///
    /// # Errors
    /// [`FrameError::Empty`] for a zero side, [`FrameError::TooLarge`] beyond `u32::MAX` bytes.
    pub fn new(width: u32, height: u32, format: PixelFormat) -> Result<Self, FrameError> {
        if width == 0 || height == 0 {
            return Err(FrameError::Empty { width, height });
        }
        let bytes = (u64::from(width) * u64::from(height)).saturating_mul(format.channels() as u64);
        if bytes > u64::from(u32::MAX) {
            return Err(FrameError::TooLarge { width, height });
        }
        Ok(Self { width, height, format })
    }

    /// Pixels in the frame.
    #[must_use]
    pub const fn pixels(self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Bytes in the frame.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.pixels() * self.format.channels()
    }
}

/// A borrowed frame whose data length matches its geometry.
#[derive(Clone, Copy, Debug)]
pub struct FrameView<'a> {
    geometry: FrameGeometry,
    data: &'a [u8],
}

impl<'a> FrameView<'a> {
    /// Pairs `data` with its geometry.
    ///
    /// # Errors
    /// [`FrameError::Length`] where `data` does not hold exactly `geometry.bytes()` bytes, and the errors of
    /// [`FrameGeometry::new`] for a geometry that was filled in by hand.
    pub fn new(geometry: FrameGeometry, data: &'a [u8]) -> Result<Self, FrameError> {
        let geometry = FrameGeometry::new(geometry.width, geometry.height, geometry.format)?;
        if data.len() != geometry.bytes() {
            return Err(FrameError::Length { expected: geometry.bytes(), found: data.len() });
        }
        Ok(Self { geometry, data })
    }

    /// Width, height and sample layout.
    #[must_use]
    pub const fn geometry(&self) -> FrameGeometry {
        self.geometry
    }

    /// Samples, row-major, interleaved.
    #[must_use]
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }
}

/// A frame that cannot be described or viewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// A side of zero pixels.
    #[error("a frame of {width}x{height} pixels has no content; both sides must be at least 1")]
    Empty {
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// More bytes than `u32::MAX`.
    #[error("a frame of {width}x{height} pixels is larger than 4 GiB; reduce the source's resolution")]
    TooLarge {
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Data and geometry disagree.
    #[error(
        "frame data holds {found} bytes but its geometry needs {expected}; the source delivered a cut or padded frame"
    )]
    Length {
        /// Bytes that the geometry needs.
        expected: usize,
        /// Bytes that were given.
        found: usize,
    },
}
