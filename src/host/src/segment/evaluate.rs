//! The test part of a run, or a set judged by a finished bundle.

use std::path::{Path, PathBuf};

use ushydra_bundle::{Bundle, Statistics};

use super::data::arrange;
use super::figures::{Context, SegmentFigures, figures};
use super::judge::{Judge, Judged};
use super::run::SegmentRun;
use crate::error::{HostError, Result};
use crate::evaluate::MODES;
use crate::masks::{MaskDataset, MaskSample, Part};
use crate::progress::Progress;

/// Bootstrap resamples for a finished bundle.
const RESAMPLES: usize = 2000;
const BUNDLE_SEED: u64 = 1;

/// Judges a part of `run`, with the single-decoder control: the test part for figures, the validation part to choose between
/// runs.
///
/// # Errors
/// [`HostError::Missing`] before training and calibration are done, [`HostError::Dataset`] for an empty part, those of
/// [`Judge::judge`], [`HostError::Stopped`].
pub fn run(run: &SegmentRun, part: Part, threads: usize, progress: &Progress) -> Result<SegmentFigures> {
    let recipe = &run.recipe;
    if !run.calibration().exists() {
        let remedy = "run `ushydra-host calibrate`".to_owned();
        return Err(HostError::Missing { path: run.calibration(), remedy });
    }
    let dataset = run.dataset()?;
    let (domains, parts) = arrange(&dataset, recipe)?;
    let chosen: Vec<(&MaskSample, usize)> = dataset
        .samples
        .iter()
        .zip(domains)
        .zip(parts)
        .filter(|(_, of)| *of == part)
        .map(|((sample, domain), _)| (sample, domain))
        .collect();
    if chosen.is_empty() {
        return Err(HostError::Dataset(format!("the {} part is empty; give it a share of the split", part.name())));
    }
    let statistics = Statistics::read(&run.calibration())?;
    let control = run.control();
    let judge =
        &mut Judge::new(&run.models(), Some(&control), &recipe.input, &statistics, recipe.routing.weight, threads)?;
    let context = Context {
        title: format!("{}@{}, {} part (patients never trained on)", recipe.name, recipe.version, part.name()),
        domains: recipe.domains.clone(),
        mode: mode(recipe.routing.mode.into()),
        resamples: recipe.resamples,
        seed: recipe.seed,
    };
    Ok(figures(&all(judge, &chosen, progress)?, &context))
}

/// Judges `data` by the bundle in `folder`; of a set with a publisher's or own split only the test part.
///
/// # Errors
/// [`HostError::Dataset`] for a domain that the bundle does not know; otherwise as [`run`].
pub fn bundle(folder: &Path, data: &[PathBuf], threads: usize, progress: &Progress) -> Result<SegmentFigures> {
    let bundle = Bundle::open(folder)?;
    let manifest = bundle.manifest();
    let dataset = MaskDataset::read(data)?;
    let has_test = dataset.samples.iter().any(|s| s.part == Some(Part::Test));
    let mut chosen = Vec::new();
    for sample in dataset.samples.iter().filter(|s| !has_test || s.part == Some(Part::Test)) {
        let domain = manifest.domains.iter().position(|d| *d == sample.domain).ok_or_else(|| {
            HostError::Dataset(format!(
                "{}: domain `{}` is not in {} ({}); correct the csv",
                sample.name,
                sample.domain,
                bundle.id(),
                manifest.domains.join(", ")
            ))
        })?;
        chosen.push((sample, domain));
    }
    let context = Context {
        title: format!("{}, the finished bundle", bundle.id()),
        domains: manifest.domains.clone(),
        mode: mode(manifest.routing.mode.into()),
        resamples: RESAMPLES,
        seed: BUNDLE_SEED,
    };
    Ok(figures(&all(&mut Judge::of_bundle(&bundle, threads)?, &chosen, progress)?, &context))
}

fn mode(metric: ushydra_core::Metric) -> usize {
    MODES.iter().position(|(_, m)| *m == metric).unwrap_or(0)
}

fn all(judge: &mut Judge, chosen: &[(&MaskSample, usize)], progress: &Progress) -> Result<Vec<Judged>> {
    let bar = progress.bar("pictures", chosen.len());
    let mut judged = Vec::with_capacity(chosen.len());
    for (sample, domain) in chosen {
        judged.push(judge.judge(sample, *domain)?);
        bar.step()?;
    }
    bar.done();
    Ok(judged)
}
