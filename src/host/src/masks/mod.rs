//! Segmentation data: pictures with masks, read from csv files and from the folders of published sets.

mod camus;
mod cardiac_uda;
pub mod check;
mod echonet;
mod fetal;
mod fill;
mod folder;
mod hc18;
mod load;
mod plain;
mod split;
pub mod stats;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use load::LoadedSample;
pub(crate) use load::frame;
pub use split::split;

pub use crate::dataset::Part;
use crate::dataset::table::Table;
use crate::error::{HostError, Result};

/// One picture with its mask.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskSample {
    /// File of the picture: anything that the frame source reads.
    pub image: PathBuf,
    /// Frame inside that file, from 0.
    pub frame: u32,
    /// Where the mask comes from.
    pub mask: MaskSource,
    /// Quality domain.
    pub domain: String,
    /// Patient; a split never separates the pictures of one patient.
    pub patient: String,
    /// Millimetres per pixel, along a row and between rows, where the set says so.
    pub pixel_mm: Option<[f64; 2]>,
    /// The publisher's head circumference in millimetres.
    pub head_circumference_mm: Option<f64>,
    /// The publisher's split.
    pub part: Option<Part>,
    /// The picture as messages name it.
    pub name: String,
}

/// Where a mask comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum MaskSource {
    /// A picture with two values; the greater one is the structure.
    Picture(PathBuf),
    /// A picture whose bright pixels draw the closed outline of the structure; the mask is the outline and all within.
    Outline(PathBuf),
    /// One slice of a label map in NIfTI or MetaImage format.
    Volume {
        /// The label map.
        file: PathBuf,
        /// Slice, from 0.
        slice: u32,
        /// Label of the structure.
        label: u8,
    },
    /// Corners of the structure in pixels of the picture; whole numbers are pixel centres.
    Polygon(Vec<[f64; 2]>),
}

/// Samples of one or more sets, in the order read.
#[derive(Clone, Debug, Default)]
pub struct MaskDataset {
    /// All samples.
    pub samples: Vec<MaskSample>,
}

impl MaskDataset {
    /// Reads sets one after the other: a csv with `image,mask,domain,patient,pixel_mm`, or the folder of a published set.
    /// What a path holds is told from its content.
    ///
    /// # Errors
    /// [`HostError::Csv`] for a csv that lacks a column or a field; [`HostError::Dataset`] for a folder of no known
    /// layout, or where no sample remains.
    pub fn read(paths: &[PathBuf]) -> Result<Self> {
        let mut samples = Vec::new();
        for path in paths {
            let found = read_one(path)?;
            if found.is_empty() {
                return Err(HostError::Dataset(format!(
                    "{}: no picture with a mask; name the folder that the publisher's archive unpacks to, or a csv with {}",
                    path.display(),
                    plain::COLUMNS.join(",")
                )));
            }
            samples.extend(found);
        }
        if samples.is_empty() {
            return Err(HostError::Dataset("no segmentation set was named; give a csv or a folder".into()));
        }
        Ok(Self { samples })
    }

    /// Whether `path` is meant as a segmentation set: a folder, or a csv with a column that only such sets have.
    #[must_use]
    pub fn is_meant(path: &Path) -> bool {
        path.is_dir() || Table::read(path).is_ok_and(|table| plain::is_meant(&table))
    }
}

fn read_one(path: &Path) -> Result<Vec<MaskSample>> {
    if !path.is_dir() {
        return plain::read(path);
    }
    let files = folder::files(path)?;
    if let Some(list) = echonet::list(&files) {
        return echonet::read(list);
    }
    if let Some(csv) = fetal::csv(&files) {
        return fetal::read(path, &files, csv);
    }
    if camus::is(&files) {
        return camus::read(path, &files);
    }
    if cardiac_uda::is(&files) {
        return cardiac_uda::read(path, &files);
    }
    if hc18::is(&files) {
        return hc18::read(path, &files);
    }
    Ok(Vec::new())
}

/// An error of one file.
fn picture(path: &Path, problem: impl Into<String>) -> HostError {
    HostError::Picture { path: path.to_owned(), problem: problem.into() }
}
