//! When to look for a device again, and when silence means that it hangs.

use std::time::{Duration, Instant};

/// A device that is away is looked for this often, beside hotplug, which some systems do not have.
const POLL: Duration = Duration::from_millis(100);
/// First pause after a device that is there could not be opened, or delivered nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A device without a frame for this long hangs. Probes send at least two frames a second, also frozen ones.
pub(super) const SILENCE: Duration = Duration::from_millis(1500);

/// Decides on times only; the work is done by [`super::Live`].
#[derive(Debug)]
pub(super) struct Supervisor {
    next_try: Instant,
    /// Openings without a single frame, in a row.
    failures: u32,
    /// Last sign of life: opening or frame.
    alive: Instant,
}

impl Supervisor {
    pub(super) const fn new(now: Instant) -> Self {
        Self { next_try: now, failures: 0, alive: now }
    }

    /// When to look for the device next.
    pub(super) const fn next_try(&self) -> Instant {
        self.next_try
    }

    /// Something was plugged in: no reason to wait.
    pub(super) fn hurry(&mut self, now: Instant) {
        if self.failures == 0 {
            self.next_try = now;
        }
    }

    /// The device is not there. What comes next is a fresh one.
    pub(super) fn absent(&mut self, now: Instant) {
        self.failures = 0;
        self.next_try = now + POLL;
    }

    /// The device is there but could not be opened.
    pub(super) fn failed(&mut self, now: Instant) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(8)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.next_try = now + pause;
    }

    pub(super) fn opened(&mut self, now: Instant) {
        self.alive = now;
    }

    pub(super) fn frame(&mut self, now: Instant) {
        self.alive = now;
        self.failures = 0;
    }

    /// A session ended. One that delivered nothing counts as an opening that failed.
    pub(super) fn ended(&mut self, now: Instant, delivered: bool) {
        if delivered {
            self.failures = 0;
            self.next_try = now;
        } else {
            self.failed(now);
        }
    }

    /// Time until silence means that the device hangs; zero once it does.
    pub(super) fn patience(&self, now: Instant) -> Duration {
        (self.alive + SILENCE).saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_end_with_a_frame() {
        let now = Instant::now();
        let mut supervisor = Supervisor::new(now);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            supervisor.failed(now);
            pauses.push((supervisor.next_try() - now).as_millis());
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000]);
        supervisor.frame(now);
        supervisor.failed(now);
        assert_eq!(supervisor.next_try() - now, FIRST_PAUSE);
        for _ in 0..1000 {
            supervisor.failed(now);
        }
        assert_eq!(supervisor.next_try() - now, LONGEST_PAUSE);
    }

    #[test]
    fn a_device_that_delivered_is_looked_for_at_once_and_one_that_did_not_later() {
        let now = Instant::now();
        let mut supervisor = Supervisor::new(now);
        supervisor.ended(now, true);
        assert_eq!(supervisor.next_try(), now);
        supervisor.ended(now, false);
        assert!(supervisor.next_try() > now);
        // A device that fails again and again is not tried more often because others come and go.
        supervisor.hurry(now);
        assert!(supervisor.next_try() > now);
        supervisor.absent(now);
        assert_eq!(supervisor.next_try(), now + POLL);
        supervisor.hurry(now);
        assert_eq!(supervisor.next_try(), now);
    }

    #[test]
    fn patience_counts_from_the_last_sign_of_life() {
        let now = Instant::now();
        let mut supervisor = Supervisor::new(now);
        let later = now + Duration::from_secs(60);
        supervisor.opened(later);
        assert_eq!(supervisor.patience(later), SILENCE);
        supervisor.frame(later + SILENCE);
        assert_eq!(supervisor.patience(later + SILENCE * 2), Duration::ZERO);
        assert_eq!(supervisor.patience(later + SILENCE * 9), Duration::ZERO);
    }
}
