//! The csv layouts that the host reads.

use std::path::{Path, PathBuf};

use csv::{ReaderBuilder, StringRecord};

use super::{Part, Sample, base};
use crate::error::{HostError, Result};

/// How a csv names its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `file,label,domain,patient[,device][,split]`, the project's own.
    Plain,
    /// `Image_name;Patient_num;Plane;Brain_plane;Operator;US_Machine;Train` of FETAL_PLANES_DB (Zenodo 3904280):
    /// pictures in `Images/`, Voluson machines are the domain `high`, the others `medium`.
    FetalPlanesDb,
    /// `Filename,Center,Patient,Plane,Train` of the African set (Zenodo 7540448): domain `low`, one csv for all
    /// countries or one per country folder.
    Africa,
}

/// Columns of [`Layout::Plain`] that must be there.
const PLAIN: [&str; 4] = ["file", "label", "domain", "patient"];
/// Columns of [`Layout::FetalPlanesDb`] that are read.
const FETAL_PLANES_DB: [&str; 5] = ["Image_name", "Patient_num", "Plane", "US_Machine", "Train"];
/// Columns of [`Layout::Africa`] that are read.
const AFRICA: [&str; 4] = ["Filename", "Center", "Patient", "Plane"];

/// Reads one csv.
pub(super) fn read(path: &Path) -> Result<Vec<Sample>> {
    let bytes = crate::files::read(path)?;
    let header = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    let delimiter = if header.contains(&b';') { b';' } else { b',' };
    let mut reader = ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(bytes.as_slice());
    let header = reader.headers().map_err(|e| csv_error(path, &e))?.clone();
    let columns = Columns { path, header };
    let layout = columns.layout()?;
    let mut samples = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| csv_error(path, &e))?;
        samples.push(columns.sample(layout, &record)?);
    }
    Ok(samples)
}

fn csv_error(path: &Path, error: &csv::Error) -> HostError {
    let line = error.position().map(csv::Position::line);
    HostError::Csv { path: path.to_owned(), line, problem: format!("{error}; correct the line") }
}

struct Columns<'a> {
    path: &'a Path,
    header: StringRecord,
}

impl Columns<'_> {
    fn find(&self, name: &str) -> Option<usize> {
        // Spreadsheets like to begin a file with a byte order mark.
        self.header.iter().position(|h| h.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name))
    }

    fn layout(&self) -> Result<Layout> {
        let candidates = [
            (Layout::FetalPlanesDb, FETAL_PLANES_DB.as_slice()),
            (Layout::Africa, AFRICA.as_slice()),
            (Layout::Plain, PLAIN.as_slice()),
        ];
        // The layout whose first column is there is meant; what it lacks is worth naming.
        let meant = candidates.iter().find(|(_, names)| self.find(names[0]).is_some());
        let (layout, names) = meant.unwrap_or(&candidates[2]);
        let missing: Vec<&str> = names.iter().copied().filter(|name| self.find(name).is_none()).collect();
        if missing.is_empty() {
            return Ok(*layout);
        }
        let found: Vec<&str> = self.header.iter().collect();
        Err(self.error(
            Some(1),
            format!(
                "column {} is missing (found: {}); expected {}, or the header of FETAL_PLANES_DB or of the African set",
                missing.join(", "),
                found.join(", "),
                PLAIN.join(",")
            ),
        ))
    }

    fn error(&self, line: Option<u64>, problem: String) -> HostError {
        HostError::Csv { path: self.path.to_owned(), line, problem }
    }

    fn optional<'r>(&self, record: &'r StringRecord, name: &str) -> &'r str {
        self.find(name).and_then(|column| record.get(column)).unwrap_or_default()
    }

    fn required(&self, record: &StringRecord, name: &str) -> Result<String> {
        let value = self.optional(record, name);
        if value.is_empty() {
            let line = record.position().map(csv::Position::line);
            return Err(self.error(line, format!("the field `{name}` is empty; fill it in or remove the line")));
        }
        Ok(value.to_owned())
    }

    fn sample(&self, layout: Layout, record: &StringRecord) -> Result<Sample> {
        match layout {
            Layout::Plain => self.plain(record),
            Layout::FetalPlanesDb => self.fetal_planes_db(record),
            Layout::Africa => self.africa(record),
        }
    }

    fn plain(&self, record: &StringRecord) -> Result<Sample> {
        let name = self.required(record, "file")?;
        Ok(Sample {
            file: base(self.path).join(&name),
            label: self.required(record, "label")?,
            domain: self.required(record, "domain")?,
            patient: self.required(record, "patient")?,
            device: self.optional(record, "device").to_owned(),
            part: self.part(record, "split")?,
            name,
        })
    }

    fn fetal_planes_db(&self, record: &StringRecord) -> Result<Sample> {
        let name = self.required(record, "Image_name")?;
        let device = self.required(record, "US_Machine")?;
        let domain = if device.starts_with("Voluson") { "high" } else { "medium" };
        Ok(Sample {
            file: base(self.path).join("Images").join(with_png(&name)),
            label: plane(&self.required(record, "Plane")?),
            domain: domain.to_owned(),
            patient: format!("Bcn{}", self.required(record, "Patient_num")?),
            device,
            part: self.part(record, "Train")?,
            name,
        })
    }

    fn africa(&self, record: &StringRecord) -> Result<Sample> {
        let name = self.required(record, "Filename")?;
        let center = self.required(record, "Center")?;
        let base = base(self.path);
        // One csv beside the country folders, or one inside each of them.
        let beside = base.join(&center).join(with_png(&name));
        let file = if beside.exists() { beside } else { base.join(with_png(&name)) };
        Ok(Sample {
            file,
            label: plane(&self.required(record, "Plane")?),
            domain: "low".to_owned(),
            patient: format!("{center}{}", self.required(record, "Patient")?),
            device: center,
            part: self.part(record, "Train")?,
            name,
        })
    }

    fn part(&self, record: &StringRecord, column: &str) -> Result<Option<Part>> {
        match self.optional(record, column).to_ascii_lowercase().as_str() {
            "" => Ok(None),
            "1" | "train" => Ok(Some(Part::Train)),
            "0" | "test" => Ok(Some(Part::Test)),
            other => {
                let line = record.position().map(csv::Position::line);
                Err(self.error(line, format!("`{other}` in column `{column}`; write train (1) or test (0)")))
            }
        }
    }
}

