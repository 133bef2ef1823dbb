//! The csv layouts that the host reads.

use std::path::{Path, PathBuf};

use super::table::{Row, Table};
use super::{Part, Sample, base};
use crate::error::Result;

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
    let table = Table::read(path)?;
    let layout = layout(&table)?;
    table.rows().map(|row| sample(layout, path, row)).collect()
}

fn layout(table: &Table) -> Result<Layout> {
    let candidates = [
        (Layout::FetalPlanesDb, FETAL_PLANES_DB.as_slice()),
        (Layout::Africa, AFRICA.as_slice()),
        (Layout::Plain, PLAIN.as_slice()),
    ];
    // The layout whose first column is there is meant; what it lacks is worth naming.
    let meant = candidates.iter().find(|(_, names)| table.find(names[0]).is_some());
    let (layout, names) = meant.unwrap_or(&candidates[2]);
    let missing = table.missing(names);
    if missing.is_empty() {
        return Ok(*layout);
    }
    let found: Vec<&str> = table.header().collect();
    Err(table.error(
        Some(1),
        format!(
            "column {} is missing (found: {}); expected {}, or the header of FETAL_PLANES_DB or of the African set",
            missing.join(", "),
            found.join(", "),
            PLAIN.join(",")
        ),
    ))
}

fn sample(layout: Layout, csv: &Path, row: Row<'_>) -> Result<Sample> {
    match layout {
        Layout::Plain => plain(csv, row),
        Layout::FetalPlanesDb => fetal_planes_db(csv, row),
        Layout::Africa => africa(csv, row),
    }
}

fn plain(csv: &Path, row: Row<'_>) -> Result<Sample> {
    let name = row.required("file")?;
    Ok(Sample {
        file: base(csv).join(&name),
        label: row.required("label")?,
        domain: row.required("domain")?,
        patient: row.required("patient")?,
        device: row.optional("device").to_owned(),
        part: part(row, "split")?,
        name,
    })
}

fn fetal_planes_db(csv: &Path, row: Row<'_>) -> Result<Sample> {
    let name = row.required("Image_name")?;
    let device = row.required("US_Machine")?;
    let domain = if device.starts_with("Voluson") { "high" } else { "medium" };
    Ok(Sample {
        file: base(csv).join("Images").join(with_png(&name)),
        label: plane(&row.required("Plane")?),
        domain: domain.to_owned(),
        patient: format!("Bcn{}", row.required("Patient_num")?),
        device,
        part: part(row, "Train")?,
        name,
    })
}

fn africa(csv: &Path, row: Row<'_>) -> Result<Sample> {
    let name = row.required("Filename")?;
    let center = row.required("Center")?;
    let base = base(csv);
    // One csv beside the country folders, or one inside each of them.
    let beside = base.join(&center).join(with_png(&name));
    let file = if beside.exists() { beside } else { base.join(with_png(&name)) };
    Ok(Sample {
        file,
        label: plane(&row.required("Plane")?),
        domain: "low".to_owned(),
        patient: format!("{center}{}", row.required("Patient")?),
        device: center,
        part: part(row, "Train")?,
        name,
    })
}

fn part(row: Row<'_>, column: &str) -> Result<Option<Part>> {
    match row.optional(column).to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "1" | "train" => Ok(Some(Part::Train)),
        "0" | "test" => Ok(Some(Part::Test)),
        other => Err(row.error(format!("`{other}` in column `{column}`; write train (1) or test (0)"))),
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
