//! The page: one HTML file without any request, from charts and tables.

use std::collections::{BTreeMap, BTreeSet};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{palette, svg};
use super::charts::{Section, ablation, classes, forest, map, masks, slug, training};
use super::collect::Collected;
use super::pictures::Shown;
use crate::error::Result;
use crate::evaluate::bootstrap::Estimate;
use crate::study::record::Task;
use crate::study::table::{Column, Row, Table};

const STYLE: &str = include_str!("page.css");

/// Everything that a page shows of one task.
#[derive(Clone, Debug)]
pub struct Part {
    /// The task.
    pub task: Task,
    /// Charts by heading.
    pub sections: Vec<Section>,
}

/// Charts of both tasks. A task of which the study holds nothing still has its part, which says so.
#[must_use]
pub fn parts(study: &Collected) -> Vec<Part> {
    let part = |task| {
        let groups = study.main(task);
        let mut sections = vec![forest::systems(study, task, &groups)];
        match task {
            Task::Classify => sections.extend(classes::sections(&groups)),
            Task::Segment => sections.push(masks::section(&groups)),
        }
        sections.push(map::section(&groups));
        sections.push(ablation::settings(study, task));
        sections.push(ablation::curves(study, task));
        sections.push(training::curves(task, &groups));
        sections.push(training::cost(task, &groups));
        Part { task, sections }
    };
    vec![part(Task::Classify), part(Task::Segment)]
}

const fn title(task: Task) -> &'static str {
    match task {
        Task::Classify => "Classification of planes",
        Task::Segment => "Segmentation",
    }
}

/// The whole page.
///
/// # Errors
/// [`crate::HostError::Plot`].
pub fn page(study: &Collected, parts: &[Part], shown: &[Shown]) -> Result<String> {
    let mut bodies = Vec::new();
    for part in parts {
        bodies.push(task(study, part, shown)?);
    }
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "USHydra: report of a study" }
                style { (PreEscaped(STYLE)) (PreEscaped(dark())) }
            }
            body {
                a.skip href="#content" { "To the content" }
                header {
                    h1 { "Report of a study" }
                    p.soft { "Systems compared on the same pictures, splits and budgets. Not a medical device." }
                    (facts(study))
                    @if !study.problems.is_empty() {
                        div.warn role="note" {
                            p { strong { "Parts of the study could not be read." } }
                            ul { @for problem in &study.problems { li { (problem) } } }
                        }
                    }
                }
                nav aria-label="Contents" {
                    ul {
                        @for part in parts {
                            li { a href={ "#" (part.task.name()) } { (title(part.task)) } }
                            @for section in part.sections.iter().filter(|s| !s.charts.is_empty()) {
                                li { a href={ "#" (slug(&[part.task.name(), &section.title])) } { (section.title) } }
                            }
                        }
                        li { a href="#method" { "Method" } }
                    }
                }
                main id="content" {
                    @for body in &bodies { (body) }
                    (method(study))
                }
                footer { "Made by ushydra-host " (env!("CARGO_PKG_VERSION")) " report. The page loads nothing from anywhere." }
            }
        }
    };
    Ok(markup.into_string())
}

/// Shades of the charts on black.
fn dark() -> String {
    let rules = palette::pairs()
        .into_iter()
        .map(|(light, dark)| format!("svg [fill=\"{light}\"]{{fill:{dark}}}svg [stroke=\"{light}\"]{{stroke:{dark}}}"));
    format!("@media screen and (prefers-color-scheme: dark){{{}}}", rules.collect::<String>())
}

fn facts(study: &Collected) -> Markup {
    let distinct = |of: fn(&crate::study::record::CellRecord) -> &str| {
        study.cells.iter().map(of).collect::<BTreeSet<&str>>().len()
    };
    let of_task = |task| study.cells.iter().filter(move |c| c.task == task);
    let frames = |task| {
        let names = of_task(task).flat_map(|c| c.frames.iter().map(|f| f.name.as_str()));
        names.collect::<BTreeSet<&str>>().len()
    };
    let patients = |task| {
        let names = of_task(task).flat_map(|c| c.frames.iter().map(|f| f.patient.as_str()));
        names.collect::<BTreeSet<&str>>().len()
    };
    let hours = study.cells.iter().map(|c| c.training_seconds).sum::<f64>() / 3600.0;
    let entries = [
        ("finished cells", study.cells.len().to_string()),
        ("systems", distinct(|c| &c.key.system).to_string()),
        ("splits", distinct(|c| &c.key.split).to_string()),
        ("classified pictures (patients)", format!("{} ({})", frames(Task::Classify), patients(Task::Classify))),
        ("segmented pictures (patients)", format!("{} ({})", frames(Task::Segment), patients(Task::Segment))),
        ("hours of training", format!("{hours:.1}")),
    ];
    html! { dl.facts { @for (name, value) in entries { div { dt { (name) } dd { (value) } } } } }
}

fn task(study: &Collected, part: &Part, shown: &[Shown]) -> Result<Markup> {
    let name = part.task.name();
    if !study.cells.iter().any(|c| c.task == part.task) {
        return Ok(html! {
            section {
                h2 id=(name) { (title(part.task)) }
                p { "The study holds no finished cell of this task." }
            }
        });
    }
    let mut sections = Vec::new();
    for section in &part.sections {
        let mut figures = Vec::new();
        for chart in &section.charts {
            figures.push(html! { figure { (PreEscaped(svg(chart)?)) } });
        }
        sections.push(html! {
            h3 id=(slug(&[name, &section.title])) { (section.title) }
            p { (section.text) }
            @if !figures.is_empty() { div.figures { @for figure in figures { (figure) } } }
        });
    }
    let tables: Vec<&Table> = study.tables.iter().filter(|t| belongs(t, part.task)).collect();
    let pictures: Vec<&Shown> = shown.iter().filter(|s| s.task == part.task).collect();
    Ok(html! {
        section {
            h2 id=(name) { (title(part.task)) }
            (cells(study, part.task))
            @if tables.is_empty() { p { "No tables: `ushydra-host compare --tables` writes them." } }
            @for table in tables { (figures_table(table)) }
            @for section in sections { (section) }
            @if !pictures.is_empty() { (gallery(&pictures)) }
        }
    })
}

