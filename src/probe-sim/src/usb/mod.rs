//! The device side of USB that every device shares: setup packets, descriptors, standard requests, the bulk IN pipe.

mod descriptors;
mod device;
mod setup;
mod stream;

pub(crate) use descriptors::ASSOCIATED;
pub use descriptors::{Descriptors, Speed};
pub use device::UsbDevice;
pub use setup::{Kind, Recipient, Setup};
pub use stream::{Stream, Taken};

use std::time::Duration;

use crate::script::Fault;

/// Address of the one bulk endpoint of every device here.
pub const BULK_IN: u8 = 0x81;

/// What a device does next on its bulk IN pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// The buffer holds a transfer: it ends with a short packet, of no bytes where it fills its last packet.
    Ready,
    /// Nothing to send before this time, or before the host asks for something.
    Wait(Option<Duration>),
    /// The endpoint halts.
    Halt,
}

/// What a device answers to a request without data to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Refused: the control pipe stalls.
    Stalled,
    /// Done.
    Done,
    /// Done, and what waits in the bulk pipe is thrown away.
    Flush,
}

/// What makes a USB device a probe or a camera. Times are those of [`crate::journal::now`].
pub trait Function: Send {
    /// Its descriptors.
    fn descriptors(&self) -> Descriptors;

    /// A class or vendor request for data; none for a stall.
    fn control_in(&mut self, setup: &Setup, now: Duration) -> Option<Vec<u8>>;

    /// A class or vendor request with data from the host, or with none at all.
    fn control_out(&mut self, setup: &Setup, data: &[u8], now: Duration) -> Outcome;

    /// The host configured the device or an interface: streaming ends.
    fn reset(&mut self);

    /// The host cleared the halt of the bulk endpoint.
    fn halt_cleared(&mut self) {}

    /// Puts the next transfer into `out`, which is empty.
    fn next(&mut self, now: Duration, out: &mut Vec<u8>) -> Pull;

    /// Frames given to the bulk pipe so far.
    fn frames(&self) -> u64;

    /// Makes a fault happen, with the next frame where it concerns frames.
    fn inject(&mut self, fault: &Fault, now: Duration);

    /// The device lost power or, with `firmware`, began anew.
    fn unplugged(&mut self, firmware: bool);
}
