//! `report`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use ushydra_host::dataset::Dataset;
use ushydra_host::report::{self, Collected, pictures};

use super::{code, print};

#[derive(Args, Debug)]
pub(super) struct Report {
    /// Folder that `compare` wrote to.
    #[arg(long, value_name = "DIR")]
    study: PathBuf,
    /// The page: one HTML file that loads nothing.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
    /// Folder for every chart as SVG and PNG.
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Also show the worst and best cases, from these csv files as `compare` read them. The page then holds source images:
    /// pass it on only where their licence allows it.
    #[arg(long, value_name = "CSV", num_args = 1..)]
    images: Vec<PathBuf>,
}

impl Report {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut study = Collected::read(&self.study)?;
        let mut problems = Vec::new();
        let shown = if self.images.is_empty() {
            Vec::new()
        } else {
            let samples = Dataset::read(&self.images)?.samples;
            pictures::cases(&study, &samples.into_iter().map(|s| (s.name, s.file)).collect(), &mut problems)
        };
        study.problems.append(&mut problems);
        let written = report::write(&study, &shown, &self.out, self.plots.as_deref())?;
        print(&format!("{}: {} cells, {} charts\n", self.out.display(), written.cells, written.charts));
        for problem in &written.problems {
            log::error!("{problem}");
        }
        Ok(if written.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(code::INPUT) })
    }
}
