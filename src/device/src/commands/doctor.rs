//! `ushydra doctor`: what this machine has, what is missing and how to get it.

use std::fs::File;
use std::path::Path;

use serde::Serialize;
use ushydra_bundle::Bundle;
use ushydra_probe::{Candidate, candidates};

use super::board::Board;
use super::engine;
use crate::cli::Settings;
use crate::config::Config;
use crate::failure::Failure;
use crate::locate;
use crate::machine::Machine;
use crate::report::{Checks, Output};

/// Memory that `run` with one bundle on the CPU stays below, in MiB.
const MEMORY_NEEDED_MIB: u64 = 350;

#[derive(Serialize)]
struct Subject {
    version: &'static str,
    optimised: bool,
    machine: Machine,
}

pub(super) fn doctor(settings: &Settings, config: &Config, output: &mut Output) -> Result<(), Failure> {
    let machine = Machine::describe();
    let optimised = !cfg!(debug_assertions);
    let build = if optimised { "optimised build" } else { "debugging build, slow" };
    let mut checks = Checks::new(output);
    checks.make("program", || Ok(((), format!("ushydra {} ({build})", env!("CARGO_PKG_VERSION")))))?;
    checks.make("machine", || {
        let Machine { processor, architecture, system, cores, .. } = &machine;
        Ok(((), format!("{processor}, {architecture}, {system}, {cores} cores, {} engine threads", settings.threads)))
    })?;
    checks.make("memory", || memory(&machine))?;
    checks.make("configuration", || {
        let given = if *config == Config::default() { "defaults" } else { "changed by --config" };
        Ok(((), given.to_owned()))
    })?;
    for listed in engine::backends(settings) {
        let detail = format!("{}: {}", listed.name, listed.detail);
        // A backend that is not there is no fault unless it was asked for.
        if listed.usable || settings.backend == listed.backend {
            checks.make("backend", || {
                listed.backend.available(&settings.engine())?;
                Ok(((), detail))
            })?;
        } else {
            checks.note("backend", detail)?;
        }
    }
    checks.note("engine cache", engine::cache())?;
    let chosen = checks.make("bundle in use", || {
        let folder = locate::bundle(settings.bundle.as_deref())?;
        let detail = sound(&folder)?;
        Ok((folder, detail))
    })?;
    for path in locate::search_path().iter().flat_map(|folder| locate::bundles_in(folder)) {
        if chosen.as_ref() == Some(&path) {
            continue;
        }
        match sound(&path) {
            Ok(detail) => checks.note("other bundle", detail)?,
            Err(failure) => checks.note("other bundle", format!("DAMAGED: {failure}"))?,
        }
    }
    Board::look(settings)?.examine(&mut checks, settings)?;
    checks.note("probes and cameras", devices())?;
    match locate::demo_cine(chosen.as_deref()).and_then(|path| readable(&path).map(|()| path)) {
        Ok(path) => checks.note("demo cine", path.display().to_string())?,
        Err(failure) => checks.note("demo cine", failure.to_string())?,
    }
    checks.finish(Subject { version: env!("CARGO_PKG_VERSION"), optimised, machine })
}

/// What is plugged in, and how much of it can be used.
fn devices() -> String {
    match candidates() {
        Ok(found) if found.is_empty() => "none is plugged in".to_owned(),
        Ok(found) => {
            let describe = |c: &Candidate| {
                let problem = c.problem.as_deref().map(|problem| format!(" ({problem})")).unwrap_or_default();
                format!("{}{problem}", c.source)
            };
            found.iter().map(describe).collect::<Vec<_>>().join(", ")
        }
        Err(fault) => fault.to_string(),
    }
}

fn memory(machine: &Machine) -> Result<((), String), Failure> {
    let (Some(total), Some(available)) = (machine.memory_mib, machine.available_mib) else {
        return Ok(((), "unknown on this system".to_owned()));
    };
    let detail = format!("{available} of {total} MiB available, about {MEMORY_NEEDED_MIB} MiB needed");
    if available < MEMORY_NEEDED_MIB {
        return Err(Failure::Machine(format!("{detail}; close other programs")));
    }
    Ok(((), detail))
}

/// Opens a bundle, which checks every hash.
fn sound(folder: &Path) -> Result<String, Failure> {
    let bundle = Bundle::open(folder)?;
    Ok(format!("{} in {}: every hash is right", bundle.id(), folder.display()))
}

fn readable(path: &Path) -> Result<(), Failure> {
    File::open(path).map(drop).map_err(|e| Failure::Input {
        source_name: path.display().to_string(),
        message: format!("cannot be opened: {e}; check its permissions"),
    })
}
