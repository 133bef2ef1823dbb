//! Levels of one quantity, with hysteresis and dwell.

use std::time::Duration;

/// How fast a ladder is climbed and left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// A level is left this far below its limit.
    pub(super) hysteresis: f32,
    /// Shortest time between two steps up: the first may do.
    pub(super) rise: Duration,
    /// Time that the value must stay below before a step down, and shortest time between two of them.
    pub(super) fall: Duration,
}

/// A value's level: how many of its rising limits it has reached. One step at a time goes up at once the first time and then after
/// [`Pace::rise`]; the level `urgent` and those above are taken at once; a step down needs the value below the limit by the hysteresis
/// for [`Pace::fall`]. A value that is not known changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ladder<const N: usize> {
    limits: [f32; N],
    pace: Pace,
    urgent: usize,
    level: usize,
    changed: Option<Duration>,
    /// Since when a step down is due.
    calm: Option<Duration>,
}

impl<const N: usize> Ladder<N> {
    pub(super) const fn new(limits: [f32; N], pace: Pace, urgent: usize) -> Self {
        Self { limits, pace, urgent, level: 0, changed: None, calm: None }
    }

    /// The level after `value` was seen at the time `now`.
    pub(super) fn update(&mut self, now: Duration, value: Option<f32>) -> usize {
        let Some(value) = value.filter(|value| !value.is_nan()) else {
            self.calm = None;
            return self.level;
        };
        let wanted = self.limits.iter().filter(|&&limit| value >= limit).count();
        let waited =
            |since: Option<Duration>, dwell: Duration| since.is_none_or(|since| now.saturating_sub(since) >= dwell);
        let below = self
            .level
            .checked_sub(1)
            .and_then(|l| self.limits.get(l))
            .is_some_and(|l| value < l - self.pace.hysteresis);
        if wanted > self.level {
            self.calm = None;
            if wanted >= self.urgent {
                self.step(now, wanted);
            } else if waited(self.changed, self.pace.rise) {
                self.step(now, self.level + 1);
            }
        } else if below {
            let calm = *self.calm.get_or_insert(now);
            if waited(Some(calm), self.pace.fall) && waited(self.changed, self.pace.fall) {
                self.step(now, self.level - 1);
                self.calm = Some(now);
            }
        } else {
            self.calm = None;
        }
        self.level
    }

    fn step(&mut self, now: Duration, level: usize) {
        self.level = level;
        self.changed = Some(now);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use proptest::prelude::*;

    const LIMITS: [f32; 3] = [80.0, 88.0, 95.0];
    const PACE: Pace = Pace { hysteresis: 4.0, rise: Duration::from_secs(10), fall: Duration::from_secs(30) };
    const URGENT: usize = 3;

    /// One reading a second: levels after each.
    fn levels(values: impl IntoIterator<Item = Option<f32>>) -> Vec<usize> {
        let mut ladder = Ladder::new(LIMITS, PACE, URGENT);
        let at = |second: usize| Duration::from_secs(second as u64);
        values.into_iter().enumerate().map(|(second, value)| ladder.update(at(second), value)).collect()
    }

    fn constant(value: f32, seconds: usize) -> impl Iterator<Item = Option<f32>> {
        std::iter::repeat_n(Some(value), seconds)
    }

    #[test]
    fn heat_climbs_step_by_step_and_leaves_step_by_step() {
        let hot = levels(constant(90.0, 60));
        assert_eq!((hot[0], hot[9], hot[10], hot[59]), (1, 1, 2, 2), "one step at once, the next after a while");
        let cooled = levels(constant(90.0, 11).chain(constant(60.0, 100)));
        // Down at 11 + 30 and 30 seconds later.
        assert_eq!((cooled[40], cooled[41], cooled[70], cooled[71]), (2, 1, 1, 0));
    }

    #[test]
    fn critical_heat_waits_for_nothing() {
        assert_eq!(levels([Some(20.0), Some(95.0)]), [0, 3]);
        assert_eq!(levels([Some(f32::INFINITY)]), [3]);
    }

    #[test]
    fn a_sensor_that_is_lost_changes_nothing() {
        let lost = levels(constant(90.0, 11).chain(std::iter::repeat_n(None, 500)));
        assert_eq!(lost.last(), Some(&2));
        let absurd = levels(constant(90.0, 11).chain(constant(f32::NAN, 500)));
        assert_eq!(absurd.last(), Some(&2));
        assert_eq!(levels(std::iter::repeat_n(None, 100)).last(), Some(&0));
        assert_eq!(levels(constant(-40.0, 100)).last(), Some(&0), "frost is no heat");
    }

    fn temperature() -> impl Strategy<Value = Option<f32>> {
        prop_oneof![
            8 => (-60.0_f32..130.0).prop_map(Some),
            8 => (74.0_f32..98.0).prop_map(Some),
            1 => Just(None),
            1 => Just(Some(f32::NAN)),
        ]
    }

    proptest! {
        /// Up: one step per dwell unless urgent. Down: one step per dwell, and only after the value stayed below.
        #[test]
        fn steps_keep_their_distance(values in prop::collection::vec(temperature(), 1..400)) {
            let levels = levels(values.iter().copied());
            let mut before = 0;
            let mut last: Option<usize> = None;
            for (second, &level) in levels.iter().enumerate() {
                if level > before && level < URGENT {
                    prop_assert_eq!(level, before + 1);
                    prop_assert!(last.is_none_or(|last| second - last >= 10));
                }
                if level > before && level >= URGENT {
                    prop_assert!(values[second].unwrap() >= LIMITS[URGENT - 1]);
                }
                if level < before {
                    prop_assert_eq!(level, before - 1);
                    prop_assert!(last.is_some_and(|last| second - last >= 30));
                    let calm = &values[second - 30..=second];
                    prop_assert!(calm.iter().all(|v| v.unwrap() < LIMITS[before - 1] - PACE.hysteresis));
                }
                if level != before {
                    last = Some(second);
                }
                before = level;
            }
        }

        /// At or above the critical limit nothing but the highest level is left.
        #[test]
        fn critical_values_always_pause(values in prop::collection::vec(temperature(), 1..200)) {
            for (value, level) in values.iter().zip(levels(values.iter().copied())) {
                prop_assert!(value.is_none_or(|v| v.is_nan() || v < LIMITS[2]) || level == 3);
            }
        }

        /// A constant value settles: from some time on nothing changes, and the level is one that the value allows.
        #[test]
        fn constant_values_settle(start in prop::collection::vec(temperature(), 0..60), value in 0.0_f32..120.0) {
            let end = levels(start.into_iter().chain(constant(value, 400)));
            let settled = &end[end.len() - 100..];
            prop_assert!(settled.iter().all(|level| *level == settled[0]));
            let reached = LIMITS.iter().filter(|&&l| value >= l).count();
            let held = LIMITS.iter().filter(|&&l| value >= l - PACE.hysteresis).count();
            prop_assert!((reached..=held).contains(&settled[0]));
        }

        /// A value that swings within the hysteresis changes the level once at most.
        #[test]
        fn swings_within_the_hysteresis_do_not_flicker(swing in prop::collection::vec(-3.9_f32..3.9, 300)) {
            let levels = levels(swing.into_iter().map(|s| Some(80.0 + s)));
            let changes = levels.windows(2).filter(|w| w[0] != w[1]).count();
            prop_assert!(changes <= 1, "{} changes", changes);
        }
    }
}
