//! Which pictures calibrate, choose and judge: by patient, by the rules of the recipe that trained the bundle.

use std::path::{Path, PathBuf};

use ushydra_bundle::{Bundle, Task};

use super::config::QuantisationConfig;
use super::search::Parts;
use crate::dataset::Dataset;
use crate::error::{HostError, Result};
use crate::features::Features;
use crate::features::extract::Extractor;
use crate::masks::{MaskDataset, MaskSample, Part};
use crate::progress::Progress;
use crate::recipe::Recipe;
use crate::rng::Rng;
use crate::segment::SegmentRecipe;
use crate::segment::data::arrange;
use crate::split::grouped_parts;
use crate::train::TrainingData;
use crate::train::data::usable;
use crate::{files, recipes};

/// Shares of calibration and choice where one part has to serve both.
const CALIBRATION_AND_CHOICE: [f64; 2] = [3.0, 1.0];
/// Shares of calibration, choice and figures of a bundle that was trained on every labelled picture.
const OF_ALL: [f64; 3] = [3.0, 1.0, 1.0];

/// The recipe of a bundle.
#[derive(Clone, Debug)]
pub enum BundleRecipe {
    /// Of a classifier.
    Classify(Box<Recipe>),
    /// Of a segmentation.
    Segment(Box<SegmentRecipe>),
}

impl BundleRecipe {
    /// The recipe in `file`, or the shipped one of the bundle's name.
    ///
    /// # Errors
    /// [`HostError::Config`] where there is none, or where it makes another bundle than this one.
    pub fn of(bundle: &Bundle, file: Option<&Path>) -> Result<Self> {
        let manifest = bundle.manifest();
        let path = file.map_or_else(|| PathBuf::from(format!("recipes/{}.toml", manifest.name)), Path::to_owned);
        let text = match file {
            Some(file) => String::from_utf8(files::read(file)?).map_err(|e| HostError::config(file, e))?,
            None => recipes::shipped(&manifest.name).map(str::to_owned).ok_or_else(|| {
                HostError::config(
                    bundle.root(),
                    format!("no recipe is known for `{}`; name the one that trained it with --config", manifest.name),
                )
            })?,
        };
        let recipe = match manifest.task {
            Task::Classify => Self::Classify(Box::new(recipes::parse(&text, &path, Recipe::check)?)),
            Task::Segment => Self::Segment(Box::new(recipes::parse(&text, &path, SegmentRecipe::check)?)),
        };
        let (name, labels, domains, input) = match &recipe {
            Self::Classify(r) => (&r.name, &r.labels, &r.domains, &r.input),
            Self::Segment(r) => (&r.name, &r.labels, &r.domains, &r.input),
        };
        let differs = [
            ("name", *name != manifest.name),
            ("labels", *labels != manifest.labels),
            ("domains", *domains != manifest.domains),
            ("input", *input != manifest.input),
        ];
        match differs.iter().find(|(_, differs)| *differs) {
            Some((what, _)) => Err(HostError::config(
                &path,
                format!("its {what} is not that of {}; name the recipe that trained the bundle", bundle.id()),
            )),
            None => Ok(recipe),
        }
    }

    /// Settings of the quantiser.
    #[must_use]
    pub const fn config(&self) -> &QuantisationConfig {
        match self {
            Self::Classify(recipe) => &recipe.quantisation,
            Self::Segment(recipe) => &recipe.quantisation,
        }
    }

    /// Seed of the parts.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        match self {
            Self::Classify(recipe) => recipe.seed,
            Self::Segment(recipe) => recipe.seed,
        }
    }
}

/// Pictures of a bundle with their truths.
pub struct BundleData {
    /// The pictures.
    pub pictures: Pictures,
    /// What each is for.
    pub parts: Parts,
    /// The same in words.
    pub provenance: String,
    /// Whether the figures come from patients that the decoders were not trained on.
    pub disjoint: bool,
}

/// Pictures by task.
pub enum Pictures {
    /// With masks.
    Masked(Vec<MaskSample>),
    /// With labels: features and label by picture.
    Labelled(Features, Vec<Option<usize>>),
}

impl BundleData {
    /// Reads `data` and deals the parts.
    ///
    /// # Errors
    /// Those of the data set's reader and of the split; [`HostError::Dataset`] for a domain without pictures.
    pub fn read(
        bundle: &Bundle,
        recipe: &BundleRecipe,
        data: &[PathBuf],
        cache: &Path,
        jobs: usize,
        progress: &Progress,
    ) -> Result<Self> {
        match recipe {
            BundleRecipe::Segment(recipe) => Self::masked(recipe, data),
            BundleRecipe::Classify(recipe) => Self::labelled(bundle, recipe, data, cache, jobs, progress),
        }
    }

