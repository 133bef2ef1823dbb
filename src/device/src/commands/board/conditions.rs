//! Checks of the board itself: power mode, clocks, temperature, battery, memory.

use ushydra_board::{battery, thermal};

use super::Board;
use crate::failure::Failure;
use crate::report::Checks;

/// A battery below this charge in percent is worth a word.
const BATTERY_LOW: f32 = 20.0;
/// Memory that a module may lack against its profile: the firmware's carve-outs differ.
const MEMORY_TOLERANCE: f64 = 0.85;
/// Clock that counts as the profile's, of the clock there.
const CLOCK_TOLERANCE: f64 = 0.95;

pub(super) fn examine(board: &Board, checks: &mut Checks<'_>) -> Result<(), Failure> {
    name(board, checks)?;
    power_mode(board, checks)?;
    clocks(board, checks)?;
    temperature(board, checks)?;
    charge(board, checks)?;
    memory(board, checks)
}

fn name(board: &Board, checks: &mut Checks<'_>) -> Result<(), Failure> {
    let identity = &board.identity;
    let model = identity.model.as_deref().unwrap_or("a machine without a name");
    let how = if identity.chosen { "as asked for" } else { "recognised" };
    match &identity.warning {
        Some(warning) => checks.warn("board", warning.clone()),
        None => checks.note("board", format!("{model}, treated as {} ({how})", identity.profile.name)),
    }
}

/// A lower mode than the profile's makes every latency longer; a higher one is as good.
fn power_mode(board: &Board, checks: &mut Checks<'_>) -> Result<(), Failure> {
    let profile = &board.identity.profile;
    let Some(power) = &profile.power else {
        return checks.note("power mode", "boards of this kind have none".to_owned());
    };
    let Some(mode) = &board.readings.mode else {
        let remedy = "set one with `sudo nvpmodel -m ID` and restart";
        return checks.warn("power mode", format!("none is set (no /var/lib/nvpmodel/status); {remedy}"));
    };
    let name = mode.name.as_deref().unwrap_or("without a name");
    let (found, wanted) = (mode.name.as_deref().and_then(|name| profile.watts(name)), profile.watts(&power.mode));
    match found.zip(wanted) {
        Some((found, wanted)) if found < wanted => {
            let listed = board.readings.modes.iter().find(|mode| mode.name.as_deref() == Some(&power.mode));
            let id = listed.map_or_else(|| "ID".to_owned(), |mode| mode.id.to_string());
            checks.warn(
                "power mode",
                format!("{name} ({found} W), lower than {} ({wanted} W); `sudo nvpmodel -m {id}`", power.mode),
            )
        }
        Some((found, _)) => checks.make("power mode", || Ok(((), format!("{name} ({found} W)")))).map(drop),
        None => checks.note("power mode", format!("{name} (number {}), which the profile does not know", mode.id)),
    }
}

fn clocks(board: &Board, checks: &mut Checks<'_>) -> Result<(), Failure> {
    let cpu = &board.readings.cpu;
    let Some(limit) = cpu.limit_mhz else {
        return checks.note("clocks", "the system does not tell them".to_owned());
    };
    let governor = cpu.governor.as_deref().unwrap_or("unknown");
    let gpu = board.readings.gpu.as_ref().and_then(|gpu| gpu.limit_mhz).map(|mhz| format!(", GPU up to {mhz} MHz"));
    let detail = format!("{} cores up to {limit} MHz, governor {governor}{}", cpu.online, gpu.unwrap_or_default());
    let expected = board.identity.profile.clocks.as_ref();
    if governor == "powersave" && cpu.max_mhz.is_some_and(|max| limit < max) {
        return checks.warn("clocks", format!("{detail}; `powersave` keeps them low, take `schedutil`"));
    }
    match expected {
        Some(clocks) if f64::from(limit) < f64::from(clocks.cpu_mhz) * CLOCK_TOLERANCE => {
            checks.warn("clocks", format!("{detail}; the profile's latencies are for {} MHz", clocks.cpu_mhz))
        }
        Some(clocks) if cpu.online < clocks.cpu_cores as usize => {
            checks.warn("clocks", format!("{detail}; the profile's latencies are for {} cores", clocks.cpu_cores))
        }
        _ => checks.note("clocks", detail),
    }
}

fn temperature(board: &Board, checks: &mut Checks<'_>) -> Result<(), Failure> {
    let (zones, limits) = (&board.readings.zones, &board.limits);
    let Some((zone, celsius)) = thermal::hottest(zones, &board.identity.profile.thermal.ignored) else {
        return checks.note("temperature", "no sensor tells it; derating cannot see heat on this machine".to_owned());
    };
    let detail = format!(
        "{celsius:.0} °C ({zone}); reduced rate from {:.0}, pause from {:.0} °C",
        limits.warm_c, limits.critical_c
    );
    if celsius >= limits.critical_c {
        let failure = Failure::Machine(format!("{detail}; switch the device off and let it cool down"));
        return checks.make("temperature", || Err::<((), String), _>(failure)).map(drop);
    }
    if celsius >= limits.warm_c {
        return checks.warn("temperature", format!("{detail}; free the vents, leave the sun"));
    }
    checks.make("temperature", || Ok(((), detail))).map(drop)
}

fn charge(board: &Board, checks: &mut Checks<'_>) -> Result<(), Failure> {
    let mains = match board.readings.on_mains {
        Some(true) => ", on mains",
        Some(false) => ", not on mains",
        None => "",
    };
    let Some(battery) = board.readings.battery else {
        return checks.note("battery", format!("none that tells its charge{mains}"));
    };
    let left = battery.minutes_left.map(|minutes| format!(", about {minutes} min left")).unwrap_or_default();
    let detail = format!("{:.0} %{left}{mains}", battery.percent);
    if battery.state == battery::State::Discharging && battery.percent <= BATTERY_LOW {
        return checks.warn("battery", format!("{detail}; plug the charger in"));
    }
    checks.note("battery", detail)
}

fn memory(board: &Board, checks: &mut Checks<'_>) -> Result<(), Failure> {
    let (memory, profile) = (&board.readings.memory, &board.identity.profile.memory);
    let (Some(total), Some(available)) = (memory.total_mib, memory.available_mib) else {
        return checks.note("memory of the board", "the system does not tell".to_owned());
    };
    let swap = match memory.swap_mib {
        Some(0) | None => "no swap".to_owned(),
        Some(mib) if memory.zram_only => format!("{mib} MiB of compressed memory (zram)"),
        Some(mib) => format!("{mib} MiB of swap on a disk, which wears flash memory"),
    };
    let detail = format!("{available} of {total} MiB available, budget {} MiB, {swap}", profile.budget_mib);
    if available < profile.reserve_mib {
        return checks
            .warn("memory of the board", format!("{detail}; below {} MiB, close other programs", profile.reserve_mib));
    }
    match profile.total_mib {
        Some(expected) if (total as f64) < expected as f64 * MEMORY_TOLERANCE => checks.warn(
            "memory of the board",
            format!("{detail}; the profile is for {expected} MiB, this is another module"),
        ),
        _ => checks.note("memory of the board", detail),
    }
}
