//! Pictures with label, quality domain and patient, read from csv files in three published layouts.

pub mod check;
mod layout;
pub mod stats;
pub(crate) mod table;

use std::path::{Path, PathBuf};

pub use layout::Layout;

use crate::error::{HostError, Result};

/// Side of the publisher's own split that a picture belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// For training.
    Train,
    /// For choosing between trained states; segmentation sets only.
    Validation,
    /// For testing only.
    Test,
}

impl Part {
    /// As csv files and messages name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "training",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// One labelled picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Where the picture lies.
    pub file: PathBuf,
    /// The picture as the csv names it.
    pub name: String,
    /// Plane, or any label that the recipe knows.
    pub label: String,
    /// Quality domain.
    pub domain: String,
    /// Patient; a split never separates the pictures of one patient.
    pub patient: String,
    /// Machine or country, empty where the csv does not say.
    pub device: String,
    /// The publisher's split, where the csv has one.
    pub part: Option<Part>,
}

/// Samples of one or more csv files, in the order read.
#[derive(Clone, Debug, Default)]
pub struct Dataset {
    /// All samples.
    pub samples: Vec<Sample>,
}

impl Dataset {
    /// Reads csv files one after the other. Their layout is told from the header, see [`Layout`]; picture paths are
    /// relative to the csv.
    ///
    /// # Errors
    /// [`HostError::Csv`] for a header of no known layout, a missing or empty field; [`HostError::Dataset`] where no
    /// sample remains.
    pub fn read(files: &[PathBuf]) -> Result<Self> {
        let mut samples = Vec::new();
        for file in files {
            samples.extend(layout::read(file)?);
        }
        if samples.is_empty() {
            let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
            return Err(HostError::Dataset(format!("no pictures are listed in {}", names.join(", "))));
        }
        Ok(Self { samples })
    }

    /// Distinct values of `key` in order of first appearance.
    pub fn distinct<'a>(&'a self, key: impl Fn(&'a Sample) -> &'a str) -> Vec<&'a str> {
        let mut seen: Vec<&str> = Vec::new();
        for sample in &self.samples {
            let value = key(sample);
            if !seen.contains(&value) {
                seen.push(value);
            }
        }
        seen
    }
}

/// Folder that the relative paths of `csv` start from.
fn base(csv: &Path) -> PathBuf {
    csv.parent().map(Path::to_owned).unwrap_or_default()
}
