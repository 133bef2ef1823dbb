//! Batteries and mains: `/sys/class/power_supply`.

use serde::Serialize;

use crate::root::Root;

const SUPPLIES: &str = "/sys/class/power_supply";
/// Longest time that a battery can be believed to last, in minutes.
const LONGEST_MINUTES: f64 = 7.0 * 24.0 * 60.0;

/// What a battery does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is being filled.
    Charging,
    /// It feeds the machine.
    Discharging,
    /// It is full, or its charger keeps it where it is.
    Idle,
    /// It does not say.
    Unknown,
}

/// All batteries of the machine together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Battery {
    /// What is left, in percent.
    pub percent: f32,
    /// What it does.
    pub state: State,
    /// Minutes until it is empty, where it discharges and says how fast.
    pub minutes_left: Option<u32>,
}

/// Whether the mains feed the machine; none where no supply says so.
#[must_use]
pub fn on_mains(root: &Root) -> Option<bool> {
    let mains = |name: &String| matches!(kind(root, name).as_deref(), Some("Mains" | "USB"));
    let supplies = root.entries(SUPPLIES).into_iter().filter(mains);
    let states = supplies.filter_map(|name| root.number::<u8>(format!("{SUPPLIES}/{name}/online"))).collect::<Vec<_>>();
    (!states.is_empty()).then(|| states.iter().any(|&online| online != 0))
}

/// The machine's batteries as one: the mean of what is left, discharging where any of them does. Batteries of mice and pens do not
/// count.
#[must_use]
pub fn battery(root: &Root) -> Option<Battery> {
    let ours = |name: &String| {
        kind(root, name).as_deref() == Some("Battery")
            && root.text(format!("{SUPPLIES}/{name}/scope")).as_deref() != Some("Device")
            && root.number::<u8>(format!("{SUPPLIES}/{name}/present")) != Some(0)
    };
    let all = root.entries(SUPPLIES).into_iter().filter(ours).filter_map(|name| one(root, &name)).collect::<Vec<_>>();
    let first = all.first()?;
    let percent = all.iter().map(|b| b.percent).sum::<f32>() / all.len() as f32;
    let is = |state: State| all.iter().any(|b| b.state == state);
    let state = [State::Discharging, State::Charging].into_iter().find(|&state| is(state)).unwrap_or(first.state);
    let minutes = all
        .iter()
        .filter_map(|b| b.minutes_left)
        .fold(None, |sum: Option<u32>, m| Some(sum.unwrap_or(0).saturating_add(m)));
    Some(Battery { percent, state, minutes_left: minutes.filter(|_| state == State::Discharging) })
}

fn kind(root: &Root, name: &str) -> Option<String> {
    root.text(format!("{SUPPLIES}/{name}/type"))
}

fn one(root: &Root, name: &str) -> Option<Battery> {
    let number = |file: &str| root.number::<f64>(format!("{SUPPLIES}/{name}/{file}")).filter(|value| value.is_finite());
    // Gauges count energy (uWh, uW) or charge (uAh, uA).
    let now = number("energy_now").zip(number("power_now")).or_else(|| number("charge_now").zip(number("current_now")));
    let full = number("energy_full").or_else(|| number("charge_full")).filter(|&full| full > 0.0);
    let percent =
        number("capacity").or_else(|| Some(number("energy_now").or_else(|| number("charge_now"))? / full? * 100.0));
    // Worn gauges say 101 or 103; nothing else beyond the ends is believed.
    let percent = percent.filter(|p| (0.0..=110.0).contains(p))?.min(100.0) as f32;
    let state = match root.text(format!("{SUPPLIES}/{name}/status")).as_deref() {
        Some("Charging") => State::Charging,
        Some("Discharging") => State::Discharging,
        Some("Full" | "Not charging") => State::Idle,
        _ => State::Unknown,
    };
    // Some drivers count what flows out as negative.
    let computed =
        now.filter(|(left, rate)| *left >= 0.0 && rate.abs() > 0.0).map(|(left, rate)| left / rate.abs() * 60.0);
    let told = number("time_to_empty_now").or_else(|| number("time_to_empty_avg")).map(|seconds| seconds / 60.0);
    let minutes = told.filter(|&m| m > 0.0).or(computed).filter(|m| (0.0..=LONGEST_MINUTES).contains(m));
    Some(Battery { percent, state, minutes_left: minutes.filter(|_| state == State::Discharging).map(|m| m as u32) })
}