fn with_png(name: &str) -> PathBuf {
    if Path::new(name).extension().is_some() { name.into() } else { format!("{name}.png").into() }
}

/// "Fetal brain" -> "brain"; what is no fetal plane keeps its name in lower case.
fn plane(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    lower.strip_prefix("fetal ").unwrap_or(&lower).to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Sample>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data.csv");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn layouts() {
        struct Case {
            text: &'static str,
            expected: [&'static str; 5],
            part: Option<Part>,
            ends: &'static str,
        }
        let cases = [
            Case {
                text: "file,label,domain,patient,device\na/b.png,brain,low,p1,Ghana\n",
                expected: ["a/b.png", "brain", "low", "p1", "Ghana"],
                part: None,
                ends: "a/b.png",
            },
            Case {
                text: "\u{feff}file,label,domain,patient,split\nb.png,brain,low,p1,test\n",
                expected: ["b.png", "brain", "low", "p1", ""],
                part: Some(Part::Test),
                ends: "b.png",
            },
            Case {
                text: "Image_name;Patient_num;Plane;Brain_plane;Operator;US_Machine;Train \n\
                       Patient00001_Plane1_1_of_2;1;Fetal brain;Trans-ventricular;Op. 1;Voluson E6;1\n",
                expected: ["Patient00001_Plane1_1_of_2", "brain", "high", "Bcn1", "Voluson E6"],
                part: Some(Part::Train),
                ends: "Images/Patient00001_Plane1_1_of_2.png",
            },
            Case {
                text: "Image_name;Patient_num;Plane;Brain_plane;Operator;US_Machine;Train\n\
                       P2;2;Maternal cervix;Not A Brain;Op. 1;Aloka;0\n",
                expected: ["P2", "maternal cervix", "medium", "Bcn2", "Aloka"],
                part: Some(Part::Test),
                ends: "Images/P2.png",
            },
            Case {
                text: "Filename,Center,Patient,Plane,Train\npatient1_x,Algeria,7,Fetal femur,1\n",
                expected: ["patient1_x", "femur", "low", "Algeria7", "Algeria"],
                part: Some(Part::Train),
                ends: "patient1_x.png",
            },
        ];
        for case in cases {
            let samples = parse(case.text).unwrap();
            let s = &samples[0];
            assert_eq!([&*s.name, &*s.label, &*s.domain, &*s.patient, &*s.device], case.expected);
            assert_eq!(s.part, case.part);
            assert!(s.file.ends_with(case.ends), "{:?}", s.file);
        }
    }

    #[test]
    fn refusals_name_the_cause() {
        let cases = [
            ("file,label,patient\na,b,c\n", "column domain is missing"),
            ("x,y\n1,2\n", "column file, label, domain, patient is missing"),
            ("Filename,Center,Plane\na,b,c\n", "column Patient is missing"),
            ("file,label,domain,patient\na.png,brain,low,\n", "line 2: the field `patient` is empty"),
            ("file,label,domain,patient\na.png,brain\n", "line: 2"),
            ("file,label,domain,patient,split\na.png,brain,low,p,maybe\n", "`maybe` in column `split`"),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
