//! Pictures that a page shows only where it was asked to: they belong to their publishers, and a report that is passed on
//! should hold none by accident.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::ImageFormat;

use super::collect::{Collected, Group};
use crate::error::{HostError, Result};
use crate::evaluate::metrics::argmax;
use crate::study::record::{Answer, CellRecord, Frame, Task};

/// Pictures of a system that are shown from either end.
const WORST: usize = 4;
const BEST: usize = 2;
/// Longest side of a shown picture in pixels.
const SIDE: u32 = 224;

/// One picture of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Where it belongs.
    pub task: Task,
    /// Heading of its gallery.
    pub heading: String,
    /// What it is, also for readers who cannot see it.
    pub caption: String,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// A PNG file.
    pub png: Vec<u8>,
}

impl Shown {
    /// The picture as an address that holds it.
    #[must_use]
    pub fn data_uri(&self) -> String {
        format!("data:image/png;base64,{}", STANDARD.encode(&self.png))
    }
}

/// The worst and the best cases of every system's first split and seed, as far as `files` (names of pictures and where they
/// lie) knows them. A picture that cannot be read is added to `problems`.
#[must_use]
pub fn cases(study: &Collected, files: &BTreeMap<String, PathBuf>, problems: &mut Vec<String>) -> Vec<Shown> {
    let mut shown = Vec::new();
    for task in [Task::Classify, Task::Segment] {
        for group in study.main(task) {
            for (frame, caption) in chosen(&group) {
                let Some(file) = files.get(&frame.name) else { continue };
                match small(file) {
                    Ok((png, width, height)) => shown.push(Shown {
                        task,
                        heading: format!("Worst and best cases: {}", group.system),
                        caption,
                        width,
                        height,
                        png,
                    }),
                    Err(error) => problems.push(error.to_string()),
                }
            }
        }
    }
    shown
}

/// Frames from both ends with what is said about them.
fn chosen<'a>(group: &Group<'a>) -> Vec<(&'a Frame, String)> {
    let Some(record) = group.records.first().copied() else { return Vec::new() };
    let mut judged: Vec<(f64, &Frame, String)> =
        record.frames.iter().filter_map(|f| goodness(record, f).map(|(good, words)| (good, f, words))).collect();
    // Names settle ties, so that the same study shows the same pictures.
    judged.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.name.cmp(&b.1.name)));
    let best = judged.split_off(judged.len().saturating_sub(BEST));
    judged.truncate(WORST);
    judged.into_iter().chain(best.into_iter().rev()).map(|(_, frame, words)| (frame, words)).collect()
}

/// How good an answer is (the probability of the truth, or Dice), and words about it.
fn goodness(record: &CellRecord, frame: &Frame) -> Option<(f64, String)> {
    let domain = &record.domains[frame.domain];
    match &frame.answer {
        Answer::Class { label, probabilities } => {
            let truth = (*label)?;
            let answer = argmax(probabilities);
            let (said, is) = (record.labels.get(answer)?, record.labels.get(truth)?);
            let verdict = if answer == truth { "right" } else { "wrong" };
            let probability = probabilities.get(answer)?;
            let words =
                format!("{verdict}: answer {said} ({probability:.2}), truth {is}; domain {domain}; {}", frame.name);
            Some((*probabilities.get(truth)?, words))
        }
        Answer::Mask { dice, hd95_px, .. } => {
            let distance = hd95_px.map_or_else(String::new, |d| format!(", HD95 {d:.1} px"));
            Some((*dice, format!("Dice {dice:.3}{distance}; domain {domain}; {}", frame.name)))
        }
    }
}

/// A small grey PNG of a picture: file, columns, rows.
fn small(file: &Path) -> Result<(Vec<u8>, u32, u32)> {
    let problem = |problem: String| HostError::Picture { path: file.to_owned(), problem };
    let picture = image::open(file).map_err(|e| problem(format!("{e}; it is left out of the report")))?;
    let picture = picture.thumbnail(SIDE, SIDE).into_luma8();
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).map_err(|e| problem(e.to_string()))?;
    Ok((png.into_inner(), picture.width(), picture.height()))
}
