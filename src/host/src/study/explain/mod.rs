//! What stands behind a cell's answers: where a classifier looked, and the outlines that a segmenter drew.
//!
//! Explanations come from what the training kept (weights, heads, graphs); nothing is trained for them. They lie beside the record
//! that they explain, as `explained.json`, and hold no pixel of any picture: heat on a coarse grid, outlines as corners, and the
//! name of the picture's file, from which a report adds the picture where it is asked to.

pub mod cases;
pub mod grid;
mod heat;
mod masks;
pub mod ring;
pub mod rollout;
mod run;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use cases::End;
pub use grid::Grid;
pub use ring::Ring;
pub use run::Explaining;
pub(in crate::study) use run::is_explained;

use super::record::{Answer, CellRecord};
use super::split::Item;
use super::work::Work;
use crate::dataset::Part;
use crate::error::{HostError, Result};
use crate::files;

/// Name of the file in a cell's folder.
pub const EXPLAINED: &str = "explained.json";

/// How a cell was explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// [`crate::baselines::gradcam()`].
    GradCam,
    /// [`rollout::rollout`].
    AttentionRollout,
    /// Masks as they were drawn.
    Outlines,
}

/// The explanation of one cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// SHA-256 of the record, `cell.json`, that it belongs to.
    pub record: String,
    /// How it was made.
    pub method: Method,
    /// Mean heat by label, over the test pictures that truly show it; labels without pictures are left out. Empty for masks.
    pub means: Vec<Mean>,
    /// The worst and the best answers.
    pub cases: Vec<Case>,
}

/// Mean heat of one label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// An index of [`CellRecord::labels`].
    pub label: usize,
    /// Pictures that it was taken over.
    pub pictures: usize,
    /// Cell by cell.
    pub grid: Grid,
}

/// One answer that is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Name of the frame in the record.
    pub name: String,
    /// File of the picture below the study's root (`compare --root`).
    pub file: String,
    /// Frame inside that file.
    #[serde(default)]
    pub frame: u32,
    /// Columns and rows of the picture.
    pub size: [u32; 2],
    /// From which end it was chosen.
    pub end: End,
    /// What is shown of it.
    pub detail: Detail,
}

/// What is shown of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Detail {
    /// Where the classifier looked.
    Heat {
        /// What the network saw: x, y, width, height in pixels of the picture.
        crop: [u32; 4],
        /// The heat over it.
        grid: Grid,
    },
    /// Masks in pixels of the picture.
    Outlines {
        /// The published mask.
        reference: Vec<Ring>,
        /// The system's own; empty where it drew nothing.
        prediction: Vec<Ring>,
    },
}

impl Explained {
    /// The explanation in a cell's folder; none where there is none.
    ///
    /// # Errors
    /// [`HostError::Damaged`] for a file that does not parse, or that belongs to another `record`; [`HostError::Io`].
    pub fn read(cell: &Path, record: &CellRecord) -> Result<Option<Self>> {
        let path = cell.join(EXPLAINED);
        if !path.exists() {
            return Ok(None);
        }
        let found: Self = files::read_json(&path)?;
        found.check(record).map_err(|problem| HostError::damaged(&path, problem))?;
        if found.record != record_hash(cell)? {
            return Err(HostError::damaged(&path, "it explains an earlier record"));
        }
        Ok(Some(found))
    }

    /// What does not fit `record`, or itself.
    fn check(&self, record: &CellRecord) -> std::result::Result<(), String> {
        if let Some(mean) = self.means.iter().find(|mean| mean.label >= record.labels.len()) {
            return Err(format!("heat of label {}, but the record has {}", mean.label, record.labels.len()));
        }
        for case in &self.cases {
            let Some(frame) = record.frames.iter().find(|frame| frame.name == case.name) else {
                return Err(format!("{}: the record knows no such picture", case.name));
            };
            let [width, height] = case.size;
            let fits = match (&case.detail, &frame.answer) {
                (Detail::Heat { crop: [x, y, w, h], .. }, Answer::Class { .. }) => {
                    let within = |from: u32, length: u32, all: u32| {
                        length > 0 && from.checked_add(length).is_some_and(|end| end <= all)
                    };
                    within(*x, *w, width) && within(*y, *h, height)
                }
                (Detail::Outlines { reference, prediction }, Answer::Mask { .. }) => {
                    let corners = reference.iter().chain(prediction).flat_map(Ring::corners);
                    width > 0 && height > 0 && corners.into_iter().all(|[x, y]| *x <= width && *y <= height)
                }
                _ => false,
            };
            if !fits {
                return Err(format!("{}: what is shown does not fit the picture of {width}x{height}", case.name));
            }
        }
        Ok(())
    }
}

/// SHA-256 of the record in a cell's folder.
fn record_hash(cell: &Path) -> Result<String> {
    files::sha256_file(&cell.join("cell.json"))
}

/// The test pictures of `items` in the order of the record's frames.
fn tested(items: &[Item], work: &Work<'_>, record: &CellRecord) -> Result<Vec<usize>> {
    let pictures = work.sides.of(Part::Test);
    let names = pictures.iter().map(|&picture| items[picture].name.as_str());
    if !names.eq(record.frames.iter().map(|frame| frame.name.as_str())) {
        return Err(HostError::Dataset(format!("{}: the record judges other pictures than the split", record.key)));
    }
    Ok(pictures)
}

/// A picture's file as it lies below `root`, with `/` on every system; as it is where it lies elsewhere.
fn below(root: &Path, file: &Path) -> String {
    let parts = file.strip_prefix(root).unwrap_or(file);
    parts.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_below_the_root() {
        for (root, file, found) in [
            ("data", "data/a/b.png", "a/b.png"),
            ("./", "./a/b.png", "a/b.png"),
            ("/data", "/elsewhere/b.png", "/elsewhere/b.png"),
        ] {
            assert_eq!(below(Path::new(root), Path::new(file)), found);
        }
    }
}
