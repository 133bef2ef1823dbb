//! A device behind USB/IP: transfers that wait, and what completes them.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::Duration;

use super::wire::{Command, Reply, errno};
use crate::usb::{BULK_IN, Function, Taken, UsbDevice};

/// Most transfers that may wait; a host queues a handful.
const MAX_WAITING: usize = 1024;

/// What [`Port::pump`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pumped {
    /// A transfer was completed.
    Sent,
    /// Nothing to do before this time, or before the next command.
    Wait(Option<Duration>),
}

/// The connection's state. Control transfers are answered at once, bulk transfers wait in their order until the device has
/// something for them.
#[derive(Debug)]
pub struct Port {
    device: UsbDevice,
    /// Numbers and buffer lengths of waiting bulk transfers.
    waiting: VecDeque<(u32, u32)>,
}

impl Port {
    /// A device that was plugged in just now.
    #[must_use]
    pub fn new(function: &dyn Function) -> Self {
        Self { device: UsbDevice::new(function), waiting: VecDeque::new() }
    }

    /// Whether a bulk transfer of the device is under way.
    #[must_use]
    pub fn busy(&self) -> bool {
        self.device.busy()
    }

    /// Takes a command of the host; whatever can be answered at once goes to `out`.
    ///
    /// # Errors
    /// What `out` says; `InvalidData` for a host that queues transfers without end.
    pub fn command(
        &mut self,
        function: &mut dyn Function,
        command: Command,
        now: Duration,
        out: &mut impl Write,
    ) -> io::Result<()> {
        match command {
            Command::Unlink { number, victim } => {
                let before = self.waiting.len();
                self.waiting.retain(|(waiting, _)| *waiting != victim);
                let status = if self.waiting.len() < before { -errno::ECONNRESET } else { 0 };
                out.write_all(&Reply::Unlinked { number, status }.encode())
            }
            Command::Submit { number, endpoint: 0, is_in, length, setup, data } => {
                // The direction of the URB and that of the setup packet agree, but for transfers without data.
                let sent = u32::try_from(data.len()).unwrap_or(u32::MAX);
                let Some(mut answer) = self.device.control(function, &setup, &data, now) else {
                    return submitted(out, number, -errno::EPIPE, 0, &[]);
                };
                answer.truncate(length as usize);
                let length = if is_in { u32::try_from(answer.len()).unwrap_or(u32::MAX) } else { sent };
                submitted(out, number, 0, length, if is_in { &answer } else { &[] })
            }
            Command::Submit { number, endpoint, is_in: true, length, .. } if endpoint == BULK_IN & 0x0f => {
                if self.waiting.len() >= MAX_WAITING {
                    let text = format!("more than {MAX_WAITING} transfers wait");
                    return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                }
                self.waiting.push_back((number, length));
                Ok(())
            }
            Command::Submit { number, .. } => submitted(out, number, -errno::EPIPE, 0, &[]),
        }
    }

    /// Completes one waiting transfer if the device has something for it.
    ///
    /// # Errors
    /// What `out` says.
    pub fn pump(&mut self, function: &mut dyn Function, now: Duration, out: &mut impl Write) -> io::Result<Pumped> {
        let Some((number, length)) = self.waiting.front().copied() else { return Ok(Pumped::Wait(None)) };
        let (status, data): (i32, &[u8]) = match self.device.take(function, now, length as usize) {
            Taken::Wait(until) => return Ok(Pumped::Wait(until)),
            Taken::Data(data) => (0, data),
            Taken::Overflow(data) => (-errno::EOVERFLOW, data),
            Taken::Halted => (-errno::EPIPE, &[]),
        };
        submitted(out, number, status, u32::try_from(data.len()).unwrap_or(u32::MAX), data)?;
        self.waiting.pop_front();
        Ok(Pumped::Sent)
    }
}

fn submitted(out: &mut impl Write, number: u32, status: i32, length: u32, data: &[u8]) -> io::Result<()> {
    out.write_all(&Reply::Submitted { number, status, length }.encode())?;
    out.write_all(data)
}
