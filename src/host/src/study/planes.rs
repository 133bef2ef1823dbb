//! The classification side of a study: data, the shared encoder's features, and the systems that stand on them.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ushydra_bundle::Statistics;

use super::ablation::{BY, Evidence, Variant};
use super::config::TaskConfig;
use super::degrade::Degradation;
use super::encoder::Encoder;
use super::record::{Answer, CellRecord, Task};
use super::routed::{Judged, Routed, Rules, Seen};
use super::split::{Item, Sides};
use super::work::{Work, base_record};
use crate::dataset::{Dataset, Part, Sample};
use crate::error::{HostError, Result};
use crate::evaluate::prediction::probabilities;
use crate::features::{Features, View};
use crate::files;
use crate::head::export::FEATURES;
use crate::head::{Head, softmax, store as heads};
use crate::progress::Progress;
use crate::quantise::heads::int8_heads;
use crate::quantise::{Bench, Encoded};
use crate::recipe::Recipe;
use crate::train::{self, Checkpoints, TrainingData, decoders};

/// Statistics in a routed cell's folder.
pub(super) const CALIBRATION: &str = "calibration.toml";
/// The one domain of a system that knows none.
const ALL: &str = "all";

/// Classification data of one study.
pub struct Planes {
    /// Its part of the configuration.
    pub config: TaskConfig,
    /// The recipe, changed as the study says.
    pub recipe: Recipe,
    /// Pictures in the order of the csv files.
    pub samples: Vec<Sample>,
    /// The same as a split sees them.
    pub items: Vec<Item>,
    /// Hash over everything in `items`.
    pub data: String,
    /// The ViT systems' encoder.
    pub encoder: Option<Encoder>,
    cache: PathBuf,
    features: Mutex<BTreeMap<u64, Arc<Features>>>,
}

impl Planes {
    /// Reads data and recipe.
    ///
    /// # Errors
    /// [`HostError::Dataset`] for a label that the recipe does not know, those of recipe, csv files and weights.
    pub fn open(config: &TaskConfig, beside: &Path, root: &Path, out: &Path) -> Result<Self> {
        let recipe = config.classifier(beside)?;
        let paths: Vec<PathBuf> = config.data.iter().map(|path| root.join(path)).collect();
        let samples = Dataset::read(&paths)?.samples;
        let items = samples.iter().map(|sample| item(sample, &recipe)).collect::<Result<Vec<Item>>>()?;
        let weights = config.weights.as_ref().filter(|_| config.systems.iter().any(|s| s.is_vit()));
        let encoder = weights.map(|weights| Encoder::open(&root.join(weights), &recipe, out)).transpose()?;
        Ok(Self {
            config: config.clone(),
            data: hash(&items),
            recipe,
            samples,
            items,
            encoder,
            cache: out.join("features"),
            features: Mutex::default(),
        })
    }

