//! Lists of checks: PASS or FAIL with what was found, for `bundle verify`, `selftest` and `doctor`.

use serde::Serialize;

use super::output::Output;
use crate::failure::{Failure, INTERNAL};

/// Outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Pass,
    Fail,
    /// It works, but not as it should.
    Warn,
    /// Worth knowing, but nothing that was asked for needs it.
    Note,
}

/// One check that was made.
#[derive(Debug, Serialize)]
struct Check {
    check: &'static str,
    state: State,
    detail: String,
}

/// Makes checks, prints each at once as text, or all together as one JSON object at the end.
#[derive(Debug)]
pub struct Checks<'a> {
    output: &'a mut Output,
    made: Vec<Check>,
    code: Option<u8>,
}

#[derive(Serialize)]
struct Summary<'a, T> {
    #[serde(flatten)]
    subject: T,
    passed: bool,
    checks: &'a [Check],
}

impl<'a> Checks<'a> {
    /// No checks yet.
    pub fn new(output: &'a mut Output) -> Self {
        Self { output, made: Vec::new(), code: None }
    }

    /// Makes one check: `work` gives a value and what was found, or the failure.
    ///
    /// # Errors
    /// Only where the result cannot be printed; a failed check is counted and gives `None`.
    pub fn make<T>(
        &mut self,
        check: &'static str,
        work: impl FnOnce() -> Result<(T, String), Failure>,
    ) -> Result<Option<T>, Failure> {
        match work() {
            Ok((value, detail)) => {
                self.add(check, State::Pass, detail)?;
                Ok(Some(value))
            }
            Err(failure) => {
                self.code.get_or_insert(failure.exit_code());
                self.add(check, State::Fail, failure.to_string())?;
                Ok(None)
            }
        }
    }

    /// Says something that is neither right nor wrong.
    ///
    /// # Errors
    /// Only where it cannot be printed.
    pub fn note(&mut self, check: &'static str, detail: String) -> Result<(), Failure> {
        self.add(check, State::Note, detail)
    }

    /// Says what works but not as it should, with the remedy.
    ///
    /// # Errors
    /// Only where it cannot be printed.
    pub fn warn(&mut self, check: &'static str, detail: String) -> Result<(), Failure> {
        self.add(check, State::Warn, detail)
    }

    fn add(&mut self, check: &'static str, state: State, detail: String) -> Result<(), Failure> {
        if !self.output.is_json() {
            let word = match state {
                State::Pass => "PASS",
                State::Fail => "FAIL",
                State::Warn => "WARN",
                State::Note => "NOTE",
            };
            self.output.text(format_args!("{word}  {check:<24} {detail}"))?;
        }
        self.made.push(Check { check, state, detail });
        Ok(())
    }

    /// Checks that failed so far.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.made.iter().filter(|check| check.state == State::Fail).count()
    }

    /// Closes the list; `subject` stands in front of the checks in JSON.
    ///
    /// # Errors
    /// [`Failure::Checks`] with the exit code of the first check that failed.
    pub fn finish(self, subject: impl Serialize) -> Result<(), Failure> {
        let failed = self.failed();
        if self.output.is_json() {
            self.output.json(&Summary { subject, passed: failed == 0, checks: &self.made })?;
        }
        if failed == 0 {
            return Ok(());
        }
        Err(Failure::Checks { failed, total: self.made.len(), code: self.code.unwrap_or(INTERNAL) })
    }
}