/// Tables carry their task in their names; a table that names none is shown with the classification.
fn belongs(table: &Table, task: Task) -> bool {
    let segment = table.name.contains(Task::Segment.name())
        || table.name.starts_with("table-4")
        || table.name.starts_with("table-6");
    segment == (task == Task::Segment)
}

/// What was trained on what, one row per system.
fn cells(study: &Collected, task: Task) -> Markup {
    let groups = study.main(task);
    let first = |of: fn(&crate::study::record::CellRecord) -> String, g: &super::collect::Group<'_>| {
        g.records.first().map_or_else(String::new, |r| of(r))
    };
    html! {
        div.wide { table {
            caption { "Systems of the main comparison" }
            thead { tr {
                th.name scope="col" { "System" }
                @for head in ["Splits and seeds", "Parameters", "Training / validation / test pictures", "Their patients", "Minutes"] {
                    th scope="col" { (head) }
                }
            } }
            tbody { @for g in &groups { tr {
                th scope="row" { (g.system) }
                td { (g.records.len()) }
                td { (first(|r| thousands(r.parameters), g)) }
                td { (first(|r| r.pictures.map(|n| n.to_string()).join(" / "), g)) }
                td { (first(|r| r.patients.map(|n| n.to_string()).join(" / "), g)) }
                td { (format!("{:.1}", g.records.iter().map(|r| r.training_seconds).sum::<f64>() / 60.0)) }
            } } }
        } }
        p.soft { "Pictures and patients are those of the first split; minutes are summed over splits and seeds." }
    }
}

/// 1234567 as 1 234 567.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{a0}');
        }
        text.push(digit);
    }
    text
}

fn figures_table(table: &Table) -> Markup {
    html! {
        div.wide { table {
            caption { (table.title) }
            thead { tr {
                @for head in &table.heads { th.name scope="col" { (head) } }
                @for column in &table.columns { th scope="col" { (column.title) } }
            } }
            tbody { @for row in &table.rows { (figures_row(row, &table.columns)) } }
        } }
        @for note in &table.notes { p.soft { (note) } }
    }
}

fn figures_row(row: &Row, columns: &[Column]) -> Markup {
    html! {
        tr {
            @for label in &row.labels { th scope="row" { (label) } }
            @for (figure, column) in row.figures.iter().zip(columns) { td { (cell(figure.as_ref(), column)) } }
        }
        @if let Some(printed) = &row.printed {
            tr.article {
                @for index in 0..row.labels.len() {
                    th scope="row" { @if index + 1 == row.labels.len() { "article: " (printed.dataset) } }
                }
                @for figure in &printed.figures {
                    td { @if let Some((value, marks)) = figure {
                        (format!("{value:.2}")) @if !marks.is_empty() { " (" (marks) ")" }
                    } }
                }
                @for _ in printed.figures.len()..columns.len() { td {} }
            }
        }
    }
}

fn cell(figure: Option<&Estimate>, column: &Column) -> Markup {
    let digits = column.digits;
    html! {
        @if let Some(e) = figure {
            (format!("{:.digits$}", e.mean * column.scale))
            @if e.low < e.high {
                small { (format!("{:.digits$} to {:.digits$}", e.low * column.scale, e.high * column.scale)) }
            }
        } @else { "–" }
    }
}

fn gallery(pictures: &[&Shown]) -> Markup {
    let mut headings: Vec<&str> = Vec::new();
    for shown in pictures {
        if !headings.contains(&shown.heading.as_str()) {
            headings.push(&shown.heading);
        }
    }
    html! {
        @for heading in headings {
            h3 { (heading) }
            div.figures {
                @for shown in pictures.iter().filter(|s| s.heading == heading) {
                    figure {
                        img src=(shown.data_uri()) alt=(shown.caption) width=(shown.width) height=(shown.height);
                        figcaption { (shown.caption) }
                    }
                }
            }
        }
    }
}

fn method(study: &Collected) -> Markup {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for cell in &study.cells {
        for (name, version) in &cell.versions {
            versions.entry(name).or_default().insert(version);
        }
    }
    html! {
        section {
            h2 id="method" { "Method" }
            p {
                "Intervals: 95 %, percentiles of " (study.draws.resamples) " bootstrap resamples of the patients; a patient is drawn with \
                 all pictures and all answers to them. AUC: one class against the rest, mean over the classes. ECE: 15 bins of equal \
                 width. HD95: 95th percentile of the surface distances of both directions together. The definitions stand in \
                 docs/metrics.md of the program."
            }
            @if !versions.is_empty() {
                div.wide { table {
                    caption { "Versions that made the cells" }
                    thead { tr { th.name scope="col" { "Part" } th.name scope="col" { "Version" } } }
                    tbody { @for (name, found) in versions { tr {
                        th scope="row" { (name) }
                        td { (found.into_iter().collect::<Vec<&str>>().join(", ")) }
                    } } }
                } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1\u{a0}000"), (86_000_123, "86\u{a0}000\u{a0}123")] {
            assert_eq!(super::thousands(number), text);
        }
    }
}
