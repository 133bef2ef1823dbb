//! Descriptors (USB 2.0, 9.6; USB 3.2, 9.6).

use std::fmt;
use std::str::FromStr;

use super::BULK_IN;

/// Class of devices whose interfaces are grouped by association descriptors: class, subclass, protocol.
pub(crate) const ASSOCIATED: [u8; 3] = [0xef, 2, 1];
/// Vendor identification of pid.codes, whose product 1 is free for tests.
pub(crate) const TEST_VENDOR: u16 = 0x1209;

/// Speed of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// 480 Mbit/s, USB 2.
    High,
    /// 5 Gbit/s, USB 3.
    Super,
}

impl Speed {
    /// Bytes of a bulk packet.
    #[must_use]
    pub const fn packet(self) -> usize {
        match self {
            Self::High => 512,
            Self::Super => 1024,
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::High => "high",
            Self::Super => "super",
        })
    }
}

impl FromStr for Speed {
    type Err = crate::SimError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "high" => Ok(Self::High),
            "super" => Ok(Self::Super),
            _ => Err(crate::SimError::setting("speed", name, "use high or super")),
        }
    }
}

/// Everything that a device says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// Speed that they hold for.
    pub speed: Speed,
    /// Device descriptor.
    pub device: Vec<u8>,
    /// Configuration with all its interfaces and endpoints.
    pub configuration: Vec<u8>,
    /// Strings, the first one with index 1.
    pub strings: Vec<String>,
}

impl Descriptors {
    /// Descriptors of a device with one configuration of `interfaces` interfaces, whose descriptors are `body`, and with
    /// the strings maker, product, serial number.
    #[must_use]
    pub fn new(speed: Speed, class: [u8; 3], product: (u16, &str), serial: &str, interfaces: u8, body: &[u8]) -> Self {
        // Device release 1.00; strings 1, 2 and 3; one configuration.
        let (version, packet): (u16, u8) = match speed {
            Speed::High => (0x0200, 64),
            Speed::Super => (0x0300, 9),
        };
        let mut device = vec![18, 1];
        device.extend(version.to_le_bytes());
        device.extend(class);
        device.push(packet);
        for word in [TEST_VENDOR, product.0, 0x0100] {
            device.extend(word.to_le_bytes());
        }
        device.extend([1, 2, 3, 1]);
        // Bus powered, 500 mA (900 mA for USB 3).
        let total = u16::try_from(9 + body.len()).unwrap_or(u16::MAX).to_le_bytes();
        let power = match speed {
            Speed::High => 250,
            Speed::Super => 112,
        };
        let mut configuration = vec![9, 2, total[0], total[1], interfaces, 1, 0, 0x80, power];
        configuration.extend_from_slice(body);
        let strings = vec!["USHydra".into(), product.1.into(), serial.into()];
        Self { speed, device, configuration, strings }
    }

    /// The bulk IN endpoint, with its companion for USB 3.
    pub(crate) fn endpoint(speed: Speed) -> Vec<u8> {
        let [low, high] = (speed.packet() as u16).to_le_bytes();
        let mut endpoint = vec![7, 5, BULK_IN, 2, low, high, 0];
        if speed == Speed::Super {
            // Bursts of 16 packets.
            endpoint.extend([6, 0x30, 15, 0, 0, 0]);
        }
        endpoint
    }

    /// The descriptor of a GET_DESCRIPTOR request: `kind` and `index` are the bytes of `wValue`.
    #[must_use]
    pub fn get(&self, kind: u8, index: u8) -> Option<Vec<u8>> {
        match (kind, index) {
            (1, _) => Some(self.device.clone()),
            (2, 0) => Some(self.configuration.clone()),
            (3, 0) => Some(vec![4, 3, 0x09, 0x04]),
            (3, index) => self.strings.get(usize::from(index) - 1).map(|text| string(text)),
            // A device that would be the same at full speed.
            (6, _) if self.speed == Speed::High => {
                let mut qualifier = vec![10, 6];
                qualifier.extend_from_slice(&self.device[2..8]);
                qualifier.extend([1, 0]);
                Some(qualifier)
            }
            // Binary object store: USB 2 extension without link power management, then SuperSpeed.
            (15, _) if self.speed == Speed::Super => {
                Some(vec![5, 15, 22, 0, 2, 7, 16, 2, 0, 0, 0, 0, 10, 16, 3, 0, 8, 0, 3, 10, 0, 0])
            }
            _ => None,
        }
    }
}

/// A string descriptor, cut at the 126 UTF-16 units that its length byte allows.
fn string(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().take(126).collect();
    let mut out = vec![2 + 2 * units.len() as u8, 3];
    out.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    out
}
