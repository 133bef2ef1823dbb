//! The commands, one file each.

mod bench;
mod board;
mod bundle;
mod doctor;
mod engine;
mod infer;
mod probe;
mod run;
mod selftest;

use std::path::Path;
use std::time::Instant;

use ushydra_bundle::Bundle;
use ushydra_engine::Models;

use crate::cli::{Command, Settings};
use crate::config::Config;
use crate::failure::Failure;
use crate::locate;
use crate::pipeline::{Pipeline, PipelineOptions};
use crate::report::Output;

/// Runs `command`.
///
/// # Errors
/// Whatever ended it.
pub fn run(command: Command, settings: &Settings, config: &Config) -> Result<(), Failure> {
    let mut output = Output::stdout(settings.json);
    match command {
        Command::Run(arguments) => run::run(&arguments, settings, config, &mut output),
        Command::Infer(arguments) => infer::infer(&arguments, settings, &mut output),
        Command::Probe(command) => probe::probe(&command, &mut output),
        Command::Bundle(command) => bundle::bundle(&command, settings, &mut output),
        Command::Engine(command) => engine::engine(&command, settings, &mut output),
        Command::Board(command) => board::board(&command, settings, &mut output),
        Command::Bench(arguments) => bench::bench(&arguments, settings, &mut output),
        Command::Doctor => doctor::doctor(settings, config, &mut output),
        Command::Selftest => selftest::selftest(settings, &mut output),
    }
}

/// Opens and verifies the bundle that the settings ask for.
fn open_bundle(settings: &Settings) -> Result<Bundle, Failure> {
    open_bundle_in(&locate::bundle(settings.bundle.as_deref())?)
}

fn open_bundle_in(folder: &Path) -> Result<Bundle, Failure> {
    let begin = Instant::now();
    let bundle = bundle::open(folder)?;
    let folder = bundle.root();
    log::info!("bundle {} in {} verified in {:?}", bundle.id(), folder.display(), begin.elapsed());
    Ok(bundle)
}

/// Loads the models of `bundle` and proves with the golden picture that they answer as they should.
fn load_models(bundle: &Bundle, settings: &Settings) -> Result<Models, Failure> {
    let begin = Instant::now();
    let mut models = Models::load(bundle, settings.backend, &settings.engine())?;
    log::info!("models loaded on {} ({}) in {:?}", models.backend(), models.precisions(), begin.elapsed());
    let begin = Instant::now();
    models.self_test(bundle)?;
    log::info!("self-test passed in {:?}", begin.elapsed());
    Ok(models)
}

/// A pipeline that is ready for its first frame.
fn open_pipeline(bundle: &Bundle, settings: &Settings, live: bool) -> Result<Pipeline, Failure> {
    let models = load_models(bundle, settings)?;
    let options = PipelineOptions { routing: settings.routing.clone(), gate: settings.gate, live };
    Pipeline::new(bundle, models, &options)
}
