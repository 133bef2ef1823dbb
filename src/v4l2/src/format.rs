//! Formats, sizes and rates.

use std::fmt;
use std::time::Duration;

use crate::abi;
use crate::error::V4l2Error;

/// Four characters that name a pixel format.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FourCc(pub [u8; 4]);

impl FourCc {
    /// One byte of grey per pixel.
    pub const GREY: Self = Self(*b"GREY");
    /// Two pixels in four bytes: Y, Cb, Y, Cr.
    pub const YUYV: Self = Self(*b"YUYV");
    /// A JPEG picture per frame.
    pub const MJPEG: Self = Self(*b"MJPG");

    /// The number that the kernel uses.
    #[must_use]
    pub const fn code(self) -> u32 {
        u32::from_le_bytes(self.0)
    }

    /// From the kernel's number.
    #[must_use]
    pub const fn from_code(code: u32) -> Self {
        Self(code.to_le_bytes())
    }

    /// Bytes per pixel of the formats that this program reads by the byte; `None` for compressed and unknown ones.
    #[must_use]
    pub const fn bytes_per_pixel(self) -> Option<u32> {
        match &self.0 {
            b"GREY" => Some(1),
            b"YUYV" => Some(2),
            _ => None,
        }
    }
}

impl fmt::Display for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Short names are padded with spaces; a driver may put anything here.
        let length = self.0.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
        self.0[..length].escape_ascii().fmt(f)
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FourCc({self})")
    }
}

/// A quotient of whole numbers, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fraction {
    /// Above the line.
    pub numerator: u32,
    /// Below the line.
    pub denominator: u32,
}

impl Fraction {
    /// The interval of a frame rate, in steps of a thousandth of a frame per second. `None` for rates that are not finite
    /// and positive, and beyond a million.
    #[must_use]
    pub fn from_rate(rate: f32) -> Option<Self> {
        const STEPS: u32 = 1000;
        let denominator = (f64::from(rate) * f64::from(STEPS)).round();
        (1.0..=1e9).contains(&denominator).then_some(Self { numerator: STEPS, denominator: denominator as u32 })
    }

    /// Frames per second; 0 where the driver left the interval open.
    #[must_use]
    pub fn rate(self) -> f32 {
        if self.numerator == 0 { 0.0 } else { (f64::from(self.denominator) / f64::from(self.numerator)) as f32 }
    }

    /// Time between frames; `None` where the driver left it open.
    #[must_use]
    pub fn interval(self) -> Option<Duration> {
        (self.numerator != 0 && self.denominator != 0)
            .then(|| Duration::from_secs_f64(f64::from(self.numerator) / f64::from(self.denominator)))
    }
}

impl From<abi::Fract> for Fraction {
    fn from(fract: abi::Fract) -> Self {
        Self { numerator: fract.numerator, denominator: fract.denominator }
    }
}

/// Picture sizes of a format, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// One size: width, height.
    One(u32, u32),
    /// Any size from the least to the greatest.
    Range {
        /// Least width and height.
        least: (u32, u32),
        /// Greatest width and height.
        most: (u32, u32),
        /// Steps of width and height.
        step: (u32, u32),
    },
}

impl From<abi::FrmSizeEnum> for Sizes {
    fn from(entry: abi::FrmSizeEnum) -> Self {
        let [a, b, c, d, e, f] = entry.size;
        if entry.kind == abi::FRMSIZE_TYPE_DISCRETE {
            Self::One(a, b)
        } else {
            Self::Range { least: (a, d), most: (b, e), step: (c, f) }
        }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(width, height) => write!(f, "{width}x{height}"),
            Self::Range { least, most, .. } => write!(f, "{}x{} to {}x{}", least.0, least.1, most.0, most.1),
        }
    }
}

/// Frame intervals of a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intervals {
    /// One interval.
    One(Fraction),
    /// Any interval from the shortest to the longest.
    Range {
        /// Shortest interval, highest rate.
        shortest: Fraction,
        /// Longest interval, lowest rate.
        longest: Fraction,
    },
}

