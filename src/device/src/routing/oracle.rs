//! The oracle control: a csv that names the true domain of every file.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

/// Largest csv that is read, in bytes.
const MAX_CSV_BYTES: u64 = 64 << 20;

/// The columns that are read; others may be there.
#[derive(Deserialize)]
struct Row {
    file: String,
    domain: String,
}

/// Domain of every file that a csv lists.
///
/// A source matches a row where one path is the tail of the other, compared by whole components, so that
/// `../data/africa/7.png` finds `africa/7.png` and `7.png` finds `data/africa/7.png`.
#[derive(Clone, Debug)]
pub struct Oracle {
    path: PathBuf,
    /// Rows by file name.
    rows: HashMap<String, Vec<Entry>>,
}

#[derive(Clone, Debug)]
struct Entry {
    file: PathBuf,
    domain: String,
}

impl Oracle {
    /// Reads `path`: a header with the columns `file` and `domain`, then one row per file.
    ///
    /// # Errors
    /// [`OracleError`] where the csv cannot be read or lacks a column, or a row names no file or no domain.
    pub fn read(path: &Path) -> Result<Self, OracleError> {
        let refuse = |message: String| OracleError::Csv { path: path.to_owned(), message };
        let size = std::fs::metadata(path).map_err(|e| refuse(format!("cannot be read: {e}")))?.len();
        if size > MAX_CSV_BYTES {
            return Err(refuse(format!("has {size} bytes, at most {MAX_CSV_BYTES} are read")));
        }
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(path)
            .map_err(|e| refuse(format!("cannot be read: {e}")))?;
        let mut rows: HashMap<String, Vec<Entry>> = HashMap::new();
        for (index, row) in reader.deserialize::<Row>().enumerate() {
            let row = row.map_err(|e| refuse(format!("{e}; it needs the columns `file` and `domain`")))?;
            let file = PathBuf::from(row.file);
            let (Some(name), false) = (file.file_name().and_then(|n| n.to_str()), row.domain.is_empty()) else {
                return Err(refuse(format!("row {} names no file or no domain", index + 1)));
            };
            rows.entry(name.to_owned()).or_default().push(Entry { domain: row.domain, file: file.clone() });
        }
        Ok(Self { path: path.to_owned(), rows })
    }

    /// The domain of `source`.
    ///
    /// # Errors
    /// [`OracleError::Missing`] without a matching row, [`OracleError::Ambiguous`] where matching rows disagree.
    pub fn domain(&self, source: &str) -> Result<&str, OracleError> {
        let path = Path::new(source);
        let missing = || OracleError::Missing { path: self.path.clone(), file: source.to_owned() };
        let name = path.file_name().and_then(|n| n.to_str()).ok_or_else(missing)?;
        let mut best: Option<(usize, &str)> = None;
        let mut tie = None;
        for entry in self.rows.get(name).into_iter().flatten() {
            let Some(length) = shared_tail(path, &entry.file) else { continue };
            match best {
                Some((longest, _)) if length < longest => {}
                Some((longest, domain)) if length == longest => {
                    if domain != entry.domain {
                        tie = Some((domain, entry.domain.as_str()));
                    }
                }
                _ => {
                    best = Some((length, &entry.domain));
                    tie = None;
                }
            }
        }
        if let Some((one, other)) = tie {
            return Err(OracleError::Ambiguous {
                path: self.path.clone(),
                file: source.to_owned(),
                domains: format!("`{one}` and `{other}`"),
            });
        }
        best.map(|(_, domain)| domain).ok_or_else(missing)
    }
}

/// Length in components of the shorter path where it is the tail of the longer one.
fn shared_tail(a: &Path, b: &Path) -> Option<usize> {
    let normal = |path: &Path| path.components().filter(|c| matches!(c, Component::Normal(_))).count();
    let tail = |path| Path::components(path).rev().filter(|c| matches!(c, Component::Normal(_)));
    let shorter = normal(a).min(normal(b));
    let shared = tail(a).zip(tail(b)).take_while(|(x, y)| x == y).count();
    (shared == shorter).then_some(shared)
}

