//! Probes that speak the open USB protocol (`docs/probe-protocol.md`), through `nusb`.

mod driver;
mod find;
mod pipe;
mod session;
mod settings;

pub(crate) use driver::UsbDriver;
pub(crate) use find::candidates;
pub use settings::UsbSettings;