impl Intervals {
    /// Highest frame rate.
    #[must_use]
    pub fn most(&self) -> f32 {
        match self {
            Self::One(interval) | Self::Range { shortest: interval, .. } => interval.rate(),
        }
    }
}

impl From<abi::FrmIvalEnum> for Intervals {
    fn from(entry: abi::FrmIvalEnum) -> Self {
        let [first, second, _] = entry.interval.map(Fraction::from);
        if entry.kind == abi::FRMIVAL_TYPE_DISCRETE {
            Self::One(first)
        } else {
            Self::Range { shortest: first, longest: second }
        }
    }
}

/// What grey levels the luminance uses, as far as the driver says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantization {
    /// The driver leaves it open, as `uvcvideo` always does.
    Unsaid,
    /// 0 to 255.
    Full,
    /// 16 to 235 (ITU-R BT.601).
    Limited,
}

/// A format that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Pixel format.
    pub fourcc: FourCc,
    /// Width and height; none for those in force.
    pub size: Option<(u32, u32)>,
}

/// A format that the driver took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageFormat {
    /// Pixel format.
    pub fourcc: FourCc,
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from one row to the next; 0 for compressed formats.
    pub stride: u32,
    /// Greatest number of bytes of a frame.
    pub image_bytes: u32,
    /// Range of the grey levels.
    pub quantization: Quantization,
}

impl ImageFormat {
    /// Reads what the driver wrote; the stride of packed formats is filled in where the driver leaves it out.
    pub(crate) fn from_driver(pix: &abi::PixFormat) -> Self {
        let fourcc = FourCc::from_code(pix.pixelformat);
        let packed = fourcc.bytes_per_pixel().map_or(0, |bytes| bytes.saturating_mul(pix.width));
        let quantization = match (pix.private == abi::PIX_FMT_PRIV_MAGIC, pix.quantization) {
            (true, abi::QUANTIZATION_FULL_RANGE) => Quantization::Full,
            (true, abi::QUANTIZATION_LIM_RANGE) => Quantization::Limited,
            _ => Quantization::Unsaid,
        };
        Self {
            fourcc,
            width: pix.width,
            height: pix.height,
            stride: if pix.bytesperline == 0 { packed } else { pix.bytesperline },
            image_bytes: pix.sizeimage,
            quantization,
        }
    }

    /// Where the rows of a packed format are.
    ///
    /// # Errors
    /// [`V4l2Error::Geometry`] for a side of 0 pixels, a stride shorter than a row, a picture beyond 4 GiB, and formats
    /// without rows of bytes.
    pub fn layout(&self) -> Result<PixelLayout, V4l2Error> {
        let wrong = |detail: String| V4l2Error::Geometry { detail };
        let (width, height, stride) = (self.width, self.height, self.stride);
        let Some(bytes) = self.fourcc.bytes_per_pixel() else {
            return Err(wrong(format!("{} has no rows of bytes", self.fourcc)));
        };
        if width == 0 || height == 0 {
            return Err(wrong(format!("{width}x{height} pixels")));
        }
        let row = u64::from(width) * u64::from(bytes);
        if u64::from(stride) < row {
            return Err(wrong(format!("rows of {row} bytes are {stride} bytes apart")));
        }
        // The last row need not be padded.
        let total = u64::from(stride) * u64::from(height - 1) + row;
        if total > u64::from(u32::MAX) {
            return Err(wrong(format!("{height} rows, {stride} bytes apart, exceed 4 GiB")));
        }
        Ok(PixelLayout { row: row as usize, rows: height as usize, stride: stride as usize, bytes: total as usize })
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}x{}", self.fourcc, self.width, self.height)
    }
}

/// Rows in a buffer: `rows` of them, `row` bytes long, `stride` bytes apart, in at least `bytes` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelLayout {
    /// Bytes of a row's pixels.
    pub row: usize,
    /// Number of rows.
    pub rows: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Least number of bytes that hold all rows; the last one may lack its padding.
    pub bytes: usize,
}
