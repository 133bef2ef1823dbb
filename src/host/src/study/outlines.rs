//! The segmentation side of a study: data, and the UNets.

use std::path::{Path, PathBuf};

use ushydra_bundle::Statistics;

use super::ablation::{Evidence, Variant};
use super::config::TaskConfig;
use super::int8;
use super::painter::Drawing;
use super::planes::{CALIBRATION, hash};
use super::record::{CellRecord, Epoch, Task};
use super::routed::{Judged, Routed, Rules, Seen};
use super::split::Item;
use super::system::System;
use super::work::{Work, base_record};
use crate::dataset::Part;
use crate::error::{HostError, Result};
use crate::masks::{MaskDataset, MaskSample, MaskSource};
use crate::segment::{ComputeDevice, SegmentData, SegmentRecipe, SegmentRun};
use crate::wired::ModelFiles;
use crate::{files, parallel};

/// Segmentation data of one study.
pub struct Outlines {
    /// Its part of the configuration.
    pub config: TaskConfig,
    /// The recipe, changed as the study says.
    pub recipe: SegmentRecipe,
    /// Pictures in the order of the sets.
    pub samples: Vec<MaskSample>,
    /// The same as a split sees them.
    pub items: Vec<Item>,
    /// Hash over everything in `items` and the masks.
    pub data: String,
    /// What networks are trained on.
    pub device: ComputeDevice,
}

impl Outlines {
    /// Reads data and recipe.
    ///
    /// # Errors
    /// Those of recipe and sets, [`HostError::Io`] for a picture or mask that cannot be read.
    pub fn open(config: &TaskConfig, beside: &Path, root: &Path, device: ComputeDevice) -> Result<Self> {
        let recipe = config.segmenter(beside)?;
        let paths: Vec<PathBuf> = config.data.iter().map(|path| root.join(path)).collect();
        let samples = MaskDataset::read(&paths)?.samples;
        let items = samples.iter().map(item).collect::<Result<Vec<Item>>>()?;
        let masks = samples.iter().map(|sample| mask(&sample.mask)).collect::<Result<Vec<String>>>()?;
        let data = files::fingerprint(&[hash(&items).as_bytes(), masks.concat().as_bytes()]);
        Ok(Self { config: config.clone(), recipe, samples, items, data, device })
    }

    /// The recipe of one cell.
    fn of(&self, work: &Work<'_>) -> SegmentRecipe {
        let domains = work.sides.domains[..work.sides.trained].to_vec();
        let mut recipe = SegmentRecipe { domains, seed: work.key.seed, ..self.recipe.clone() };
        if let Variant::Others(weight) = work.variant {
            recipe.training.other_domains = *weight;
        }
        recipe
    }

    /// The recipe of the one decoder: as many epochs as all stages of the routed system have.
    fn single(&self, work: &Work<'_>) -> SegmentRecipe {
        let mut recipe = self.of(work);
        let training = &mut recipe.training;
        training.shared.epochs += training.decoders.epochs + training.routed.epochs;
        (training.decoders.epochs, training.routed.epochs) = (0, 0);
        recipe
    }

    /// Graphs of a finished main cell.
    ///
    /// # Errors
    /// Those of [`SegmentRun::open`].
    pub(super) fn kept(&self, work: &Work<'_>, system: System) -> Result<ModelFiles> {
        let cell = &work.folder.path;
        Ok(match system {
            System::Unet => run_in(cell, &self.single(work))?.control(),
            _ => run_in(cell, &self.of(work))?.models(),
        })
    }

    /// Encoder and one decoder, trained together on all domains for as many epochs as all stages of the routed system have.
    ///
    /// # Errors
    /// Those of training and engine, [`HostError::Missing`] where an ablation comes before its main cell.
    pub fn unet(&self, work: &Work<'_>) -> Result<CellRecord> {
        let recipe = self.single(work);
        let mut record = base_record(work, Task::Segment, &self.recipe.labels, |_| true);
        let models = match work.main {
            Some(main) => run_in(main, &recipe)?.control(),
            None => {
                let watch = work.folder.stopwatch();
                let run = self.trained(work, &recipe, &mut record)?;
                record.training_seconds = watch.seconds();
                run.control()
            }
        };
        record.parameters = parameters(&models)?;
        let pictures = work.sides.of(Part::Test);
        for Judged { seen, answers } in self.drawn(work, &models, &pictures, true)? {
            record.frames.extend(answers.into_iter().next().map(|answer| seen.about.answered(answer)));
        }
        Ok(record)
    }

