//! Tables of the page.

use maud::{Markup, html};

use super::super::collect::Collected;
use crate::evaluate::bootstrap::Estimate;
use crate::study::record::Task;
use crate::study::table::{Column, Row, Table};

/// What was trained on what, one row per system.
pub(super) fn cells(study: &Collected, task: Task) -> Markup {
    let groups = study.main(task);
    let first = |of: fn(&crate::study::record::CellRecord) -> String, g: &super::super::collect::Group<'_>| {
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

/// A table of figures.
pub(super) fn figures_table(table: &Table) -> Markup {
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

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1\u{a0}000"), (86_000_123, "86\u{a0}000\u{a0}123")] {
            assert_eq!(super::thousands(number), text);
        }
    }
}
