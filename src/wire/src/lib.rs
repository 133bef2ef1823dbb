//! The open USB protocol between an ultrasound probe and USHydra, both sides of it. `docs/probe-protocol.md` is its
//! specification; this crate is its one implementation, for the host, for the simulator and for firmware (`no_std`, no
//! allocation).
//!
//! A probe offers an interface of class 0xFF, subclass [`INTERFACE_SUBCLASS`], protocol [`INTERFACE_PROTOCOL`], with one bulk
//! IN endpoint. The host asks for [`Info`] and [`State`] by control transfers, sends [`Start`], and then reads one frame per
//! bulk transfer: a [`Header`] of [`HEADER_BYTES`] bytes and its payload.

#![no_std]

mod control;
mod counters;
mod encode;
mod error;
mod fields;
mod format;
mod header;
mod info;
mod parser;
mod scan;
mod state;

pub use control::{Request, Start};
pub use counters::LinkCounters;
pub use encode::{encode_frame, needs_zero_length_packet};
pub use error::{BlockError, HeaderError};
pub use format::{Format, Formats};
pub use header::{FLAG_FROZEN, HEADER_BYTES, Header, MAGIC, checksum};
pub use info::{Capability, INFO_BYTES, INFO_MAGIC, Info, Text};
pub use parser::{Event, Parser, StreamFault};
pub use scan::{SCAN_BYTES, Scan, Shape};
pub use state::{STATE_BYTES, State};

/// Version of the protocol that this crate speaks. It counts up when an older host could misread a newer probe; blocks may
/// grow at their ends, and reserved bits and bytes may come into use, without a new version.
pub const VERSION: u8 = 1;
/// USB class of the interface: vendor specific.
pub const INTERFACE_CLASS: u8 = 0xff;
/// USB subclass of the interface, `U`.
pub const INTERFACE_SUBCLASS: u8 = 0x55;
/// USB protocol of the interface: the protocol's own version.
pub const INTERFACE_PROTOCOL: u8 = VERSION;
/// Largest payload of a frame in bytes: 2048 x 2048 pixels of RGB8 and a little.
pub const MAX_PAYLOAD: u32 = 16 << 20;
/// Longest side of a frame in pixels, and most lines and samples of a scan.
pub const MAX_SIDE: u16 = 4096;
