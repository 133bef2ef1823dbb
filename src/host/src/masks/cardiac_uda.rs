//! CardiacUDA (Yang et al., ICCV 2023): `Site_G_100/patient-110-4_image.nii.gz` with `..._label.nii.gz`, a video each,
//! of which about five frames are labelled.
//!
//! Read here: the folders `Site_*`; the last number of a name is the view, and only view 4, the apical four-chamber view,
//! is taken, in which label 1 is the left ventricle (2 left atrium, 3 right atrium, 4 right ventricle). The third axis is
//! time, and a frame counts as labelled where label 1 occurs. `label_all_frame` holds other codings and `Site_R_73` no
//! labels: both are left out. Domain `unseen`; patients are told apart by hospital (G or R) and number; the headers'
//! spacing is taken where it is credible.

use std::path::{Path, PathBuf};

use ushydra_probe::{Limits, Volume};

use super::{MaskSample, MaskSource, folder};
use crate::error::Result;

/// Label of the left ventricle in view 4.
const VENTRICLE: u8 = 1;
const ENDINGS: [&str; 2] = ["_label.nii.gz", "_label.nii"];

/// Hospital, patient and ending of a label map of view 4.
fn label_map(file: &Path) -> Option<(&str, &str, &'static str)> {
    let site = folder::parent_name(file).strip_prefix("Site_")?.split('_').next()?;
    let ending = ENDINGS.into_iter().find(|ending| folder::name(file).ends_with(ending))?;
    let (patient, view) = folder::name(file).strip_suffix(ending)?.rsplit_once('-')?;
    (view == "4").then_some((site, patient, ending))
}

/// Whether the files are of this layout.
pub(super) fn is(files: &[PathBuf]) -> bool {
    files.iter().any(|file| label_map(file).is_some())
}

/// Reads the set; every label map is opened to find its labelled frames.
pub(super) fn read(root: &Path, files: &[PathBuf]) -> Result<Vec<MaskSample>> {
    let limits = Limits::default();
    let mut samples = Vec::new();
    for file in files {
        let Some((site, patient, ending)) = label_map(file) else { continue };
        let volume = Volume::open(file, &limits)?;
        let stem = folder::name(file).trim_end_matches(ending);
        let image = file.with_file_name(format!("{stem}{}", ending.replace("label", "image")));
        let spacing = Volume::geometry_of(&image, &limits).ok().and_then(|geometry| geometry.spacing_mm);
        for slice in 0..volume.geometry().slices {
            if !volume.labels(slice)?.contains(&VENTRICLE) {
                continue;
            }
            samples.push(MaskSample {
                image: image.clone(),
                frame: slice,
                mask: MaskSource::Volume { file: file.clone(), slice, label: VENTRICLE },
                domain: "unseen".to_owned(),
                patient: format!("{site}-{patient}"),
                pixel_mm: spacing.map(|side| side.map(f64::from)),
                head_circumference_mm: None,
                part: None,
                name: format!("{} #{slice}", folder::shown(root, &image)),
            });
        }
    }
    Ok(samples)
}
