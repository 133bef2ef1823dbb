//! `ushydra engine list`: which backends can be used here.

use serde::Serialize;
use ushydra_engine::Backend;

use crate::cli::EngineCommand;
use crate::failure::Failure;
use crate::report::Output;

/// One backend.
#[derive(Serialize)]
pub(super) struct Listed {
    #[serde(skip)]
    pub(super) backend: Backend,
    /// Its name on the command line.
    #[serde(rename = "backend")]
    pub(super) name: &'static str,
    /// Whether it can run a model here.
    pub(super) usable: bool,
    /// What it is, or why it cannot be used and what to do.
    pub(super) detail: String,
}

pub(super) fn engine(command: &EngineCommand, output: &mut Output) -> Result<(), Failure> {
    let EngineCommand::List = command;
    for listed in backends() {
        if output.is_json() {
            output.json(&listed)?;
            continue;
        }
        let state = if listed.usable { "usable" } else { "not usable" };
        output.text(format_args!("{:<10} {state}: {}", listed.name, listed.detail))?;
    }
    Ok(())
}

/// Every backend of the command line.
pub(super) fn backends() -> Vec<Listed> {
    [(Backend::Tensorrt, "tensorrt", "NVIDIA GPU"), (Backend::Tract, "tract", "CPU, built in")]
        .into_iter()
        .map(|(backend, name, what)| {
            let (usable, detail) = match backend.available() {
                Ok(()) => (true, what.to_owned()),
                Err(error) => (false, error.to_string()),
            };
            Listed { backend, name, usable, detail }
        })
        .collect()
}
