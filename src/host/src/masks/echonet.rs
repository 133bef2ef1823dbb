//! EchoNet-Dynamic (Ouyang et al., Nature 2020): `FileList.csv`, `VolumeTracings.csv` and `Videos/*.avi` (Motion-JPEG,
//! 112x112).
//!
//! Every traced frame has chords `X1,Y1,X2,Y2`: first the long axis, then discs across it from one end to the other. The
//! outline goes down the first ends and back up the second ones; the long axis is not part of it. Each tracing is paired
//! with the frame that its own line names, so that the diastolic mask meets the diastolic frame. Domain `high`; one video
//! per patient; no pixel size is published.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{MaskSample, MaskSource, Part, folder};
use crate::dataset::table::{Row, Table};
use crate::error::Result;

const LIST: &str = "FileList.csv";
const TRACINGS: &str = "VolumeTracings.csv";

/// The list of videos, if the files are of this layout.
pub(super) fn list(files: &[PathBuf]) -> Option<&PathBuf> {
    files.iter().find(|file| folder::name(file) == LIST)
}

/// Reads the set.
pub(super) fn read(list: &Path) -> Result<Vec<MaskSample>> {
    let root = list.parent().unwrap_or(Path::new(""));
    let table = Table::read(list)?;
    require(&table, &["FileName", "Split"])?;
    let mut parts = BTreeMap::new();
    for row in table.rows() {
        let part = match row.optional("Split").to_ascii_uppercase().as_str() {
            "TRAIN" => Part::Train,
            "VAL" => Part::Validation,
            "TEST" => Part::Test,
            other => return Err(row.error(format!("`{other}` in column `Split`; it must be TRAIN, VAL or TEST"))),
        };
        parts.insert(video(&row.required("FileName")?), part);
    }
    let mut samples = Vec::new();
    let mut unlisted = 0_usize;
    for ((file, frame), chords) in tracings(&root.join(TRACINGS))? {
        let Some(&part) = parts.get(&file) else {
            unlisted += 1;
            continue;
        };
        samples.push(MaskSample {
            image: root.join("Videos").join(format!("{file}.avi")),
            frame,
            mask: MaskSource::Polygon(outline(&chords)),
            domain: "high".to_owned(),
            name: format!("{file} #{frame}"),
            patient: file,
            pixel_mm: None,
            head_circumference_mm: None,
            part: Some(part),
        });
    }
    if unlisted > 0 {
        log::warn!("{unlisted} traced frames are of videos that {LIST} does not name; they are left out");
    }
    Ok(samples)
}

/// Chords of every traced frame, in the order of the csv.
type Tracings = BTreeMap<(String, u32), Vec<[f64; 4]>>;

fn tracings(path: &Path) -> Result<Tracings> {
    let table = Table::read(path)?;
    require(&table, &["FileName", "X1", "Y1", "X2", "Y2", "Frame"])?;
    let mut tracings = Tracings::new();
    for row in table.rows() {
        let frame = row.optional("Frame");
        let Ok(number) = frame.parse() else {
            return Err(row.error(format!("`{frame}` in column `Frame`; it must be a frame counted from 0")));
        };
        let chord = [number_in(row, "X1")?, number_in(row, "Y1")?, number_in(row, "X2")?, number_in(row, "Y2")?];
        tracings.entry((video(&row.required("FileName")?), number)).or_default().push(chord);
    }
    Ok(tracings)
}

fn number_in(row: Row<'_>, column: &str) -> Result<f64> {
    let text = row.optional(column);
    let value = text.parse().ok().filter(|v: &f64| v.is_finite());
    value.ok_or_else(|| row.error(format!("`{text}` in column `{column}`; it must be a pixel coordinate")))
}

fn require(table: &Table, names: &[&str]) -> Result<()> {
    let missing = table.missing(names);
    if missing.is_empty() {
        return Ok(());
    }
    let what = missing.join(", ");
    Err(table.error(Some(1), format!("column {what} is missing; take {} as published", folder::name(table.path()))))
}

/// `FileList.csv` leaves the ending out, `VolumeTracings.csv` does not.
fn video(name: &str) -> String {
    name.strip_suffix(".avi").unwrap_or(name).to_owned()
}

/// Corners of the outline: first ends downwards, second ends upwards, without the long axis.
fn outline(chords: &[[f64; 4]]) -> Vec<[f64; 2]> {
    let discs = chords.get(1..).unwrap_or_default();
    let down = discs.iter().map(|[x, y, _, _]| [*x, *y]);
    let up = discs.iter().rev().map(|[_, _, x, y]| [*x, *y]);
    down.chain(up).collect()
}
