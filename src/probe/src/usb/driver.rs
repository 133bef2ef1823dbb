//! Finding and opening a probe.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use futures_core::Stream;
use nusb::MaybeFuture;
use nusb::descriptors::TransferType;
use nusb::hotplug::HotplugWatch;
use nusb::transfer::{Bulk, Direction, In};

use super::find::{Found, find};
use super::pipe::{UsbControl, UsbPipe};
use super::session::UsbSession;
use super::settings::UsbSettings;
use crate::error::Fault;
use crate::live::Driver;

/// Opens the probe that the settings name.
pub(crate) struct UsbDriver {
    settings: UsbSettings,
    hotplug: Option<HotplugWatch>,
    /// The probe fell silent or did not answer: the port is reset before the next try, which restarts most firmware.
    reset: bool,
    /// Further probes at the last look, told once.
    others: usize,
}

impl UsbDriver {
    pub(crate) fn new(settings: UsbSettings) -> Self {
        // Where the system has no device manager nothing is announced; polling finds the probe all the same.
        let hotplug = nusb::watch_devices().inspect_err(|error| log::debug!("no hotplug: {error}")).ok();
        Self { settings, hotplug, reset: false, others: 0 }
    }

    /// The probe to take: the one with the serial number, or the first.
    fn choose(&mut self) -> Result<Option<Found>, Fault> {
        let mut found = find()?;
        if let Some(serial) = &self.settings.serial {
            found.retain(|probe| probe.serial() == Some(serial));
        }
        let others = found.len().saturating_sub(1);
        if others > self.others {
            let names: Vec<String> = found.iter().map(Found::source).collect();
            log::warn!("{} probes are plugged in ({}); the first one is taken", found.len(), names.join(", "));
        }
        self.others = others;
        Ok(found.into_iter().next())
    }
}

impl Driver for UsbDriver {
    type Session = UsbSession<UsbControl, UsbPipe>;

    fn open(&mut self) -> Result<Option<Self::Session>, Fault> {
        let Some(found) = self.choose()? else { return Ok(None) };
        let interface = found.claim(std::mem::take(&mut self.reset))?;
        let address = interface
            .descriptor()
            .and_then(|descriptor| {
                descriptor
                    .endpoints()
                    .find(|e| e.transfer_type() == TransferType::Bulk && e.direction() == Direction::In)
                    .map(|e| e.address())
            })
            .ok_or_else(|| Fault::Refused {
                action: "offer its frames",
                detail: "the interface has no bulk IN endpoint".to_owned(),
            })?;
        let mut endpoint = interface.endpoint::<Bulk, In>(address).map_err(|error| found.refusal(&error))?;
        // A stall that an earlier program left behind; a device that knows none may refuse.
        let _ = endpoint.clear_halt().wait();
        let control = UsbControl { interface };
        let name = Arc::from(found.source());
        let pipe = |payload| UsbPipe::start(endpoint, payload);
        let session = UsbSession::start(control, pipe, &self.settings, name, found.speed());
        // A probe that does not even answer is reset before the next try, as one that fell silent is.
        self.reset = matches!(session, Err(Fault::Refused { .. }));
        session.map(Some)
    }

    fn ended(&mut self, cause: &Fault) {
        self.reset = matches!(cause, Fault::Silent { .. } | Fault::Refused { .. });
    }

    fn wait(&mut self, timeout: Duration) {
        let Some(hotplug) = &mut self.hotplug else { return std::thread::sleep(timeout) };
        let deadline = Instant::now() + timeout;
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut *hotplug).poll_next(&mut context) {
                Poll::Ready(Some(_)) => return,
                Poll::Ready(None) => {
                    self.hotplug = None;
                    return std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
                }
                Poll::Pending => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }

    fn describe(&self) -> String {
        self.settings.to_string()
    }
}

/// Wakes the capture thread when a device comes or goes.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
