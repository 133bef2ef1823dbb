//! Paired differences between systems, from the tables: what they say, drawn.

use super::super::chart::{Axis, Chart, Colour, Entry, Layer, Marker, Style};
use super::super::collect::Collected;
use super::{Section, slug};
use crate::evaluate::bootstrap::Estimate;
use crate::study::paper::MIXTURE;
use crate::study::record::Task;
use crate::study::table::{Column, Table};

const WIDTH: u32 = 640;
const ROW: u32 = 24;
const AROUND: u32 = 122;
/// Below this p a difference is marked.
const MARKED: f64 = 0.05;

/// One row of a chart.
struct Line<'a> {
    system: &'a str,
    dataset: &'a str,
    difference: Estimate,
    p: f64,
}

/// A chart per measure of the task's table of differences.
#[must_use]
pub fn section(study: &Collected, task: Task) -> Section {
    let name = format!("differences-{}", task.name());
    let charts = study.tables.iter().find(|table| table.name == name).map(|table| {
        let measures = table.columns.iter().enumerate().filter(|(_, c)| !c.name.ends_with("-p"));
        measures.filter_map(|(index, column)| chart(task, table, index, column)).collect()
    });
    Section::new(
        "Paired differences",
        "The routed system minus every other on the same test pictures, with 95 % intervals from a paired bootstrap over patients, as in \
         the table of differences. To the right of the line the routed system is better. Filled points have a two-sided p below 0.05, \
         which is not corrected for the number of comparisons.",
        "No paired differences: `ushydra-host compare --tables` writes them where a routed system and another one are finished.",
        charts.unwrap_or_default(),
    )
}

fn chart(task: Task, table: &Table, index: usize, column: &Column) -> Option<Chart> {
    let name = format!("{}-p", column.name);
    let p = table.columns.iter().position(|c| c.name == name)?;
    let lines: Vec<Line<'_>> = table
        .rows
        .iter()
        .filter_map(|row| {
            let [system, dataset] = &row.labels[..] else { return None };
            let figure = |at: usize| row.figures.get(at).copied().flatten();
            Some(Line { system, dataset, difference: figure(index)?, p: figure(p)?.mean })
        })
        .collect();
    let (routed, _) = lines.first()?.system.split_once(" − ")?;
    let at = |value: f64| value * column.scale;
    let mut layers = vec![Layer::Line {
        points: vec![[0.0, -0.5], [0.0, lines.len() as f64 - 0.5]],
        colour: Colour::Ink,
        dashed: true,
    }];
    let (mut names, mut words) = (Vec::new(), Vec::new());
    for (row, line) in lines.iter().enumerate() {
        let (y, e) = (row as f64, line.difference);
        let colour = if line.dataset == MIXTURE { Colour::Series(1) } else { Colour::Series(0) };
        let marker = if line.p < MARKED { Marker::Circle } else { Marker::Ring };
        layers.push(Layer::Interval { from: [at(e.low), y], to: [at(e.high), y], colour });
        layers.push(Layer::Points { points: vec![[at(e.mean), y]], colour, marker, size: 5 });
        let other = line.system.split_once(" − ").map_or(line.system, |(_, other)| other);
        let p = if line.p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {:.3}", line.p) };
        names.push(format!("{other}, {}, {p}", line.dataset));
        words.push(format!(
            "{other}, {}: {:+.1} ({:+.1} to {:+.1}), {p}",
            line.dataset,
            at(e.mean),
            at(e.low),
            at(e.high)
        ));
    }
    let entry = |name: &str, colour: usize, marker: Marker| Entry {
        name: name.to_owned(),
        style: Style::Marker { colour: Colour::Series(colour), marker },
    };
    let title = column.title.trim_end_matches(" (points)");
    let label = format!("{routed} minus the other system, points");
    let ends = lines.iter().flat_map(|l| [l.difference.low, l.difference.high, l.difference.mean]).chain([0.0]).map(at);
    Some(Chart {
        name: slug(&["differences", task.name(), &column.name]),
        title: format!("{title}: {routed} minus the others"),
        description: format!("{title}, {label}, with 95 % intervals: {}.", words.join("; ")),
        size: [WIDTH, AROUND + ROW * lines.len() as u32],
        x: Axis::over(&label, ends),
        y: Axis::names("", &names).reversed(),
        layers,
        legend: vec![
            entry("p below 0.05", 0, Marker::Circle),
            entry("p of 0.05 or more", 0, Marker::Ring),
            entry("all domains together", 1, Marker::Circle),
        ],
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::study::figures::Measure;
    use crate::study::table::{Row, exact};

    #[test]
    fn rows_points_and_the_line_of_no_difference() {
        let row = |system: &str, dataset: &str, mean: f64, p: f64| Row {
            labels: vec![format!("USHydra-ViT − {system}"), dataset.to_owned()],
            figures: vec![Some(Estimate { mean, low: mean - 0.02, high: mean + 0.03 }), Some(exact(p))],
            printed: None,
        };
        let accuracy = Column::of(Measure::Accuracy);
        let p = Column { name: "accuracy-p".to_owned(), ..Column::number("p (Accuracy)", 4) };
        let mut table = Table {
            name: "differences-classify".to_owned(),
            title: String::new(),
            heads: Vec::new(),
            columns: vec![Column { title: "Accuracy (points)".to_owned(), ..accuracy.clone() }, p],
            rows: vec![row("ViT", "low", 0.01, 0.4), row("ViT", MIXTURE, 0.05, 0.0002)],
            notes: Vec::new(),
        };
        table.rows.push(Row { labels: vec!["cut".to_owned()], figures: Vec::new(), printed: None });
        let found = chart(Task::Classify, &table, 0, &table.columns[0]).unwrap();
        assert_eq!(found.y.ticks[1].1, "ViT, Mixture, p < 0.001");
        assert!(found.description.contains("ViT, low: +1.0 (-1.0 to +4.0), p = 0.400"), "{}", found.description);
        assert!(found.x.range[0] <= -1.0 && found.x.range[1] >= 8.0);
        let points = found.layers.iter().filter_map(|l| match l {
            Layer::Points { points, marker, .. } => Some((points[0], *marker)),
            _ => None,
        });
        assert_eq!(points.collect::<Vec<_>>(), [([1.0, 0.0], Marker::Ring), ([5.0, 1.0], Marker::Circle)]);
        assert!(matches!(&found.layers[0], Layer::Line { points, dashed: true, .. } if points[0][0] == 0.0));
        table.rows.clear();
        assert!(chart(Task::Classify, &table, 0, &table.columns[0]).is_none());
    }
}
