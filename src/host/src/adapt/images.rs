//! The new images: class folders, a flat folder without labels, or a csv.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::dataset::table::Table;
use crate::dataset::{Dataset, Sample};
use crate::error::{HostError, Result};
use crate::files;

/// Endings of files that lie beside pictures and are none.
const BESIDE: [&str; 12] = ["csv", "db", "docx", "html", "ini", "json", "log", "md", "pdf", "toml", "txt", "xlsx"];

/// Where the images are and what is known about them.
#[derive(Clone, Debug, Default)]
pub struct ImageSource {
    /// Folder: `<label>/<image>`, `<label>/<patient>/<image>`, or images without labels.
    pub folder: Option<PathBuf>,
    /// Csv with `file,label[,patient][,device]`, or one of the layouts that `train` reads.
    pub csv: Option<PathBuf>,
    /// Text in file names before which the patient stands, for example `_` in `patient007_plane2.png`.
    pub patient_prefix: Option<String>,
    /// Labels of images that show none of the bundle's planes.
    pub unknown_labels: Vec<String>,
}

/// What was found. Samples of images without labels carry an empty label.
#[derive(Clone, Debug, Default)]
pub struct Images {
    /// The images in order.
    pub samples: Vec<Sample>,
    /// Whether they carry labels.
    pub labelled: bool,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

impl ImageSource {
    /// Lists the images. `labels` are the bundle's, `domain` the name of the new one.
    ///
    /// # Errors
    /// [`HostError::Dataset`] for a folder without images and for a label that the bundle does not know;
    /// [`HostError::Csv`] and [`HostError::Io`].
    pub fn read(&self, labels: &[String], domain: &str) -> Result<Images> {
        let mut images = match (&self.csv, &self.folder) {
            (Some(csv), folder) => self.listed(csv, folder.as_deref())?,
            (None, Some(folder)) => self.folder(folder, labels)?,
            (None, None) => return Err(HostError::Dataset("no images; name a folder or a csv".to_owned())),
        };
        images.samples.iter_mut().for_each(|sample| domain.clone_into(&mut sample.domain));
        if images.samples.is_empty() {
            let place = self.csv.as_ref().or(self.folder.as_ref()).map(|p| p.display().to_string()).unwrap_or_default();
            return Err(HostError::Dataset(format!(
                "{place}: no images; put them into folders named by their labels ({}), or name them in a csv",
                labels.join(", ")
            )));
        }
        let known = |label: &String| labels.contains(label) || self.unknown_labels.contains(label);
        if let Some(sample) = images.samples.iter().find(|s| images.labelled && !known(&s.label)) {
            return Err(HostError::Dataset(format!(
                "{}: label `{}` is unknown to the bundle (labels {}); correct it, or name it with --unknown where such images \
                 show none of these",
                sample.name,
                sample.label,
                labels.join(", ")
            )));
        }
        Ok(images)
    }

    fn listed(&self, csv: &Path, folder: Option<&Path>) -> Result<Images> {
        let table = Table::read(csv)?;
        if table.find("file").is_none() || table.find("domain").is_some() {
            let samples = Dataset::read(&[csv.to_owned()])?.samples;
            return Ok(Images { samples, labelled: true, warnings: Vec::new() });
        }
        let missing = table.missing(&["label"]);
        if !missing.is_empty() {
            return Err(
                table.error(Some(1), "column label is missing; expected file,label[,patient][,device]".to_owned())
            );
        }
        let beside = csv.parent().unwrap_or(Path::new(""));
        let mut unknown = 0;
        let mut samples = Vec::new();
        for row in table.rows() {
            let name = row.required("file")?;
            let inside = folder.map(|folder| folder.join(&name)).filter(|file| file.exists());
            let patient = match row.optional("patient") {
                "" => self.patient(Path::new(&name), None, &mut unknown),
                patient => patient.to_owned(),
            };
            samples.push(Sample {
                file: inside.unwrap_or_else(|| beside.join(&name)),
                label: row.required("label")?,
                domain: String::new(),
                patient,
                device: row.optional("device").to_owned(),
                part: None,
                name,
            });
        }
        Ok(Images { samples, labelled: true, warnings: unknown_patients(unknown) })
    }

