//! CAMUS (Leclerc et al., IEEE TMI 2019): `patientXXXX/patientXXXX_4CH_ED.nii.gz` with `..._gt.nii.gz`, or `.mhd` with
//! `.raw` in the older release; views 2CH and 4CH, instants ED and ES. Label 1 is the cavity of the left ventricle.
//!
//! The quality that a sonographer gave, `ImageQuality` in `Info_4CH.cfg`, decides the domain: Good is `high`, Medium is
//! `medium`, Poor is `low`. The published split is `database_split/subgroup_{training,validation,testing}.txt`, or the
//! folders `training` and `testing` of the older release, whose testing part has no masks.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ushydra_probe::{Limits, Volume};

use super::{MaskSample, MaskSource, Part, folder, picture};
use crate::error::{HostError, Result};

/// Label of the cavity of the left ventricle.
const CAVITY: u8 = 1;
/// Endings of a volume; both releases may lie side by side, then the first counts.
const ENDINGS: [&str; 3] = [".nii.gz", ".nii", ".mhd"];

/// Patient, view and ending of a mask's name.
fn mask_name(file: &Path) -> Option<(&str, &str, &'static str)> {
    let name = folder::name(file);
    let ending = ENDINGS.into_iter().find(|ending| name.ends_with(ending))?;
    let mut parts = name.strip_suffix(ending)?.strip_suffix("_gt")?.split('_');
    let (patient, view, instant) = (parts.next()?, parts.next()?, parts.next()?);
    let known = patient.starts_with("patient") && matches!(view, "2CH" | "4CH") && matches!(instant, "ED" | "ES");
    (known && parts.next().is_none()).then_some((patient, view, ending))
}

/// Whether the files are of this layout.
pub(super) fn is(files: &[PathBuf]) -> bool {
    files.iter().any(|file| mask_name(file).is_some())
}

/// Reads the set.
pub(super) fn read(root: &Path, files: &[PathBuf]) -> Result<Vec<MaskSample>> {
    let parts = published_split(root, files)?;
    let limits = Limits::default();
    let mut samples: Vec<MaskSample> = Vec::new();
    for ending in ENDINGS {
        for mask in files {
            let Some((patient, view, _)) = mask_name(mask).filter(|(_, _, e)| *e == ending) else { continue };
            let stem = folder::name(mask).trim_end_matches(ending).trim_end_matches("_gt");
            let name = format!("{patient}/{stem}");
            if samples.iter().rev().any(|s| s.name == name) {
                continue;
            }
            let image = mask.with_file_name(format!("{stem}{ending}"));
            // What is wrong with the picture is said when it is loaded.
            let spacing = Volume::geometry_of(&image, &limits).ok().and_then(|geometry| geometry.spacing_mm);
            let mut folder_part = mask.components().filter_map(|part| match part.as_os_str().to_str() {
                Some("training") => Some(Part::Train),
                Some("testing") => Some(Part::Test),
                _ => None,
            });
            samples.push(MaskSample {
                name,
                frame: 0,
                mask: MaskSource::Volume { file: mask.clone(), slice: 0, label: CAVITY },
                domain: domain(mask, view)?,
                patient: patient.to_owned(),
                pixel_mm: spacing.map(|side| side.map(f64::from)),
                head_circumference_mm: None,
                part: parts.get(patient).copied().or_else(|| folder_part.next_back()),
                image,
            });
        }
    }
    Ok(samples)
}

/// The domain by the quality in the patient's `Info_VIEW.cfg`.
fn domain(mask: &Path, view: &str) -> Result<String> {
    let path = mask.with_file_name(format!("Info_{view}.cfg"));
    let text = std::fs::read_to_string(&path).map_err(HostError::io("read", &path))?;
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let quality = fields.filter(|(key, _)| key.trim() == "ImageQuality").map(|(_, value)| value.trim()).next();
    let domain = match quality.map(str::to_ascii_lowercase).as_deref() {
        Some("good") => "high",
        Some("medium") => "medium",
        Some("poor") => "low",
        _ => {
            let found = quality.map_or_else(|| "missing".to_owned(), |q| format!("`{q}`"));
            return Err(picture(&path, format!("ImageQuality is {found}; it must be Good, Medium or Poor")));
        }
    };
    Ok(domain.to_owned())
}

/// The part of every patient in the split files, which lie beside the database or in it.
fn published_split(root: &Path, files: &[PathBuf]) -> Result<HashMap<String, Part>> {
    let names = [
        ("subgroup_training.txt", Part::Train),
        ("subgroup_validation.txt", Part::Validation),
        ("subgroup_testing.txt", Part::Test),
    ];
    let mut parts = HashMap::new();
    for (name, part) in names {
        let beside = root.parent().map(|parent| parent.join("database_split").join(name));
        let within = files.iter().find(|file| folder::name(file) == name).cloned();
        let Some(file) = within.or(beside.filter(|file| file.is_file())) else { continue };
        let text = std::fs::read_to_string(&file).map_err(HostError::io("read", &file))?;
        parts.extend(text.split_whitespace().map(|patient| (patient.to_owned(), part)));
    }
    Ok(parts)
}
