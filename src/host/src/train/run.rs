//! The run folder: everything one training leaves, from which calibration, evaluation and export go on.
//!
//! `recipe.toml`, `run.json` (versions, data, seed), `encoder.onnx`, `heads/*.safetensors`, `training.json`, later
//! `calibration.toml`, `evaluation.json` and `evaluation.md`; `checkpoints/` holds the finished pieces of each step.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ushydra_bundle::Digest;
use ushydra_engine::{Backend, EngineOptions};
use ushydra_onnx::vit::OUTPUT;

use super::checkpoint::Checkpoints;
use super::data::{TrainingData, usable};
use super::decoders::{self, Decoders};
use crate::calibrate::{self, Identity, Observation};
use crate::dataset::Dataset;
use crate::error::{HostError, Result};
use crate::evaluate::cross::observe;
use crate::evaluate::metrics::argmax;
use crate::features::extract::Extractor;
use crate::files;
use crate::head::store;
use crate::progress::Progress;
use crate::recipe::Recipe;

/// Program and libraries whose version can change the result.
pub const VERSIONS: [(&str, &str); 3] =
    [("ushydra-host", env!("CARGO_PKG_VERSION")), ("burn", "0.22.1"), ("tract-onnx", "0.23.9")];

/// What a run was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunInfo {
    /// Versions of the program and its numeric libraries.
    pub versions: HashMap<String, String>,
    /// Seed.
    pub seed: u64,
    /// Data csv files.
    pub data: Vec<PathBuf>,
    /// SHA-256 of each.
    pub data_sha256: Vec<String>,
    /// SHA-256 of the encoder.
    pub encoder_sha256: String,
    /// Length of the feature vector.
    pub features: usize,
    /// Feature cache.
    pub cache: PathBuf,
    /// Fingerprint of the recipe's settings that training depends on.
    pub training_fingerprint: String,
}

/// Figures of the training itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingReport {
    /// Labelled pictures.
    pub pictures: usize,
    /// Views per picture.
    pub views: usize,
    /// Weight of the other domains per decoder, in the recipe's order.
    pub other_weights: Vec<f64>,
    /// Accuracy of the single head on its own training pictures: a check of the fit, not of the quality.
    pub single_training_accuracy: f64,
    /// The same per decoder on its own domain.
    pub decoder_training_accuracy: Vec<f64>,
}

/// An open run folder.
#[derive(Clone, Debug)]
pub struct Run {
    /// The folder.
    pub folder: PathBuf,
    /// Its recipe.
    pub recipe: Recipe,
    /// What it was made from.
    pub info: RunInfo,
}

/// Where a training gets its things from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Data csv files.
    pub data: Vec<PathBuf>,
    /// The encoder's ONNX file, as `import` wrote it.
    pub encoder: PathBuf,
    /// Feature cache.
    pub cache: PathBuf,
}

impl Run {
    /// Starts a run in `folder`, or opens it to go on where it was stopped.
    ///
    /// # Errors
    /// [`HostError::Config`] where the folder holds a run of another recipe, encoder or data.
    pub fn start(folder: &Path, recipe: &Recipe, sources: &Sources) -> Result<Self> {
        let absolute = |path: &PathBuf| std::path::absolute(path).map_err(HostError::io("find", path));
        let info = RunInfo {
            versions: VERSIONS.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect(),
            seed: recipe.seed,
            data: sources.data.iter().map(absolute).collect::<Result<_>>()?,
            data_sha256: sources.data.iter().map(|p| files::sha256_file(p)).collect::<Result<_>>()?,
            encoder_sha256: files::sha256_file(&sources.encoder)?,
            features: feature_width(&sources.encoder)?,
            cache: absolute(&sources.cache)?,
            training_fingerprint: recipe.training_fingerprint(),
        };
        usable(&Dataset::read(&info.data)?, recipe)?;
        let path = folder.join("run.json");
        // A run that failed before its first result may be started again with anything.
        let begun = folder.join("checkpoints").exists() || folder.join("heads").exists();
        if path.exists() && begun {
            let old: RunInfo = files::read_json(&path)?;
            // Where csv and cache lie does not matter, and a run survives an update of the program.
            let key = |i: &RunInfo| (i.data_sha256.clone(), i.encoder_sha256.clone(), i.training_fingerprint.clone());
            if key(&old) != key(&info) {
                return Err(HostError::config(
                    folder,
                    "it holds a run of another recipe, encoder or data; choose another --out or delete the folder",
                ));
            }
        }
        let run = Self { folder: folder.to_owned(), recipe: recipe.clone(), info };
        if !run.encoder().exists() || files::sha256_file(&run.encoder())? != run.info.encoder_sha256 {
            files::write_atomic(&run.encoder(), &files::read(&sources.encoder)?)?;
        }
        recipe.write(&folder.join("recipe.toml"))?;
        files::write_json(&path, &run.info)?;
        Ok(run)
    }

