//! The newest-frame slot between the capture thread and the inference thread.
//!
//! Three buffers of equal rank go round: one is being captured into, one waits here, one is being judged. A frame that
//! was not taken before the next one arrived is overwritten and counted as dropped, so the judged frame is always the
//! newest. Swapping moves no pixels and allocates nothing.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Frames seen by a slot so far. `captured = taken + dropped`, plus one while a frame waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames published.
    pub captured: u64,
    /// Frames overwritten before anybody took them.
    pub dropped: u64,
}

/// Answer of [`NewestSlot::take`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The buffer now holds the newest frame.
    Frame,
    /// Nothing new arrived in time.
    Timeout,
    /// The source ended and its last frame was taken.
    Ended,
}

#[derive(Debug)]
struct State<F> {
    waiting: F,
    fresh: bool,
    /// Somebody waits in [`NewestSlot::take`].
    wanted: bool,
    ended: bool,
    closed: bool,
    counters: Counters,
}

/// One waiting frame, newest wins.
#[derive(Debug)]
pub struct NewestSlot<F> {
    state: Mutex<State<F>>,
    changed: Condvar,
}

impl<F> NewestSlot<F> {
    /// A slot around the third buffer.
    pub const fn new(buffer: F) -> Self {
        let counters = Counters { captured: 0, dropped: 0 };
        let state = State { waiting: buffer, fresh: false, wanted: false, ended: false, closed: false, counters };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    // A panic elsewhere leaves a frame behind, never half of one: swaps cannot be interrupted.
    fn lock(&self) -> MutexGuard<'_, State<F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over the frame in `buffer` and takes an old buffer back for the next one. Returns false once the taker is
    /// gone.
    pub fn publish(&self, buffer: &mut F) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        std::mem::swap(&mut state.waiting, buffer);
        state.counters.captured += 1;
        state.counters.dropped += u64::from(state.fresh);
        state.fresh = true;
        state.wanted = false;
        drop(state);
        self.changed.notify_all();
        true
    }

    /// Waits until somebody asks for a frame, so that the next [`Self::publish`] drops nothing. Returns false once the
    /// taker is gone.
    pub fn await_taker(&self) -> bool {
        let state = self.changed.wait_while(self.lock(), |state| !state.wanted && !state.closed);
        !state.unwrap_or_else(PoisonError::into_inner).closed
    }

    /// Says that no frame will follow. A frame that waits can still be taken.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Says that nobody will take a frame any more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Whether [`Self::close`] was called.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Exchanges `buffer` for the newest frame, waiting up to `timeout` for one.
    pub fn take(&self, buffer: &mut F, timeout: Duration) -> Taken {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            if state.fresh {
                std::mem::swap(&mut state.waiting, buffer);
                state.fresh = false;
                return Taken::Frame;
            }
            if state.ended || state.closed {
                return Taken::Ended;
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|d| !d.is_zero()) else {
                state.wanted = false;
                return Taken::Timeout;
            };
            if !state.wanted {
                state.wanted = true;
                self.changed.notify_all();
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Frames so far.
    pub fn counters(&self) -> Counters {
        self.lock().counters
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    const SOON: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn the_newest_frame_wins_and_drops_are_counted() {
        let slot = NewestSlot::new(0);
        let mut mine = 1;
        assert_eq!(slot.take(&mut mine, SOON), Taken::Timeout);
        for frame in [10, 11, 12] {
            let mut buffer = frame;
            assert!(slot.publish(&mut buffer));
        }
        assert_eq!(slot.take(&mut mine, SOON), Taken::Frame);
        assert_eq!(mine, 12);
        assert_eq!(slot.take(&mut mine, SOON), Taken::Timeout, "a frame is taken once");
        assert_eq!(slot.counters(), Counters { captured: 3, dropped: 2 });
    }

    #[test]
    fn buffers_go_round_and_none_is_lost() {
        let slot = NewestSlot::new('c');
        let (mut capture, mut judge) = ('a', 'b');
        for _ in 0..5 {
            slot.publish(&mut capture);
            slot.take(&mut judge, SOON);
            slot.publish(&mut capture);
            let mut held = [capture, judge, slot.lock().waiting];
            held.sort_unstable();
            assert_eq!(held, ['a', 'b', 'c']);
        }
    }

    #[test]
    fn the_last_frame_outlives_its_source() {
        let slot = NewestSlot::new(0);
        let mut frame = 7;
        slot.publish(&mut frame);
        slot.end();
        let mut mine = 0;
        assert_eq!(slot.take(&mut mine, LONG), Taken::Frame);
        assert_eq!(mine, 7);
        assert_eq!(slot.take(&mut mine, LONG), Taken::Ended);
    }

    #[test]
    fn in_turn_nothing_is_dropped_and_closing_frees_the_waiting_source() {
        let slot = NewestSlot::new(0);
        std::thread::scope(|scope| {
            let source = scope.spawn(|| {
                let mut published = 0;
                for frame in 1.. {
                    let mut buffer = frame;
                    if !slot.await_taker() || !slot.publish(&mut buffer) {
                        break;
                    }
                    published += 1;
                }
                published
            });
            let mut mine = 0;
            for expected in 1..=100 {
                assert_eq!(slot.take(&mut mine, LONG), Taken::Frame);
                assert_eq!(mine, expected);
            }
            slot.close();
            assert!(source.join().unwrap() >= 100);
        });
        assert_eq!(slot.counters().dropped, 0);
        assert!(slot.is_closed() && !slot.publish(&mut 1));
    }
}
