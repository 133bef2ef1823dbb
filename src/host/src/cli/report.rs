//! `report`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ushydra_host::report::{self, Collected, Images};

use super::{code, print};

#[derive(Args, Debug)]
pub(super) struct Report {
    /// Folder that `compare` wrote to.
    #[arg(long, value_name = "DIR")]
    study: PathBuf,
    /// The page: one HTML file that loads nothing.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
    /// Folder for every chart as SVG and PNG, and for heat maps and outlines without pictures.
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Show heat maps and outlines of the worst and best cases on their pictures, which lie below this folder as they did below
    /// that of `compare --root`. The page then holds source images: pass it on only where their licence allows it.
    #[arg(long, value_name = "DIR")]
    images: Option<PathBuf>,
}

impl Report {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let study = Collected::read(&self.study)?;
        let images = self.images.as_deref().map(Images::new).transpose()?;
        let written = report::write(&study, images.as_ref(), &self.out, self.plots.as_deref())?;
        let counts = (written.cells, written.charts, written.pictures);
        let out = self.out.display();
        print(&format!("{out}: {} cells, {} charts, {} heat maps and outlines\n", counts.0, counts.1, counts.2));
        for problem in &written.problems {
            log::error!("{problem}");
        }
        Ok(if written.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(code::INPUT) })
    }
}
