//! The run folder of a segmentation training.
//!
//! `recipe.toml`, `run.json` (versions, data, seed, device), `start.bpk` (weights of another run, where it began with them),
//! `stages/` (checkpoints), `shared.bpk` (weights after the warm start), `training.json` (every epoch), `encoder.onnx`, `decoders/<domain>.onnx`, `control/` (the single-decoder control), later `calibration.toml`,
//! `evaluation.json` and `evaluation.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ushydra_bundle::{Digest, Statistics};
use ushydra_core::Moments;
use ushydra_onnx::Storage;

use super::ComputeDevice;
use super::canvas::Canvas;
use super::data::{SegmentData, arrange};
use super::recipe::SegmentRecipe;
use super::stage::{self, Epoch};
use super::start;
use super::train::{Trained, Trainer};
use crate::calibrate::{self, Identity, Observation};
use crate::error::{HostError, Result};
use crate::files;
use crate::masks::{MaskDataset, Part};
use crate::progress::Progress;
use crate::train::run::VERSIONS;
use crate::unet::{self, FEATURES, Network};
use crate::wired::{ModelFiles, Wired};

/// Name of the encoder's file in run folder and bundle.
const ENCODER: &str = "encoder.onnx";
/// The run's copy of the weights that it began with.
const START: &str = "start.bpk";
/// Folder of the single-decoder control.
const CONTROL: &str = "control";

/// What a run was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentInfo {
    /// Versions of the program and its numeric libraries.
    pub versions: BTreeMap<String, String>,
    /// Seed.
    pub seed: u64,
    /// Backend that trained.
    pub device: String,
    /// Data sets: csv files or folders.
    pub data: Vec<PathBuf>,
    /// Fingerprint of the recipe's settings that training depends on.
    pub training_fingerprint: String,
    /// SHA-256 of the weights that the warm start began with, or a hash over those of several runs; none for weights drawn from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_sha256: Option<String>,
}

/// Figures of the training itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentReport {
    /// Pictures trained on, that chose the epoch, and tested on.
    pub pictures: [usize; 3],
    /// Every epoch of every stage.
    pub epochs: Vec<Epoch>,
    /// Whether each domain has a decoder of its own; the others have the control.
    pub specialised: Vec<bool>,
    /// Whether the encoder of stage (b) was kept.
    pub routed_kept: bool,
}

/// An open run folder.
#[derive(Clone, Debug)]
pub struct SegmentRun {
    /// The folder.
    pub folder: PathBuf,
    /// Its recipe.
    pub recipe: SegmentRecipe,
    /// What it was made from.
    pub info: SegmentInfo,
}

impl SegmentRun {
    /// Starts a run in `folder`, or opens it to go on where it was stopped. The warm start begins with the shared weights of the
    /// finished run `from`, with the mean of several, or with weights drawn from the seed where there is none.
    ///
    /// # Errors
    /// [`HostError::Config`] where the folder holds a run of another recipe, data or start, [`HostError::Missing`] where one of `from`
    /// has no weights.
    pub fn start(
        folder: &Path,
        recipe: &SegmentRecipe,
        data: &[PathBuf],
        device: ComputeDevice,
        from: &[PathBuf],
    ) -> Result<Self> {
        let absolute = |path: &PathBuf| std::path::absolute(path).map_err(HostError::io("find", path));
        let info = SegmentInfo {
            versions: VERSIONS.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect(),
            seed: recipe.seed,
            device: format!("{device:?}").to_lowercase(),
            data: data.iter().map(absolute).collect::<Result<_>>()?,
            training_fingerprint: recipe.training_fingerprint(),
            start_sha256: start::digest(from)?,
        };
        let path = folder.join("run.json");
        if path.exists() && folder.join("stages").exists() {
            let old: SegmentInfo = files::read_json(&path)?;
            let key = |i: &SegmentInfo| (i.training_fingerprint.clone(), i.data.clone(), i.start_sha256.clone());
            if key(&old) != key(&info) {
                return Err(HostError::config(
                    folder,
                    "it holds a run of another recipe, data or start; choose another --out or delete the folder",
                ));
            }
        }
        if !from.is_empty() {
            start::write(from, recipe, &folder.join(START))?;
        }
        recipe.write(&folder.join("recipe.toml"))?;
        files::write_json(&path, &info)?;
        Ok(Self { folder: folder.to_owned(), recipe: recipe.clone(), info })
    }

    /// Opens a run. `recipe` replaces the run's own where it differs only in what training does not depend on.
    ///
    /// # Errors
    /// [`HostError::Missing`] where there is no run, [`HostError::Config`] for a recipe of another training.
    pub fn open(folder: &Path, recipe: Option<SegmentRecipe>) -> Result<Self> {
        let path = folder.join("run.json");
        if !path.exists() {
            let remedy = "train first: ushydra-host train --config RECIPE --data CSV --out DIR".to_owned();
            return Err(HostError::Missing { path, remedy });
        }
        let info: SegmentInfo = files::read_json(&path)?;
        let recipe = match recipe {
            Some(recipe) => recipe,
            None => SegmentRecipe::read(&folder.join("recipe.toml"))?,
        };
        if recipe.training_fingerprint() != info.training_fingerprint {
            return Err(HostError::config(
                folder,
                "the recipe asks for another training than this run; train again into another folder",
            ));
        }
        Ok(Self { folder: folder.to_owned(), recipe, info })
    }

    /// The run's data set.
    ///
    /// # Errors
    /// Those of [`MaskDataset::read`].
    pub fn dataset(&self) -> Result<MaskDataset> {
        MaskDataset::read(&self.info.data)
    }

