//! `evaluate`.

use std::path::PathBuf;

use clap::Args;
use ushydra_bundle::{Bundle, Task};
use ushydra_host::HostError;
use ushydra_host::dataset::{Dataset, Part};
use ushydra_host::evaluate::bundle::Judge;
use ushydra_host::evaluate::report::{DeviceSummary, Report, Stranger};
use ushydra_host::evaluate::summary::{Context, summarise};
use ushydra_host::evaluate::{MODES, Prediction, cross};
use ushydra_host::progress::Progress;
use ushydra_host::quantise::Bench;
use ushydra_host::recipe::Recipe;
use ushydra_host::segment::figures::SegmentFigures;
use ushydra_host::segment::{self, SegmentRecipe, SegmentRun};
use ushydra_host::train::run::{Run, VERSIONS};

use super::{jobs, print};

/// Bootstrap resamples for a finished bundle.
const RESAMPLES: usize = 2000;
const BUNDLE_SEED: u64 = 1;

#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["run", "bundle"])))]
pub(super) struct Evaluate {
    /// Cross-validate the whole pipeline of this run.
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Recipe that replaces the run's own; it may differ in everything that training does not depend on.
    #[arg(long, value_name = "FILE", requires = "run")]
    config: Option<PathBuf>,
    /// Folds instead of the recipe's.
    #[arg(long, value_name = "K", requires = "run")]
    cv: Option<usize>,
    /// Repetitions with other splits instead of the recipe's.
    #[arg(long, value_name = "N", requires = "run")]
    repeats: Option<usize>,
    /// Judge the validation part of a segmentation run instead of its test part, to choose between runs.
    #[arg(long, requires = "run")]
    validation: bool,
    /// Also leave out one device or country at a time.
    #[arg(long, requires = "run")]
    devices: bool,
    /// Judge this finished bundle.
    #[arg(long, value_name = "DIR", requires = "data", requires = "out")]
    bundle: Option<PathBuf>,
    /// Csv files that a bundle is judged on.
    #[arg(long, value_name = "CSV", num_args = 1.., requires = "bundle")]
    data: Vec<PathBuf>,
    /// Files that show none of the bundle's domains: how many are flagged? Needs the exported bundle, or --bundle.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    strangers: Vec<PathBuf>,
    /// Bundle exported from the run, for --strangers.
    #[arg(long, value_name = "DIR", requires = "run")]
    exported: Option<PathBuf>,
    /// Folder for evaluation.json and evaluation.md [default: the run folder].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Pictures worked on at the same time [default: all cores].
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

impl Evaluate {
    pub(super) fn run(self, progress: &Progress) -> anyhow::Result<()> {
        match (&self.run, &self.bundle) {
            (Some(folder), _) if is_segment(folder)? => {
                let replacement = self.config.as_deref().map(SegmentRecipe::read).transpose()?;
                let run = SegmentRun::open(folder, replacement)?;
                let part = if self.validation { Part::Validation } else { Part::Test };
                let figures = segment::evaluate::run(&run, part, jobs(self.jobs), progress)?;
                let beside = if self.validation { run.folder.join(part.name()) } else { run.folder.clone() };
                let folder = self.out.unwrap_or(beside);
                segmented(&figures, &folder)
            }
            (None, Some(bundle)) if Bundle::open(bundle).map_err(HostError::from)?.manifest().task == Task::Segment => {
                let figures = segment::evaluate::bundle(bundle, &self.data, jobs(self.jobs), progress)?;
                segmented(&figures, &self.out.unwrap_or_default())
            }
            (Some(run), _) => {
                let run = run.clone();
                self.cross(&run, progress)
            }
            (None, Some(bundle)) => {
                let bundle = bundle.clone();
                self.bundle(&bundle, progress)
            }
            (None, None) => Ok(()),
        }
    }

