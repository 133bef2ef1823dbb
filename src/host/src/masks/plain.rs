//! The project's own csv of a segmentation set.

use std::path::{Path, PathBuf};

use super::{MaskSample, MaskSource, Part};
use crate::dataset::table::{Row, Table};
use crate::error::Result;

/// Columns that must be there; fields of the last may be empty. Optional ones are `head_circumference_mm`, `split`
/// (train, validation, test), `frame` (of the picture's file, and slice of the mask's) and `label` (of a label map,
/// else 1). Paths are relative to the csv.
pub(super) const COLUMNS: [&str; 5] = ["image", "mask", "domain", "patient", "pixel_mm"];

/// Whether the csv has a column that only segmentation sets have.
pub(super) fn is_meant(table: &Table) -> bool {
    table.find("mask").is_some() || table.find("image").is_some()
}

/// Reads one csv.
pub(super) fn read(path: &Path) -> Result<Vec<MaskSample>> {
    let table = Table::read(path)?;
    let missing = table.missing(&COLUMNS);
    if !missing.is_empty() {
        let found: Vec<&str> = table.header().collect();
        return Err(table.error(
            Some(1),
            format!(
                "column {} is missing (found: {}); a segmentation set needs {}; leave pixel_mm empty where the pixel \
                 size is unknown",
                missing.join(", "),
                found.join(", "),
                COLUMNS.join(",")
            ),
        ));
    }
    let base = path.parent().unwrap_or(Path::new(""));
    table.rows().map(|row| sample(base, row)).collect()
}

fn sample(base: &Path, row: Row<'_>) -> Result<MaskSample> {
    let name = row.required("image")?;
    let mask = base.join(row.required("mask")?);
    let frame = number::<u32>(row, "frame", "a frame counted from 0")?.unwrap_or(0);
    Ok(MaskSample {
        image: base.join(&name),
        frame,
        mask: mask_source(mask, frame, number(row, "label", "a label from 1 to 255")?.unwrap_or(1)),
        domain: row.required("domain")?,
        patient: row.required("patient")?,
        pixel_mm: pixel_mm(row)?,
        head_circumference_mm: positive(row, "head_circumference_mm")?,
        part: part(row)?,
        name: if frame == 0 { name } else { format!("{name} #{frame}") },
    })
}

/// A label map by the ending of its name, else a picture.
fn mask_source(file: PathBuf, slice: u32, label: u8) -> MaskSource {
    let name = file.to_string_lossy().to_ascii_lowercase();
    let volume = [".nii", ".nii.gz", ".mhd", ".mha"].iter().any(|ending| name.ends_with(ending));
    if volume { MaskSource::Volume { file, slice, label } } else { MaskSource::Picture(file) }
}

fn number<T: std::str::FromStr>(row: Row<'_>, column: &str, what: &str) -> Result<Option<T>> {
    match row.optional(column) {
        "" => Ok(None),
        text => match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(row.error(format!("`{text}` in column `{column}`; write {what} or leave it empty"))),
        },
    }
}

/// A length in millimetres.
pub(super) fn positive(row: Row<'_>, column: &str) -> Result<Option<f64>> {
    let value: Option<f64> = number(row, column, "a number of millimetres")?;
    match value {
        Some(v) if !(v.is_finite() && v > 0.0) => {
            Err(row
                .error(format!("`{v}` in column `{column}`; write a positive number of millimetres or leave it empty")))
        }
        other => Ok(other),
    }
}

/// One number for square pixels, or `along the row x between rows`.
fn pixel_mm(row: Row<'_>) -> Result<Option<[f64; 2]>> {
    let text = row.optional("pixel_mm");
    let Some((x, y)) = text.split_once('x') else {
        return Ok(positive(row, "pixel_mm")?.map(|side| [side, side]));
    };
    let side = |text: &str| text.trim().parse().ok().filter(|v: &f64| v.is_finite() && *v > 0.0);
    match (side(x), side(y)) {
        (Some(x), Some(y)) => Ok(Some([x, y])),
        _ => Err(row.error(format!("`{text}` in column `pixel_mm`; write one positive number, or two like 0.3x0.2"))),
    }
}

fn part(row: Row<'_>) -> Result<Option<Part>> {
    match row.optional("split").to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "train" => Ok(Some(Part::Train)),
        "validation" | "val" => Ok(Some(Part::Validation)),
        "test" => Ok(Some(Part::Test)),
        other => Err(row.error(format!("`{other}` in column `split`; write train, validation or test"))),
    }
}
