//! Inputs that were refused: one line each, the run goes on, the exit code remembers them.

use std::fmt::Display;
use std::io::Write;

use super::output::Output;
use super::record::ErrorRecord;
use crate::failure::Failure;

/// Counts refused inputs.
#[derive(Debug, Default)]
pub struct Refusals {
    failed: u64,
}

impl Refusals {
    /// Names and counts one refused input.
    ///
    /// # Errors
    /// As [`Self::say`].
    pub fn report(&mut self, output: &mut Output, source: &str, cause: &dyn Display) -> Result<(), Failure> {
        self.failed += 1;
        Self::say(output, source, cause)
    }

    /// Names what is wrong with a source: on standard output as JSON, else on standard error.
    ///
    /// # Errors
    /// [`Failure::ClosedPipe`] or [`Failure::Output`].
    pub fn say(output: &mut Output, source: &str, cause: &dyn Display) -> Result<(), Failure> {
        let error = cause.to_string();
        if output.is_json() {
            return output.json(&ErrorRecord { source, error: &error });
        }
        // Standard error may be closed; then nobody is left to tell.
        let _ = if source.is_empty() {
            writeln!(std::io::stderr(), "ushydra: {error}")
        } else {
            writeln!(std::io::stderr(), "ushydra: {source}: {error}")
        };
        Ok(())
    }

    /// The end of the run, in which `judged` frames had a result.
    ///
    /// # Errors
    /// [`Failure::SomeInputs`] where any input was refused.
    pub fn finish(&self, judged: u64) -> Result<(), Failure> {
        if self.failed == 0 { Ok(()) } else { Err(Failure::SomeInputs { failed: self.failed, judged }) }
    }
}