    fn cross(self, folder: &std::path::Path, progress: &Progress) -> anyhow::Result<()> {
        let recipe = self.config.as_deref().map(Recipe::read).transpose()?;
        let mut run = Run::open(folder, recipe)?;
        let evaluation = &mut run.recipe.evaluation;
        evaluation.folds = self.cv.unwrap_or(evaluation.folds);
        evaluation.repeats = self.repeats.unwrap_or(evaluation.repeats);
        run.recipe.check().map_err(|problem| anyhow::anyhow!("{problem}"))?;
        let recipe = &run.recipe;
        let data = run.data(jobs(self.jobs), progress)?;
        let identity = run.identity(&data)?;
        let checkpoints = run.checkpoints("evaluate", &recipe.evaluation_fingerprint(), &data);
        // Heads are small: more threads than one would only wait for each other.
        let bench = Bench { folder: run.folder.join("int8"), threads: 1 };
        let predictions = cross::folds(&data, recipe, &identity, &checkpoints, &bench, progress)?;
        let devices = if self.devices {
            cross::leave_one_device_out(&data, recipe, &identity, &checkpoints, &bench, progress)?
        } else {
            Vec::new()
        };
        // Graphs were only a way to the engine.
        let _ = std::fs::remove_dir_all(&bench.folder);
        let mode = MODES.iter().position(|(_, metric)| *metric == recipe.routing.mode.into()).unwrap_or(0);
        let context = Context {
            labels: recipe.labels.len(),
            domains: recipe.domains.len(),
            mode,
            min_probability: recipe.gate.min_probability,
            resamples: recipe.evaluation.resamples,
            seed: recipe.seed,
        };
        let strangers = match &self.exported {
            Some(bundle) => strangers(&mut Judge::open(bundle, jobs(self.jobs))?, &self.strangers, progress)?,
            None => Vec::new(),
        };
        let report = Report {
            title: format!("{}@{}, cross-validation of the whole pipeline", recipe.name, recipe.version),
            versions: run.info.versions.clone(),
            seed: recipe.seed,
            labels: recipe.labels.clone(),
            domains: recipe.domains.clone(),
            mode: MODES[mode].0.to_owned(),
            min_probability: recipe.gate.min_probability,
            folds: Some((recipe.evaluation.folds, recipe.evaluation.repeats)),
            summary: summarise(&predictions, &context),
            devices: devices.into_iter().map(|(device, p)| device_summary(device, &p, &context)).collect(),
            strangers,
        };
        finish(&report, &self.out.unwrap_or_else(|| run.folder.clone()))
    }

    fn bundle(self, folder: &std::path::Path, progress: &Progress) -> anyhow::Result<()> {
        let mut judge = Judge::open(folder, jobs(self.jobs))?;
        let predictions = judge.samples(&Dataset::read(&self.data)?.samples, progress)?;
        let strangers = strangers(&mut judge, &self.strangers, progress)?;
        let manifest = judge.bundle().manifest();
        let mode = MODES.iter().position(|(_, metric)| *metric == manifest.routing.mode.into()).unwrap_or(0);
        let context = Context {
            labels: manifest.labels.len(),
            domains: manifest.domains.len(),
            mode,
            min_probability: manifest.gate.min_probability,
            resamples: RESAMPLES,
            seed: BUNDLE_SEED,
        };
        let report = Report {
            title: format!("{}, the finished bundle", manifest.id()),
            versions: VERSIONS.iter().map(|(name, v)| ((*name).to_owned(), (*v).to_owned())).collect(),
            seed: BUNDLE_SEED,
            labels: manifest.labels.clone(),
            domains: manifest.domains.clone(),
            mode: MODES[mode].0.to_owned(),
            min_probability: manifest.gate.min_probability,
            folds: None,
            summary: summarise(&predictions, &context),
            devices: Vec::new(),
            strangers,
        };
        finish(&report, &self.out.unwrap_or_default())
    }
}

/// Whether a run folder is one of a segmentation.
fn is_segment(folder: &std::path::Path) -> ushydra_host::Result<bool> {
    let recipe = folder.join("recipe.toml");
    Ok(recipe.exists() && SegmentRecipe::is_meant(&recipe)?)
}

fn segmented(figures: &SegmentFigures, folder: &std::path::Path) -> anyhow::Result<()> {
    figures.write(folder)?;
    print(&figures.text());
    Ok(())
}

fn strangers(judge: &mut Judge, files: &[PathBuf], progress: &Progress) -> anyhow::Result<Vec<Stranger>> {
    if files.is_empty() { Ok(Vec::new()) } else { Ok(judge.strangers(files, progress)?) }
}

fn device_summary(device: String, predictions: &[Prediction], context: &Context) -> DeviceSummary {
    DeviceSummary { device, summary: summarise(predictions, context) }
}

fn finish(report: &Report, folder: &std::path::Path) -> anyhow::Result<()> {
    report.write(folder, "evaluation")?;
    print(&report.text());
    Ok(())
}