    /// The shared encoder's features of all pictures with the views of `seed`, from the study's cache or computed now.
    ///
    /// # Errors
    /// Those of the extraction, [`HostError::Stopped`].
    pub fn features(&self, seed: u64, threads: usize, progress: &Progress) -> Result<Arc<Features>> {
        // Held over the extraction: a second cell that asks waits instead of computing the same.
        let mut known = self.features.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&seed) {
            return Ok(Arc::clone(found));
        }
        let pictures: Vec<PathBuf> = self.samples.iter().map(|s| s.file.clone()).collect();
        let extractor = self.encoder()?.extractor(&self.recipe, seed, threads, &self.cache);
        let features = Arc::new(extractor.run(&pictures, self.recipe.augmentation.views, progress)?);
        known.insert(seed, Arc::clone(&features));
        Ok(features)
    }

    /// The shared encoder.
    ///
    /// # Errors
    /// [`HostError::Dataset`] for a study without one.
    pub(super) fn encoder(&self) -> Result<&Encoder> {
        self.encoder.as_ref().ok_or_else(|| HostError::Dataset("the study names no weights of the encoder".to_owned()))
    }

    /// The recipe of one cell.
    fn of(&self, work: &Work<'_>, domains: &[String]) -> Recipe {
        let mut recipe = Recipe { domains: domains.to_vec(), seed: work.key.seed, ..self.recipe.clone() };
        if let Variant::Others(weight) = work.variant {
            recipe.decoders.other_domains = vec![*weight];
        }
        recipe
    }

    /// The single head on all domains.
    ///
    /// # Errors
    /// Those of features and training, [`HostError::Missing`] where an ablation comes before its main cell.
    pub fn vit(&self, work: &Work<'_>) -> Result<CellRecord> {
        let mut record = base_record(work, Task::Classify, &self.recipe.labels, |i| self.items[i].label.is_some());
        let path = |folder: &Path| folder.join("heads/single.safetensors");
        let head = match work.main {
            Some(main) => heads::load(&path(main))?.0,
            None => {
                let watch = work.folder.stopwatch();
                let mut recipe = self.of(work, &[ALL.to_owned()]);
                recipe.decoders.other_domains = vec![0.0];
                let one = Sides {
                    domains: vec![ALL.to_owned()],
                    trained: 1,
                    domain: vec![0; self.items.len()],
                    ..work.sides.clone()
                };
                let data = self.training(work, &one, &recipe)?;
                let fitted = self.fit(work, &data, &recipe)?;
                heads::save(&path(&work.folder.path), &fitted.single, HashMap::new())?;
                record.training_seconds = watch.seconds();
                fitted.single
            }
        };
        record.parameters = self.encoder()?.parameters + size(&head);
        for (picture, view) in self.tested(work)? {
            let probabilities = softmax(&head.logits(&view.features));
            let item = &self.items[picture];
            let answer = Answer::Class { label: item.label, probabilities };
            record.frames.push(work.about(item, picture).answered(answer));
        }
        Ok(record)
    }

    /// One head per domain, and a router.
    ///
    /// # Errors
    /// As [`Self::vit`], and those of the calibration.
    pub fn ushydra(&self, work: &Work<'_>) -> Result<CellRecord> {
        let remapped = match work.variant {
            Variant::Domains(name) => Some(self.remapped(work, name)?),
            _ => None,
        };
        let sides = remapped.as_ref().unwrap_or(work.sides);
        let work = &Work { sides, ..*work };
        let mut record = base_record(work, Task::Classify, &self.recipe.labels, |i| self.items[i].label.is_some());
        let names = &sides.domains[..sides.trained];
        let recipe = self.of(work, names);
        let metric = recipe.routing.mode.into();
        let rules = Rules { calibration: &recipe.calibration, weight: recipe.routing.weight, seed: recipe.seed };
        let path = |folder: &Path, name: &str| folder.join(format!("heads/{name}.safetensors"));
        let (mut routed, statistics, fitted) = match work.main {
            Some(main) => {
                let load = |name: &String| Ok(heads::load(&path(main, name))?.0);
                let fitted = names.iter().map(load).collect::<Result<Vec<Head>>>()?;
                (Routed::load(main)?, Statistics::read(&main.join(CALIBRATION))?, fitted)
            }
            None => {
                let watch = work.folder.stopwatch();
                let data = self.training(work, sides, &recipe)?;
                let fitted = self.fit(work, &data, &recipe)?.domains;
                for (name, head) in names.iter().zip(&fitted) {
                    heads::save(&path(&work.folder.path, name), head, HashMap::new())?;
                }
                let routed = self.judged(work, &data.features, &fitted);
                let statistics = routed.statistics(&rules, Evidence::Both)?;
                statistics.write(&work.folder.path.join(CALIBRATION))?;
                routed.save(&work.folder.path)?;
                record.training_seconds = watch.seconds();
                (routed, statistics, fitted)
            }
        };
        record.parameters = self.encoder()?.parameters + fitted.iter().map(size).sum::<usize>();
        match work.variant {
            Variant::Int8 => self.int8(work, &recipe, &fitted, &mut routed)?,
            Variant::Degraded(_) => {
                for (judged, (_, view)) in routed.test.iter_mut().zip(self.tested(work)?) {
                    judged.answers =
                        fitted.iter().map(|h| answer(h, &view.features, judged.seen.about.label)).collect();
                    judged.seen.view = view;
                }
            }
            _ => {}
        }
        routed.fill(&mut record, work.variant, rules, metric, &statistics)?;
        Ok(record)
    }

    /// Pictures with features for training; domains as `sides` has them.
    fn training(&self, work: &Work<'_>, sides: &Sides, recipe: &Recipe) -> Result<TrainingData> {
        let features = self.features(recipe.seed, work.threads, work.progress)?;
        let mut samples = self.samples.clone();
        for (sample, (domain, patient)) in samples.iter_mut().zip(sides.domain.iter().zip(&sides.patient)) {
            sample.domain.clone_from(&sides.domains[*domain]);
            sample.patient.clone_from(patient);
        }
        let all = Recipe { domains: sides.domains.clone(), ..recipe.clone() };
        TrainingData::new(samples, (*features).clone(), &all)
    }

    fn fit(&self, work: &Work<'_>, data: &TrainingData, recipe: &Recipe) -> Result<train::Decoders> {
        let pictures: Vec<usize> =
            work.sides.of(Part::Train).into_iter().filter(|&p| self.items[p].label.is_some()).collect();
        let fingerprint = work.folder.settings().fingerprint();
        let checkpoints = Checkpoints::new(&work.folder.path.join("checkpoints"), fingerprint);
        let bar = work.progress.bar(&work.key.slug(), decoders::steps(recipe));
        let fitted = train::fit(data, &pictures, recipe, recipe.seed, &checkpoints, &bar)?;
        bar.done();
        Ok(fitted)
    }

    /// What every decoder says to every test picture.
    fn judged(&self, work: &Work<'_>, features: &Features, fitted: &[Head]) -> Routed {
        let sides = work.sides;
        let seen = |picture: usize| Seen {
            view: View { pixel: features.pixel(picture, 0), features: features.row(picture, 0).to_vec() },
            about: work.about(&self.items[picture], picture),
        };
        let train = sides.of(Part::Train).into_iter().filter(|&p| self.items[p].label.is_some()).map(seen).collect();
        let test = sides.of(Part::Test).into_iter().map(|picture| {
            let answers =
                fitted.iter().map(|h| answer(h, features.row(picture, 0), self.items[picture].label)).collect();
            Judged { seen: seen(picture), answers }
        });
        Routed { domains: sides.domains[..sides.trained].to_vec(), train, test: test.collect() }
    }

    /// Test pictures with their unaugmented view, degraded where the variant says so.
    fn tested(&self, work: &Work<'_>) -> Result<Vec<(usize, View)>> {
        let pictures = work.sides.of(Part::Test);
        if let Some(degradation) = work.degradation() {
            return self.degraded(work, &pictures, degradation);
        }
        let features = self.features(work.key.seed, work.threads, work.progress)?;
        let view = |p: usize| View { pixel: features.pixel(p, 0), features: features.row(p, 0).to_vec() };
        Ok(pictures.into_iter().map(|p| (p, view(p))).collect())
    }

    fn degraded(&self, work: &Work<'_>, pictures: &[usize], degradation: Degradation) -> Result<Vec<(usize, View)>> {
        let paths: Vec<PathBuf> = pictures.iter().map(|&p| self.samples[p].file.clone()).collect();
        let encoder = self.encoder()?;
        let views =
            encoder.degraded(&paths, degradation, &self.recipe.input, work.threads, &self.cache, work.progress)?;
        Ok(pictures.iter().copied().zip(views).collect())
    }

    /// Replaces the answers by those of the decoders' int8 forms.
    fn int8(&self, work: &Work<'_>, recipe: &Recipe, fitted: &[Head], routed: &mut Routed) -> Result<()> {
        let data = self.training(work, work.sides, recipe)?;
        let pictures: Vec<usize> =
            work.sides.of(Part::Train).into_iter().filter(|&p| self.items[p].label.is_some()).collect();
        let bench = Bench { folder: work.folder.path.join("int8"), threads: 1 };
        let mut int8 = int8_heads(fitted, &data, &pictures, recipe, &bench, &work.progress.hidden())?;
        for judged in &mut routed.test {
            let encoded = Encoded::of(FEATURES, &judged.seen.view.features);
            judged.answers = int8
                .iter_mut()
                .map(|decoder| {
                    let probabilities = probabilities(decoder.answer(&encoded)?);
                    Ok(Answer::Class { label: judged.seen.about.label, probabilities })
                })
                .collect::<Result<_>>()?;
        }
        // Graphs were only a way to the engine.
        let _ = std::fs::remove_dir_all(&bench.folder);
        Ok(())
    }

    /// The same split with other domains.
    fn remapped(&self, work: &Work<'_>, name: &str) -> Result<Sides> {
        let map = work.divisions.get(name).cloned().unwrap_or_default();
        let by_device = map.get(BY.0).is_some_and(|by| by == BY.1);
        let target = |picture: usize| -> String {
            let item = &self.items[picture];
            let otherwise = if by_device { &item.device } else { map.get(&item.domain).unwrap_or(&item.domain) };
            map.get(&item.device).unwrap_or(otherwise).clone()
        };
        let names: Vec<String> = (0..self.items.len()).map(target).collect();
        let trains = |picture: &usize| work.sides.part[*picture] == Part::Train && self.items[*picture].label.is_some();
        let mut domains: Vec<String> = Vec::new();
        for first in [true, false] {
            for picture in (0..names.len()).filter(|p| trains(p) == first) {
                if !domains.contains(&names[picture]) {
                    domains.push(names[picture].clone());
                }
            }
            if first && domains.is_empty() {
                return Err(HostError::Dataset(format!("division `{name}` leaves no training picture")));
            }
        }
        let trained = domains.iter().filter(|d| (0..names.len()).any(|p| trains(&p) && names[p] == **d)).count();
        let domain = names.iter().map(|n| domains.iter().position(|d| d == n).unwrap_or(0)).collect();
        Ok(Sides { domains, trained, domain, ..work.sides.clone() })
    }
}

fn answer(head: &Head, features: &[f32], label: Option<usize>) -> Answer {
    Answer::Class { label, probabilities: softmax(&head.logits(features)) }
}

/// Weights of a head.
fn size(head: &Head) -> usize {
    head.layers.iter().map(|layer| layer.weight.len() + layer.bias.len()).sum()
}

fn item(sample: &Sample, recipe: &Recipe) -> Result<Item> {
    let label = recipe.labels.iter().position(|l| *l == sample.label);
    if label.is_none() && !recipe.unknown_labels.contains(&sample.label) {
        return Err(HostError::Dataset(format!(
            "{}: label `{}` is not in the recipe (labels {}; unknown labels {}); correct the csv or the recipe",
            sample.name,
            sample.label,
            recipe.labels.join(", "),
            recipe.unknown_labels.join(", ")
        )));
    }
    Ok(Item {
        name: sample.name.clone(),
        domain: sample.domain.clone(),
        label,
        patient: sample.patient.clone(),
        device: sample.device.clone(),
        part: sample.part,
        digest: files::sha256_file(&sample.file)?,
    })
}

/// Hash over pictures and what is known about them.
pub(super) fn hash(items: &[Item]) -> String {
    files::sha256(format!("{items:?}").as_bytes())
}
