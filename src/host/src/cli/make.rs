//! `import`, `train`, `calibrate`, `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use ushydra_bundle::Statistics;
use ushydra_host::calibrate::CalibrationConfig;
use ushydra_host::progress::Progress;
use ushydra_host::recipe::{Recipe, TrainingMode};
use ushydra_host::segment::{ComputeDevice, SegmentRecipe, SegmentRun};
use ushydra_host::train::run::{Run, Sources, VERSIONS};
use ushydra_host::{export, files, import, segment};

use super::{Data, OpenRun, jobs, print};

#[derive(Args, Debug)]
pub(super) struct Import {
    /// Recipe; its [encoder] and [input] are used.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Pretrained weights: safetensors, or a .pth, .pt or .bin of torch.save.
    #[arg(long, value_name = "FILE")]
    weights: PathBuf,
    /// The ONNX file to write.
    #[arg(long, value_name = "ONNX")]
    out: PathBuf,
}

impl Import {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let recipe = Recipe::read(&self.config)?;
        let import::Imported { graph, features, summary } =
            import::import(&self.weights, &recipe.encoder, &recipe.input)?;
        let bytes = graph.to_bytes()?;
        files::write_atomic(&self.out, &bytes)?;
        let note = json!({
            "encoder": recipe.encoder,
            "input": recipe.input.fingerprint(),
            "features": features,
            "weights_sha256": files::sha256_file(&self.weights)?,
            "sha256": files::sha256(&bytes),
            "versions": VERSIONS.iter().copied().collect::<std::collections::BTreeMap<_, _>>(),
        });
        files::write_json(&self.out.with_extension("json"), &note)?;
        print(&format!("{}: {summary}\n", self.weights.display()));
        print(&format!("{}: {features} features, {} MB\n", self.out.display(), bytes.len() / 1_000_000));
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    Paper,
    Weighted,
}

#[derive(Args, Debug)]
pub(super) struct Train {
    /// Recipe.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    #[command(flatten)]
    data: Data,
    /// Encoder written by `import`; classification recipes need it, segmentation recipes train their own.
    #[arg(long, value_name = "ONNX")]
    encoder: Option<PathBuf>,
    /// What a segmentation recipe is trained on.
    #[arg(long, value_enum, default_value_t)]
    device: ComputeDevice,
    /// Finished segmentation run whose shared weights the warm start begins with; of several runs, the mean of their weights.
    #[arg(long, value_name = "RUN", num_args = 1..)]
    start: Vec<PathBuf>,
    /// Run folder.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Feature cache, shared between runs [default: `features` beside the run folder].
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Pictures worked on at the same time [default: all cores].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Seed instead of the recipe's.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Views per picture instead of the recipe's.
    #[arg(long, value_name = "N")]
    views: Option<usize>,
    /// Weights of Eq. (1) instead of the recipe's.
    #[arg(long)]
    mode: Option<Mode>,
}

impl Train {
    pub(super) fn run(self, progress: &Progress) -> anyhow::Result<()> {
        if SegmentRecipe::is_meant(&self.config)? { self.segment(progress) } else { self.classify(progress) }
    }

    fn segment(self, progress: &Progress) -> anyhow::Result<()> {
        let mut recipe = SegmentRecipe::read(&self.config)?;
        recipe.seed = self.seed.unwrap_or(recipe.seed);
        let run = SegmentRun::start(&self.out, &recipe, &self.data.files, self.device, &self.start)?;
        let report = run.train(self.device, progress)?;
        let [train, validation, test] = report.pictures;
        let last = report.epochs.iter().rev().find_map(|e| e.dice);
        print(&format!(
            "{}: {train} pictures trained on, {validation} chose the epoch, {test} kept for the test; last validation Dice {}\n",
            self.out.display(),
            last.map_or_else(|| "none".to_owned(), |d| format!("{d:.4}"))
        ));
        Ok(())
    }

    fn classify(self, progress: &Progress) -> anyhow::Result<()> {
        let Some(encoder) = self.encoder else {
            anyhow::bail!("a classification recipe needs --encoder; make it with `ushydra-host import`");
        };
        let mut recipe = Recipe::read(&self.config)?;
        recipe.seed = self.seed.unwrap_or(recipe.seed);
        recipe.augmentation.views = self.views.unwrap_or(recipe.augmentation.views);
        recipe.decoders.mode = match self.mode {
            Some(Mode::Paper) => TrainingMode::Paper,
            Some(Mode::Weighted) => TrainingMode::Weighted,
            None => recipe.decoders.mode,
        };
        recipe.check().map_err(|problem| anyhow::anyhow!("{problem}"))?;
        let cache = self.cache.unwrap_or_else(|| self.out.with_file_name("features"));
        let sources = Sources { data: self.data.files, encoder, cache };
        let run = Run::start(&self.out, &recipe, &sources)?;
        let data = run.data(jobs(self.jobs), progress)?;
        let (_, report) = run.train(&data, progress)?;
        print(&format!(
            "{}: {} pictures x {} views; other domains weigh {:?}; fit on the training pictures {:.1} %\n",
            self.out.display(),
            report.pictures,
            report.views,
            report.other_weights,
            100.0 * report.single_training_accuracy
        ));
        Ok(())
    }
}

#[derive(Args, Debug)]
pub(super) struct Calibrate {
    #[command(flatten)]
    open: OpenRun,
}

impl Calibrate {
    pub(super) fn run(self, progress: &Progress) -> anyhow::Result<()> {
        if let Some(run) = self.open.segment()? {
            let statistics = run.calibrate(progress)?;
            return written(&run.folder, &statistics, &run.recipe.calibration, run.recipe.seed);
        }
        let run = Run::open(&self.open.run, self.open.recipe()?)?;
        let data = run.data(jobs(self.open.jobs), progress)?;
        let statistics = run.calibrate(&data)?;
        written(&run.folder, &statistics, &run.recipe.calibration, run.recipe.seed)
    }
}

/// Notes what was calibrated and tells the operator.
fn written(
    folder: &std::path::Path,
    statistics: &Statistics,
    config: &CalibrationConfig,
    seed: u64,
) -> anyhow::Result<()> {
    let thresholds = &statistics.thresholds;
    let note = json!({
        "calibration": config,
        "seed": seed,
        "versions": VERSIONS.iter().copied().collect::<std::collections::BTreeMap<_, _>>(),
        "thresholds": thresholds,
        "components": statistics.vector.components,
        "residual_variance": statistics.vector.residual_variance,
    });
    files::write_json(&folder.join("calibration.json"), &note)?;
    for domain in &statistics.domains {
        print(&format!(
            "{}: {} pictures, mean {:.4}, std {:.4} (released {:.4})\n",
            domain.name, domain.count, domain.mean, domain.std, domain.released_std
        ));
    }
    print(&format!(
        "in-domain thresholds ({} quantile, held out): vector {:.3}, paper {:.4}, released {:.4}\n",
        thresholds.quantile, thresholds.vector, thresholds.paper, thresholds.released
    ));
    Ok(())
}

#[derive(Args, Debug)]
pub(super) struct Export {
    #[command(flatten)]
    open: OpenRun,
    /// Folder that receives models/<name> and calibration/<name>.toml.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

impl Export {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let exported = match self.open.segment()? {
            Some(run) => segment::export::export(&run, &self.to)?,
            None => export::export(&Run::open(&self.open.run, self.open.recipe()?)?, &self.to)?,
        };
        print(&format!(
            "{}\n{}\nself-test: {}\n",
            exported.bundle.display(),
            exported.calibration.display(),
            exported.self_test
        ));
        Ok(())
    }
}
