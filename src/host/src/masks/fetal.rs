//! FETAL_PLANES_DB (Burgos-Artizzu et al., Sci Rep 2020; Zenodo 3904280) with the head masks of its biometry annotation
//! (Zenodo 8265464) unpacked into the same folder.
//!
//! `FETAL_PLANES_DB_data.csv` gives patient and published split of the pictures in `Images/`. A mask is a PNG in any
//! folder whose path below the root says mask, annotation, label or segmentation, named like its picture or like it with
//! `_mask`, `_annotation`, `_label` or `_segmentation` behind it. Brain planes without a mask are left out. Domain `low`:
//! next to HC18 these are the poorer pictures, whatever machine made them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{MaskSample, MaskSource, Part, folder};
use crate::dataset::Dataset;
use crate::error::Result;

const CSV: &str = "FETAL_PLANES_DB_data.csv";
/// What folders and names of masks say.
const WORDS: [&str; 4] = ["mask", "annotation", "label", "segmentation"];

/// The csv, if the files are of this layout.
pub(super) fn csv(files: &[PathBuf]) -> Option<&PathBuf> {
    files.iter().find(|file| folder::name(file).eq_ignore_ascii_case(CSV))
}

/// Reads the set.
pub(super) fn read(root: &Path, files: &[PathBuf], csv: &Path) -> Result<Vec<MaskSample>> {
    let mut masks: HashMap<String, &PathBuf> = HashMap::new();
    for file in files {
        let place = file.parent().and_then(|p| p.strip_prefix(root).ok()).unwrap_or(Path::new(""));
        let place = place.to_string_lossy().to_ascii_lowercase();
        let png = folder::name(file).to_ascii_lowercase().ends_with(".png");
        if png && WORDS.iter().any(|word| place.contains(word)) {
            masks.insert(stem(folder::name(file)).to_owned(), file);
        }
    }
    let planes = Dataset::read(&[csv.to_owned()])?.samples;
    let pair = planes.into_iter().filter_map(|plane| Some((*masks.get(stem(&plane.name))?, plane)));
    Ok(pair
        .map(|(mask, plane)| MaskSample {
            name: folder::shown(root, &plane.file),
            image: plane.file,
            frame: 0,
            mask: MaskSource::Picture(mask.clone()),
            domain: "low".to_owned(),
            patient: plane.patient,
            pixel_mm: None,
            head_circumference_mm: None,
            part: plane.part.filter(|part| *part != Part::Validation),
        })
        .collect())
}

/// The name without its ending and without a word for mask behind it.
fn stem(name: &str) -> &str {
    let stem = name.strip_suffix(".png").or_else(|| name.strip_suffix(".PNG")).unwrap_or(name);
    let cut = |word: &str| {
        let at = stem.len().checked_sub(word.len() + 1)?;
        let tail = stem.get(at..)?;
        (tail.starts_with(['_', '-']) && tail[1..].eq_ignore_ascii_case(word)).then(|| &stem[..at])
    };
    WORDS.iter().find_map(|word| cut(word)).unwrap_or(stem)
}
