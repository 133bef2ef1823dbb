//! The device side of USB/IP, the protocol by which `vhci_hcd` reaches a device (Linux: Documentation/usb/usbip_protocol.rst).

mod port;
mod server;
mod wire;

pub use port::{Port, Pumped};
pub use server::{Left, serve};
pub use wire::{Command, HEADER_BYTES, MAX_OUT, Reply, errno};