    /// Opens a run. `recipe` replaces the run's own where it differs only in what training does not depend on.
    ///
    /// # Errors
    /// [`HostError::Missing`] where there is no run, [`HostError::Config`] for a recipe of another training.
    pub fn open(folder: &Path, recipe: Option<Recipe>) -> Result<Self> {
        let path = folder.join("run.json");
        if !path.exists() {
            let remedy =
                "train first: ushydra-host train --config RECIPE --data CSV --encoder ONNX --out DIR".to_owned();
            return Err(HostError::Missing { path, remedy });
        }
        let info: RunInfo = files::read_json(&path)?;
        let recipe = match recipe {
            Some(recipe) => recipe,
            None => Recipe::read(&folder.join("recipe.toml"))?,
        };
        if recipe.training_fingerprint() != info.training_fingerprint {
            return Err(HostError::config(
                folder,
                "the recipe asks for another training than this run; train again into another folder",
            ));
        }
        Ok(Self { folder: folder.to_owned(), recipe, info })
    }

    /// The run's copy of the encoder.
    #[must_use]
    pub fn encoder(&self) -> PathBuf {
        self.folder.join("encoder.onnx")
    }

    /// The domain statistics.
    #[must_use]
    pub fn calibration(&self) -> PathBuf {
        self.folder.join("calibration.toml")
    }

    /// Loads pictures and features, computing those that are not cached.
    ///
    /// # Errors
    /// Those of the data set and of [`Extractor::run`].
    pub fn data(&self, jobs: usize, progress: &Progress) -> Result<TrainingData> {
        let samples = usable(&Dataset::read(&self.info.data)?, &self.recipe)?;
        let pictures: Vec<PathBuf> = samples.iter().map(|s| s.file.clone()).collect();
        let features = self.extractor(jobs).run(&pictures, self.recipe.augmentation.views, progress)?;
        TrainingData::new(samples, features, &self.recipe)
    }

    /// The extractor of this run's features.
    #[must_use]
    pub fn extractor(&self, jobs: usize) -> Extractor {
        Extractor {
            encoder: self.encoder(),
            encoder_sha256: self.info.encoder_sha256.clone(),
            width: self.info.features,
            input: self.recipe.input.clone(),
            augmentation: self.recipe.augmentation.clone(),
            seed: self.recipe.seed,
            jobs,
            cache: self.info.cache.clone(),
        }
    }

    /// Finished pieces of `step`.
    #[must_use]
    pub fn checkpoints(&self, step: &str, fingerprint: &str, data: &TrainingData) -> Checkpoints {
        let parts = [fingerprint, &data.fingerprint()];
        Checkpoints::new(&self.folder.join("checkpoints").join(step), files::fingerprint(&parts.map(str::as_bytes)))
    }

