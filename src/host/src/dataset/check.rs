//! `dataset check`: what would spoil a training before it starts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use super::{Dataset, Part, Sample};
use crate::error::Result;
use crate::files::sha256_file;

/// One problem found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The picture does not exist.
    MissingFile {
        /// Path as listed.
        name: String,
    },
    /// The picture does not decode.
    Unreadable {
        /// Path as listed.
        name: String,
        /// Why.
        problem: String,
    },
    /// Two entries with the same bytes.
    Duplicate {
        /// Path of the first.
        first: String,
        /// Path of the second.
        second: String,
        /// Whether label or domain differ. Another patient is only worth a note: splits keep patients who share a picture
        /// together.
        contradictory: bool,
    },
    /// A patient in the publisher's training and test part.
    PatientOnBothSides {
        /// The patient.
        patient: String,
    },
    /// A label that a domain lacks.
    EmptyClass {
        /// The domain.
        domain: String,
        /// The label.
        label: String,
    },
}

impl Finding {
    /// Whether training must not start. A class missing from a domain and a plain duplicate are only worth knowing.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        match self {
            Self::MissingFile { .. } | Self::Unreadable { .. } | Self::PatientOnBothSides { .. } => true,
            Self::Duplicate { contradictory, .. } => *contradictory,
            Self::EmptyClass { .. } => false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingFile { name } => write!(f, "{name}: no such file; correct the path or remove the line"),
            Self::Unreadable { name, problem } => write!(f, "{name}: {problem}"),
            Self::Duplicate { first, second, contradictory: true } => {
                write!(f, "{second}: same picture as {first} with another label or domain; keep the right one")
            }
            Self::Duplicate { first, second, contradictory: false } => {
                write!(f, "{second}: same picture as {first}; remove one (splits keep their patients together)")
            }
            Self::PatientOnBothSides { patient } => {
                write!(f, "patient {patient} has pictures in the training and in the test part; move them to one side")
            }
            Self::EmptyClass { domain, label } => {
                write!(f, "domain {domain} has no picture of {label}; its decoder learns that class from the others")
            }
        }
    }
}

/// Checks every sample. `decode` opens one picture and says what is wrong with it; `tick` is called after each sample.
///
/// # Errors
/// [`crate::HostError::Stopped`] from `tick`; problems of the data are findings, not errors.
pub fn check(
    dataset: &Dataset,
    mut decode: impl FnMut(&Sample) -> std::result::Result<(), String>,
    mut tick: impl FnMut() -> Result<()>,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut by_hash: HashMap<String, &Sample> = HashMap::new();
    for sample in &dataset.samples {
        tick()?;
        if !sample.file.exists() {
            findings.push(Finding::MissingFile { name: sample.name.clone() });
            continue;
        }
        let readable = decode(sample).and_then(|()| sha256_file(&sample.file).map_err(|e| e.to_string()));
        match readable {
            Err(problem) => findings.push(Finding::Unreadable { name: sample.name.clone(), problem }),
            Ok(hash) => {
                let first = *by_hash.entry(hash).or_insert(sample);
                if !std::ptr::eq(first, sample) {
                    let same = (&first.label, &first.domain) == (&sample.label, &sample.domain);
                    findings.push(Finding::Duplicate {
                        first: first.name.clone(),
                        second: sample.name.clone(),
                        contradictory: !same,
                    });
                }
            }
        }
    }
    findings.extend(both_sides(dataset));
    findings.extend(empty_classes(dataset));
    Ok(findings)
}

fn both_sides(dataset: &Dataset) -> Vec<Finding> {
    let mut parts: BTreeMap<&str, BTreeSet<Part>> = BTreeMap::new();
    for sample in &dataset.samples {
        if let Some(part) = sample.part {
            parts.entry(&sample.patient).or_default().insert(part);
        }
    }
    let split = parts.into_iter().filter(|(_, parts)| parts.len() > 1);
    split.map(|(patient, _)| Finding::PatientOnBothSides { patient: patient.to_owned() }).collect()
}

fn empty_classes(dataset: &Dataset) -> Vec<Finding> {
    let labels = dataset.distinct(|s| &s.label);
    let mut findings = Vec::new();
    for domain in dataset.distinct(|s| &s.domain) {
        for label in &labels {
            if !dataset.samples.iter().any(|s| s.domain == domain && s.label == *label) {
                findings.push(Finding::EmptyClass { domain: domain.to_owned(), label: (*label).to_owned() });
            }
        }
    }
    findings
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn finds_each_problem() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in [("a", "1"), ("b", "1"), ("c", "bad"), ("d", "2")] {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        let csv = dir.path().join("data.csv");
        let text = "file,label,domain,patient,split\na,brain,low,p1,train\nb,femur,low,p2,train\nc,brain,low,p3,test\n\
                    d,brain,high,p1,test\ngone,brain,low,p4,train\n";
        std::fs::write(&csv, text).unwrap();
        let dataset = Dataset::read(&[csv]).unwrap();
        let decode = |s: &Sample| if s.name == "c" { Err("no picture".to_owned()) } else { Ok(()) };
        let findings = check(&dataset, decode, || Ok(())).unwrap();
        let expected = [
            Finding::Duplicate { first: "a".into(), second: "b".into(), contradictory: true },
            Finding::Unreadable { name: "c".into(), problem: "no picture".into() },
            Finding::MissingFile { name: "gone".into() },
            Finding::PatientOnBothSides { patient: "p1".into() },
            Finding::EmptyClass { domain: "high".into(), label: "femur".into() },
        ];
        assert_eq!(findings, expected);
        assert_eq!(findings.iter().filter(|f| f.is_error()).count(), 4);
    }
}