    fn folder(&self, folder: &Path, labels: &[String]) -> Result<Images> {
        let (loose, folders) = list(folder)?;
        let mut unknown = 0;
        let mut images = Images { labelled: !folders.is_empty(), ..Images::default() };
        let sample = |file: PathBuf, label: &str, patient: String| {
            let name = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
            Sample {
                file,
                name,
                label: label.to_owned(),
                domain: String::new(),
                patient,
                device: String::new(),
                part: None,
            }
        };
        if folders.is_empty() {
            for file in loose {
                let patient = self.patient(&file, None, &mut unknown);
                images.samples.push(sample(file, "", patient));
            }
            images.warnings = unknown_patients(unknown);
            return Ok(images);
        }
        for class in folders {
            let label = name(&class);
            if !labels.contains(&label) && !self.unknown_labels.contains(&label) {
                return Err(HostError::Dataset(format!(
                    "{}: `{label}` is no label of the bundle ({}); rename the folder, name it with --unknown where its images \
                     show none of these, or put images without labels straight into {}",
                    class.display(),
                    labels.join(", "),
                    folder.display()
                )));
            }
            let (files, patients) = list(&class)?;
            for file in files {
                let patient = self.patient(&file, None, &mut unknown);
                images.samples.push(sample(file, &label, patient));
            }
            for patient in patients {
                for file in list(&patient)?.0 {
                    let patient = self.patient(&file, Some(&name(&patient)), &mut unknown);
                    images.samples.push(sample(file, &label, patient));
                }
            }
        }
        images.warnings = unknown_patients(unknown);
        if !loose.is_empty() {
            images.warnings.push(format!(
                "{} files lie beside the class folders and have no label; they are left out",
                loose.len()
            ));
        }
        Ok(images)
    }

    /// The folder's patient, else what stands before the prefix text, else the file itself.
    fn patient(&self, file: &Path, folder: Option<&str>, unknown: &mut usize) -> String {
        if let Some(folder) = folder {
            return folder.to_owned();
        }
        let own = name(file);
        let prefix = self.patient_prefix.as_deref().and_then(|mark| own.split_once(mark)).map(|(before, _)| before);
        match prefix.filter(|before| !before.is_empty()) {
            Some(before) => before.to_owned(),
            None => {
                *unknown += 1;
                file.display().to_string()
            }
        }
    }
}

fn unknown_patients(count: usize) -> Vec<String> {
    let text = format!(
        "the patient of {count} images is unknown, so each counts as a patient of its own; where a patient has several images \
         the figures come out too good: use --patient-prefix, folders <label>/<patient>, or a csv with a column `patient`"
    );
    if count > 0 { vec![text] } else { Vec::new() }
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// Files that may be pictures and folders, each in order of their names; hidden ones are left out.
fn list(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let entries = std::fs::read_dir(folder).map_err(HostError::io("list", folder))?;
    let (mut pictures, mut folders) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        let path = entry.map_err(HostError::io("list", folder))?.path();
        let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        if name(&path).starts_with('.') {
            continue;
        }
        if path.is_dir() {
            folders.insert(path);
        } else if !BESIDE.contains(&ending.as_str()) {
            pictures.insert(path);
        }
    }
    Ok((pictures.into_iter().collect(), folders.into_iter().collect()))
}

/// SHA-256 over every image's bytes, label and patient.
///
/// # Errors
/// [`HostError::Io`].
pub(super) fn fingerprint(samples: &[Sample]) -> Result<String> {
    let mut text = String::new();
    for sample in samples {
        text.push_str(&format!("{} {} {}\n", files::sha256_file(&sample.file)?, sample.label, sample.patient));
    }
    Ok(files::sha256(text.as_bytes()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn labels() -> Vec<String> {
        ["brain", "femur"].map(str::to_owned).to_vec()
    }

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"x").unwrap();
        }
        dir
    }

