//! A table of figures as Markdown, CSV and JSON.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::figures::Measure;
use crate::error::{HostError, Result};
use crate::evaluate::bootstrap::Estimate;
use crate::files;

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Name of its files.
    pub name: String,
    /// Heading.
    pub title: String,
    /// Heads of the columns that name a row.
    pub heads: Vec<String>,
    /// Heads of the columns with figures.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: Vec<Row>,
    /// Sentences below it.
    pub notes: Vec<String>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Head.
    pub title: String,
    /// Name in csv files.
    pub name: String,
    /// Factor from value to print.
    pub scale: f64,
    /// Digits behind the point.
    pub digits: usize,
}

impl Column {
    /// For a measure.
    #[must_use]
    pub fn of(measure: Measure) -> Self {
        Self {
            title: measure.title().to_owned(),
            name: serde_json::to_string(&measure).unwrap_or_default().trim_matches('"').to_owned(),
            scale: measure.scale(),
            digits: 1,
        }
    }

    /// A plain number.
    #[must_use]
    pub fn number(title: &str, digits: usize) -> Self {
        Self { title: title.to_owned(), name: title.to_lowercase(), scale: 1.0, digits }
    }
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What it is about, one entry per head.
    pub labels: Vec<String>,
    /// Figures in the order of the columns; none for what does not apply or is not there yet.
    pub figures: Vec<Option<Estimate>>,
    /// What the article prints, where it prints something close.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<PrintedRow>,
}

/// The article's row beside ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrintedRow {
    /// Its data set.
    pub dataset: String,
    /// Figures as printed, in percent, and letters of what is wrong with them.
    pub figures: Vec<Option<(f64, String)>>,
}

impl Table {
    /// Writes `<name>.md`, `<name>.csv` and `<name>.json` into `folder`.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = |ending: &str| folder.join(format!("{}.{ending}", self.name));
        files::write_json(&path("json"), self)?;
        files::write_atomic(&path("csv"), &self.csv(&path("csv"))?)?;
        files::write_atomic(&path("md"), self.markdown().as_bytes())
    }

    /// As Markdown. A figure is followed by its 95 % interval; the article's row stands below ours in italics.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n", self.title);
        let heads = self.heads.iter().cloned().chain(self.columns.iter().map(|c| c.title.clone()));
        let heads: Vec<String> = heads.collect();
        text.push_str(&line(&heads));
        let rule = (0..heads.len()).map(|i| if i < self.heads.len() { "---" } else { "---:" }.to_owned());
        text.push_str(&line(&rule.collect::<Vec<String>>()));
        for row in &self.rows {
            let figures =
                row.figures.iter().zip(&self.columns).map(|(figure, column)| {
                    figure.as_ref().map_or_else(|| "–".to_owned(), |e| printed_figure(e, column))
                });
            text.push_str(&line(&row.labels.iter().cloned().chain(figures).collect::<Vec<String>>()));
            if let Some(printed) = &row.printed {
                let mut labels = vec![String::new(); row.labels.len()];
                if let Some(last) = labels.last_mut() {
                    *last = format!("*article: {}*", printed.dataset);
                }
                let figures = printed.figures.iter().map(|figure| {
                    figure.as_ref().map_or_else(String::new, |(value, marks)| {
                        if marks.is_empty() { format!("*{value:.2}*") } else { format!("*{value:.2}* ({marks})") }
                    })
                });
                text.push_str(&line(&labels.into_iter().chain(figures).collect::<Vec<String>>()));
            }
        }
        for note in &self.notes {
            text.push_str(&format!("\n{note}\n"));
        }
        text
    }

    /// One line per figure.
    fn csv(&self, path: &Path) -> Result<Vec<u8>> {
        let damaged = |e: &dyn std::fmt::Display| HostError::damaged(path, e);
        let mut writer = csv::Writer::from_writer(Vec::new());
        let fixed = ["measure", "value", "low", "high", "article_dataset", "article", "article_marks"];
        let heads = self.heads.iter().map(|h| h.to_lowercase()).chain(fixed.map(str::to_owned));
        writer.write_record(heads).map_err(|e| damaged(&e))?;
        for row in &self.rows {
            for (index, column) in self.columns.iter().enumerate() {
                let figure = row.figures.get(index).and_then(Option::as_ref);
                let printed = row.printed.as_ref().and_then(|p| Some((p, p.figures.get(index)?.as_ref()?)));
                if figure.is_none() && printed.is_none() {
                    continue;
                }
                let number = |value: fn(&Estimate) -> f64| {
                    figure.map_or_else(String::new, |e| format!("{:.4}", value(e) * column.scale))
                };
                let mut record = row.labels.clone();
                record.extend([column.name.clone(), number(|e| e.mean), number(|e| e.low), number(|e| e.high)]);
                record.extend(match printed {
                    Some((row, (value, marks))) => [row.dataset.clone(), format!("{value:.2}"), marks.clone()],
                    None => [String::new(), String::new(), String::new()],
                });
                writer.write_record(&record).map_err(|e| damaged(&e))?;
            }
        }
        writer.into_inner().map_err(|e| damaged(&e))
    }
}

