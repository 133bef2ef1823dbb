//! Plays a script: says when its next event is due.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Action, Event, Trigger};

/// A script and how far it went.
#[derive(Debug)]
pub struct Player {
    events: VecDeque<Event>,
    /// Time and frames at the event before.
    since: Option<(Duration, u64)>,
}

impl Player {
    /// Plays `events` from the first plugging on.
    #[must_use]
    pub fn new(events: Vec<Event>) -> Self {
        Self { events: events.into(), since: None }
    }

    /// The device is plugged for the first time: the script begins.
    pub fn begin(&mut self, now: Duration, frames: u64) {
        self.since.get_or_insert((now, frames));
    }

    /// The next action if it is due now, `frames` after those of all time.
    pub fn due(&mut self, now: Duration, frames: u64) -> Option<Action> {
        let (time, counted) = self.since?;
        let due = match self.events.front()?.after {
            Trigger::Frames(count) => frames.saturating_sub(counted) >= count,
            Trigger::Time(span) => now.saturating_sub(time) >= span,
        };
        if !due {
            return None;
        }
        self.since = Some((now, frames));
        self.events.pop_front().map(|event| event.action)
    }

    /// When the next event is due, where time decides.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        match (self.since, self.events.front()?.after) {
            (Some((time, _)), Trigger::Time(span)) => Some(time + span),
            _ => None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::script::{Fault, parse};

    #[test]
    fn events_count_from_the_one_before() {
        let mut player = Player::new(parse("after 3 frames cut\nafter 2 frames corrupt\nafter 1s stall").unwrap());
        let second = Duration::from_secs(1);
        assert_eq!(player.due(second, 9), None);
        player.begin(second, 0);
        assert_eq!(player.due(second, 2), None);
        assert_eq!(player.due(second, 3), Some(Action::Fault(Fault::Cut)));
        assert_eq!(player.due(second, 4), None);
        assert_eq!(player.due(2 * second, 6), Some(Action::Fault(Fault::Corrupt)));
        assert_eq!(player.deadline(), Some(3 * second));
        assert_eq!(player.due(2 * second, 60), None);
        assert_eq!(player.due(3 * second, 60), Some(Action::Fault(Fault::Stall)));
        assert_eq!((player.due(9 * second, 99), player.deadline()), (None, None));
    }
}