    /// Trains the decoders and writes them with their report.
    ///
    /// # Errors
    /// Those of [`decoders::fit`], and write errors.
    pub fn train(&self, data: &TrainingData, progress: &Progress) -> Result<(Decoders, TrainingReport)> {
        let recipe = &self.recipe;
        let checkpoints = self.checkpoints("train", &self.info.training_fingerprint, data);
        let bar = progress.bar("decoders", decoders::steps(recipe));
        let labelled = data.labelled();
        let fitted = decoders::fit(data, &labelled, recipe, recipe.seed, &checkpoints, &bar)?;
        bar.done();
        let right = |head: &crate::head::Head, pictures: &mut dyn Iterator<Item = usize>| {
            let (mut right, mut all) = (0.0, 0.0_f64);
            for p in pictures {
                all += 1.0;
                let answer = argmax(&head.logits(data.features.row(p, 0)));
                right += f64::from(u8::from(data.labels[p] == Some(answer)));
            }
            right / all.max(1.0)
        };
        let own = |domain: usize| labelled.iter().copied().filter(move |p| data.domains[*p] == domain);
        let report = TrainingReport {
            pictures: labelled.len(),
            views: data.features.views,
            other_weights: fitted.other_weights.clone(),
            single_training_accuracy: right(&fitted.single, &mut labelled.iter().copied()),
            decoder_training_accuracy: fitted
                .domains
                .iter()
                .enumerate()
                .map(|(domain, head)| right(head, &mut own(domain)))
                .collect(),
        };
        store::save(&self.head_path("single"), &fitted.single, HashMap::new())?;
        for (name, head) in recipe.domains.iter().zip(&fitted.domains) {
            store::save(&self.head_path(&format!("domain-{name}")), head, HashMap::new())?;
        }
        files::write_json(&self.folder.join("training.json"), &report)?;
        Ok((fitted, report))
    }

    /// The trained decoder of every domain.
    ///
    /// # Errors
    /// [`HostError::Missing`] before the training is done.
    pub fn decoders(&self) -> Result<Vec<crate::head::Head>> {
        let load = |name: &String| {
            let path = self.head_path(&format!("domain-{name}"));
            if !path.exists() {
                let remedy = "finish the training: run the same `ushydra-host train` again".to_owned();
                return Err(HostError::Missing { path, remedy });
            }
            Ok(store::load(&path)?.0)
        };
        self.recipe.domains.iter().map(load).collect()
    }

    fn head_path(&self, name: &str) -> PathBuf {
        self.folder.join("heads").join(format!("{name}.safetensors"))
    }

    /// Names and provenance for the statistics.
    ///
    /// # Errors
    /// [`HostError::Damaged`] for a run file without a hash.
    pub fn identity(&self, data: &TrainingData) -> Result<Identity> {
        let encoder_sha256: Digest =
            self.info.encoder_sha256.parse().map_err(|e| HostError::damaged(&self.folder.join("run.json"), e))?;
        let provenance = (0..self.recipe.domains.len()).map(|domain| {
            let mut devices: Vec<&str> = data
                .labelled()
                .into_iter()
                .filter(|p| data.domains[*p] == domain)
                .map(|p| data.samples[p].device.as_str())
                .filter(|d| !d.is_empty())
                .collect();
            devices.sort_unstable();
            devices.dedup();
            devices.join(", ")
        });
        Ok(Identity {
            bundle: self.recipe.name.clone(),
            encoder_sha256,
            preprocessing: self.recipe.input.fingerprint(),
            domains: self.recipe.domains.clone(),
            provenance: provenance.collect(),
            weight: self.recipe.routing.weight,
        })
    }

    /// Computes and writes the domain statistics.
    ///
    /// # Errors
    /// Those of [`calibrate::calibrate`], and write errors.
    pub fn calibrate(&self, data: &TrainingData) -> Result<ushydra_bundle::Statistics> {
        let observations: Vec<Observation<'_>> =
            data.labelled().into_iter().map(|p| observe(data, p)).collect::<Result<_>>()?;
        let statistics =
            calibrate::calibrate(&observations, &self.identity(data)?, &self.recipe.calibration, self.recipe.seed)?;
        statistics.write(&self.calibration())?;
        Ok(statistics)
    }
}

/// Length of the feature vector of an encoder file.
fn feature_width(encoder: &Path) -> Result<usize> {
    let engine = ushydra_engine::load(encoder, Backend::Tract, &EngineOptions::with_threads(1))?;
    let info = engine.info();
    let output = info.output(OUTPUT).map(|index| info.outputs[index].elements());
    output.filter(|_| info.outputs.len() == 1).ok_or_else(|| HostError::Weights {
        path: encoder.to_owned(),
        problem: format!("it needs exactly one output called `{OUTPUT}`; make it with `ushydra-host import`"),
    })
}
