//! What training did and what it cost.

use super::super::chart::{Axis, Chart, Colour, Entry, Layer, Marker, Style};
use super::super::collect::Group;
use super::{Section, slug};
use crate::study::record::{CellRecord, Task};

const SIZE: [u32; 2] = [390, 330];
/// Parameters are stated in millions.
const MILLION: f64 = 1e6;

/// Losses by epoch of every system that learns by epochs, and the validation scores of all.
#[must_use]
pub fn curves(task: Task, groups: &[Group<'_>]) -> Section {
    // The first split and seed stands for the others; their scores are in the tables.
    let trained: Vec<(usize, &CellRecord)> = groups
        .iter()
        .enumerate()
        .filter_map(|(i, g)| Some((i, *g.records.iter().find(|r| r.epochs.len() > 1)?)))
        .collect();
    let mut charts: Vec<Chart> = Vec::new();
    if !trained.is_empty() {
        charts.push(scores(task, &trained));
    }
    charts.extend(trained.iter().map(|(_, record)| losses(record)));
    Section::new(
        "Training",
        "The first split and seed of every system that learns by epochs. The weights of the best validation epoch are kept.",
        "No system of this task was trained by epochs.",
        charts,
    )
}

fn epochs(record: &CellRecord, value: impl Fn(&crate::study::record::Epoch) -> f64) -> Vec<[f64; 2]> {
    record.epochs.iter().enumerate().map(|(i, e)| [(i + 1) as f64, value(e)]).collect()
}

fn scores(task: Task, trained: &[(usize, &CellRecord)]) -> Chart {
    let what = match task {
        Task::Classify => "validation accuracy",
        Task::Segment => "validation Dice",
    };
    let mut layers = Vec::new();
    let mut legend = Vec::new();
    let mut words = Vec::new();
    for (index, record) in trained {
        let points = epochs(record, |e| e.validation_score);
        let (colour, _, dashed) = super::look(*index);
        let best = points.iter().map(|p| p[1]).fold(f64::NEG_INFINITY, f64::max);
        words.push(format!("{} at best {best:.3} in {} epochs", record.key.system, points.len()));
        layers.push(Layer::Line { points, colour, dashed });
        legend.push(Entry { name: record.key.system.clone(), style: super::line_style(*index) });
    }
    let longest = trained.iter().map(|(_, r)| r.epochs.len()).max().unwrap_or(1) as f64;
    let values = trained.iter().flat_map(|(_, r)| r.epochs.iter().map(|e| e.validation_score));
    Chart {
        name: slug(&["training", task.name(), "scores"]),
        title: "Validation score by epoch".to_owned(),
        description: format!("{what}: {}.", words.join("; ")),
        size: [SIZE[0] * 2, SIZE[1] + 60],
        x: Axis::between("epoch", 0.0, longest),
        y: Axis::over(what, values),
        layers,
        legend,
    }
}

fn losses(record: &CellRecord) -> Chart {
    let (training, validation) = (epochs(record, |e| e.training_loss), epochs(record, |e| e.validation_loss));
    let values: Vec<f64> = training.iter().chain(&validation).map(|p| p[1]).collect();
    let last = |points: &[[f64; 2]]| points.last().map_or(f64::NAN, |p| p[1]);
    let description = format!(
        "Loss by epoch over {} epochs, at last {:.3} in training and {:.3} in validation.",
        record.epochs.len(),
        last(&training),
        last(&validation)
    );
    let line = |points, series, dashed| Layer::Line { points, colour: Colour::Series(series), dashed };
    let entry = |name: &str, series, dashed| Entry {
        name: name.to_owned(),
        style: Style::Line { colour: Colour::Series(series), dashed },
    };
    Chart {
        name: slug(&["losses", &record.key.system]),
        title: format!("{} - loss", record.key.system),
        description,
        size: SIZE,
        x: Axis::between("epoch", 0.0, record.epochs.len() as f64),
        y: Axis::over("loss", values.into_iter()),
        layers: vec![line(training, 0, false), line(validation, 1, true)],
        legend: vec![entry("training", 0, false), entry("validation", 1, true)],
    }
}

/// Parameters and training time of every system.
#[must_use]
pub fn cost(task: Task, groups: &[Group<'_>]) -> Section {
    let minutes = |g: &Group<'_>| {
        g.records.iter().map(|r| r.training_seconds).sum::<f64>() / 60.0 / g.records.len().max(1) as f64
    };
    let parameters = |g: &Group<'_>| g.records.first().map_or(0.0, |r| r.parameters as f64 / MILLION);
    let chart = |what: &str, label: &str, value: &dyn Fn(&Group<'_>) -> f64| {
        let names: Vec<String> = groups.iter().map(|g| g.system.to_owned()).collect();
        let values: Vec<f64> = groups.iter().map(value).collect();
        let x = Axis::over(label, values.iter().copied().chain([0.0]));
        let mut layers = Vec::new();
        for (row, value) in values.iter().enumerate() {
            let y = row as f64;
            let colour = Colour::Series(0);
            layers.push(Layer::Box { from: [0.0, y - 0.3], to: [*value, y + 0.3], colour, opacity: 1.0 });
            layers.push(Layer::Points { points: vec![[*value, y]], colour, marker: Marker::Circle, size: 3 });
        }
        let words: Vec<String> = names.iter().zip(&values).map(|(n, v)| format!("{n} {v:.1}")).collect();
        Chart {
            name: slug(&["cost", task.name(), what]),
            title: label.to_owned(),
            description: format!("{label}: {}.", words.join("; ")),
            size: [SIZE[0] + 100, 96 + 26 * groups.len() as u32],
            x,
            y: Axis::names("", &names).reversed(),
            layers,
            legend: Vec::new(),
        }
    };
    let charts = if groups.is_empty() {
        Vec::new()
    } else {
        vec![
            chart("parameters", "Parameters (million, trained and frozen)", &parameters),
            chart("minutes", "Minutes of training, one split and seed", &minutes),
        ]
    };
    Section::new(
        "Size and time",
        "Minutes are those of the machines that the study ran on, with whatever else they were doing.",
        "No finished cell of the main comparison.",
        charts,
    )
}
