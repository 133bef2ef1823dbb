//! The simulator's command line. See `ushydra-probe-sim --help`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ushydra-probe-sim: {error}");
            ExitCode::from(1)
        }
    }
}
