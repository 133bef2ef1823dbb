//! Descriptors of the probe: one vendor interface with one bulk IN endpoint.

use ushydra_wire::{INTERFACE_CLASS, INTERFACE_PROTOCOL, INTERFACE_SUBCLASS};

use super::{INTERFACE, ProbeSettings};
use crate::usb::Descriptors;

/// Product identification: pid.codes keeps 1209:0001 for tests.
const PRODUCT: u16 = 0x0001;

pub(super) fn build(settings: &ProbeSettings) -> Descriptors {
    let mut body = vec![9, 4, INTERFACE, 0, 1, INTERFACE_CLASS, INTERFACE_SUBCLASS, INTERFACE_PROTOCOL, 0];
    body.extend(Descriptors::endpoint(settings.speed));
    Descriptors::new(settings.speed, [0; 3], (PRODUCT, "Simulated probe"), &settings.serial, 1, &body)
}
