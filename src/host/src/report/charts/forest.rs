//! Estimates with intervals, one row each.

use super::super::chart::{Axis, Chart, Colour, Layer, Marker};
use super::super::collect::{Collected, Group};
use super::{Section, slug};
use crate::evaluate::bootstrap::Estimate;
use crate::study::figures::{Measure, figure};
use crate::study::record::Task;

/// Height of a row and of everything else in CSS pixels.
const ROW: u32 = 26;
const AROUND: u32 = 96;
const WIDTH: u32 = 620;

/// A forest plot. Rows without an estimate are left out; the dashed line marks `reference`.
#[must_use]
pub fn forest(
    name: &str,
    title: &str,
    label: &str,
    scale: f64,
    rows: &[(String, Option<Estimate>)],
    reference: Option<f64>,
) -> Option<Chart> {
    let rows: Vec<(&String, Estimate)> = rows.iter().filter_map(|(name, e)| Some((name, (*e)?))).collect();
    if rows.is_empty() {
        return None;
    }
    let at = |value: f64| value * scale;
    let ends = rows.iter().flat_map(|(_, e)| [e.low, e.high, e.mean]).chain(reference).map(at);
    let x = Axis::over(label, ends);
    let names: Vec<String> = rows.iter().map(|(name, _)| (*name).clone()).collect();
    let mut layers = Vec::new();
    if let Some(reference) = reference {
        let points = vec![[at(reference), -0.5], [at(reference), rows.len() as f64 - 0.5]];
        layers.push(Layer::Line { points, colour: Colour::Ink, dashed: true });
    }
    for (row, (_, e)) in rows.iter().enumerate() {
        let (y, colour) = (row as f64, Colour::Series(0));
        layers.push(Layer::Interval { from: [at(e.low), y], to: [at(e.high), y], colour });
        layers.push(Layer::Points { points: vec![[at(e.mean), y]], colour, marker: Marker::Circle, size: 5 });
    }
    let words: Vec<String> = rows
        .iter()
        .map(|(name, e)| format!("{name} {:.1} ({:.1} to {:.1})", at(e.mean), at(e.low), at(e.high)))
        .collect();
    Some(Chart {
        name: name.to_owned(),
        title: title.to_owned(),
        description: format!("{label} with 95 % intervals: {}.", words.join("; ")),
        size: [WIDTH, AROUND + ROW * rows.len() as u32],
        x,
        y: Axis::names("", &names).reversed(),
        layers,
        legend: Vec::new(),
    })
}

/// Systems of a task by its leading measures.
#[must_use]
pub fn systems(study: &Collected, task: Task, groups: &[Group<'_>]) -> Section {
    let measures: &[Measure] = match task {
        Task::Classify => &[Measure::Accuracy, Measure::MacroF1, Measure::Auc],
        Task::Segment => &[Measure::Dice, Measure::Iou, Measure::Hd95],
    };
    let charts = measures.iter().filter_map(|measure| {
        let rows: Vec<(String, Option<Estimate>)> = groups
            .iter()
            .map(|g| (g.system.to_owned(), figure(&g.frames(), g.labels().len(), *measure, study.draws)))
            .collect();
        let title = measure.title();
        forest(&slug(&["systems", task.name(), title]), title, title, measure.scale(), &rows, None)
    });
    Section::new(
        "Systems side by side",
        "Points are values over all test pictures of all splits and seeds, lines their 95 % intervals from a bootstrap over \
         patients. Whether two systems differ is said by the paired differences, not by overlapping intervals.",
        "No finished cell of the main comparison.",
        charts.collect(),
    )
}
