//! Which probes are plugged in.

use nusb::{DeviceInfo, ErrorKind, Interface, MaybeFuture, Speed};
use ushydra_wire::{INFO_BYTES, INTERFACE_CLASS, INTERFACE_PROTOCOL, INTERFACE_SUBCLASS, Info, Request};

use super::pipe::{Control, UsbControl};
use crate::error::Fault;
use crate::select::{Candidate, CandidateKind};

/// `ENOENT`: the system's list of USB devices does not exist.
const NO_SUCH_FILE: u32 = 2;

/// A plugged-in device with an interface of the protocol, not yet opened.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) device: DeviceInfo,
    /// Number of the interface.
    pub(crate) interface: u8,
}

/// Every probe, in the order of the buses and ports they hang on, so that "the first one" is the same one next time.
///
/// # Errors
/// [`Fault::Io`] where the system does not list its devices.
pub(crate) fn find() -> Result<Vec<Found>, Fault> {
    let devices = match nusb::list_devices().wait() {
        Ok(devices) => devices,
        // A machine without USB, as many a virtual one, has no probe.
        Err(error) if error.os_error() == Some(NO_SUCH_FILE) => {
            log::debug!("no USB here: {error}");
            return Ok(Vec::new());
        }
        Err(error) => return Err(Fault::Io { action: "list the USB devices", error: error.into() }),
    };
    let mut found: Vec<Found> = devices.filter_map(probe).collect();
    found.sort_by(|a, b| {
        let place = |f: &Found| (f.device.bus_id().to_owned(), f.device.port_chain().to_vec());
        place(a).cmp(&place(b))
    });
    Ok(found)
}

fn probe(device: DeviceInfo) -> Option<Found> {
    let interface = device
        .interfaces()
        .find(|i| (i.class(), i.subclass(), i.protocol()) == (INTERFACE_CLASS, INTERFACE_SUBCLASS, INTERFACE_PROTOCOL))?
        .interface_number();
    Some(Found { device, interface })
}

/// Every probe for the list of devices. Each is opened for a moment to ask for its formats; one that streams to another
/// program says so.
///
/// # Errors
/// As [`find`].
pub(crate) fn candidates() -> Result<Vec<Candidate>, Fault> {
    Ok(find()?.iter().map(candidate).collect())
}

fn candidate(found: &Found) -> Candidate {
    let mut candidate = Candidate {
        kind: CandidateKind::Probe,
        source: found.source(),
        name: found.product(),
        place: found.node(),
        speed: Some(found.speed().to_owned()),
        formats: Vec::new(),
        problem: None,
    };
    match information(found) {
        Ok(info) => {
            candidate.name = format!("{} ({})", candidate.name, info.model);
            let rate = f64::from(info.max_rate_mhz) / 1000.0;
            candidate.formats = info
                .formats
                .iter()
                .map(|format| format!("{} up to {}x{} at {rate:.1} Hz", format.name(), info.max_width, info.max_height))
                .collect();
        }
        Err(fault) => candidate.problem = Some(fault.to_string()),
    }
    candidate
}

fn information(found: &Found) -> Result<Info, Fault> {
    let interface = found.claim(false)?;
    Ok(Info::decode(&UsbControl { interface }.ask(Request::Info, INFO_BYTES as u16)?)?)
}

impl Found {
    /// Opens the device and takes its interface, after a reset of the port where one is wanted.
    ///
    /// # Errors
    /// [`Fault::Permission`], [`Fault::Busy`], or [`Fault::Gone`].
    pub(crate) fn claim(&self, reset: bool) -> Result<Interface, Fault> {
        let refuse = |error| self.refusal(&error);
        let device = self.device.open().wait().map_err(refuse)?;
        if reset {
            // A device that is not the same afterwards is enumerated anew; the next look finds it.
            device.reset().wait().map_err(refuse)?;
        }
        device.claim_interface(self.interface).wait().map_err(refuse)
    }

    /// Why the system does not give the device.
    pub(crate) fn refusal(&self, error: &nusb::Error) -> Fault {
        match error.kind() {
            ErrorKind::PermissionDenied => Fault::Permission { device: self.node() },
            ErrorKind::Busy => Fault::Busy { device: self.source() },
            _ => Fault::Gone { detail: error.to_string() },
        }
    }

    /// Serial number, where the device has one.
    pub(crate) fn serial(&self) -> Option<&str> {
        self.device.serial_number().filter(|serial| !serial.is_empty())
    }

    /// Name of its maker and product, or its ids.
    pub(crate) fn product(&self) -> String {
        match (self.device.manufacturer_string(), self.device.product_string()) {
            (Some(maker), Some(product)) => format!("{maker} {product}"),
            (None, Some(product)) => product.to_owned(),
            _ => format!("USB device {}", self.ids()),
        }
    }

    /// `vendor:product` in hexadecimal digits.
    pub(crate) fn ids(&self) -> String {
        format!("{:04x}:{:04x}", self.device.vendor_id(), self.device.product_id())
    }

    /// `usb:SERIAL`, or `usb` for a probe without a serial number.
    pub(crate) fn source(&self) -> String {
        self.serial().map_or_else(|| "usb".to_owned(), |serial| format!("usb:{serial}"))
    }

    /// The device node, which permissions are about.
    pub(crate) fn node(&self) -> String {
        #[cfg(target_os = "linux")]
        return format!("/dev/bus/usb/{:03}/{:03}", self.device.busnum(), self.device.device_address());
        #[cfg(not(target_os = "linux"))]
        return self.ids();
    }

    /// Speed of the connection in words.
    pub(crate) fn speed(&self) -> &'static str {
        match self.device.speed() {
            Some(Speed::Low) => "low speed (1.5 Mbit/s)",
            Some(Speed::Full) => "full speed (12 Mbit/s)",
            Some(Speed::High) => "high speed (480 Mbit/s)",
            Some(Speed::Super) => "super speed (5 Gbit/s)",
            Some(Speed::SuperPlus) => "super speed (10 Gbit/s)",
            _ => "unknown speed",
        }
    }
}
