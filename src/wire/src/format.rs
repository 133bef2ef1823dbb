//! Pixel formats of payloads.

/// Layout of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Format {
    /// One byte per pixel, 0 black to 255 white, rows from top to bottom without padding.
    Grey8 = 0x01,
    /// Two bytes per pixel, little endian; [`crate::State::white`] is shown as white, everything above it too.
    Grey16 = 0x02,
    /// Three bytes per pixel: red, green, blue.
    Rgb8 = 0x03,
    /// One baseline JPEG picture of the header's size.
    Mjpeg = 0x04,
    /// Before scan conversion: a [`crate::Scan`] block, then `height` lines of `width` samples of one byte, each from the
    /// skin into depth.
    Lines8 = 0x11,
    /// As `Lines8` with samples of two bytes, scaled as in `Grey16`.
    Lines16 = 0x12,
}

impl Format {
    /// All formats, in the order in which a host prefers them: what costs least at equal content first.
    pub const ALL: [Self; 6] = [Self::Grey8, Self::Lines8, Self::Grey16, Self::Lines16, Self::Rgb8, Self::Mjpeg];

    /// The format of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|format| *format as u8 == code)
    }

    /// Its code in headers and control blocks.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Its name on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grey8 => "grey8",
            Self::Grey16 => "grey16",
            Self::Rgb8 => "rgb8",
            Self::Mjpeg => "mjpeg",
            Self::Lines8 => "lines8",
            Self::Lines16 => "lines16",
        }
    }

    /// The format of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Bytes of a payload of `width` x `height` pixels (samples x lines); none where the content decides.
    #[must_use]
    pub const fn payload_bytes(self, width: u16, height: u16) -> Option<u64> {
        let samples = width as u64 * height as u64;
        match self {
            Self::Grey8 => Some(samples),
            Self::Grey16 => Some(2 * samples),
            Self::Rgb8 => Some(3 * samples),
            Self::Mjpeg => None,
            Self::Lines8 => Some(crate::SCAN_BYTES as u64 + samples),
            Self::Lines16 => Some(crate::SCAN_BYTES as u64 + 2 * samples),
        }
    }

    const fn bit(self) -> u32 {
        1 << (self as u8)
    }
}

/// A set of formats: bit n stands for the format with code n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Formats(pub u32);

impl Formats {
    /// The set of `formats`.
    #[must_use]
    pub fn of(formats: &[Format]) -> Self {
        Self(formats.iter().fold(0, |bits, format| bits | format.bit()))
    }

    /// Whether `format` is in the set.
    #[must_use]
    pub const fn contains(self, format: Format) -> bool {
        self.0 & format.bit() != 0
    }

    /// The formats of the set that are known here, preferred ones first.
    pub fn iter(self) -> impl Iterator<Item = Format> {
        Format::ALL.into_iter().filter(move |format| self.contains(*format))
    }
}
