//! What plays a script on a device, and tells the journal.

use std::time::Duration;

use crate::journal::Journal;
use crate::script::{Action, Event, Fault, Player};
use crate::usb::Function;

/// How long the last of a limited number of frames has to reach the host before the device goes.
const LINGER: Duration = Duration::from_secs(1);

/// What a script wants of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Away for a time.
    Unplug(Duration),
    /// Away for a time, then everything anew.
    Restart(Duration),
    /// Away for a time, then with other settings.
    Replug(Duration, Vec<(String, String)>),
    /// Away for good.
    End,
}

/// A script, the number of frames after which everything ends, and the journal.
#[derive(Debug)]
pub struct Stage {
    player: Player,
    journal: Journal,
    limit: Option<u64>,
    /// Frames at the last plugging, until the first frame since.
    plugged_at: Option<u64>,
    ends: Option<Duration>,
}

impl Stage {
    /// Plays `events`; ends after `limit` frames where there is a limit.
    #[must_use]
    pub fn new(events: Vec<Event>, limit: Option<u64>, journal: Journal) -> Self {
        Self { player: Player::new(events), journal, limit, plugged_at: None, ends: None }
    }

    /// Where events are written.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The device is there for the host; `detail` says where.
    pub fn plugged(&mut self, function: &dyn Function, time: Duration, detail: &str) {
        self.journal.note_at(time, format_args!("plugged {detail}"));
        self.plugged_at = Some(function.frames());
        self.player.begin(time, function.frames());
    }

    /// Does what is due. `complete` says that no frame is half way.
    pub fn act(&mut self, function: &mut dyn Function, time: Duration, complete: bool) -> Option<Link> {
        let frames = function.frames();
        if self.plugged_at.is_some_and(|before| frames > before) {
            self.plugged_at = None;
            self.journal.note_at(time, format_args!("first-frame frames={frames}"));
        }
        // A frame that is half way does not count yet.
        let whole = if complete { frames } else { frames.saturating_sub(1) };
        while let Some(action) = self.player.due(time, whole) {
            self.journal.note_at(time, format_args!("{action} frames={whole}"));
            match action {
                Action::Fault(fault) => function.inject(&fault, time),
                Action::Unplug(down) => return Some(Link::Unplug(down)),
                Action::Restart(down) => return Some(Link::Restart(down)),
                Action::Replug(down, changes) => return Some(Link::Replug(down, changes)),
                Action::End => return Some(Link::End),
            }
        }
        if self.limit.is_some_and(|limit| whole >= limit) {
            let ends = *self.ends.get_or_insert_with(|| {
                function.inject(&Fault::Silence(2 * LINGER), time);
                time + LINGER
            });
            if time >= ends {
                self.journal.note_at(time, format_args!("end frames={whole}"));
                return Some(Link::End);
            }
        }
        None
    }

    /// When something is due, where time decides.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        [self.player.deadline(), self.ends].into_iter().flatten().min()
    }
}
