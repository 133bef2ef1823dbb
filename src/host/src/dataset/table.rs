//! A csv with a header line, its fields found by column name.

use std::path::{Path, PathBuf};

use csv::{Position, ReaderBuilder, StringRecord, Trim};

use crate::error::{HostError, Result};
use crate::files;

/// A csv read into memory. Columns are named without regard to case; the separator is `;` where the first line has one,
/// else `,`.
pub(crate) struct Table {
    path: PathBuf,
    header: StringRecord,
    records: Vec<StringRecord>,
}

impl Table {
    /// Reads a csv.
    ///
    /// # Errors
    /// [`HostError::Io`]; [`HostError::Csv`] for a line with another number of fields than the header.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path)?;
        let first = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
        let delimiter = if first.contains(&b';') { b';' } else { b',' };
        let mut reader = ReaderBuilder::new().delimiter(delimiter).trim(Trim::All).from_reader(bytes.as_slice());
        let wrong = |e: csv::Error| HostError::Csv {
            path: path.to_owned(),
            line: e.position().map(Position::line),
            problem: format!("{e}; correct the line"),
        };
        let header = reader.headers().map_err(wrong)?.clone();
        let records = reader.records().collect::<std::result::Result<_, _>>().map_err(wrong)?;
        Ok(Self { path: path.to_owned(), header, records })
    }

    /// Where it was read from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the columns.
    pub(crate) fn header(&self) -> impl Iterator<Item = &str> {
        self.header.iter()
    }

    /// Number of a column.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        // Spreadsheets like to begin a file with a byte order mark.
        self.header.iter().position(|h| h.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name))
    }

    /// Those of `names` that are no column.
    pub(crate) fn missing<'n>(&self, names: &[&'n str]) -> Vec<&'n str> {
        names.iter().copied().filter(|name| self.find(name).is_none()).collect()
    }

    /// The lines.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.records.iter().map(|record| Row { table: self, record })
    }

    /// A problem of this csv.
    pub(crate) fn error(&self, line: Option<u64>, problem: String) -> HostError {
        HostError::Csv { path: self.path.clone(), line, problem }
    }
}

/// One line.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    table: &'a Table,
    record: &'a StringRecord,
}

impl<'a> Row<'a> {
    /// A problem of this line.
    pub(crate) fn error(&self, problem: String) -> HostError {
        self.table.error(self.record.position().map(Position::line), problem)
    }

    /// A field, empty where the csv lacks the column.
    pub(crate) fn optional(&self, name: &str) -> &'a str {
        self.table.find(name).and_then(|column| self.record.get(column)).unwrap_or_default()
    }

    /// A field that must not be empty.
    ///
    /// # Errors
    /// [`HostError::Csv`] with the line.
    pub(crate) fn required(&self, name: &str) -> Result<String> {
        match self.optional(name) {
            "" => Err(self.error(format!("the field `{name}` is empty; fill it in or remove the line"))),
            value => Ok(value.to_owned()),
        }
    }
}
