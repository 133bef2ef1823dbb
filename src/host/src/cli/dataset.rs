//! `dataset check` and `dataset stats`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use ushydra_host::dataset::{Dataset, check, stats};
use ushydra_host::features::extract::read_picture;
use ushydra_host::masks::{self, MaskDataset};
use ushydra_host::progress::Progress;
use ushydra_probe::Frame;

use super::{code, print};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Missing, unreadable and double pictures, patients on both sides of a split; classes that a domain lacks, or masks
    /// of the wrong size, with grey values or empty.
    Check(Sets),
    /// Pictures and patients per domain, device and label; of segmentation sets also parts, pixel sizes and mask areas.
    Stats {
        #[command(flatten)]
        data: Sets,
        /// JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
}

/// Data sets of one kind.
#[derive(Args, Clone, Debug)]
pub(super) struct Sets {
    /// Csv of pictures with labels (file,label,domain,patient[,device][,split], FETAL_PLANES_DB, African set) or with masks
    /// (image,mask,domain,patient,pixel_mm), or the folder of HC18, FETAL_PLANES_DB with head masks, CAMUS,
    /// EchoNet-Dynamic or CardiacUDA. Several may be given.
    #[arg(long = "data", value_name = "PATH", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
}

impl Sets {
    /// Whether these are segmentation sets: the first one decides, what does not fit to it is an error of its reader.
    fn have_masks(&self) -> bool {
        self.files.first().is_some_and(|path| MaskDataset::is_meant(path))
    }
}

impl Command {
    pub(super) fn run(self, progress: &Progress) -> anyhow::Result<ExitCode> {
        match self {
            Self::Check(data) if data.have_masks() => check_masks(&data, progress),
            Self::Check(data) => check_files(&data, progress),
            Self::Stats { data, json } if data.have_masks() => {
                let dataset = MaskDataset::read(&data.files)?;
                let stats = masks::stats::stats(&dataset, &load_all(&dataset, progress)?.shares);
                print(&if json { serde_json::to_string_pretty(&stats)? + "\n" } else { stats.table() });
                Ok(ExitCode::SUCCESS)
            }
            Self::Stats { data, json } => {
                let stats = stats::stats(&Dataset::read(&data.files)?);
                print(&if json { serde_json::to_string_pretty(&stats)? + "\n" } else { stats.table() });
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// Loads every sample with its mask.
fn load_all(dataset: &MaskDataset, progress: &Progress) -> anyhow::Result<masks::check::Report> {
    let bar = progress.bar("masks", dataset.samples.len());
    let report = masks::check::check(dataset, || bar.step())?;
    bar.done();
    Ok(report)
}

fn check_masks(data: &Sets, progress: &Progress) -> anyhow::Result<ExitCode> {
    let dataset = MaskDataset::read(&data.files)?;
    let findings = load_all(&dataset, progress)?.findings;
    let listed = findings.iter().map(|finding| (finding.is_error(), finding.to_string()));
    Ok(report(&listed.collect::<Vec<_>>(), dataset.samples.len()))
}

/// Prints the findings, errors marked, and gives the exit code.
fn report(findings: &[(bool, String)], pictures: usize) -> ExitCode {
    for (is_error, finding) in findings {
        print(&format!("{}: {finding}\n", if *is_error { "error" } else { "note" }));
    }
    let errors = findings.iter().filter(|(is_error, _)| *is_error).count();
    print(&format!("{pictures} pictures: {errors} errors, {} notes\n", findings.len() - errors));
    if errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(code::INPUT) }
}

fn check_files(data: &Sets, progress: &Progress) -> anyhow::Result<ExitCode> {
    let dataset = Dataset::read(&data.files)?;
    let bar = progress.bar("pictures", dataset.samples.len());
    let mut frame = Frame::new();
    let findings = check::check(
        &dataset,
        |sample| read_picture(&sample.file, &mut frame).map_err(|e| e.to_string()),
        || bar.step(),
    )?;
    bar.done();
    let listed = findings.iter().map(|finding| (finding.is_error(), finding.to_string()));
    Ok(report(&listed.collect::<Vec<_>>(), dataset.samples.len()))
}
