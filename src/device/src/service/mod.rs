//! `ushydra run` under a service manager: readiness, a status line, and a watchdog that tells the truth.
//!
//! The protocol is systemd's `sd_notify`: datagrams of `NAME=value` lines to the socket that `$NOTIFY_SOCKET` names. The watchdog is
//! fed by the frame loop itself and only while the capture thread turns as well, so that a hung engine call, a hung driver or a
//! blocked reader of the results lets it fire. Waiting for a probe is life: both loops turn every 100 ms without one.

mod notify;
mod watchdog;

use std::fmt;
use std::time::{Duration, Instant};

pub use notify::Notifier;
pub use watchdog::Watchdog;

/// The service manager, where there is one. Without one every call does nothing.
#[derive(Debug, Default)]
pub struct Service {
    notifier: Option<Notifier>,
    watchdog: Option<Watchdog>,
    ready: bool,
}

impl Service {
    /// Listens to `$NOTIFY_SOCKET`, `$WATCHDOG_USEC` and `$WATCHDOG_PID`. What is wrong with them is a warning: an operator who cannot
    /// be told is no reason to keep the probe waiting.
    #[must_use]
    pub fn from_environment() -> Self {
        let notifier = Notifier::from_environment().unwrap_or_else(|failure| {
            log::warn!("{failure}");
            None
        });
        let watchdog = notifier.is_some().then(Watchdog::from_environment).transpose().unwrap_or_else(|failure| {
            log::warn!("{failure}");
            None
        });
        Self::new(notifier, watchdog.flatten())
    }

    /// A service that tells `notifier`, and feeds `watchdog` over it.
    #[must_use]
    pub const fn new(notifier: Option<Notifier>, watchdog: Option<Watchdog>) -> Self {
        Self { notifier, watchdog, ready: false }
    }

    /// Whether a service manager listens. Then nobody sits before this program, and it waits for a probe for ever.
    #[must_use]
    pub const fn is_managed(&self) -> bool {
        self.notifier.is_some()
    }

    /// Longest time that the frame loop may wait for a frame, so that the watchdog is fed in time.
    #[must_use]
    pub fn longest_wait(&self, usual: Duration) -> Duration {
        self.watchdog.as_ref().map_or(usual, |watchdog| usual.min(watchdog.period() / 2))
    }

    /// One turn of the frame loop is done, and the capture thread has done `captures` turns so far: the first call says that the
    /// service is ready, later ones feed the watchdog when it is due.
    pub fn turn(&mut self, captures: u64) {
        let Some(notifier) = &mut self.notifier else { return };
        if !self.ready {
            self.ready = true;
            notifier.send(format_args!("READY=1"));
        }
        if let Some(watchdog) = &mut self.watchdog
            && watchdog.is_due(Instant::now(), captures)
        {
            notifier.send(format_args!("WATCHDOG=1"));
        }
    }

    /// What the program does, in one line.
    pub fn status(&mut self, text: impl fmt::Display) {
        if let Some(notifier) = &mut self.notifier {
            notifier.send(format_args!("STATUS={text}"));
        }
    }

    /// The end was asked for.
    pub fn stopping(&mut self) {
        if let Some(notifier) = &mut self.notifier {
            notifier.send(format_args!("STOPPING=1\nSTATUS=stopping"));
        }
    }
}
