//! `ushydra board show`: the board in figures.

use std::fmt::Display;

use serde::Serialize;
use ushydra_board::{Basis, Identity, Profile, Readings, names};

use super::Board;
use crate::failure::Failure;
use crate::report::Output;

/// The record of `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    identity: &'a Identity,
    readings: &'a Readings,
    limits_c: [f32; 3],
    known: Vec<&'static str>,
}

pub(super) fn show(board: &Board, output: &mut Output) -> Result<(), Failure> {
    let Board { identity, readings, limits, .. } = board;
    if output.is_json() {
        let limits_c = [limits.warm_c, limits.hot_c, limits.critical_c];
        return output.json(&Shown { identity, readings, limits_c, known: names().collect() });
    }
    let mut line = |name: &str, text: &dyn Display| output.text(format_args!("{name:<12} {text}"));
    line("board", &identity.model.as_deref().unwrap_or("a machine without a name"))?;
    let how = if identity.chosen { "asked for" } else { "recognised" };
    line("profile", &format_args!("{}: {} ({how})", identity.profile.name, identity.profile.title))?;
    if let Some(warning) = &identity.warning {
        line("", warning)?;
    }
    line("known", &names().collect::<Vec<_>>().join(", "))?;
    sensors(readings, &mut line)?;
    line("derating", &format_args!("from {:.0}, {:.0} and {:.0} °C", limits.warm_c, limits.hot_c, limits.critical_c))?;
    expectations(&identity.profile, &mut line)
}

type Line<'a> = dyn FnMut(&str, &dyn Display) -> Result<(), Failure> + 'a;

fn sensors(readings: &Readings, line: &mut Line<'_>) -> Result<(), Failure> {
    if let Some(mode) = &readings.mode {
        line("power mode", &format_args!("{} ({})", mode.name.as_deref().unwrap_or("without a name"), mode.id))?;
    }
    let cpu = &readings.cpu;
    let megahertz = |mhz: Option<u32>| mhz.map_or_else(|| "?".to_owned(), |mhz| mhz.to_string());
    let governor = cpu.governor.as_deref().unwrap_or("unknown");
    let clock = format!("{} of {} MHz, governor {governor}", megahertz(cpu.mhz), megahertz(cpu.limit_mhz));
    line("processor", &format_args!("{} cores, {clock}", cpu.online))?;
    if let Some(gpu) = &readings.gpu {
        let load = gpu.load.map(|load| format!(", {:.0} % busy", load * 100.0)).unwrap_or_default();
        line("gpu", &format_args!("{} of {} MHz{load}", megahertz(gpu.mhz), megahertz(gpu.limit_mhz)))?;
    }
    for zone in &readings.zones {
        let celsius = zone.temperature_c.map_or_else(|| "asleep".to_owned(), |celsius| format!("{celsius:.1} °C"));
        line("temperature", &format_args!("{:<20} {celsius}", zone.name))?;
    }
    for rail in &readings.rails {
        let watts = rail.watts.map_or_else(|| "?".to_owned(), |watts| format!("{watts:.2} W"));
        line("rail", &format_args!("{:<20} {watts}", rail.name))?;
    }
    for fan in &readings.fans {
        let speed = fan.rpm.map(|rpm| format!("{rpm} rpm")).or_else(|| fan.duty.map(|d| format!("{:.0} %", d * 100.0)));
        line("fan", &format_args!("{:<20} {}", fan.name, speed.unwrap_or_default()))?;
    }
    if let Some(battery) = readings.battery {
        line("battery", &format_args!("{:.0} %", battery.percent))?;
    }
    let memory = &readings.memory;
    if let (Some(total), Some(available)) = (memory.total_mib, memory.available_mib) {
        line("memory", &format_args!("{available} of {total} MiB available"))?;
    }
    Ok(())
}

fn expectations(profile: &Profile, line: &mut Line<'_>) -> Result<(), Failure> {
    line("budget", &format_args!("{} MiB", profile.memory.budget_mib))?;
    if let Some(gpu) = &profile.accelerators.gpu {
        line("accelerator", &format_args!("{gpu}, {} DLA cores", profile.accelerators.dla_cores))?;
    }
    for latency in &profile.latency {
        let basis = match latency.basis {
            Basis::Measured => "measured",
            Basis::Estimated => "estimated",
        };
        let what = format!("{} on {} in {}", latency.bundle, latency.backend, latency.precision);
        line("expected", &format_args!("{what:<38} {:>6.1} ms a frame ({basis})", latency.frame_ms))?;
    }
    Ok(())
}
