//! The command line: arguments, logging, exit codes.

mod args;
mod bundle_args;
mod logging;
mod settings;

use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::Parser;

pub use args::{
    Arguments, BenchArguments, BoardCommand, Command, Common, EngineCommand, InferArguments, ProbeCommand,
    ProbeTestArguments, RunArguments,
};
pub use bundle_args::{
    BundleCommand, InstallArguments, KeygenArguments, KeysArgument, RollbackArguments, SignArguments, StoreArgument,
};
pub use settings::Settings;

use crate::commands;
use crate::config::Config;
use crate::failure::{Failure, INTERNAL, OK, USAGE};

/// Runs the program with the process's arguments and returns its exit code.
#[must_use]
pub fn main() -> u8 {
    logging::quiet_panics();
    match catch_unwind(AssertUnwindSafe(dispatch)) {
        Ok(Ok(())) => OK,
        Ok(Err(failure)) => {
            if !matches!(failure, Failure::ClosedPipe | Failure::Refused) {
                complain(&failure.to_string());
            }
            failure.exit_code()
        }
        Err(panic) => {
            complain(&Failure::Internal(panic_text(panic.as_ref())).to_string());
            INTERNAL
        }
    }
}

fn dispatch() -> Result<(), Failure> {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(message) => return explain(&message),
    };
    let config = arguments.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
    let settings = Settings::merge(&arguments.common, &config)?;
    logging::start(settings.verbosity);
    commands::run(arguments.command, &settings, &config)
}

/// Help and version go to standard output with exit code 0, mistakes to standard error with exit code 2.
fn explain(message: &clap::Error) -> Result<(), Failure> {
    // A reader that closed the pipe has read what it wanted.
    let _ = message.print();
    if message.exit_code() == 0 {
        Ok(())
    } else {
        debug_assert_eq!(message.exit_code(), i32::from(USAGE));
        // clap has said it all.
        Err(Failure::Refused)
    }
}

/// Says why the program stops. Standard error may be closed; then nobody is left to tell.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "ushydra: {message}");
}

/// The message of a panic.
#[must_use]
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    match (text, logging::last_panic_place()) {
        (Some(text), Some(place)) => format!("{text} ({place})"),
        (Some(text), None) => text.to_owned(),
        (None, _) => "a panic without a message".to_owned(),
    }
}