/// A csv or a file that the oracle has no answer for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OracleError {
    /// The csv itself.
    #[error("oracle {}: {message}", path.display())]
    Csv {
        /// The csv.
        path: PathBuf,
        /// Cause.
        message: String,
    },
    /// No row for a file.
    #[error("oracle {} has no row for {file}; add one, or choose another --routing", path.display())]
    Missing {
        /// The csv.
        path: PathBuf,
        /// The file asked for.
        file: String,
    },
    /// Rows that disagree.
    #[error("oracle {} gives {file} the domains {domains}; write longer paths into its column `file`", path.display())]
    Ambiguous {
        /// The csv.
        path: PathBuf,
        /// The file asked for.
        file: String,
        /// The domains found.
        domains: String,
    },
    /// A domain that the bundle does not have.
    #[error("oracle {} gives {file} the domain `{domain}`; the bundle has {known}", path.display())]
    Domain {
        /// The csv.
        path: PathBuf,
        /// The file asked for.
        file: String,
        /// The domain found.
        domain: String,
        /// The bundle's domains.
        known: String,
    },
}

impl Oracle {
    /// Position of `source`'s domain among `domains`.
    ///
    /// # Errors
    /// As [`Self::domain`], and [`OracleError::Domain`] for a domain that is not among `domains`.
    pub fn decoder(&self, source: &str, domains: &[String]) -> Result<usize, OracleError> {
        let domain = self.domain(source)?;
        domains.iter().position(|d| d == domain).ok_or_else(|| OracleError::Domain {
            path: self.path.clone(),
            file: source.to_owned(),
            domain: domain.to_owned(),
            known: domains.join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn oracle(text: &str) -> Result<Oracle, OracleError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Oracle::read(file.path())
    }

    #[test]
    fn the_longest_shared_tail_decides() {
        let oracle = oracle(
            "patient,domain,file\n1,low,africa/1.png\n2,high,europe/1.png\n3,medium,2.png\n4,low,deep/in/3.png\n5,low,same.png\n6,high,same.png\n",
        )
        .unwrap();
        struct Case {
            source: &'static str,
            domain: Option<&'static str>,
        }
        let cases = [
            Case { source: "../data/africa/1.png", domain: Some("low") },
            Case { source: "/data/europe/1.png", domain: Some("high") },
            Case { source: "anywhere/2.png", domain: Some("medium") },
            Case { source: "3.png", domain: Some("low") },
            Case { source: "./in/3.png", domain: Some("low") },
            Case { source: "elsewhere/3.png", domain: None },
            Case { source: "1.png", domain: None },
            Case { source: "same.png", domain: None },
            Case { source: "4.png", domain: None },
            Case { source: "..", domain: None },
        ];
        for case in cases {
            assert_eq!(oracle.domain(case.source).ok(), case.domain, "{}", case.source);
        }
        let domains = ["low".to_owned(), "high".to_owned()];
        assert_eq!(oracle.decoder("a/3.png/../deep/in/3.png", &domains).ok(), Some(0));
        let error = oracle.decoder("2.png", &domains).unwrap_err();
        assert!(matches!(error, OracleError::Domain { .. }) && error.to_string().contains("low, high"), "{error}");
    }

    #[test]
    fn damaged_csvs_are_refused() {
        for text in [
            "file;domain\na;low\n",
            "name,domain\na,low\n",
            "file,domain\n,low\n",
            "file,domain\na,\n",
            "file,domain\na\n",
        ] {
            let error = oracle(text).unwrap_err();
            assert!(matches!(error, OracleError::Csv { .. }), "{text:?}: {error}");
        }
        assert!(Oracle::read(Path::new("/nonexistent/oracle.csv")).unwrap_err().to_string().contains("cannot be read"));
    }
}
