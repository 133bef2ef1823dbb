//! Cells as tasks of Slurm array jobs.
//!
//! The study's folder lies on storage that all nodes share. `slurm/` in it holds what this engine needs: `state.json` (which
//! job is at which cell, so that a stopped program goes on following), the job scripts, and one log per task. Results are
//! read from the cells' records and nowhere else; what Slurm says only decides how long to wait for one.

mod client;
mod config;
mod follow;
mod parse;
mod script;
mod state;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;

pub use config::SlurmConfig;
pub use parse::{Cause, Phase, TaskReport};

use super::{Engine, Failure, Job};
use crate::error::Result;
use crate::progress::Progress;
use crate::study::record::CellKey;

/// The engine `slurm`.
#[derive(Clone, Debug, Default)]
pub struct Slurm {
    /// Settings of the cluster.
    pub config: SlurmConfig,
}

impl Engine for Slurm {
    fn name(&self) -> &'static str {
        "slurm"
    }

    /// Submits the cells that have no record and follows them. A stop leaves the jobs running unless the configuration says
    /// otherwise; the same command follows them again.
    fn run(&self, job: &Job<'_>, cells: &[CellKey], progress: &Progress) -> Result<Vec<Failure>> {
        follow::Follower::new(&self.config, job, cells)?.run(progress)
    }
}
