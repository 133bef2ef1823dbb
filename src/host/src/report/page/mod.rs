//! The page: one HTML file without any request, from charts and tables.

mod tables;

use std::collections::{BTreeMap, BTreeSet};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{palette, svg};
use super::charts::{Section, ablation, classes, differences, forest, heat, map, masks, outlines, slug, training};
use super::collect::Collected;
use super::gallery::Gallery;
use super::images::Images;
use crate::error::Result;
use crate::study::record::Task;
use crate::study::table::Table;

const STYLE: &str = include_str!("page.css");

/// Everything that a page shows of one task.
#[derive(Clone, Debug)]
pub struct Part {
    /// The task.
    pub task: Task,
    /// Charts by heading.
    pub sections: Vec<Section>,
}

/// Charts and small pictures of both tasks. A task of which the study holds nothing still has its part, which says so. With
/// `images` the worst and best cases are shown on their pictures; what cannot be shown is added to `problems`.
#[must_use]
pub fn parts(study: &Collected, images: Option<&Images>, problems: &mut Vec<String>) -> Vec<Part> {
    let mut part = |task| {
        let groups = study.main(task);
        let mut sections = vec![forest::systems(study, task, &groups), differences::section(study, task)];
        match task {
            Task::Classify => {
                sections.extend(classes::sections(&groups));
                sections.push(heat::section(study, &groups, images, problems));
            }
            Task::Segment => {
                sections.push(masks::section(&groups));
                sections.push(outlines::section(study, &groups, images, problems));
            }
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

/// The whole page, which begins with the `problems`.
///
/// # Errors
/// [`crate::HostError::Plot`].
pub fn page(study: &Collected, parts: &[Part], problems: &[String]) -> Result<String> {
    let mut bodies = Vec::new();
    for part in parts {
        bodies.push(task(study, part)?);
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
                    @if !problems.is_empty() {
                        div.warn role="note" {
                            p { strong { "Parts of the study could not be shown." } }
                            ul { @for problem in problems { li { (problem) } } }
                        }
                    }
                }
                nav aria-label="Contents" {
                    ul {
                        @for part in parts {
                            li { a href={ "#" (part.task.name()) } { (title(part.task)) } }
                            @for section in part.sections.iter().filter(|s| !s.is_empty()) {
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

fn task(study: &Collected, part: &Part) -> Result<Markup> {
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
        let galleries = section.galleries.iter().map(Gallery::markup).collect::<Result<Vec<Markup>>>()?;
        sections.push(html! {
            h3 id=(slug(&[name, &section.title])) { (section.title) }
            p { (section.text) }
            @if !figures.is_empty() { div.figures { @for figure in figures { (figure) } } }
            @for gallery in galleries { (gallery) }
        });
    }
    let own: Vec<&Table> = study.tables.iter().filter(|t| belongs(t, part.task)).collect();
    Ok(html! {
        section {
            h2 id=(name) { (title(part.task)) }
            (tables::cells(study, part.task))
            @if own.is_empty() { p { "No tables: `ushydra-host compare --tables` writes them." } }
            @for table in own { (tables::figures_table(table)) }
            @for section in sections { (section) }
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
