//! `quantize`.

use std::path::PathBuf;

use clap::Args;
use ushydra_host::progress::Progress;
use ushydra_host::quantise::run::{QuantisationReport, Request, run};
use ushydra_host::quantise::write;
use ushydra_host::report::align;

use super::{jobs, print};

#[derive(Args, Debug)]
pub(super) struct Quantize {
    /// Bundle whose decoders get int8 forms.
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// Data sets, as `train` takes them.
    #[arg(long, value_name = "CSV", required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    /// Recipe that trained the bundle; it parts the pictures [default: the shipped recipe of the bundle's name].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// evaluation.json of a cross-validation of the same recipe, whose int8 figures are shown and count in the gate.
    #[arg(long, value_name = "FILE")]
    evaluation: Option<PathBuf>,
    /// Folder that receives a copy, models/<name> and calibration/<name>.toml, with the int8 decoders [default: the bundle
    /// itself is changed].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder for finished decoders and the report; run again to go on after a stop [default: work/<bundle>-int8].
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    /// Threads, and pictures worked on at the same time [default: all cores].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

impl Quantize {
    pub(super) fn run(self, progress: &Progress) -> anyhow::Result<()> {
        let name = self.bundle.canonicalize().unwrap_or_else(|_| self.bundle.clone());
        let name = name.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let request = Request {
            work: self.work.unwrap_or_else(|| PathBuf::from(format!("work/{name}-int8"))),
            bundle: self.bundle,
            data: self.data,
            recipe: self.config,
            evaluation: self.evaluation,
            jobs: jobs(self.jobs),
        };
        let report = run(&request, progress)?;
        // From here on nothing takes long; a stop is heeded before anything of the bundle is written.
        progress.check()?;
        let folder = match &self.out {
            Some(root) => write::copy(&request.bundle, root)?,
            None => request.bundle,
        };
        write::write(&folder, &report)?;
        print(&text(&report));
        for decoder in report.decoders.iter().filter(|decoder| !decoder.breaches.is_empty()) {
            log::warn!("decoder {} stays in f32: {}", decoder.domain, decoder.breaches.join("; "));
        }
        Ok(())
    }
}

/// Figures of every decoder.
fn text(report: &QuantisationReport) -> String {
    let head = [
        "decoder",
        "method",
        "f32",
        "int8",
        "int8 TensorRT",
        "pictures",
        "agreement",
        "mean diff.",
        "size",
        "ships as",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for decoder in &report.decoders {
        let mut row = vec![decoder.domain.clone()];
        if let Some(int8) = &decoder.int8 {
            let (figures, choice) = (&int8.figures, &int8.search.choice);
            let (tract, tensorrt) = (figures.test.as_ref().unwrap_or(choice), figures.test_qdq.as_ref());
            row.extend([
                format!("{:?}{}", int8.search.method, if int8.search.corrected { ", corrected" } else { "" }),
                format!("{:.4}", tract.float),
                format!("{:.4}", tract.int8),
                tensorrt.map_or_else(|| "-".to_owned(), |c| format!("{:.4}", c.int8)),
                tract.pictures.to_string(),
                format!("{:.4}", figures.parity.agreement),
                format!("{:.1e}", figures.parity.mean_difference),
                format!("1/{:.2}", figures.ratio),
            ]);
        } else {
            row.extend(std::iter::repeat_n("-".to_owned(), head.len() - 2));
        }
        row.push(if decoder.breaches.is_empty() { "f32 and int8" } else { "f32" }.to_owned());
        rows.push(row);
    }
    let folds = report.cross_validation.as_ref().map_or_else(String::new, |folds| format!("{}\n", folds.words()));
    format!("{}: {}.\n{}{folds}", report.bundle, report.provenance, align(&rows))
}
