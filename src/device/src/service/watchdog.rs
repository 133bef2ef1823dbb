//! When the service manager's watchdog is fed.

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// Time after which the manager takes this program for hung, in microseconds.
const PERIOD_VARIABLE: &str = "WATCHDOG_USEC";
/// The process that is to feed the watchdog; any where it is not set.
const PROCESS_VARIABLE: &str = "WATCHDOG_PID";

/// Feeds twice a period, and only after both loops have turned since the last time.
#[derive(Debug)]
pub struct Watchdog {
    period: Duration,
    last: Option<Instant>,
    /// Turns of the capture thread at the last feeding.
    captures: Option<u64>,
}

impl Watchdog {
    /// The watchdog that the environment speaks of; none where it is meant for another process or there is none.
    ///
    /// # Errors
    /// [`Failure::Machine`] for a value that is no number; such a watchdog is not fed.
    pub fn from_environment() -> Result<Option<Self>, Failure> {
        let read = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Self::parse(read(PERIOD_VARIABLE).as_deref(), read(PROCESS_VARIABLE).as_deref(), std::process::id())
    }

    fn parse(period: Option<&str>, process: Option<&str>, own: u32) -> Result<Option<Self>, Failure> {
        let refuse = |name: &str, value: &str| {
            Failure::Machine(format!("${name} is `{value}`, which is no number above 0; the watchdog is not fed"))
        };
        let Some(period) = period else { return Ok(None) };
        if let Some(process) = process {
            let process: u32 = process.parse().map_err(|_| refuse(PROCESS_VARIABLE, process))?;
            if process != own {
                return Ok(None);
            }
        }
        match period.parse() {
            Ok(0) | Err(_) => Err(refuse(PERIOD_VARIABLE, period)),
            Ok(micros) => Ok(Some(Self::new(Duration::from_micros(micros) / 2))),
        }
    }

    /// A watchdog that is fed every `period`, half of the time that the manager allows.
    #[must_use]
    pub const fn new(period: Duration) -> Self {
        Self { period, last: None, captures: None }
    }

    /// Time between two feedings.
    #[must_use]
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// Whether to feed now: the frame loop has come here, a period has passed, and the capture thread has turned since.
    pub fn is_due(&mut self, now: Instant, captures: u64) -> bool {
        let waited = self.last.is_none_or(|last| now.saturating_duration_since(last) >= self.period);
        let due = waited && self.captures != Some(captures);
        if due {
            self.last = Some(now);
            self.captures = Some(captures);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_environment_is_obeyed_and_nonsense_refused() {
        struct Case {
            period: Option<&'static str>,
            process: Option<&'static str>,
            /// Microseconds between feedings; none is no watchdog; an error names this word.
            expected: Result<Option<u64>, &'static str>,
        }
        let cases = [
            Case { period: None, process: None, expected: Ok(None) },
            Case { period: None, process: Some("7"), expected: Ok(None) },
            Case { period: Some("30000000"), process: None, expected: Ok(Some(15_000_000)) },
            Case { period: Some("30000000"), process: Some("7"), expected: Ok(Some(15_000_000)) },
            Case { period: Some("30000000"), process: Some("8"), expected: Ok(None) },
            Case { period: Some("0"), process: None, expected: Err("WATCHDOG_USEC") },
            Case { period: Some("-1"), process: None, expected: Err("WATCHDOG_USEC") },
            Case { period: Some("30s"), process: None, expected: Err("30s") },
            Case { period: Some(""), process: None, expected: Err("WATCHDOG_USEC") },
            Case { period: Some("1"), process: Some("me"), expected: Err("WATCHDOG_PID") },
            Case { period: Some("18446744073709551615"), process: None, expected: Ok(Some(u64::MAX / 2)) },
        ];
        for Case { period, process, expected } in cases {
            match (Watchdog::parse(period, process, 7), expected) {
                (Ok(found), Ok(expected)) => {
                    let micros = found.map(|w| u64::try_from(w.period.as_micros()).unwrap());
                    assert_eq!(micros, expected, "{period:?} {process:?}");
                }
                (Err(error), Err(word)) => assert!(error.to_string().contains(word), "{error}"),
                (found, _) => panic!("{period:?} {process:?} gave {found:?}"),
            }
        }
    }

    #[test]
    fn it_starves_with_either_loop() {
        let period = Duration::from_millis(100);
        let mut watchdog = Watchdog::new(period);
        let begin = Instant::now();
        assert!(watchdog.is_due(begin, 5));
        assert!(!watchdog.is_due(begin + period / 2, 6), "not yet");
        assert!(watchdog.is_due(begin + period, 6));
        // The capture thread hangs: however often the frame loop comes, nothing is fed.
        for turn in 2..50 {
            assert!(!watchdog.is_due(begin + period * turn, 6));
        }
        assert!(watchdog.is_due(begin + period * 50, 7), "it lives again");
        // A period that no clock can count is fed once and then never due.
        let mut endless = Watchdog::new(Duration::from_micros(u64::MAX / 2));
        assert!(endless.is_due(begin, 1) && !endless.is_due(begin + period, 2));
    }
}
