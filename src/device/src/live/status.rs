//! The status line on standard error: once per second, in place on a terminal.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between two lines, and the silence after which a source counts as silent.
const INTERVAL: Duration = Duration::from_secs(1);
/// Return to the first column and erase the line.
const ERASE: &str = "\r\x1b[K";

/// Paces and writes the status line.
#[derive(Debug)]
pub struct StatusLine {
    terminal: bool,
    next: Instant,
    shown: bool,
}

impl StatusLine {
    /// A line that is first due one interval from now.
    #[must_use]
    pub fn start() -> Self {
        Self { terminal: io::stderr().is_terminal(), next: Instant::now() + INTERVAL, shown: false }
    }

    /// Whether a new line is due; the next one is then due an interval later.
    pub fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let due = now >= self.next;
        if due {
            self.next = now + INTERVAL;
        }
        due
    }

    /// Writes the line. A closed standard error is nobody's loss.
    pub fn show(&mut self, text: impl fmt::Display) {
        let mut stderr = io::stderr().lock();
        let _ = if self.terminal {
            self.shown = true;
            write!(stderr, "{ERASE}{text}").and_then(|()| stderr.flush())
        } else {
            writeln!(stderr, "{text}")
        };
    }

    /// Writes a line that stays.
    pub fn say(&mut self, text: impl fmt::Display) {
        self.clear();
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Takes the line away from the terminal, before anything else is written there.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "{ERASE}").and_then(|()| stderr.flush());
        }
    }
}
