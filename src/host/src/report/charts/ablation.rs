//! Ablations and degradation: what changes where one setting changes.

use super::super::chart::{Axis, Chart, Entry, Layer};
use super::super::collect::Collected;
use super::forest::forest;
use super::{Section, slug};
use crate::evaluate::bootstrap::Estimate;
use crate::study::figures::{Measure, figure};
use crate::study::record::{CellRecord, Frame, Task};

/// Kinds that are curves over a strength: kind, axis, the strength that changes nothing.
const CURVES: [(&str, &str, f64); 3] = [
    ("noise", "standard deviation of added noise, share of white", 0.0),
    ("blur", "standard deviation of a blur, share of the shorter side", 0.0),
    ("gain", "factor on the grey levels", 1.0),
];
const SIZE: [u32; 2] = [500, 380];

const fn measure(task: Task) -> Measure {
    match task {
        Task::Classify => Measure::Accuracy,
        Task::Segment => Measure::Dice,
    }
}

fn estimate(study: &Collected, records: &[&CellRecord]) -> Option<Estimate> {
    let frames: Vec<&Frame> = records.iter().flat_map(|r| &r.frames).collect();
    let first = records.first()?;
    figure(&frames, first.labels.len(), measure(first.task), study.draws)
}

/// Degradation curves of a task.
#[must_use]
pub fn curves(study: &Collected, task: Task) -> Section {
    let variants = study.variants(task);
    let charts = CURVES
        .into_iter()
        .filter_map(|(kind, label, nothing)| curve(study, task, kind, label, nothing, variants.get(kind)?));
    Section::new(
        "Degraded pictures",
        "Test pictures made worse before anything else sees them; bars are 95 % intervals over patients. The strength that \
         changes nothing is the main comparison itself.",
        "No cell with degraded pictures.",
        charts.collect(),
    )
}

fn curve(study: &Collected, task: Task, kind: &str, label: &str, nothing: f64, cells: &[&CellRecord]) -> Option<Chart> {
    let measure = measure(task);
    let mut systems: Vec<&str> = cells.iter().map(|c| c.key.system.as_str()).collect();
    systems.sort_unstable();
    systems.dedup();
    let mut layers = Vec::new();
    let mut legend = Vec::new();
    let mut words = Vec::new();
    let (mut xs, mut ys) = (vec![nothing], Vec::new());
    for (index, system) in systems.iter().enumerate() {
        let own: Vec<&CellRecord> = cells.iter().copied().filter(|c| c.key.system == *system).collect();
        let mut strengths: Vec<f64> = own.iter().filter_map(|c| strength(c)).collect();
        strengths.sort_by(f64::total_cmp);
        strengths.dedup();
        let mut points: Vec<(f64, Estimate)> = Vec::new();
        for at in strengths {
            let records: Vec<&CellRecord> = own.iter().copied().filter(|c| strength(c) == Some(at)).collect();
            points.extend(estimate(study, &records).map(|e| (at, e)));
        }
        if !points.iter().any(|p| p.0 == nothing) {
            let mut bases: Vec<&CellRecord> = own.iter().filter_map(|c| study.base(c)).collect();
            bases.dedup_by(|a, b| std::ptr::eq(*a, *b));
            points.extend(estimate(study, &bases).map(|e| (nothing, e)));
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (colour, marker, dashed) = super::look(index);
        let scale = measure.scale();
        for (at, e) in &points {
            layers.push(Layer::Interval { from: [*at, e.low * scale], to: [*at, e.high * scale], colour });
            ys.extend([e.low * scale, e.high * scale]);
            xs.push(*at);
        }
        let line: Vec<[f64; 2]> = points.iter().map(|(at, e)| [*at, e.mean * scale]).collect();
        let said: Vec<String> = line.iter().map(|p| format!("{:.1} at {}", p[1], p[0])).collect();
        words.push(format!("{system}: {}", said.join(", ")));
        layers.push(Layer::Line { points: line.clone(), colour, dashed });
        layers.push(Layer::Points { points: line, colour, marker, size: 4 });
        legend.push(Entry { name: (*system).to_owned(), style: super::line_style(index) });
    }
    (!ys.is_empty()).then(|| Chart {
        name: slug(&["degraded", task.name(), kind]),
        title: format!("{} against {kind}", measure.title()),
        description: format!("{} by {label}. {}.", measure.title(), words.join("; ")),
        size: SIZE,
        x: Axis::over(label, xs.into_iter()),
        y: Axis::over(measure.title(), ys.into_iter()),
        layers,
        legend,
    })
}

/// The number behind the `=` of a variant.
fn strength(cell: &CellRecord) -> Option<f64> {
    cell.key.variant.split_once('=')?.1.parse().ok().filter(|v: &f64| v.is_finite())
}

/// Every other ablation: a row per setting, and the setting as compared.
#[must_use]
pub fn settings(study: &Collected, task: Task) -> Section {
    let mut charts = Vec::new();
    for (kind, cells) in study.variants(task) {
        if CURVES.iter().any(|(curve, ..)| *curve == kind) {
            continue;
        }
        let mut systems: Vec<&str> = cells.iter().map(|c| c.key.system.as_str()).collect();
        systems.sort_unstable();
        systems.dedup();
        for system in systems {
            let own: Vec<&CellRecord> = cells.iter().copied().filter(|c| c.key.system == system).collect();
            let mut settings: Vec<(&str, Vec<&CellRecord>)> = Vec::new();
            for cell in &own {
                let setting = cell.key.variant.split_once('=').map_or("", |(_, s)| s);
                match settings.iter_mut().find(|(s, _)| *s == setting) {
                    Some((_, records)) => records.push(cell),
                    None => settings.push((setting, vec![cell])),
                }
            }
            settings.sort_by(|a, b| number(a.0).total_cmp(&number(b.0)).then(a.0.cmp(b.0)));
            let mut bases: Vec<&CellRecord> = own.iter().filter_map(|c| study.base(c)).collect();
            bases.dedup_by(|a, b| std::ptr::eq(*a, *b));
            let base = estimate(study, &bases);
            let mut rows = vec![("as compared".to_owned(), base)];
            rows.extend(settings.iter().map(|(s, records)| ((*s).to_owned(), estimate(study, records))));
            let measure = measure(task);
            let name = slug(&["ablation", task.name(), kind, system]);
            let title = format!("{system} by {kind}");
            charts.extend(forest(&name, &title, measure.title(), measure.scale(), &rows, base.map(|b| b.mean)));
        }
    }
    Section::new(
        "Ablations",
        "One setting changed at a time, on the first main split and seed. The dashed line is the setting as compared; the \
         paired changes with their p values are in the tables.",
        "No ablation cell.",
        charts,
    )
}

/// Settings that are numbers stand in their order, before words.
fn number(setting: &str) -> f64 {
    setting.parse().unwrap_or(f64::INFINITY)
}
