//! `ushydra-host`: data sets, training, calibration, evaluation and export of model bundles.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
