//! HC18 (van den Heuvel et al., PLOS ONE 2018; Zenodo 1322001): `NNN_HC.png` or `NNN_2HC.png` with
//! `..._Annotation.png`, an ellipse drawn one pixel wide, and csv files with `filename,pixel size(mm),head circumference
//! (mm)`.
//!
//! Domain `high`. The number before `_` is the examination, `010_2HC` belongs to `010`. The test set is published without
//! annotations; where annotations lie in a folder `test_set`, they are the test part, else there is no published split.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{MaskSample, MaskSource, Part, folder, plain};
use crate::dataset::table::Table;
use crate::error::Result;

const ANNOTATION: &str = "_Annotation.png";
const FILENAME: &str = "filename";
const PIXEL_SIZE: &str = "pixel size(mm)";
const CIRCUMFERENCE: &str = "head circumference (mm)";

/// Whether the files are of this layout.
pub(super) fn is(files: &[PathBuf]) -> bool {
    files.iter().any(|file| folder::name(file).ends_with("HC_Annotation.png"))
}

/// Measurements of one picture.
#[derive(Clone, Copy, Default)]
struct Measured {
    pixel_mm: Option<f64>,
    circumference_mm: Option<f64>,
}

/// Reads the set.
pub(super) fn read(root: &Path, files: &[PathBuf]) -> Result<Vec<MaskSample>> {
    let mut measured: HashMap<String, Measured> = HashMap::new();
    for csv in files.iter().filter(|file| folder::name(file).ends_with(".csv")) {
        let table = Table::read(csv)?;
        if !table.missing(&[FILENAME, PIXEL_SIZE]).is_empty() {
            continue;
        }
        for row in table.rows() {
            let values = Measured {
                pixel_mm: plain::positive(row, PIXEL_SIZE)?,
                circumference_mm: plain::positive(row, CIRCUMFERENCE)?,
            };
            measured.insert(row.required(FILENAME)?, values);
        }
    }
    let mut samples = Vec::new();
    for annotation in files {
        let Some(stem) = folder::name(annotation).strip_suffix(ANNOTATION) else { continue };
        let file = format!("{stem}.png");
        let values = measured.get(&file).copied().unwrap_or_default();
        if values.pixel_mm.is_none() {
            log::warn!("{file}: no csv of {} gives its pixel size", root.display());
        }
        let image = annotation.with_file_name(&file);
        samples.push(MaskSample {
            name: folder::shown(root, &image),
            image,
            frame: 0,
            mask: MaskSource::Outline(annotation.clone()),
            domain: "high".to_owned(),
            patient: stem.split('_').next().unwrap_or(stem).to_owned(),
            pixel_mm: values.pixel_mm.map(|side| [side, side]),
            head_circumference_mm: values.circumference_mm,
            part: match folder::parent_name(annotation) {
                "training_set" => Some(Part::Train),
                "test_set" => Some(Part::Test),
                _ => None,
            },
        });
    }
    Ok(samples)
}
