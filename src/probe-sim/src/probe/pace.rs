//! When a probe captures frames, and which of them it has time to send.

use std::time::Duration;

/// Frames that a probe keeps for a host that is late.
const BUFFERS: u64 = 4;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A frame.
    Frame {
        /// Frames between the last one and this one that are not sent.
        left_out: u32,
        /// When it was captured.
        captured: Duration,
    },
    /// None before this time.
    Wait(Duration),
}

/// Captures frame `n` at `begun + n / rate`, sends as many as a cap allows, and keeps the newest four for a late host.
/// Without a rate a frame is captured whenever the host has room for it, at most as often as the cap says.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Time between two frames in ns; 0 for as fast as the host reads.
    period: u64,
    /// Least time between two sent frames in ns.
    cap: u64,
    begun: Duration,
    next: u64,
    /// Capture time of the last frame in ns since the beginning.
    last: Option<u64>,
}

impl Pace {
    /// Rates in mHz, 0 for none.
    #[must_use]
    pub fn new(rate_mhz: u32, cap_mhz: u32, now: Duration) -> Self {
        let period = |mhz: u32| 1_000_000_000_000u64.checked_div(mhz.into()).unwrap_or(0);
        let (period, cap) = match (period(rate_mhz), period(cap_mhz)) {
            (0, cap) => (cap, 0),
            (period, cap) => (period, cap),
        };
        Self { period, cap, begun: now, next: 0, last: None }
    }

    /// Begins to capture anew, with the same rates.
    pub fn restart(&mut self, now: Duration) {
        (self.begun, self.next, self.last) = (now, 0, None);
    }

    /// The next frame, if it is due.
    pub fn poll(&mut self, now: Duration) -> Due {
        if self.period == 0 {
            return Due::Frame { left_out: 0, captured: now };
        }
        let elapsed = u64::try_from(now.saturating_sub(self.begun).as_nanos()).unwrap_or(u64::MAX);
        let newest = elapsed / self.period;
        let kept = self.next.max((newest + 1).saturating_sub(BUFFERS));
        // The first frame that is not too soon after the last one, with a thousandth of a period for rounding.
        let allowed = self.last.map_or(0, |last| last.saturating_add(self.cap).saturating_sub(self.period / 1000));
        let index = kept.max(allowed.div_ceil(self.period));
        let at = index.saturating_mul(self.period);
        let captured = self.begun + Duration::from_nanos(at);
        if index > newest {
            return Due::Wait(captured);
        }
        let left_out = u32::try_from(index - self.next).unwrap_or(u32::MAX);
        (self.next, self.last) = (index + 1, Some(at));
        Due::Frame { left_out, captured }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Polls every millisecond for a second: frames and frames left out.
    fn second(mut pace: Pace) -> (u32, u32) {
        (0..1000).fold((0, 0), |(frames, gaps), time| match pace.poll(ms(time)) {
            Due::Frame { left_out, .. } => (frames + 1, gaps + left_out),
            Due::Wait(_) => (frames, gaps),
        })
    }

    #[test]
    fn rates_and_caps_are_kept() {
        for (rate, cap, expected) in [
            (50_000, 0, (50, 0)),
            (50_000, 25_000, (25, 24)),
            (50_000, 100_000, (50, 0)),
            (0, 10_000, (10, 0)),
            (0, 0, (1000, 0)),
            // Every second frame of 30 per second is what 20 per second leave.
            (30_000, 20_000, (15, 14)),
        ] {
            assert_eq!(second(Pace::new(rate, cap, ms(0))), expected, "{rate} {cap}");
        }
    }

    #[test]
    fn a_late_host_gets_the_newest_frames_and_the_gap() {
        let mut pace = Pace::new(100_000, 0, ms(0));
        assert_eq!(pace.poll(ms(0)), Due::Frame { left_out: 0, captured: ms(0) });
        assert_eq!(pace.poll(ms(1)), Due::Wait(ms(10)));
        assert_eq!(pace.poll(ms(205)), Due::Frame { left_out: 16, captured: ms(170) });
        assert_eq!(pace.poll(ms(205)), Due::Frame { left_out: 0, captured: ms(180) });
    }
}
