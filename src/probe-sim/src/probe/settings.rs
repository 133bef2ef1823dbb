//! What a simulated probe is like.

use ushydra_wire::{Format, MAX_PAYLOAD, MAX_SIDE};

use crate::SimError;
use crate::content::{ContentSpec, Geometry};
use crate::settings::{parse_rate, parse_size};
use crate::usb::Speed;

/// Settings of a simulated probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeSettings {
    /// What it shows.
    pub content: ContentSpec,
    /// Formats that it offers.
    pub formats: Vec<Format>,
    /// Pixels per row and rows; samples per line and lines.
    pub size: (u16, u16),
    /// Frames per second in mHz; 0 for as fast as the host reads.
    pub rate_mhz: u32,
    /// Serial number.
    pub serial: String,
    /// Speed of its connection.
    pub speed: Speed,
    /// How its lines lie, of meaning for lines only.
    pub array: Geometry,
}

impl Default for ProbeSettings {
    fn default() -> Self {
        Self {
            content: ContentSpec::Pattern(1),
            formats: vec![Format::Grey8],
            size: (640, 480),
            rate_mhz: 0,
            serial: "SIM-0001".into(),
            speed: Speed::High,
            array: Geometry::Sector,
        }
    }
}

impl ProbeSettings {
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
            "array" => self.array = value.parse()?,
            _ => return Err(SimError::setting("setting", name, SETTINGS)),
        }
        Ok(())
    }

    /// Whether a probe can be like this.
    ///
    /// # Errors
    /// [`SimError::Setting`] with what it cannot have.
    pub fn check(&self) -> Result<(), SimError> {
        let (width, height) = self.size;
        let largest = self.formats.iter().filter_map(|format| format.payload_bytes(width, height)).max().unwrap_or(0);
        let sides = 1..=MAX_SIDE;
        if !sides.contains(&width) || !sides.contains(&height) || largest > MAX_PAYLOAD.into() {
            let remedy = "sides are 1 to 4096 pixels and a frame is at most 16 MiB";
            return Err(SimError::setting("size", format!("{width}x{height}"), remedy));
        }
        Ok(())
    }
}

const SETTINGS: &str = "a probe has content, format, size, rate, serial, speed and array";

/// Names of formats, separated by commas, or `all`.
fn parse_formats(text: &str) -> Result<Vec<Format>, SimError> {
    if text == "all" {
        return Ok(Format::ALL.to_vec());
    }
    let remedy = "use grey8, grey16, rgb8, mjpeg, lines8, lines16, several with commas between them, or all";
    text.split(',')
        .map(|name| Format::from_name(name).ok_or_else(|| SimError::setting("format", name, remedy)))
        .collect()
}
