//! From a study's folder to files.

use std::path::Path;

use image::imageops::{self, FilterType};

use super::chart::png::Painter;
use super::chart::svg;
use super::collect::Collected;
use super::gallery::{Content, png};
use super::images::Images;
use super::page::{Part, page, parts};
use crate::error::Result;
use crate::files;

/// Pixels of a plot per pixel of the page.
const SCALE: u32 = 2;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Finished cells in the report.
    pub cells: usize,
    /// Charts.
    pub charts: usize,
    /// Small pictures: heat maps and outlines.
    pub pictures: usize,
    /// What of the study, or of its pictures, could not be shown.
    pub problems: Vec<String>,
}

/// Writes the page to `out`, and every chart as SVG and PNG into `plots`, where one is given; so are heat maps and outlines, but
/// nothing that holds a source image. With `images` the worst and best cases are shown on their pictures.
///
/// # Errors
/// [`crate::HostError::Plot`], [`crate::HostError::Io`].
pub fn write(study: &Collected, images: Option<&Images>, out: &Path, plots: Option<&Path>) -> Result<Written> {
    let mut problems = study.problems.clone();
    let parts = parts(study, images, &mut problems);
    files::write_atomic(out, page(study, &parts, &problems)?.as_bytes())?;
    if let Some(folder) = plots {
        draw(&parts, folder)?;
    }
    let sections = || parts.iter().flat_map(|part| &part.sections);
    let charts = sections().map(|section| section.charts.len()).sum();
    let pictures = sections().flat_map(|section| &section.galleries).map(|gallery| gallery.figures.len()).sum();
    Ok(Written { cells: study.cells.len(), charts, pictures, problems })
}

fn draw(parts: &[Part], folder: &Path) -> Result<()> {
    let painter = Painter::default();
    let vector = |name: &str, text: &str| {
        files::write_atomic(&folder.join(format!("{name}.svg")), text.as_bytes())?;
        files::write_atomic(&folder.join(format!("{name}.png")), &painter.paint(name, text)?)
    };
    for section in parts.iter().flat_map(|part| &part.sections) {
        for chart in &section.charts {
            vector(&chart.name, &svg(chart)?)?;
        }
        let figures = section.galleries.iter().flat_map(|gallery| &gallery.figures);
        for figure in figures.filter(|figure| !figure.source) {
            match &figure.content {
                Content::Svg(text) => vector(&figure.name, text)?,
                Content::Raster { pixels, size: [width, height] } => {
                    let large = imageops::resize(pixels, SCALE * width, SCALE * height, FilterType::Triangle);
                    files::write_atomic(&folder.join(format!("{}.png", figure.name)), &png(&figure.name, &large)?)?;
                }
            }
        }
    }
    Ok(())
}
