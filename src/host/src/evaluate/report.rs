//! Evaluation as JSON, table and Markdown.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::bootstrap::Estimate;
use super::summary::{Summary, System};
use crate::error::Result;
use crate::files;
use crate::report::{align, markdown};

/// Everything one evaluation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// What was evaluated: `name@version`, and how.
    pub title: String,
    /// Versions of the program and its numeric libraries.
    pub versions: std::collections::HashMap<String, String>,
    /// Seed.
    pub seed: u64,
    /// Labels.
    pub labels: Vec<String>,
    /// Domains.
    pub domains: Vec<String>,
    /// Default routing mode.
    pub mode: String,
    /// Smallest probability that is shown.
    pub min_probability: f64,
    /// Folds and repetitions, none for a finished bundle.
    pub folds: Option<(usize, usize)>,
    /// All pictures.
    pub summary: Summary,
    /// Per left-out device.
    pub devices: Vec<DeviceSummary>,
    /// Per file without label: was it flagged as outside the known domains?
    pub strangers: Vec<Stranger>,
}

/// Figures of one left-out device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceSummary {
    /// The device.
    pub device: String,
    /// Its figures.
    pub summary: Summary,
}

/// A picture that belongs to no domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stranger {
    /// The file.
    pub file: String,
    /// Frames in it.
    pub frames: usize,
    /// Share of frames flagged as outside, per mode in the order of [`super::MODES`].
    pub flagged: Vec<f64>,
}

impl Report {
    /// Writes `<stem>.json` and `<stem>.md` into `folder`.
    ///
    /// # Errors
    /// Write errors.
    pub fn write(&self, folder: &Path, stem: &str) -> Result<()> {
        files::write_json(&folder.join(format!("{stem}.json")), self)?;
        files::write_atomic(&folder.join(format!("{stem}.md")), self.markdown().as_bytes())
    }

    /// Aligned tables for the terminal.
    #[must_use]
    pub fn text(&self) -> String {
        self.render(&|title| format!("\n{title}\n"), &align)
    }

