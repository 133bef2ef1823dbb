//! Plugs a simulated probe into whatever the USB device port of this board is connected to: a gadget of configfs whose one
//! function is implemented here through FunctionFS (Linux: Documentation/usb/functionfs.rst, gadget_configfs.rst).

mod blob;
mod gadget;
mod pump;

pub use blob::{Event, EventKind, descriptors, strings};
pub use gadget::Gadget;
pub use pump::run;
