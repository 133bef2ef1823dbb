//! Distance between pixels where the operator knows it and the file does not.

use std::path::Path;
use std::str::FromStr;

use serde::Deserialize;
use ushydra_probe::Frame;

use crate::by_file::{self, ByFile, Found};
use crate::failure::Failure;

/// Distances between pixels that are believed, in mm; the same as for DICOM files.
const CREDIBLE_MM: std::ops::RangeInclusive<f32> = 1e-4..=100.0;

/// Distance between neighbouring pixels in mm: along a row, between rows. The value of `--spacing`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PixelSpacing(pub [f32; 2]);

impl FromStr for PixelSpacing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (x, y) = text.split_once(',').unwrap_or((text, text));
        let side = |part: &str| part.trim().parse().ok().filter(|mm| CREDIBLE_MM.contains(mm));
        match (side(x), side(y)) {
            (Some(x), Some(y)) => Ok(Self([x, y])),
            _ => Err(format!(
                "`{text}` is no distance between pixels; give millimetres as MM or X,Y, each {} to {}",
                CREDIBLE_MM.start(),
                CREDIBLE_MM.end()
            )),
        }
    }
}

/// The columns that are read; others may be there. The other names are those of published data sets.
#[derive(Deserialize)]
struct Row {
    #[serde(alias = "image", alias = "filename")]
    file: String,
    /// Empty where it is not known.
    #[serde(alias = "pixel size(mm)")]
    pixel_mm: String,
}

/// Gives frames a spacing that bring none: that of their row in a csv, else one for all.
#[derive(Clone, Debug, Default)]
pub struct Spacing {
    all: Option<PixelSpacing>,
    files: Option<ByFile<PixelSpacing>>,
}

impl Spacing {
    /// The values of `--spacing` and `--spacing-csv`.
    ///
    /// # Errors
    /// [`Failure::Input`] where the csv cannot be read, lacks a column or holds something else than distances.
    pub fn new(all: Option<PixelSpacing>, csv: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self { all, files: csv.map(read).transpose()? })
    }

    /// Fills in the spacing of `frame` unless its file said it.
    pub fn apply(&self, frame: &mut Frame) {
        if frame.spacing_mm.is_some() {
            return;
        }
        let listed = match self.files.as_ref().map(|files| files.find(&frame.source)) {
            Some(Found::One(spacing)) => Some(*spacing),
            Some(Found::Several(one, other)) => {
                log::warn!("{}: the spacing csv gives {one:?} and {other:?}, so neither is used", frame.source);
                return;
            }
            Some(Found::Nothing) | None => None,
        };
        frame.spacing_mm = listed.or(self.all).map(|spacing| spacing.0);
    }
}

fn read(path: &Path) -> Result<ByFile<PixelSpacing>, Failure> {
    let refuse = |message: String| Failure::Input { source_name: format!("--spacing-csv {}", path.display()), message };
    let mut files = ByFile::new();
    let rows: Vec<Row> = by_file::read_rows(path, "`file` and `pixel_mm`").map_err(refuse)?;
    for (index, row) in rows.into_iter().enumerate() {
        if row.pixel_mm.is_empty() {
            continue;
        }
        let spacing = row.pixel_mm.parse().map_err(|e| refuse(format!("row {}: {e}", index + 1)))?;
        if !files.insert(&row.file, spacing) {
            return Err(refuse(format!("row {} names no file", index + 1)));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn table(text: &str) -> Result<Spacing, Failure> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Spacing::new(Some(PixelSpacing([0.5; 2])), Some(file.path()))
    }

    #[test]
    fn distances_parse_and_nonsense_does_not() {
        for (text, expected) in [("0.2", [0.2, 0.2]), ("0.2,0.3", [0.2, 0.3]), (" 1 , 2 ", [1.0, 2.0])] {
            assert_eq!(text.parse(), Ok(PixelSpacing(expected)));
        }
        for text in ["", "0", "-1", "nan", "inf", "1e9", "0.2,", "0.2,0.3,0.4", "0.2 mm"] {
            let message = text.parse::<PixelSpacing>().unwrap_err();
            assert!(message.contains("X,Y"), "{message}");
        }
    }

    #[test]
    fn the_files_own_spacing_wins_then_its_row_then_the_common_value() {
        let spacing = table("image,other,pixel_mm\na/x.png,1,0.25\ny.png,2,\nz.png,3,0.1\nb/z.png,3,0.3\n").unwrap();
        let given = |source: &str, own: Option<[f32; 2]>| {
            let mut frame = Frame { source: source.into(), spacing_mm: own, ..Frame::new() };
            spacing.apply(&mut frame);
            frame.spacing_mm
        };
        assert_eq!(given("data/a/x.png", None), Some([0.25; 2]));
        assert_eq!(given("data/a/x.png", Some([1.0; 2])), Some([1.0; 2]));
        assert_eq!(given("y.png", None), Some([0.5; 2]), "its row is empty");
        assert_eq!(given("b/z.png", None), Some([0.3; 2]), "the longer match");
        assert_eq!(given("z.png", None), None, "two rows that differ");
    }

    #[test]
    fn damaged_csvs_are_refused() {
        for (text, says) in [
            ("file,spacing\na.png,1\n", "pixel_mm"),
            ("name,pixel_mm\na.png,1\n", "file"),
            ("file,pixel_mm\na.png,wide\n", "row 1"),
            ("file,pixel_mm\na.png,1\n,0.5\n", "row 2"),
        ] {
            let failure = table(text).unwrap_err();
            assert_eq!(failure.exit_code(), crate::failure::INPUT);
            assert!(failure.to_string().contains(says), "{text:?}: {failure}");
        }
    }
}
