//! `dataset check` for segmentation sets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use super::split::equal_files;
use super::stats::Shares;
use super::{MaskDataset, MaskSample, MaskSource, Part};
use crate::error::Result;

/// One problem found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The picture or its mask does not exist.
    MissingFile {
        /// The sample.
        name: String,
        /// The file.
        file: String,
    },
    /// The sample does not load: damaged file, mask of another size, with grey values, or empty.
    Unusable {
        /// The sample.
        name: String,
        /// Why.
        problem: String,
    },
    /// Two samples of the same picture.
    Duplicate {
        /// The first.
        first: String,
        /// The second.
        second: String,
        /// Whether their domains differ.
        contradictory: bool,
    },
    /// A patient in several parts of the published split.
    PatientOnBothSides {
        /// The patient.
        patient: String,
        /// Its parts.
        parts: Vec<Part>,
    },
    /// The same picture in several parts of the published split, under different patients.
    PictureOnBothSides {
        /// The first.
        first: String,
        /// The second.
        second: String,
    },
}

impl Finding {
    /// Whether training must not start. A plain duplicate is only worth knowing.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        match self {
            Self::Duplicate { contradictory, .. } => *contradictory,
            _ => true,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingFile { name, file } => {
                write!(f, "{name}: no such file: {file}; correct the path or remove the sample")
            }
            Self::Unusable { name, problem } => write!(f, "{name}: {problem}"),
            Self::Duplicate { first, second, contradictory: true } => {
                write!(f, "{second}: same picture as {first} with another domain; keep the right one")
            }
            Self::Duplicate { first, second, contradictory: false } => {
                write!(f, "{second}: same picture as {first}; remove one (splits keep their patients together)")
            }
            Self::PatientOnBothSides { patient, parts } => {
                let parts: Vec<&str> = parts.iter().map(|part| part.name()).collect();
                write!(f, "patient {patient} has pictures in the parts {}; move them to one", parts.join(" and "))
            }
            Self::PictureOnBothSides { first, second } => {
                write!(f, "{second}: same picture as {first}, but in another part of the split; remove one")
            }
        }
    }
}

/// What a check found, and the shares of the pictures that the masks cover.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Problems, in the order of the samples.
    pub findings: Vec<Finding>,
    /// Area shares of the samples that load.
    pub shares: Shares,
}

/// Checks every sample; `tick` is called after each.
///
/// # Errors
/// [`crate::HostError::Stopped`] from `tick`; problems of the data are findings, not errors.
pub fn check(dataset: &MaskDataset, mut tick: impl FnMut() -> Result<()>) -> Result<Report> {
    let mut report = Report::default();
    let mut present = Vec::new();
    for sample in &dataset.samples {
        tick()?;
        let gone = files(sample).into_iter().find(|file| !file.is_file());
        if let Some(file) = gone {
            let (name, file) = (sample.name.clone(), file.display().to_string());
            report.findings.push(Finding::MissingFile { name, file });
            continue;
        }
        match sample.load() {
            Ok(loaded) => report.shares.add(&sample.domain, &loaded),
            Err(error) => {
                report.findings.push(Finding::Unusable { name: sample.name.clone(), problem: error.to_string() });
            }
        }
        present.push(sample.clone());
    }
    for (first, second) in equal_files(&present)? {
        let (a, b) = (&present[first], &present[second]);
        // Frames of one video are different pictures.
        if a.frame != b.frame {
            continue;
        }
        let (first, second) = (a.name.clone(), b.name.clone());
        report.findings.push(if a.part.is_some() && b.part.is_some() && a.part != b.part && a.patient != b.patient {
            Finding::PictureOnBothSides { first, second }
        } else {
            Finding::Duplicate { first, second, contradictory: a.domain != b.domain }
        });
    }
    report.findings.extend(both_sides(dataset));
    Ok(report)
}

/// The files that a sample needs.
fn files(sample: &MaskSample) -> Vec<&Path> {
    let mask = match &sample.mask {
        MaskSource::Picture(file) | MaskSource::Outline(file) | MaskSource::Volume { file, .. } => Some(file.as_path()),
        MaskSource::Polygon(_) => None,
    };
    std::iter::once(sample.image.as_path()).chain(mask).collect()
}

fn both_sides(dataset: &MaskDataset) -> Vec<Finding> {
    let mut parts: BTreeMap<&str, BTreeSet<Part>> = BTreeMap::new();
    for sample in &dataset.samples {
        parts.entry(&sample.patient).or_default().extend(sample.part);
    }
    let torn = parts.into_iter().filter(|(_, parts)| parts.len() > 1);
    torn.map(|(patient, parts)| Finding::PatientOnBothSides {
        patient: patient.to_owned(),
        parts: parts.into_iter().collect(),
    })
    .collect()
}