    #[test]
    fn layouts_of_folders() {
        struct Case {
            files: &'static [&'static str],
            prefix: Option<&'static str>,
            labelled: bool,
            expected: &'static [(&'static str, &'static str)],
            warnings: usize,
        }
        let cases = [
            Case {
                files: &["b_1.png", "a_1.png", "a_2.png", "notes.txt", ".hidden.png"],
                prefix: Some("_"),
                labelled: false,
                expected: &[("", "a"), ("", "a"), ("", "b")],
                warnings: 0,
            },
            Case {
                files: &["brain/p1/x.png", "brain/p2/x.dcm", "femur/p1/y.png"],
                prefix: None,
                labelled: true,
                expected: &[("brain", "p1"), ("brain", "p2"), ("femur", "p1")],
                warnings: 0,
            },
            Case {
                files: &["brain/p1-x.png", "femur/x.png", "loose.png"],
                prefix: Some("-"),
                labelled: true,
                expected: &[("brain", "p1"), ("femur", "femur/x.png")],
                warnings: 2,
            },
            Case {
                files: &["brain/a.png", "other/b.png"],
                prefix: None,
                labelled: true,
                expected: &[("brain", "brain/a.png"), ("other", "other/b.png")],
                warnings: 1,
            },
        ];
        for case in cases {
            let dir = tree(case.files);
            let source = ImageSource {
                folder: Some(dir.path().to_owned()),
                patient_prefix: case.prefix.map(str::to_owned),
                unknown_labels: vec!["other".into()],
                ..ImageSource::default()
            };
            let images = source.read(&labels(), "new").unwrap();
            assert_eq!((images.labelled, images.warnings.len()), (case.labelled, case.warnings), "{:?}", case.files);
            let found: Vec<(&str, String)> = images
                .samples
                .iter()
                .map(|s| (s.label.as_str(), s.patient.replace(&format!("{}/", dir.path().display()), "")))
                .collect();
            let found: Vec<(&str, &str)> = found.iter().map(|(l, p)| (*l, p.as_str())).collect();
            assert_eq!(found, case.expected);
            assert!(images.samples.iter().all(|s| s.domain == "new"));
        }
    }

    #[test]
    fn csv_files() {
        let dir = tree(&["pictures/a.png", "b.png"]);
        let csv = dir.path().join("list.csv");
        let source =
            ImageSource { folder: Some(dir.path().join("pictures")), csv: Some(csv.clone()), ..ImageSource::default() };
        std::fs::write(&csv, "file,label,patient,device\na.png,brain,p1,D\nb.png,femur,,\n").unwrap();
        let images = source.read(&labels(), "new").unwrap();
        assert!(images.samples[0].file.ends_with("pictures/a.png") && images.samples[1].file.ends_with("b.png"));
        assert_eq!((&*images.samples[0].patient, &*images.samples[0].device), ("p1", "D"));
        assert_eq!(images.warnings.len(), 1);
        std::fs::write(&csv, "file,label,domain,patient\na.png,brain,low,p1\n").unwrap();
        assert_eq!(source.read(&labels(), "new").unwrap().samples[0].domain, "new");
        for (text, expected) in [
            ("file,patient\na.png,p\n", "column label is missing"),
            ("file,label\na.png,heart\n", "label `heart` is unknown to the bundle (labels brain, femur)"),
            ("file,label\n", "no images"),
            ("file,label\na.png,\n", "the field `label` is empty"),
            ("picture,label\na.png,brain\n", "column file, domain, patient is missing"),
        ] {
            std::fs::write(&csv, text).unwrap();
            let error = source.read(&labels(), "new").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn refusals() {
        for (files, expected) in [
            (&["notes.txt"][..], "no images; put them into folders named by their labels (brain, femur)"),
            (&["head/a.png"], "`head` is no label of the bundle (brain, femur)"),
        ] {
            let dir = tree(files);
            let source = ImageSource { folder: Some(dir.path().to_owned()), ..ImageSource::default() };
            let error = source.read(&labels(), "new").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let source = ImageSource { folder: Some("/no/such/folder".into()), ..ImageSource::default() };
        assert!(matches!(source.read(&labels(), "new").unwrap_err(), HostError::Io { .. }));
    }
}
