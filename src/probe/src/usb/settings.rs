//! Which probe, and what to ask of it.

use std::fmt;
use std::str::FromStr;

use ushydra_wire::Format;

const WANTED: &str = "use usb[:SERIAL][?format=grey8|lines8|grey16|lines16|rgb8|mjpeg&rate=HZ]";
/// Greatest frame rate that can be asked for; the protocol has mHz in 32 bits, and no probe comes near.
const MAX_RATE: f32 = 1000.0;

/// A probe by its serial number, or the first one; format and frame rate, where they are not left to the program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UsbSettings {
    /// Serial number; the first probe where it is left out.
    pub serial: Option<String>,
    /// Pixel format; the cheapest that the probe has where it is left out.
    pub format: Option<Format>,
    /// Greatest frame rate in Hz; what the probe likes where it is left out.
    pub rate: Option<f32>,
}

impl FromStr for UsbSettings {
    type Err = String;

    /// Parses what follows `usb`: nothing, `:SERIAL`, `?KEY=VALUE&..`, or both.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, options) = text.split_once('?').unwrap_or((text, ""));
        let serial = match name.strip_prefix(':') {
            Some("") => return Err(format!("the serial number is missing; {WANTED}")),
            Some(serial) => Some(serial.to_owned()),
            None if name.is_empty() => None,
            None => return Err(format!("`usb{text}` is no probe; {WANTED}")),
        };
        let mut settings = Self { serial, ..Self::default() };
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let unknown = || format!("`{option}` is no setting of a probe; {WANTED}");
            match option.split_once('=').ok_or_else(unknown)? {
                ("format", name) => settings.format = Some(Format::from_name(name).ok_or_else(unknown)?),
                ("rate", rate) => {
                    let rate = rate.parse().ok().filter(|rate| (0.001..=MAX_RATE).contains(rate));
                    settings.rate = Some(rate.ok_or_else(unknown)?);
                }
                _ => return Err(unknown()),
            }
        }
        Ok(settings)
    }
}

impl fmt::Display for UsbSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("usb")?;
        if let Some(serial) = &self.serial {
            write!(f, ":{serial}")?;
        }
        let format = self.format.map(|format| format!("format={}", format.name()));
        let rate = self.rate.map(|rate| format!("rate={rate}"));
        let options: Vec<String> = [format, rate].into_iter().flatten().collect();
        if options.is_empty() { Ok(()) } else { write!(f, "?{}", options.join("&")) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn settings_parse_and_print_back() {
        for text in ["usb", "usb:SIM-0001", "usb?format=lines8", "usb:A b?format=grey16&rate=12.5", "usb?rate=30"] {
            let settings: UsbSettings = text.strip_prefix("usb").unwrap().parse().unwrap();
            assert_eq!(settings.to_string(), text);
        }
        for text in [":", "x", "?format=png", "?rate=0", "?rate=nan", "?rate=1e9", "?gain=3", "?format", ":A?rate=-1"] {
            assert!(text.parse::<UsbSettings>().unwrap_err().contains("use usb"), "{text}");
        }
    }
}
