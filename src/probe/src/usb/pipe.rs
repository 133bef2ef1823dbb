//! Control and bulk transfers of a claimed interface, behind traits that tests implement without a bus.

use std::time::Duration;

use nusb::transfer::{Buffer, Bulk, Completion, ControlIn, ControlOut, ControlType, In, Recipient, TransferError};
use nusb::{Endpoint, Interface, MaybeFuture};
use ushydra_wire::{HEADER_BYTES, Request};

use crate::error::Fault;

/// A probe answers a control request within this time (`docs/probe-protocol.md`, timing).
const CONTROL_TIMEOUT: Duration = Duration::from_millis(500);
/// Transfers in flight. While one is read, the controller fills the others: the bus is never without a buffer.
const TRANSFERS: usize = 4;
/// Longest transfer. The system lends 16 MiB for all USB transfers together by default (`usbfs_memory_mb`); longer frames
/// come in several transfers.
const MAX_TRANSFER: usize = 2 << 20;

/// Requests to the probe.
pub(crate) trait Control: Send {
    /// Asks for a block of at most `length` bytes.
    ///
    /// # Errors
    /// [`Fault::Refused`] for a stall or silence, [`Fault::Gone`] for a link that broke.
    fn ask(&mut self, request: Request, length: u16) -> Result<Vec<u8>, Fault>;

    /// Tells the probe something.
    ///
    /// # Errors
    /// As [`Self::ask`].
    fn tell(&mut self, request: Request, value: u16, data: &[u8]) -> Result<(), Fault>;
}

/// The stream of frames.
pub(crate) trait Pipe: Send {
    /// Waits for the next transfer and holds its bytes; gives those of the one before back to the system. False where none
    /// came.
    ///
    /// # Errors
    /// [`Fault::Gone`] for any failed transfer. Systems differ in what they call an unplugged device, so that no error is
    /// taken as one that passes.
    fn receive(&mut self, timeout: Duration) -> Result<bool, Fault>;

    /// Bytes of the transfer that is held.
    fn bytes(&self) -> &[u8];

    /// Whether it ended with a short packet, which ends a frame.
    fn is_short(&self) -> bool;
}

/// Control transfers by `nusb`.
pub(crate) struct UsbControl {
    pub(super) interface: Interface,
}

impl Control for UsbControl {
    fn ask(&mut self, request: Request, length: u16) -> Result<Vec<u8>, Fault> {
        let setup = ControlIn {
            control_type: ControlType::Vendor,
            recipient: Recipient::Interface,
            request: request.code(),
            value: 0,
            index: u16::from(self.interface.interface_number()),
            length,
        };
        self.interface.control_in(setup, CONTROL_TIMEOUT).wait().map_err(|error| refusal(request, error))
    }

    fn tell(&mut self, request: Request, value: u16, data: &[u8]) -> Result<(), Fault> {
        let setup = ControlOut {
            control_type: ControlType::Vendor,
            recipient: Recipient::Interface,
            request: request.code(),
            value,
            index: u16::from(self.interface.interface_number()),
            data,
        };
        self.interface.control_out(setup, CONTROL_TIMEOUT).wait().map_err(|error| refusal(request, error))
    }
}

fn refusal(request: Request, error: TransferError) -> Fault {
    let action = match request {
        Request::Info => "say what it is",
        Request::State => "say how it is set",
        Request::Start => "start",
        Request::Stop => "stop",
        Request::Freeze => "freeze",
        Request::Gain => "change its gain",
        Request::Depth => "change its depth",
    };
    match error {
        TransferError::Stall => Fault::Refused { action, detail: "it refuses the request".to_owned() },
        TransferError::Cancelled => {
            Fault::Refused { action, detail: format!("no answer within {} ms", CONTROL_TIMEOUT.as_millis()) }
        }
        error => Fault::Gone { detail: error.to_string() },
    }
}

/// Bulk transfers by `nusb`, into buffers that the system maps into this process where it can: the controller writes them,
/// and the frame is copied once, into the buffer that goes through the pipeline.
pub(crate) struct UsbPipe {
    endpoint: Endpoint<Bulk, In>,
    held: Option<Buffer>,
}

impl UsbPipe {
    /// Queues transfers for frames with payloads of up to `payload` bytes.
    pub(super) fn start(endpoint: Endpoint<Bulk, In>, payload: u32) -> Self {
        let mut pipe = Self { endpoint, held: None };
        let packet = pipe.endpoint.max_packet_size().max(1);
        // One packet more than the largest frame, so that a frame of whole packets and the zero-length packet behind it end
        // the same transfer.
        let frame = HEADER_BYTES + payload as usize + packet;
        let bytes = frame.min(MAX_TRANSFER).div_ceil(packet) * packet;
        for _ in 0..TRANSFERS {
            let buffer = pipe.endpoint.allocate(bytes);
            pipe.endpoint.submit(buffer);
        }
        pipe
    }
}

impl Pipe for UsbPipe {
    fn receive(&mut self, timeout: Duration) -> Result<bool, Fault> {
        if let Some(buffer) = self.held.take() {
            self.endpoint.submit(buffer);
        }
        // Waiting with nothing under way would be a fault of this program.
        if self.endpoint.pending() == 0 {
            return Err(Fault::Gone { detail: "no transfer is under way".to_owned() });
        }
        let Some(Completion { buffer, status, .. }) = self.endpoint.wait_next_complete(timeout) else {
            return Ok(false);
        };
        status.map_err(|error| Fault::Gone { detail: error.to_string() })?;
        self.held = Some(buffer);
        Ok(true)
    }

    fn bytes(&self) -> &[u8] {
        self.held.as_deref().unwrap_or_default()
    }

    fn is_short(&self) -> bool {
        self.held.as_ref().is_some_and(|buffer| buffer.len() < buffer.requested_len())
    }
}
