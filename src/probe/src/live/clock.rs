//! From the probe's clock to this machine's.

use std::time::{Duration, Instant};

/// The least delay is taken over one to two windows of this length: long enough to meet a frame that came through without
/// waiting, short enough that two quartz clocks (100 ppm apart at most) drift by less than 2 ms.
const WINDOW: Duration = Duration::from_secs(10);
/// A delay this far above the least one is no delay: the probe's clock was set.
const JUMP_NS: i128 = 2_000_000_000;

/// Maps capture times of a probe to instants of this machine.
///
/// With t the probe's time of a frame and a its arrival here, a - t is the unknown offset of the clocks plus the delay of that
/// frame. The least a - t of the last seconds belongs to the frame that waited least; every other frame was captured at
/// t + min(a - t). Jitter of the transfer so shows as age of the result instead of hiding in it.
#[derive(Debug)]
pub(crate) struct ProbeClock {
    origin: Instant,
    window_end: Instant,
    previous: Option<i128>,
    current: Option<i128>,
}

impl ProbeClock {
    pub(crate) fn new(now: Instant) -> Self {
        Self { origin: now, window_end: now + WINDOW, previous: None, current: None }
    }

    /// When the frame with probe time `captured_ns` that arrived at `arrived` was captured; never later than it arrived.
    pub(crate) fn captured(&mut self, captured_ns: u64, arrived: Instant) -> Instant {
        let since = arrived.saturating_duration_since(self.origin).as_nanos();
        let offset = i128::try_from(since).unwrap_or(i128::MAX) - i128::from(captured_ns);
        if arrived >= self.window_end {
            self.window_end = arrived + WINDOW;
            self.previous = self.current.take();
        }
        let least = [self.previous, self.current].into_iter().flatten().min();
        if least.is_some_and(|least| (offset - least).abs() > JUMP_NS) {
            self.previous = None;
            self.current = Some(offset);
            return arrived;
        }
        self.current = Some(self.current.map_or(offset, |current| current.min(offset)));
        let delay = offset - least.map_or(offset, |least| least.min(offset));
        let delay = Duration::from_nanos(u64::try_from(delay).unwrap_or(0));
        arrived.checked_sub(delay).unwrap_or(arrived)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRAME: u64 = 33_000_000;

    #[test]
    fn delayed_frames_are_dated_back() {
        let begin = Instant::now();
        let mut clock = ProbeClock::new(begin);
        let shift = 7_000_000_000;
        for (index, delay_ms) in [0_u64, 12, 3, 80, 0, 5].into_iter().enumerate() {
            let at = index as u64 * FRAME;
            let captured = begin + Duration::from_nanos(at);
            let arrived = captured + Duration::from_millis(delay_ms);
            assert_eq!(clock.captured(shift + at, arrived), captured, "frame {index}");
        }
    }

    #[test]
    fn drift_is_forgotten_and_jumps_begin_anew() {
        let begin = Instant::now();
        let mut clock = ProbeClock::new(begin);
        let mut worst = Duration::ZERO;
        for index in 0..20_000_u64 {
            let arrived = begin + Duration::from_nanos(index * FRAME);
            // The probe runs slow by 100 ppm.
            let captured = clock.captured(index * FRAME - index * FRAME / 10_000, arrived);
            worst = worst.max(arrived - captured);
        }
        assert!(worst < Duration::from_millis(3), "{worst:?}");
        let arrived = begin + Duration::from_secs(3600);
        assert_eq!(clock.captured(5, arrived), arrived, "the probe was restarted");
        assert_eq!(clock.captured(u64::MAX, arrived), arrived, "nonsense");
    }

    proptest! {
        #[test]
        fn never_captured_after_arrival(times in prop::collection::vec((any::<u64>(), 0_u64..1_000_000_000_000), 1..50)) {
            let begin = Instant::now();
            let mut clock = ProbeClock::new(begin);
            for (probe, host) in times {
                let arrived = begin + Duration::from_nanos(host);
                prop_assert!(clock.captured(probe, arrived) <= arrived);
            }
        }
    }
}
