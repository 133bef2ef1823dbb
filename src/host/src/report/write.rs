//! From a study's folder to files.

use std::path::Path;

use super::chart::png::Painter;
use super::chart::svg;
use super::collect::Collected;
use super::page::{page, parts};
use super::pictures::Shown;
use crate::error::Result;
use crate::files;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Finished cells in the report.
    pub cells: usize,
    /// Charts.
    pub charts: usize,
    /// What of the study could not be used.
    pub problems: Vec<String>,
}

/// Writes the page to `out`, and every chart as SVG and PNG into `plots`, where one is given.
///
/// # Errors
/// [`crate::HostError::Plot`], [`crate::HostError::Io`].
pub fn write(study: &Collected, shown: &[Shown], out: &Path, plots: Option<&Path>) -> Result<Written> {
    let parts = parts(study);
    files::write_atomic(out, page(study, &parts, shown)?.as_bytes())?;
    let charts = || parts.iter().flat_map(|p| &p.sections).flat_map(|s| &s.charts);
    if let Some(folder) = plots {
        let painter = Painter::default();
        for chart in charts() {
            let text = svg(chart)?;
            files::write_atomic(&folder.join(format!("{}.svg", chart.name)), text.as_bytes())?;
            files::write_atomic(&folder.join(format!("{}.png", chart.name)), &painter.paint(&chart.name, &text)?)?;
        }
    }
    Ok(Written { cells: study.cells.len(), charts: charts().count(), problems: study.problems.clone() })
}