fn printed_figure(estimate: &Estimate, column: &Column) -> String {
    let Column { scale, digits, .. } = column;
    let [mean, low, high] = [estimate.mean, estimate.low, estimate.high].map(|v| v * scale);
    if low.to_bits() == high.to_bits() && low.to_bits() == mean.to_bits() {
        format!("{mean:.digits$}")
    } else {
        format!("{mean:.digits$} ({low:.digits$}–{high:.digits$})")
    }
}

fn line(cells: &[String]) -> String {
    // A bar within a cell would begin the next one.
    let cells: Vec<String> = cells.iter().map(|c| c.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// A figure without an interval.
#[must_use]
pub const fn exact(value: f64) -> Estimate {
    Estimate { mean: value, low: value, high: value }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn three_forms_of_one_table() {
        let estimate = Some(Estimate { mean: 0.5, low: 0.25, high: 0.75 });
        let table = Table {
            name: "t".into(),
            title: "T".into(),
            heads: vec!["Methods".into(), "Dataset".into()],
            columns: vec![Column::of(Measure::Accuracy), Column::number("Weights", 0)],
            rows: vec![
                Row {
                    labels: vec!["ViT".into(), "low|er".into()],
                    figures: vec![estimate, Some(exact(12.0))],
                    printed: Some(PrintedRow {
                        dataset: "African".into(),
                        figures: vec![Some((64.5, "ab".into())), None],
                    }),
                },
                Row { labels: vec!["ViT".into(), "high".into()], figures: vec![None, None], printed: None },
            ],
            notes: vec!["A note.".into()],
        };
        let expected = "## T\n\n| Methods | Dataset | Accuracy (%) | Weights |\n| --- | --- | ---: | ---: |\n\
                        | ViT | low\\|er | 50.0 (25.0–75.0) | 12 |\n|  | *article: African* | *64.50* (ab) |  |\n\
                        | ViT | high | – | – |\n\nA note.\n";
        assert_eq!(table.markdown(), expected);
        let dir = tempfile::tempdir().unwrap();
        table.write(dir.path()).unwrap();
        let csv = std::fs::read_to_string(dir.path().join("t.csv")).unwrap();
        assert_eq!(
            csv,
            "methods,dataset,measure,value,low,high,article_dataset,article,article_marks\n\
             ViT,low|er,accuracy,50.0000,25.0000,75.0000,African,64.50,ab\nViT,low|er,weights,12.0000,12.0000,12.0000,,,\n"
        );
        assert_eq!(files::read_json::<Table>(&dir.path().join("t.json")).unwrap(), table);
    }
}