    fn masked(recipe: &SegmentRecipe, data: &[PathBuf]) -> Result<Self> {
        let dataset = MaskDataset::read(data)?;
        let (domains, parts) = arrange(&dataset, recipe)?;
        let samples = dataset.samples;
        let of = |part: Part| (0..parts.len()).filter(|&i| parts[i] == part).collect::<Vec<usize>>();
        let (train, validation, test) = (of(Part::Train), of(Part::Validation), of(Part::Test));
        let deal = |pictures: &[usize]| -> Result<[Vec<usize>; 2]> {
            let strata: Vec<usize> = pictures.iter().map(|&p| domains[p]).collect();
            let patients: Vec<&str> = pictures.iter().map(|&p| samples[p].patient.as_str()).collect();
            let dealt = grouped_parts(&strata, &patients, &CALIBRATION_AND_CHOICE, recipe.seed)?;
            let side = |side| pictures.iter().zip(&dealt).filter(|(_, d)| **d == side).map(|(p, _)| *p).collect();
            Ok([side(0), side(1)])
        };
        let (all, words) = if !test.is_empty() && !validation.is_empty() {
            let words = "ranges from the training part, choice by the validation part, figures from the test part";
            ([train, validation, test], words)
        } else {
            // Of a bundle without a test part the validation part is the nearest to one: it chose an epoch, and trained nothing.
            let [calibration, choice] = deal(&train)?;
            let (figures, words) = if test.is_empty() {
                let words = "ranges and choice from the training part (three to one, no patient in both), figures from the \
                             validation part, which trained nothing but chose the epoch";
                (validation, words)
            } else {
                (test, "ranges and choice from the training part, no patient in both; figures from the test part")
            };
            ([calibration, choice, figures], words)
        };
        let disjoint = !all[2].is_empty();
        let parts = limited(all, &domains, recipe.domains.len(), &recipe.quantisation, recipe.seed);
        Ok(Self { pictures: Pictures::Masked(samples), parts, provenance: words.to_owned(), disjoint })
    }

    fn labelled(
        bundle: &Bundle,
        recipe: &Recipe,
        data: &[PathBuf],
        cache: &Path,
        jobs: usize,
        progress: &Progress,
    ) -> Result<Self> {
        let samples = usable(&Dataset::read(data)?, recipe)?;
        let manifest = bundle.manifest();
        let extractor = Extractor {
            encoder: bundle.encoder_path().to_owned(),
            encoder_sha256: manifest.encoder.sha256.to_string(),
            width: manifest.encoder.features,
            input: manifest.input.clone(),
            augmentation: recipe.augmentation.clone(),
            seed: recipe.seed,
            jobs,
            cache: cache.to_owned(),
        };
        let pictures: Vec<PathBuf> = samples.iter().map(|s| s.file.clone()).collect();
        let features = extractor.run(&pictures, 1, progress)?;
        let data = TrainingData::new(samples, features, recipe)?;
        let labelled = data.labelled();
        let strata: Vec<usize> = labelled.iter().map(|&p| data.stratum(p, recipe.labels.len())).collect();
        let patients: Vec<&str> = labelled.iter().map(|&p| data.patient(p)).collect();
        let dealt = grouped_parts(&strata, &patients, &OF_ALL, recipe.seed)?;
        let side = |side| labelled.iter().zip(&dealt).filter(|(_, d)| **d == side).map(|(p, _)| *p).collect();
        let all = [side(0), side(1), side(2)];
        let parts = limited(all, &data.domains, recipe.domains.len(), &recipe.quantisation, recipe.seed);
        let provenance = "ranges, choice and figures from three parts that share no patient; the decoders were trained on all of \
                          them, so that the figures say what int8 changes, not how well the decoders do on new patients";
        Ok(Self {
            pictures: Pictures::Labelled(data.features, data.labels),
            parts,
            provenance: provenance.to_owned(),
            disjoint: false,
        })
    }
}

/// The parts cut to the numbers of the settings, drawn evenly over the domains.
fn limited(
    [calibration, choice, test]: [Vec<usize>; 3],
    domains: &[usize],
    count: usize,
    config: &QuantisationConfig,
    seed: u64,
) -> Parts {
    let draw = |pictures: Vec<usize>, most: usize, what: &str| {
        let mut queues: Vec<Vec<usize>> = vec![Vec::new(); count];
        for picture in pictures {
            if let Some(queue) = domains.get(picture).and_then(|&domain| queues.get_mut(domain)) {
                queue.push(picture);
            }
        }
        let mut rng = Rng::labelled(seed, &["quantise", what]);
        queues.iter_mut().for_each(|queue| rng.shuffle(queue));
        let mut drawn = Vec::new();
        while drawn.len() < most && queues.iter().any(|queue| !queue.is_empty()) {
            let next = queues.iter_mut().filter_map(Vec::pop);
            drawn.extend(next.take(most - drawn.len()));
        }
        drawn
    };
    Parts {
        calibration: draw(calibration, config.calibration, "calibration"),
        choice: draw(choice, config.choice, "choice"),
        test: draw(test, config.test, "test"),
    }
}