    /// The same as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        self.render(&|title| format!("\n### {title}\n\n"), &markdown)
    }

    fn render(&self, heading: &dyn Fn(&str) -> String, table: &dyn Fn(&[Vec<String>]) -> String) -> String {
        let summary = &self.summary;
        let how = self.folds.map_or_else(String::new, |(folds, repeats)| {
            format!(", {folds} folds grouped by patient, {repeats} repetitions")
        });
        let mut text = format!(
            "{}: {} pictures of {} patients{how}. Intervals: 95 %, bootstrap over patients. Default routing: {}.\n",
            self.title, summary.pictures, summary.patients, self.mode
        );
        text.push_str(&heading("Accuracy"));
        text.push_str(&table(&self.systems(summary)));
        if let Some(difference) = summary.routed_minus_single {
            text.push_str(&format!("\nRouted minus single head, paired by patient: {} points.\n", points(difference)));
        }
        if let (Some(difference), Some(agreement)) = (summary.int8_minus_float, summary.int8_agreement) {
            text.push_str(&format!(
                "\nint8 minus f32 decoders, paired by patient: {} points; the same label in {:.2} % of the pictures.\n",
                points(difference),
                100.0 * agreement
            ));
        }
        text.push_str(&heading("Routing and withheld answers"));
        text.push_str(&table(&self.routing(summary)));
        if summary.unknown > 0 {
            text.push_str(&format!(
                "\nUnknown labels: {} pictures. An answer is withheld where the picture is outside the known domains or the \
                 probability is below {}.\n",
                summary.unknown, self.min_probability
            ));
        }
        text.push_str(&heading("Confusion (rows: truth)"));
        let mut rows = vec![std::iter::once(String::new()).chain(self.labels.iter().cloned()).collect::<Vec<_>>()];
        for (label, row) in self.labels.iter().zip(&summary.confusion) {
            rows.push(std::iter::once(label.clone()).chain(row.iter().map(ToString::to_string)).collect());
        }
        text.push_str(&table(&rows));
        if !self.devices.is_empty() {
            text.push_str(&heading("Leave one device out"));
            text.push_str(&table(&self.device_rows()));
        }
        if !self.strangers.is_empty() {
            text.push_str(&heading("Pictures of other organs: share of frames flagged as outside the known domains"));
            let mut rows = vec![vec!["file".to_owned(), "frames".to_owned()]];
            rows[0].extend(super::MODES.iter().map(|(name, _)| (*name).to_owned()));
            for stranger in &self.strangers {
                let mut row = vec![stranger.file.clone(), stranger.frames.to_string()];
                row.extend(stranger.flagged.iter().map(|f| percent(*f)));
                rows.push(row);
            }
            text.push_str(&table(&rows));
        }
        text
    }

    fn systems(&self, summary: &Summary) -> Vec<Vec<String>> {
        let mut head = vec!["system".to_owned(), "accuracy %".to_owned(), "interval".to_owned(), "macro F1".to_owned()];
        head.extend(self.domains.iter().cloned());
        let mut rows = vec![head];
        for system in &summary.systems {
            let mut row = vec![
                self.name(system),
                percent(system.accuracy.mean),
                interval(system.accuracy),
                format!("{:.3}", system.macro_f1),
            ];
            row.extend(system.domains.iter().map(|d| d.map_or_else(|| "-".to_owned(), percent)));
            rows.push(row);
        }
        rows
    }

    /// `best single decoder (1)` with the domain's name instead of its number.
    fn name(&self, system: &System) -> String {
        let number = system.name.split_once('(').and_then(|(_, rest)| rest.trim_end_matches(')').parse::<usize>().ok());
        match number.and_then(|index| self.domains.get(index)) {
            Some(domain) => format!("best single decoder ({domain})"),
            None => system.name.clone(),
        }
    }

    fn routing(&self, summary: &Summary) -> Vec<Vec<String>> {
        let first = self.domains.first().cloned().unwrap_or_default();
        let head = [
            "routing".to_owned(),
            "domain right %".to_owned(),
            format!("{first} against rest %"),
            "in domain %".to_owned(),
            "withheld %".to_owned(),
            "accuracy of shown %".to_owned(),
            "unknown withheld %".to_owned(),
            "unknown AUC".to_owned(),
        ];
        let mut rows = vec![head.to_vec()];
        for routing in &summary.routing {
            let optional = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), percent);
            rows.push(vec![
                routing.mode.clone(),
                percent(routing.domain.mean),
                percent(routing.first_against_rest.mean),
                percent(routing.in_domain),
                percent(routing.withheld),
                percent(routing.shown_accuracy),
                optional(routing.unknown_withheld),
                routing.unknown_curve.map_or_else(|| "-".to_owned(), |v| format!("{v:.2}")),
            ]);
        }
        rows
    }

    fn device_rows(&self) -> Vec<Vec<String>> {
        let default = format!("routed {}", self.mode);
        let wanted = [default.as_str(), "single head", "oracle routing"];
        let mut head = vec!["device".to_owned(), "pictures".to_owned()];
        head.extend(wanted.iter().map(|name| format!("{name} %")));
        head.extend(["domain right %".to_owned(), "in domain %".to_owned()]);
        let mut rows = vec![head];
        for device in &self.devices {
            let mut row = vec![device.device.clone(), device.summary.pictures.to_string()];
            for name in wanted {
                let system = device.summary.systems.iter().find(|s| s.name == name);
                row.push(system.map_or_else(|| "-".to_owned(), |s| percent(s.accuracy.mean)));
            }
            let routing = device.summary.routing.iter().find(|r| r.mode == self.mode);
            row.push(routing.map_or_else(|| "-".to_owned(), |r| percent(r.domain.mean)));
            row.push(routing.map_or_else(|| "-".to_owned(), |r| percent(r.in_domain)));
            rows.push(row);
        }
        rows
    }
}

fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:.1}", 100.0 * share) } else { "-".to_owned() }
}

fn interval(estimate: Estimate) -> String {
    format!("{:.1} to {:.1}", 100.0 * estimate.low, 100.0 * estimate.high)
}

fn points(estimate: Estimate) -> String {
    format!("{:+.2} ({:+.2} to {:+.2})", 100.0 * estimate.mean, 100.0 * estimate.low, 100.0 * estimate.high)
}
