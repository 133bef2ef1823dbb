//! The charts of a study, from its records.

pub mod ablation;
pub mod classes;
pub mod forest;
pub mod map;
pub mod masks;
pub mod training;

use super::chart::{Chart, Colour, Marker, Style};

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

/// Charts under one heading.
#[derive(Clone, Debug)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// What the reader sees and how to read it.
    pub text: String,
    /// Charts; none where the study lacks what they need, which `text` then says.
    pub charts: Vec<Chart>,
}

impl Section {
    /// A section, which says that it is empty where it is.
    #[must_use]
    pub fn new(title: &str, text: &str, missing: &str, charts: Vec<Chart>) -> Self {
        let text = if charts.is_empty() { missing } else { text };
        Self { title: title.to_owned(), text: text.to_owned(), charts }
    }
}
