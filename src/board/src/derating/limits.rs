//! The limits of a policy, and what it looks at.

use crate::battery::State;
use crate::profile::Profile;
use crate::readings::Readings;
use crate::thermal::{self, TripKind, Zone};

/// Our limits stay this far below the board's own trip points, in degrees: the kernel must not be the first to act.
const MARGIN_C: f32 = 3.0;

/// When something is given up, and what is left then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Temperature of the reduced rate.
    pub warm_c: f32,
    /// Temperature of the low rate and of the cheaper decoders.
    pub hot_c: f32,
    /// Temperature of the pause.
    pub critical_c: f32,
    /// A step is taken back this far below its limit.
    pub hysteresis_c: f32,
    /// Reduced rate in frames per second.
    pub reduced_fps: f32,
    /// Low rate in frames per second.
    pub low_fps: f32,
    /// Less available memory than this is pressure, in MiB.
    pub reserve_mib: u64,
    /// Whether there is a cheaper form of the decoders.
    pub cheaper: bool,
}

impl Limits {
    /// The limits of `profile`, lowered where the board's own trip points lie below them: the kernel slows the board down at its lowest
    /// passive point and switches it off at its lowest critical one.
    #[must_use]
    pub fn of(profile: &Profile, zones: &[Zone], cheaper: bool) -> Self {
        let thermal = &profile.thermal;
        let trip =
            |kinds: &[TripKind]| thermal::lowest_trip(zones, &thermal.ignored, kinds).map(|trip| trip - MARGIN_C);
        let at_most = |limit: f32, trip: Option<f32>| trip.map_or(limit, |trip| limit.min(trip));
        let critical_c = at_most(thermal.critical_c, trip(&[TripKind::Hot, TripKind::Critical]));
        let hot_c = at_most(thermal.hot_c, trip(&[TripKind::Passive])).min(critical_c - thermal.hysteresis_c);
        let warm_c = thermal.warm_c.min(hot_c - thermal.hysteresis_c);
        Self {
            warm_c,
            hot_c,
            critical_c,
            hysteresis_c: thermal.hysteresis_c,
            reduced_fps: profile.rates.reduced_fps,
            low_fps: profile.rates.low_fps,
            reserve_mib: profile.memory.reserve_mib,
            cheaper,
        }
    }
}

/// What a policy looks at. What is not known is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conditions {
    /// Hottest zone that counts, in degrees Celsius.
    pub temperature_c: Option<f32>,
    /// What is left in the battery, in percent.
    pub battery_percent: Option<f32>,
    /// Whether the battery feeds the machine.
    pub discharging: bool,
    /// Available memory in MiB.
    pub available_mib: Option<u64>,
    /// Share of time in which tasks wait for memory, in percent.
    pub pressure: Option<f32>,
}

impl Conditions {
    /// The part of `readings` that matters, with the zones that `profile` counts.
    #[must_use]
    pub fn of(readings: &Readings, profile: &Profile) -> Self {
        Self {
            temperature_c: thermal::hottest(&readings.zones, &profile.thermal.ignored).map(|(_, celsius)| celsius),
            battery_percent: readings.battery.map(|battery| battery.percent),
            discharging: readings.battery.is_some_and(|battery| battery.state == State::Discharging),
            available_mib: readings.memory.available_mib,
            pressure: readings.memory.pressure_some,
        }
    }
}
