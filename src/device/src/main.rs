//! The device program. See `ushydra --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(ushydra::cli::main())
}
