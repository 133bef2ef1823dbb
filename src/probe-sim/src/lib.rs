//! A simulated probe and a simulated USB camera: the device side of both, with content that any side can recompute and with
//! faults that a script injects.
//!
//! [`Probe`] and [`Camera`] are [`usb::Function`]s: state machines without a kernel. [`usbip::serve`] gives one to the
//! `vhci_hcd` driver of this machine (module [`vhci`]) over a socket pair, [`functionfs`] to the USB device port of a board.

pub mod camera;
pub mod content;
mod error;
pub mod functionfs;
pub mod journal;
pub mod pattern;
pub mod probe;
pub mod script;
mod settings;
pub mod stage;
mod troubles;
pub mod usb;
pub mod usbip;
pub mod verify;
pub mod vhci;

pub use camera::{Camera, CameraSettings};
pub use error::SimError;
pub use probe::{Probe, ProbeSettings};
