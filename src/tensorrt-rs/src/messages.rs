//! TensorRT's log: every line goes to the crate `log` with target `tensorrt`, the last errors are kept for messages.

#![allow(unsafe_code, reason = "the callback reads a C string")]

use std::collections::VecDeque;
use std::ffi::{CStr, c_char};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Errors that are kept. A failed build says its cause in the first or the last few.
const KEPT: usize = 16;
/// Longest line that is kept, in bytes: TensorRT prints whole layer names, which can run to megabytes.
const LONGEST: usize = 2000;

const INTERNAL_ERROR: i32 = 0;
const ERROR: i32 = 1;
const WARNING: i32 = 2;
const INFO: i32 = 3;

static ERRORS: Mutex<Errors> = Mutex::new(Errors { next: 0, lines: VecDeque::new() });

struct Errors {
    next: u64,
    lines: VecDeque<(u64, String)>,
}

fn errors() -> MutexGuard<'static, Errors> {
    // A panic between two plain assignments leaves nothing half done.
    ERRORS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A moment in the log; what comes later belongs to the call that is made next.
///
/// TensorRT's log does not say which call a line belongs to. Two calls that fail at the same time may show each other's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(u64);

impl Mark {
    pub(crate) fn now() -> Self {
        Self(errors().next)
    }

    /// The error lines since then, the oldest first; the earliest are missing where there were more than [`KEPT`].
    pub(crate) fn since(self) -> Vec<String> {
        errors().lines.iter().filter(|(number, _)| *number >= self.0).map(|(_, line)| line.clone()).collect()
    }
}

/// Passed to the shim.
///
/// # Safety
/// `message` is a C string that lives for the duration of the call.
pub(crate) unsafe extern "C" fn on_line(severity: i32, message: *const c_char) {
    // SAFETY: as the caller promises.
    let line = unsafe { CStr::from_ptr(message) }.to_string_lossy();
    take(severity, line.trim_end());
}

fn take(severity: i32, line: &str) {
    let level = match severity {
        INTERNAL_ERROR | ERROR => log::Level::Error,
        WARNING => log::Level::Warn,
        // What TensorRT calls information is a page per model.
        INFO => log::Level::Debug,
        _ => log::Level::Trace,
    };
    log::log!(target: "tensorrt", level, "{line}");
    if severity > ERROR {
        return;
    }
    let mut end = line.len().min(LONGEST);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let mut errors = errors();
    let number = errors.next;
    errors.next += 1;
    if errors.lines.len() == KEPT {
        errors.lines.pop_front();
    }
    errors.lines.push_back((number, line.get(..end).unwrap_or_default().to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_errors_of_bounded_length() {
        let mark = Mark::now();
        take(WARNING, "not an error");
        assert!(mark.since().is_empty());
        for number in 0..KEPT + 3 {
            take(ERROR, &format!("error {number}"));
        }
        let lines = mark.since();
        assert_eq!(lines.len(), KEPT);
        assert_eq!(lines.last().map(String::as_str), Some("error 18"));
        let later = Mark::now();
        take(INTERNAL_ERROR, &"ß".repeat(LONGEST));
        let lines = later.since();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].len(), LONGEST);
    }
}
