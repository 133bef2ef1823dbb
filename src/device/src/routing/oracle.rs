//! The oracle control: a csv that names the true domain of every file.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::by_file::{self, ByFile, Found};

/// The columns that are read; others may be there.
#[derive(Deserialize)]
struct Row {
    file: String,
    domain: String,
}

/// Domain of every file that a csv lists; files match as the module `by_file` says.
#[derive(Clone, Debug)]
pub struct Oracle {
    path: PathBuf,
    domains: ByFile<String>,
}

impl Oracle {
    /// Reads `path`: a header with the columns `file` and `domain`, then one row per file.
    ///
    /// # Errors
    /// [`OracleError`] where the csv cannot be read or lacks a column, or a row names no file or no domain.
    pub fn read(path: &Path) -> Result<Self, OracleError> {
        let refuse = |message: String| OracleError::Csv { path: path.to_owned(), message };
        let mut domains = ByFile::new();
        let rows: Vec<Row> = by_file::read_rows(path, "`file` and `domain`").map_err(refuse)?;
        for (index, row) in rows.into_iter().enumerate() {
            if row.domain.is_empty() || !domains.insert(&row.file, row.domain) {
                return Err(refuse(format!("row {} names no file or no domain", index + 1)));
            }
        }
        Ok(Self { path: path.to_owned(), domains })
    }

    /// The domain of `source`.
    ///
    /// # Errors
    /// [`OracleError::Missing`] without a matching row, [`OracleError::Ambiguous`] where matching rows disagree.
    pub fn domain(&self, source: &str) -> Result<&str, OracleError> {
        match self.domains.find(source) {
            Found::One(domain) => Ok(domain),
            Found::Nothing => Err(OracleError::Missing { path: self.path.clone(), file: source.to_owned() }),
            Found::Several(one, other) => Err(OracleError::Ambiguous {
                path: self.path.clone(),
                file: source.to_owned(),
                domains: format!("`{one}` and `{other}`"),
            }),
        }
    }
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
