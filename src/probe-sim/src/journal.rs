//! Events with their times, one line each, for whoever measures a host against them.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time since boot, CLOCK_MONOTONIC: comparable between processes, and with `/proc/uptime` on a machine that never slept.
#[must_use]
pub fn now() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// Where events are written: `t=12.345678 event=unplug frames=100`, seconds with microseconds.
#[derive(Clone)]
pub struct Journal(Arc<Mutex<Box<dyn Write + Send>>>);

impl Journal {
    /// Writes to `out` and flushes it after every line.
    #[must_use]
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(out))))
    }

    /// Writes to standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }

    /// Forgets everything.
    #[must_use]
    pub fn silent() -> Self {
        Self::new(io::sink())
    }

    /// Writes an event: its name and, after a blank, its details as `name=value`.
    pub fn note(&self, event: impl fmt::Display) {
        self.note_at(now(), event);
    }

    /// Writes an event of another moment.
    pub fn note_at(&self, time: Duration, event: impl fmt::Display) {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed pipe means that nobody measures any more; the device goes on.
        let _ =
            writeln!(out, "t={}.{:06} event={event}", time.as_secs(), time.subsec_micros()).and_then(|()| out.flush());
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Journal")
    }
}
