//! Where the cells of a study are computed: in this process, or as jobs of a cluster.

pub mod local;
pub mod slurm;

use std::ffi::OsString;
use std::path::Path;

pub use local::Local;
pub use slurm::{Slurm, SlurmConfig};

use super::record::CellKey;
use crate::error::Result;
use crate::progress::Progress;

/// What every engine needs to know about the study.
pub struct Job<'a> {
    /// The study's folder, shared between all machines that work on it. Cells lie in `cells/<slug>`.
    pub out: &'a Path,
    /// Program and arguments that compute one cell in a process of their own once `--cell SLUG` is appended.
    pub command: Vec<OsString>,
    /// Whether a cell has its record.
    pub finished: &'a (dyn Fn(&CellKey) -> Result<bool> + Sync),
    /// Computes one cell in this process, or says who is at it.
    pub run: &'a (dyn Fn(&CellKey) -> Result<CellState> + Sync),
}

/// What became of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CellState {
    /// Its record is written.
    Finished,
    /// Another process works on it.
    Busy {
        /// Host and process.
        by: String,
    },
}

/// A cell that could not be computed; the others were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The cell.
    pub key: CellKey,
    /// Cause and remedy.
    pub problem: String,
}

/// Computes cells. Cells of one call do not depend on each other.
pub trait Engine {
    /// As `--engine` names it.
    fn name(&self) -> &'static str;

    /// Computes those of `cells` that have no record, and returns when each has one or has failed.
    ///
    /// # Errors
    /// [`crate::HostError::Stopped`], and whatever keeps the engine itself from working; a failing cell is no error.
    fn run(&self, job: &Job<'_>, cells: &[CellKey], progress: &Progress) -> Result<Vec<Failure>>;
}
