//! Which camera is which, over unplugging and renumbering.

use std::fmt;

/// Where and what a USB device is, from sysfs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UsbPlace {
    /// `idVendor`.
    pub vendor: u16,
    /// `idProduct`.
    pub product: u16,
    /// `serial`, where the device has one.
    pub serial: Option<String>,
    /// Bus and ports, such as `1-2.4`.
    pub port: String,
    /// Configuration and interface, such as `1.0`: composite devices hold several cameras.
    pub interface: String,
    /// Number of the node among those of the interface, where sysfs says it.
    pub index: u32,
    /// Megabits per second, where sysfs says it.
    pub speed: Option<u32>,
}

impl fmt::Display for UsbPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "USB {:04x}:{:04x}", self.vendor, self.product)?;
        if let Some(serial) = &self.serial {
            write!(f, " serial {serial}")?;
        }
        write!(f, " at port {}", self.port)
    }
}

/// How alike two identities are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// Certainly another camera, or impossible to tell.
    Different,
    /// The same model, but nothing says that it is the same one.
    Model,
    /// The same serial number at another port: the same camera, unless a maker gave one number to all.
    Moved,
    /// The same camera at the same place.
    Same,
}

/// What stays the same of a camera when its node gets another number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name that the driver gives.
    pub card: String,
    /// The driver's name.
    pub driver: String,
    /// The driver's description of the place, such as `usb-0000:00:14.0-2`.
    pub bus: String,
    /// USB device; none on other buses, and where sysfs is not there.
    pub usb: Option<UsbPlace>,
}

impl Identity {
    /// Compares with a camera that is there now.
    ///
    /// A camera with a serial number is known by vendor, product, serial and interface, wherever it is plugged in. One
    /// without is known only at its own port: at another it may be its twin. Without USB data the driver's names and
    /// its description of the place must all agree.
    #[must_use]
    pub fn likeness(&self, other: &Self) -> Likeness {
        let (Some(mine), Some(theirs)) = (&self.usb, &other.usb) else {
            let same = self.usb.is_none()
                && other.usb.is_none()
                && (&self.card, &self.driver, &self.bus) == (&other.card, &other.driver, &other.bus);
            return if same { Likeness::Same } else { Likeness::Different };
        };
        let model = |usb: &UsbPlace| (usb.vendor, usb.product, usb.index, usb.interface.clone());
        if model(mine) != model(theirs) {
            return Likeness::Different;
        }
        match (mine.serial == theirs.serial, mine.port == theirs.port) {
            (true, true) => Likeness::Same,
            (true, false) if mine.serial.is_some() => Likeness::Moved,
            (true, false) => Likeness::Model,
            (false, _) => Likeness::Different,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.card)?;
        match &self.usb {
            Some(usb) => write!(f, " ({usb})"),
            None => write!(f, " ({} {})", self.driver, self.bus),
        }
    }
}
