//! `phantom`.

use std::path::PathBuf;

use clap::Args;
use ushydra_host::phantoms::{self, PhantomSet, TABLE};
use ushydra_host::progress::Progress;

use super::{jobs, print};

#[derive(Args, Debug)]
pub(super) struct Phantom {
    /// `a4c` or `fetal-head`.
    #[arg(long, value_name = "VIEW")]
    view: String,
    /// Quality domains: low, high.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "low,high")]
    domains: Vec<String>,
    /// Simulated patients per domain.
    #[arg(long, value_name = "N", default_value_t = 100)]
    patients: usize,
    /// Frames per patient, spread over a heart beat.
    #[arg(long, value_name = "N", default_value_t = 1)]
    frames: u32,
    /// Seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Folder for pictures, masks and the csv.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Phantoms drawn at the same time [default: all cores].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

impl Phantom {
    pub(super) fn run(self, progress: &Progress) -> anyhow::Result<()> {
        let Self { view, domains, patients, frames, seed, out, .. } = self;
        let set = PhantomSet { view, domains, patients, frames, seed };
        let pictures = phantoms::write(&set, &out, jobs(self.jobs), progress)?;
        print(&format!("{}: {pictures} pictures\n", out.join(TABLE).display()));
        Ok(())
    }
}
