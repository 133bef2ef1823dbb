//! Standard output, one line at a time.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Bytes kept for one line; longer lines grow the buffer once.
const LINE_BYTES: usize = 4096;

/// Writes whole lines and reports a reader that went away as [`Failure::ClosedPipe`].
pub struct Output {
    sink: Box<dyn Write + Send>,
    line: Vec<u8>,
    json: bool,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("json", &self.json).finish_non_exhaustive()
    }
}

impl Output {
    /// Lines to standard output.
    #[must_use]
    pub fn stdout(json: bool) -> Self {
        Self::to(Box::new(io::stdout()), json)
    }

    /// Lines to any sink.
    #[must_use]
    pub fn to(sink: Box<dyn Write + Send>, json: bool) -> Self {
        Self { sink, line: Vec::with_capacity(LINE_BYTES), json }
    }

    /// Whether results are JSON lines.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Writes `record` as one line of JSON.
    ///
    /// # Errors
    /// [`Failure::ClosedPipe`] or [`Failure::Output`].
    pub fn json(&mut self, record: &impl Serialize) -> Result<(), Failure> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, record).map_err(|e| Failure::Internal(e.to_string()))?;
        self.finish_line()
    }

    /// Writes one line of text: `output.text(format_args!(..))`.
    ///
    /// # Errors
    /// As [`Self::json`].
    pub fn text(&mut self, text: impl fmt::Display) -> Result<(), Failure> {
        self.line.clear();
        write!(self.line, "{text}").map_err(Failure::stdout)?;
        self.finish_line()
    }

    // One write per line: lines of two processes on one terminal do not mix, and a reader never sees half a record.
    fn finish_line(&mut self) -> Result<(), Failure> {
        self.line.push(b'\n');
        self.sink.write_all(&self.line).and_then(|()| self.sink.flush()).map_err(Failure::stdout)
    }
}