    /// Trains and writes models and report.
    ///
    /// # Errors
    /// Those of [`SegmentData::load`] and [`Trainer::run`], and write errors.
    pub fn train(&self, device: ComputeDevice, progress: &Progress) -> Result<SegmentReport> {
        let data = SegmentData::load(self.dataset()?, &self.recipe, progress)?;
        self.train_on(&data, device, progress)
    }

    /// Trains on prepared pictures and writes models and report.
    ///
    /// # Errors
    /// Those of [`Trainer::run`], and write errors.
    pub fn train_on(&self, data: &SegmentData, device: ComputeDevice, progress: &Progress) -> Result<SegmentReport> {
        let start = self.info.start_sha256.as_ref().map(|_| self.folder.join(START));
        let trained = Trainer::new(&self.recipe, data, device, &self.folder, progress).run(start.as_deref())?;
        let Trained { shared, network, control, epochs, specialised, routed } = trained;
        stage::save(&self.folder.join(start::SHARED), &shared)?;
        self.write(&network, &self.models())?;
        self.write(&control, &self.control())?;
        let count = |part| data.of(part).len();
        let report = SegmentReport {
            pictures: [count(Part::Train), count(Part::Validation), count(Part::Test)],
            epochs,
            specialised,
            routed_kept: routed,
        };
        files::write_json(&self.folder.join("training.json"), &report)?;
        Ok(report)
    }

    /// Files of the routed system.
    #[must_use]
    pub fn models(&self) -> ModelFiles {
        let decoder = |domain: &String| self.folder.join(format!("decoders/{domain}.onnx"));
        ModelFiles { encoder: self.folder.join(ENCODER), decoders: self.recipe.domains.iter().map(decoder).collect() }
    }

    /// Files of the single-decoder control.
    #[must_use]
    pub fn control(&self) -> ModelFiles {
        let folder = self.folder.join(CONTROL);
        ModelFiles { encoder: folder.join(ENCODER), decoders: vec![folder.join("decoder.onnx")] }
    }

    fn write(&self, network: &Network, models: &ModelFiles) -> Result<()> {
        let SegmentRecipe { name, version, network: config, input, .. } = &self.recipe;
        let size = [input.height as usize, input.width as usize];
        let mut graph = unet::encoder_graph(&network.encoder, *config, size, Storage::F16)?;
        graph.documentation(&format!("{name} {version}: shared encoder"));
        files::write_atomic(&models.encoder, &graph.to_bytes()?)?;
        for (decoder, path) in network.decoders.iter().zip(&models.decoders) {
            let stem = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
            let mut graph = unet::decoder_graph(&stem, decoder, *config, size, Storage::F16)?;
            graph.documentation(&format!("{name} {version}: decoder of domain {stem}"));
            graph.metadata("labels", &self.recipe.labels.join(" "));
            files::write_atomic(path, &graph.to_bytes()?)?;
        }
        Ok(())
    }

    /// The domain statistics.
    #[must_use]
    pub fn calibration(&self) -> PathBuf {
        self.folder.join("calibration.toml")
    }

    /// Computes and writes the domain statistics: pictures of the training and validation part, unaugmented, through the
    /// device's preprocessing and the exported encoder.
    ///
    /// # Errors
    /// [`HostError::Missing`] before the training is done, those of [`calibrate::calibrate`], and write errors.
    pub fn calibrate(&self, progress: &Progress) -> Result<Statistics> {
        let encoder = self.models().encoder;
        if !encoder.exists() {
            let remedy = "finish the training: run the same `ushydra-host train` again".to_owned();
            return Err(HostError::Missing { path: encoder, remedy });
        }
        let dataset = self.dataset()?;
        let (domains, parts) = arrange(&dataset, &self.recipe)?;
        let chosen: Vec<usize> = (0..parts.len()).filter(|&i| parts[i] != Part::Test).collect();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let files = ModelFiles { encoder: encoder.clone(), decoders: Vec::new() };
        let mut models = Wired::load(&files, threads)?;
        let mut canvas = Canvas::new(&self.recipe.input).map_err(|e| HostError::config(&self.folder, e))?;
        let mut rows: Vec<(usize, Moments, Vec<f32>)> = Vec::with_capacity(chosen.len());
        let bar = progress.bar("statistics", chosen.len());
        for &index in &chosen {
            let sample = &dataset.samples[index];
            let placed = canvas.prepare(&sample.image, &sample.load()?)?;
            models.encode(canvas.tensor())?;
            rows.push((index, placed.pixel, models.output(FEATURES)?.to_vec()));
            bar.step()?;
        }
        bar.done();
        let observations: Vec<Observation<'_>> = rows
            .iter()
            .map(|(index, pixel, features)| {
                Observation::new(*pixel, features, domains[*index], Some(0), &dataset.samples[*index].patient)
            })
            .collect::<Result<_>>()?;
        let statistics =
            calibrate::calibrate(&observations, &self.identity(&encoder)?, &self.recipe.calibration, self.recipe.seed)?;
        statistics.write(&self.calibration())?;
        Ok(statistics)
    }

    fn identity(&self, encoder: &Path) -> Result<Identity> {
        let encoder_sha256: Digest =
            files::sha256_file(encoder)?.parse().map_err(|e| HostError::damaged(encoder, e))?;
        let used = |domain: &String| {
            let sources = self.recipe.provenance.iter().filter(|p| p.used_for.contains(domain.as_str()));
            sources.map(|p| p.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        Ok(Identity {
            bundle: self.recipe.name.clone(),
            encoder_sha256,
            preprocessing: self.recipe.input.fingerprint(),
            domains: self.recipe.domains.clone(),
            provenance: self.recipe.domains.iter().map(used).collect(),
            weight: self.recipe.routing.weight,
        })
    }
}
