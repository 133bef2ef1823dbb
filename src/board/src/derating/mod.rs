//! What the live loop gives up when the board runs hot, empty or short of memory.
//!
//! ```text
//! hot      warm -> reduced frame rate    hot -> low rate, int8 decoders where there are some    critical -> pause, with a message
//! battery  low -> a warning              nearly empty -> reduced frame rate
//! memory   short -> a warning
//! ```
//!
//! Each quantity has a ladder with hysteresis and dwell (`ladder`), so that nothing flickers; the critical temperature is the only
//! one that does not wait. [`Policy::update`] is pure: time and conditions go in, a [`Change`] comes out for whoever has to tell it.

mod ladder;
mod limits;
mod words;

use std::time::Duration;

use serde::Serialize;

use ladder::{Ladder, Pace};
pub use limits::{Conditions, Limits};

/// Shortest time between two steps up: the temperature follows a lower rate within seconds.
const RISE: Duration = Duration::from_secs(10);
/// Battery left, in percent, below which it is said to be low, and at which the rate is reduced. Batteries go down, ladders up, so the
/// ladder's value is what is missing.
const BATTERY_LOW: f32 = 20.0;
const BATTERY_EMPTY: f32 = 10.0;
const BATTERY_HYSTERESIS: f32 = 3.0;
/// Share of time in percent in which tasks wait for memory that counts as pressure.
const PRESSURE: f32 = 20.0;
/// Memory counts as short from this value of [`short_of_memory`] on.
const SHORT: f32 = 1.0;
const SHORT_HYSTERESIS: f32 = 0.2;

/// What is given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Nothing.
    #[default]
    Full,
    /// Frame rate.
    ReducedRate,
    /// Frame rate, and the decoders' precision where there is a cheaper form.
    LowRate,
    /// Everything: no frame is judged.
    Paused,
}

/// The state of derating: what is given up, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Derating {
    /// What is given up.
    pub step: Step,
    /// Greatest frame rate; none is no limit, also while paused.
    pub max_fps: Option<f32>,
    /// Whether the decoders' cheaper form runs.
    pub cheaper: bool,
    /// The temperature is a cause.
    pub hot: bool,
    /// The battery is a cause.
    pub drained: bool,
    /// The battery is low.
    pub battery_low: bool,
    /// Memory is short.
    pub memory_low: bool,
    /// Last known temperature, in degrees Celsius.
    pub temperature_c: Option<f32>,
    /// Last known charge in percent.
    pub battery_percent: Option<f32>,
}

impl Derating {
    /// Whether there is anything to tell.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        !matches!(self.step, Step::Full) || self.battery_low || self.memory_low
    }

    /// The part that makes a change: not the readings.
    const fn kind(&self) -> (Step, bool, bool, bool, bool, bool) {
        (self.step, self.cheaper, self.hot, self.drained, self.battery_low, self.memory_low)
    }
}

/// A step up or down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// What was before.
    pub before: Derating,
    /// What is now.
    pub after: Derating,
}

/// Decides on the steps.
#[derive(Clone, Debug)]
pub struct Policy {
    limits: Limits,
    heat: Ladder<3>,
    drain: Ladder<2>,
    shortage: Ladder<1>,
    now: Derating,
}

impl Policy {
    /// A policy that gives up nothing yet; a step is taken back after `dwell` at the earliest.
    #[must_use]
    pub fn new(limits: Limits, dwell: Duration) -> Self {
        let pace = |hysteresis: f32| Pace { hysteresis, rise: RISE.min(dwell), fall: dwell };
        let Limits { warm_c, hot_c, critical_c, hysteresis_c, .. } = limits;
        Self {
            limits,
            heat: Ladder::new([warm_c, hot_c, critical_c], pace(hysteresis_c), 3),
            // A battery is not led up step by step: a nearly empty one is nearly empty.
            drain: Ladder::new([100.0 - BATTERY_LOW, 100.0 - BATTERY_EMPTY], pace(BATTERY_HYSTERESIS), 2),
            shortage: Ladder::new([SHORT], pace(SHORT_HYSTERESIS), 2),
            now: Derating::default(),
        }
    }

    /// The limits that hold.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The present state.
    #[must_use]
    pub const fn state(&self) -> Derating {
        self.now
    }

    /// Looks at the conditions of the time `now` (any clock that does not run backwards). Whether there was a change says the answer.
    pub fn update(&mut self, now: Duration, conditions: &Conditions) -> Option<Change> {
        let heat = self.heat.update(now, conditions.temperature_c);
        // On mains, or while it is filled, an empty battery is nobody's concern.
        let missing = conditions.battery_percent.map(|left| if conditions.discharging { 100.0 - left } else { 0.0 });
        let drain = self.drain.update(now, missing);
        let shortage = self.shortage.update(now, short_of_memory(conditions, self.limits.reserve_mib));
        let limits = &self.limits;
        let hot = match heat {
            0 => (Step::Full, None),
            1 => (Step::ReducedRate, Some(limits.reduced_fps)),
            2 => (Step::LowRate, Some(limits.low_fps)),
            _ => (Step::Paused, None),
        };
        let drained = if drain >= 2 { (Step::ReducedRate, Some(limits.reduced_fps)) } else { (Step::Full, None) };
        // Of two causes the stronger one rules.
        let (step, max_fps) = if hot.0 >= drained.0 { hot } else { drained };
        let before = self.now;
        self.now = Derating {
            step,
            max_fps,
            cheaper: step == Step::LowRate && limits.cheaper,
            hot: heat > 0,
            drained: drain >= 2,
            battery_low: drain >= 1,
            memory_low: shortage >= 1,
            temperature_c: conditions.temperature_c.or(before.temperature_c),
            battery_percent: conditions.battery_percent.or(before.battery_percent),
        };
        (self.now.kind() != before.kind()).then_some(Change { before, after: self.now })
    }
}

/// How short of memory the machine is: 1 at the reserve, or where tasks wait for memory for [`PRESSURE`] percent of the time.
fn short_of_memory(conditions: &Conditions, reserve_mib: u64) -> Option<f32> {
    let little = conditions.available_mib.map(|available| reserve_mib as f32 / (available as f32).max(1.0));
    let waits = conditions.pressure.map(|share| share / PRESSURE);
    match (little, waits) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
