//! The charts of a study, from its records.

pub mod ablation;
pub mod classes;
pub mod differences;
pub mod forest;
pub mod heat;
pub mod map;
pub mod masks;
pub mod outlines;
pub mod training;

use super::chart::{Chart, Colour, Marker, Style};
use super::collect::{Collected, Group};
use super::gallery::{Figure, Gallery, Legend};
use crate::error::Result;
use crate::study::explain::cases::words;
use crate::study::explain::{Case, Method};
use crate::study::record::CellRecord;

/// One system's look: the same in every chart.
#[must_use]
pub fn look(index: usize) -> (Colour, Marker, bool) {
    // Every seventh system has the colour of an earlier one, and interrupted lines.
    (Colour::Series(index), Marker::of(index), index >= super::chart::palette::SERIES.len())
}

/// A system's line in a legend.
#[must_use]
pub fn line_style(index: usize) -> Style {
    let (colour, _, dashed) = look(index);
    Style::Line { colour, dashed }
}

/// Words as part of a file name.
#[must_use]
pub fn slug(words: &[&str]) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    words.join("-").chars().map(keep).collect()
}

/// The worst and the best cases of every explained cell, one gallery per cell. `draw` is given the record, the case with its number
/// and what is said of it, and the problems to which it may add; those that it ends in are added too.
pub(super) fn cases(
    study: &Collected,
    groups: &[Group<'_>],
    legend: impl Fn(Method) -> Legend,
    problems: &mut Vec<String>,
    draw: impl Fn(&CellRecord, (usize, &Case), &str, &mut Vec<String>) -> Result<Option<Figure>>,
) -> Vec<Gallery> {
    let mut galleries = Vec::new();
    for (record, explained) in groups.iter().filter_map(|g| study.explained(g)) {
        let mut figures = Vec::new();
        for (index, case) in explained.cases.iter().enumerate() {
            let Some(frame) = record.frames.iter().find(|f| f.name == case.name) else { continue };
            let said = format!("{}: {}", case.end.name(), words(record, frame));
            match draw(record, (index, case), &said, problems) {
                Ok(figure) => figures.extend(figure),
                Err(error) => problems.push(error.to_string()),
            }
        }
        if !figures.is_empty() {
            let heading = format!("{}: worst and best cases", record.key.system);
            galleries.push(Gallery { heading, legend: legend(explained.method), figures });
        }
    }
    galleries
}

/// Charts under one heading.
#[derive(Clone, Debug)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// What the reader sees and how to read it.
    pub text: String,
    /// Charts; none where the study lacks what they need, which `text` then says.
    pub charts: Vec<Chart>,
    /// Small pictures.
    pub galleries: Vec<Gallery>,
}

impl Section {
    /// A section, which says that it is empty where it is.
    #[must_use]
    pub fn new(title: &str, text: &str, missing: &str, charts: Vec<Chart>) -> Self {
        let text = if charts.is_empty() { missing } else { text };
        Self { title: title.to_owned(), text: text.to_owned(), charts, galleries: Vec::new() }
    }

    /// The same of small pictures.
    #[must_use]
    pub fn shown(title: &str, text: &str, missing: &str, galleries: Vec<Gallery>) -> Self {
        let text = if galleries.is_empty() { missing } else { text };
        Self { title: title.to_owned(), text: text.to_owned(), charts: Vec::new(), galleries }
    }

    /// Whether there is nothing but words.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.charts.is_empty() && self.galleries.is_empty()
    }
}
