//! `dataset check` and `dataset stats`.

use std::process::ExitCode;

use clap::Subcommand;
use ushydra_host::dataset::{Dataset, check, stats};
use ushydra_host::features::extract::read_picture;
use ushydra_host::progress::Progress;
use ushydra_probe::Frame;

use super::{Data, code, print};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Missing, unreadable and double pictures, patients on both sides of a split, classes that a domain lacks.
    Check(Data),
    /// Pictures and patients per domain, device and label.
    Stats {
        #[command(flatten)]
        data: Data,
        /// JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    pub(super) fn run(self, progress: &Progress) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check(data) => check_files(&data, progress),
            Self::Stats { data, json } => {
                let stats = stats::stats(&Dataset::read(&data.files)?);
                print(&if json { serde_json::to_string_pretty(&stats)? + "\n" } else { stats.table() });
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn check_files(data: &Data, progress: &Progress) -> anyhow::Result<ExitCode> {
    let dataset = Dataset::read(&data.files)?;
    let bar = progress.bar("pictures", dataset.samples.len());
    let mut frame = Frame::new();
    let findings = check::check(
        &dataset,
        |sample| read_picture(&sample.file, &mut frame).map_err(|e| e.to_string()),
        || bar.step(),
    )?;
    bar.done();
    let errors = findings.iter().filter(|f| f.is_error()).count();
    for finding in &findings {
        print(&format!("{}: {finding}\n", if finding.is_error() { "error" } else { "note" }));
    }
    print(&format!("{} pictures: {errors} errors, {} notes\n", dataset.samples.len(), findings.len() - errors));
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(code::INPUT) })
}
