//! Values that a csv gives to files.
//!
//! A source matches a row where one path is the tail of the other, compared by whole components, so that
//! `../data/africa/7.png` finds `africa/7.png` and `7.png` finds `data/africa/7.png`. The longest match counts.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use serde::de::DeserializeOwned;

/// Largest csv that is read, in bytes.
const MAX_CSV_BYTES: u64 = 64 << 20;

/// One value per file.
#[derive(Clone, Debug)]
pub(crate) struct ByFile<T> {
    /// Rows by file name.
    rows: HashMap<String, Vec<(PathBuf, T)>>,
}

/// What is known of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found<'a, T> {
    /// No row matches.
    Nothing,
    /// The value of the longest match.
    One(&'a T),
    /// Equally long matches with different values.
    Several(&'a T, &'a T),
}

impl<T: PartialEq> ByFile<T> {
    pub(crate) fn new() -> Self {
        Self { rows: HashMap::new() }
    }

    /// Adds a row; `false` where `file` names no file.
    pub(crate) fn insert(&mut self, file: &str, value: T) -> bool {
        let file = PathBuf::from(file);
        let Some(name) = file.file_name().and_then(|n| n.to_str()) else { return false };
        let name = name.to_owned();
        self.rows.entry(name).or_default().push((file, value));
        true
    }

    /// The value of `source`.
    pub(crate) fn find(&self, source: &str) -> Found<'_, T> {
        let path = Path::new(source);
        let Some(name) = path.file_name().and_then(|n| n.to_str()) else { return Found::Nothing };
        let mut longest = 0;
        let mut found = Found::Nothing;
        for (file, value) in self.rows.get(name).into_iter().flatten() {
            let Some(length) = shared_tail(path, file) else { continue };
            match found {
                Found::One(first) | Found::Several(first, _) if length == longest && first != value => {
                    found = Found::Several(first, value);
                }
                _ if length > longest => (longest, found) = (length, Found::One(value)),
                _ => {}
            }
        }
        found
    }
}

/// Reads every row of a csv with a header.
///
/// # Errors
/// The cause, for a message that names the csv; `columns` says what it needs.
pub(crate) fn read_rows<R: DeserializeOwned>(path: &Path, columns: &str) -> Result<Vec<R>, String> {
    let size = std::fs::metadata(path).map_err(|e| format!("cannot be read: {e}"))?.len();
    if size > MAX_CSV_BYTES {
        return Err(format!("has {size} bytes, at most {MAX_CSV_BYTES} are read"));
    }
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(|e| format!("cannot be read: {e}"))?;
    let row = |row: Result<R, csv::Error>| row.map_err(|e| format!("{e}; it needs the columns {columns}"));
    reader.deserialize::<R>().map(row).collect()
}

/// Length in components of the shorter path where it is the tail of the longer one.
fn shared_tail(a: &Path, b: &Path) -> Option<usize> {
    let normal = |path: &Path| path.components().filter(|c| matches!(c, Component::Normal(_))).count();
    let tail = |path| Path::components(path).rev().filter(|c| matches!(c, Component::Normal(_)));
    let shorter = normal(a).min(normal(b));
    let shared = tail(a).zip(tail(b)).take_while(|(x, y)| x == y).count();
    (shared == shorter).then_some(shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_shared_tail_decides() {
        let mut table = ByFile::new();
        for (file, value) in [
            ("africa/1.png", 1),
            ("europe/1.png", 2),
            ("2.png", 3),
            ("deep/in/3.png", 4),
            ("same.png", 5),
            ("same.png", 6),
        ] {
            assert!(table.insert(file, value));
        }
        assert!(!table.insert("", 7) && !table.insert("..", 7));
        struct Case {
            source: &'static str,
            found: Found<'static, i32>,
        }
        let cases = [
            Case { source: "../data/africa/1.png", found: Found::One(&1) },
            Case { source: "/data/europe/1.png", found: Found::One(&2) },
            Case { source: "anywhere/2.png", found: Found::One(&3) },
            Case { source: "3.png", found: Found::One(&4) },
            Case { source: "./in/3.png", found: Found::One(&4) },
            Case { source: "elsewhere/3.png", found: Found::Nothing },
            Case { source: "1.png", found: Found::Several(&1, &2) },
            Case { source: "same.png", found: Found::Several(&5, &6) },
            Case { source: "4.png", found: Found::Nothing },
            Case { source: "..", found: Found::Nothing },
        ];
        for case in cases {
            assert_eq!(table.find(case.source), case.found, "{}", case.source);
        }
    }
}