    /// One decoder per domain, and a router.
    ///
    /// # Errors
    /// As [`Self::unet`], and those of the calibration.
    pub fn ushydra(&self, work: &Work<'_>) -> Result<CellRecord> {
        let recipe = self.of(work);
        let mut record = base_record(work, Task::Segment, &self.recipe.labels, |_| true);
        let metric = recipe.routing.mode.into();
        let rules = Rules { calibration: &recipe.calibration, weight: recipe.routing.weight, seed: recipe.seed };
        let (mut routed, statistics, models) = match work.main {
            Some(main) => {
                let models = run_in(main, &recipe)?.models();
                (Routed::load(main)?, Statistics::read(&main.join(CALIBRATION))?, models)
            }
            None => {
                let watch = work.folder.stopwatch();
                let models = self.trained(work, &recipe, &mut record)?.models();
                // Statistics come from every picture that was not held back for the test.
                let known: Vec<usize> =
                    [Part::Train, Part::Validation].into_iter().flat_map(|part| work.sides.of(part)).collect();
                let train = self.drawn(work, &models, &known, false)?.into_iter().map(|judged| judged.seen).collect();
                record.training_seconds = watch.seconds();
                let test = self.drawn(work, &models, &work.sides.of(Part::Test), true)?;
                let routed = Routed { domains: recipe.domains.clone(), train, test };
                let statistics = routed.statistics(&rules, Evidence::Both)?;
                statistics.write(&work.folder.path.join(CALIBRATION))?;
                routed.save(&work.folder.path)?;
                (routed, statistics, models)
            }
        };
        record.parameters = parameters(&models)?;
        match work.variant {
            Variant::Degraded(_) => routed.test = self.drawn(work, &models, &work.sides.of(Part::Test), true)?,
            Variant::Int8 => {
                let parts = [Part::Train, Part::Validation, Part::Test];
                let pictures = parts.map(|part| work.sides.of(part).into_iter().map(|i| &self.samples[i]).collect());
                let place = work.folder.path.join("int8");
                let answers = int8::answers(&models, &recipe, pictures, &place, &work.progress.hidden())?;
                routed.test.iter_mut().zip(answers).for_each(|(judged, answers)| judged.answers = answers);
            }
            _ => {}
        }
        routed.fill(&mut record, work.variant, rules, metric, &statistics)?;
        Ok(record)
    }

    /// Trains `recipe`, or goes on where an earlier try was stopped.
    fn trained(&self, work: &Work<'_>, recipe: &SegmentRecipe, record: &mut CellRecord) -> Result<SegmentRun> {
        let data = self.prepared(work, recipe)?;
        let run = SegmentRun::start(&folder(&work.folder.path), recipe, &[], self.device, &[])?;
        let report = run.train_on(&data, self.device, work.progress)?;
        // These networks are judged by Dice alone: its complement stands for the validation loss.
        let epochs = report.epochs.iter().filter_map(|epoch| {
            let dice = epoch.dice?;
            Some(Epoch { training_loss: epoch.loss, validation_loss: 1.0 - dice, validation_score: dice })
        });
        record.epochs = epochs.collect();
        Ok(run)
    }

    /// Training and validation part, prepared for `recipe`.
    ///
    /// # Errors
    /// [`HostError::Picture`] for a picture that cannot be prepared, [`HostError::Stopped`].
    pub fn prepared(&self, work: &Work<'_>, recipe: &SegmentRecipe) -> Result<SegmentData> {
        let sides = work.sides;
        let known: Vec<usize> = (0..self.samples.len()).filter(|&i| sides.part[i] != Part::Test).collect();
        let sample = |&i: &usize| MaskSample { patient: sides.patient[i].clone(), ..self.samples[i].clone() };
        let dataset = MaskDataset { samples: known.iter().map(sample).collect() };
        let domains = known.iter().map(|&i| sides.domain[i]).collect();
        let parts = known.iter().map(|&i| sides.part[i]).collect();
        SegmentData::arranged(dataset, domains, parts, recipe, work.progress)
    }

    /// What the router sees of `pictures`, with every decoder's answer where `answered`. Test pictures are degraded where the
    /// variant says so.
    fn drawn(&self, work: &Work<'_>, models: &ModelFiles, pictures: &[usize], answered: bool) -> Result<Vec<Judged>> {
        let degradation = work.degradation();
        let files = ModelFiles {
            encoder: models.encoder.clone(),
            decoders: if answered { models.decoders.clone() } else { Vec::new() },
        };
        let bar = work.progress.bar(&format!("{} pictures", work.key.system), pictures.len());
        parallel::map(
            pictures,
            work.threads,
            &bar,
            || None,
            |drawing: &mut Option<Drawing>, &picture| {
                if drawing.is_none() {
                    *drawing = Some(Drawing::new(&files, &self.recipe.input)?);
                }
                let Some(drawing) = drawing else { return Err(HostError::Stopped) };
                let view = drawing.see(&self.samples[picture], degradation)?;
                let answers = if answered { drawing.answers()? } else { Vec::new() };
                Ok(Judged { seen: Seen { view, about: work.about(&self.items[picture], picture) }, answers })
            },
        )
    }
}

/// The training's folder within a cell.
fn folder(cell: &Path) -> PathBuf {
    cell.join("run")
}

/// The finished training of a main cell.
fn run_in(main: &Path, recipe: &SegmentRecipe) -> Result<SegmentRun> {
    SegmentRun::open(&folder(main), Some(recipe.clone()))
}

/// Weights of all files, as they are exported: normalisation is folded into the convolutions.
fn parameters(models: &ModelFiles) -> Result<usize> {
    let mut sum = 0;
    for path in std::iter::once(&models.encoder).chain(&models.decoders) {
        sum += ushydra_onnx::parameters(&files::read(path)?)?;
    }
    Ok(sum)
}

fn item(sample: &MaskSample) -> Result<Item> {
    Ok(Item {
        name: sample.name.clone(),
        domain: sample.domain.clone(),
        label: Some(0),
        patient: sample.patient.clone(),
        device: String::new(),
        part: sample.part,
        digest: format!("{} {}", files::sha256_file(&sample.image)?, sample.frame),
    })
}

fn mask(source: &MaskSource) -> Result<String> {
    match source {
        MaskSource::Picture(file) | MaskSource::Outline(file) => files::sha256_file(file),
        MaskSource::Volume { file, slice, label } => Ok(format!("{} {slice} {label}", files::sha256_file(file)?)),
        MaskSource::Polygon(corners) => Ok(format!("{corners:?}")),
    }
}
