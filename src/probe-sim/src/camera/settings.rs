//! What a simulated camera is like.

use crate::SimError;
use crate::content::ContentSpec;
use crate::settings::{parse_rate, parse_size};
use crate::usb::Speed;

/// Longest side of a camera's picture.
const MAX_SIDE: u16 = 4096;

/// Formats of cameras.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CameraFormat {
    /// 8 bit grey, `GREY` in V4L2.
    Grey,
    /// YUV 4:2:2, `YUYV`.
    Yuyv,
    /// Motion JPEG, `MJPG`.
    Mjpeg,
}

impl CameraFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Grey, Self::Yuyv, Self::Mjpeg];

    /// Its name on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Yuyv => "yuyv",
            Self::Mjpeg => "mjpeg",
        }
    }

    /// Bits per pixel as descriptors state them.
    pub(super) const fn bits(self) -> u8 {
        match self {
            Self::Grey => 8,
            Self::Yuyv | Self::Mjpeg => 16,
        }
    }
}

/// Settings of a simulated camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraSettings {
    /// What it shows.
    pub content: ContentSpec,
    /// Formats that it offers.
    pub formats: Vec<CameraFormat>,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Frames per second in mHz; half of it is offered too.
    pub rate_mhz: u32,
    /// Serial number.
    pub serial: String,
    /// Speed of its connection.
    pub speed: Speed,
}

impl Default for CameraSettings {
    fn default() -> Self {
        Self {
            content: ContentSpec::Pattern(1),
            formats: vec![CameraFormat::Grey],
            size: (640, 480),
            rate_mhz: 30_000,
            serial: "SIM-CAM-0001".into(),
            speed: Speed::High,
        }
    }
}

impl CameraSettings {
    /// Changes one setting by its name on the command line.
    ///
    /// # Errors
    /// [`SimError::Setting`] for a name or value without a meaning.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SimError> {
        match name {
            "content" => self.content = value.parse()?,
            "format" => self.formats = parse_formats(value)?,
            "size" => self.size = parse_size(value)?,
            "rate" => self.rate_mhz = parse_rate(value)?,
            "serial" => self.serial = value.into(),
            "speed" => self.speed = value.parse()?,
            _ => {
                let remedy = "a camera has content, format, size, rate, serial and speed";
                return Err(SimError::setting("setting", name, remedy));
            }
        }
        Ok(())
    }

    /// Whether a camera can be like this.
    ///
    /// # Errors
    /// [`SimError::Setting`] with what it cannot have.
    pub fn check(&self) -> Result<(), SimError> {
        let (width, height) = self.size;
        if width > MAX_SIDE || height > MAX_SIDE || !width.is_multiple_of(2) {
            let remedy = "sides are up to 4096 pixels and the width is even";
            return Err(SimError::setting("size", format!("{width}x{height}"), remedy));
        }
        if self.rate_mhz < 100 {
            return Err(SimError::setting(
                "rate",
                format!("{} mHz", self.rate_mhz),
                "a camera has at least 0.1 frames per second",
            ));
        }
        Ok(())
    }
}

fn parse_formats(text: &str) -> Result<Vec<CameraFormat>, SimError> {
    if text == "all" {
        return Ok(CameraFormat::ALL.to_vec());
    }
    let remedy = "use grey, yuyv, mjpeg, several with commas between them, or all";
    let one = |name: &str| CameraFormat::ALL.into_iter().find(|format| format.name() == name);
    text.split(',').map(|name| one(name).ok_or_else(|| SimError::setting("format", name, remedy))).collect()
}
