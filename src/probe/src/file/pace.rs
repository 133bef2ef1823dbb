//! When a replayed frame is due.

use std::time::{Duration, Instant};

/// Time between frames where the file records none: pictures, and cines without frame times.
pub const FALLBACK_INTERVAL: Duration = Duration::from_millis(40);

/// Speed of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// At the recorded rate. A frame is due at the start of the replay plus its recorded time; the first call of
    /// [`next`](crate::FrameSource::next) starts the clock, and nothing stops it: after a late call the frames that are
    /// due by then come at once. Files follow each other without a gap. Where no times are recorded, frames follow at
    /// [`FALLBACK_INTERVAL`].
    Recorded,
    /// As fast as the consumer asks; never a timeout.
    #[default]
    AsFastAsPossible,
}

/// The clock of a replay.
#[derive(Debug)]
pub(crate) struct Clock {
    pace: Pace,
    /// When the file that is being replayed began, once the replay has.
    began: Option<Instant>,
}

impl Clock {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, began: None }
    }

    /// When the frame at `time` since the beginning of its file is due; `None` if at once.
    pub(crate) fn due(&mut self, time: Duration) -> Option<Instant> {
        match self.pace {
            Pace::AsFastAsPossible => None,
            Pace::Recorded => self.began.get_or_insert_with(Instant::now).checked_add(time),
        }
    }

    /// The file ends after `length`; the next one begins there.
    pub(crate) fn end_file(&mut self, length: Duration) {
        self.began = self.began.and_then(|began| began.checked_add(length));
    }
}

/// Sleeps until `due`, but no longer than `timeout`; whether it is due then.
pub(crate) fn wait_until(due: Instant, timeout: Duration) -> bool {
    let wait = due.saturating_duration_since(Instant::now());
    if wait > timeout {
        std::thread::sleep(timeout);
        return due <= Instant::now();
    }
    std::thread::sleep(wait);
    true
}
