//! Two stages: one head on all domains, then one decoder per domain that starts from it.

use super::checkpoint::Checkpoints;
use super::data::TrainingData;
use crate::error::{HostError, Result};
use crate::head::{self, Head, HeadConfig, Scaler, TrainingSet, softmax};
use crate::progress::Bar;
use crate::recipe::{Recipe, TrainingMode};
use crate::rng::Rng;
use crate::split::grouped_folds;

/// Smallest probability that enters a logarithm.
const MIN_PROBABILITY: f64 = 1e-12;

/// Trained decoders, on raw features.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoders {
    /// The single-head control: the head on all domains, trained on like the decoders but with weight 1 for every domain,
    /// so that a difference to the decoders is one of specialisation and not of training time.
    pub single: Head,
    /// One decoder per domain.
    pub domains: Vec<Head>,
    /// Weight of the other domains that each decoder was fitted with.
    pub other_weights: Vec<f64>,
}

/// Heads that [`fit`] will train, for a progress bar.
#[must_use]
pub fn steps(recipe: &Recipe) -> usize {
    let domains = recipe.domains.len();
    let candidates = candidates(recipe).len();
    let choice = if candidates > 1 { recipe.decoders.folds * (1 + candidates * domains) } else { 0 };
    choice + recipe.decoders.bag * (2 + domains)
}

/// Trains on `pictures` (indices with a label).
///
/// # Errors
/// [`HostError::Dataset`] for a domain without pictures, training errors, [`HostError::Stopped`].
pub fn fit(
    data: &TrainingData,
    pictures: &[usize],
    recipe: &Recipe,
    seed: u64,
    checkpoints: &Checkpoints,
    bar: &Bar,
) -> Result<Decoders> {
    let other_weights = choose(data, pictures, recipe, seed, checkpoints, bar)?;
    let stage = Stage::new(data, pictures, recipe)?;
    let mut single = Vec::new();
    let mut decoders = vec![Vec::new(); recipe.domains.len()];
    for member in 0..recipe.decoders.bag {
        let seed = seed.wrapping_add(member as u64);
        let base = stage.bootstrap(member, seed);
        let key = |name: &str| format!("final/{member}/{name}");
        let start = checkpoints.head(&key("shared"), || stage.shared(&base, seed))?;
        bar.step()?;
        for (domain, heads) in decoders.iter_mut().enumerate() {
            let fitted = checkpoints.head(&key(&recipe.domains[domain]), || {
                stage.decoder(&base, &start, Some(domain), other_weights[domain], seed)
            })?;
            heads.push(stage.scaler.fold(fitted));
            bar.step()?;
        }
        let control = checkpoints.head(&key("single"), || stage.decoder(&base, &start, None, 1.0, seed))?;
        single.push(stage.scaler.fold(control));
        bar.step()?;
    }
    let domains = decoders.iter().map(|heads| head::merge(heads)).collect::<Result<_>>()?;
    Ok(Decoders { single: head::merge(&single)?, domains, other_weights })
}

fn candidates(recipe: &Recipe) -> &[f64] {
    match recipe.decoders.mode {
        TrainingMode::Paper => &[0.0],
        TrainingMode::Weighted => &recipe.decoders.other_domains,
    }
}

/// Weight of the other domains for every decoder: the candidate with the smallest cross-entropy on the held-out
/// pictures of its own domain.
fn choose(
    data: &TrainingData,
    pictures: &[usize],
    recipe: &Recipe,
    seed: u64,
    checkpoints: &Checkpoints,
    bar: &Bar,
) -> Result<Vec<f64>> {
    let candidates = candidates(recipe);
    let domains = recipe.domains.len();
    if let [only] = candidates {
        return Ok(vec![*only; domains]);
    }
    let strata: Vec<usize> = pictures.iter().map(|&p| data.stratum(p, recipe.labels.len())).collect();
    let patients: Vec<&str> = pictures.iter().map(|&p| data.patient(p)).collect();
    let folds = grouped_folds(&strata, &patients, recipe.decoders.folds, seed)?;
    let mut losses = vec![vec![0.0; candidates.len()]; domains];
    for fold in 0..recipe.decoders.folds {
        let part = |held_out: bool| {
            let chosen = pictures.iter().zip(&folds).filter(move |(_, f)| (**f == fold) == held_out);
            chosen.map(|(p, _)| *p).collect::<Vec<usize>>()
        };
        let held_out = part(true);
        let stage = Stage::new(data, &part(false), recipe)?;
        let base = vec![1.0; stage.rows.len()];
        let key = |name: &str| format!("choice/{fold}/{name}");
        let start = checkpoints.head(&key("shared"), || stage.shared(&base, seed))?;
        bar.step()?;
        for (domain, losses) in losses.iter_mut().enumerate() {
            for (&weight, loss) in candidates.iter().zip(losses) {
                let name = format!("{}-{weight}", recipe.domains[domain]);
                let fitted =
                    checkpoints.head(&key(&name), || stage.decoder(&base, &start, Some(domain), weight, seed))?;
                let fitted = stage.scaler.fold(fitted);
                let own = held_out.iter().filter(|p| data.domains[**p] == domain);
                *loss += own.map(|&p| cross_entropy(data, p, &fitted)).sum::<f64>();
                bar.step()?;
            }
        }
    }
    let best = |losses: &Vec<f64>| losses.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i);
    Ok(losses.iter().map(|losses| candidates[best(losses)]).collect())
}

fn cross_entropy(data: &TrainingData, picture: usize, head: &Head) -> f64 {
    let p = softmax(&head.logits(data.features.row(picture, 0)));
    -data.labels[picture].and_then(|label| p.get(label)).copied().unwrap_or(1.0).max(MIN_PROBABILITY).ln()
}

/// One training set with everything that its heads share.
struct Stage<'a> {
    data: &'a TrainingData,
    recipe: &'a Recipe,
    /// Picture of every row.
    rows: Vec<usize>,
    labels: Vec<usize>,
    scaler: Scaler,
    set: TrainingSet,
}

impl<'a> Stage<'a> {
    fn new(data: &'a TrainingData, pictures: &[usize], recipe: &'a Recipe) -> Result<Self> {
        let views = data.features.views;
        let rows: Vec<usize> = pictures.iter().flat_map(|&p| std::iter::repeat_n(p, views)).collect();
        let labels = rows.iter().map(|&p| data.labels[p]).collect::<Option<Vec<usize>>>();
        let labels = labels.ok_or_else(|| HostError::Dataset("a picture without label cannot train".to_owned()))?;
        let vectors = pictures.iter().flat_map(|&p| (0..views).map(move |v| data.features.row(p, v)));
        let width = data.features.width;
        let scaler = Scaler::of(vectors.clone(), width);
        let mut features = Vec::with_capacity(rows.len() * width);
        vectors.for_each(|row| scaler.apply(row, &mut features));
        let set = TrainingSet::new(features, width, recipe.labels.len())?;
        Ok(Self { data, recipe, rows, labels, scaler, set })
    }

    /// Multiplicity of every row's patient in a bootstrap of the patients; all 1 for a bag of one.
    fn bootstrap(&self, member: usize, seed: u64) -> Vec<f64> {
        if self.recipe.decoders.bag == 1 {
            return vec![1.0; self.rows.len()];
        }
        let mut patients: Vec<&str> = self.rows.iter().map(|&p| self.data.patient(p)).collect();
        let of_row = patients.clone();
        patients.sort_unstable();
        patients.dedup();
        let mut rng = Rng::labelled(seed, &["bag", &member.to_string()]);
        // Every patient once besides the draws, so that no resample loses a domain or a class.
        let mut count = vec![1.0; patients.len()];
        for _ in 0..patients.len() {
            count[rng.below(patients.len())] += 1.0;
        }
        let weight = |patient: &str| patients.binary_search(&patient).map_or(1.0, |i| count[i]);
        of_row.into_iter().map(weight).collect()
    }

    fn shared(&self, base: &[f64], seed: u64) -> Result<Head> {
        head::fit(&self.set, &self.recipe.head, &self.labels, base, None, seed)
    }

    /// Decoder of `domain`: Eq. (1) with weight 1 for its own pictures and `other` for the rest; without a domain, all
    /// pictures are its own.
    fn decoder(&self, base: &[f64], start: &Head, domain: Option<usize>, other: f64, seed: u64) -> Result<Head> {
        let own = |p: usize| domain.is_none_or(|domain| self.data.domains[p] == domain);
        if !self.rows.iter().any(|&p| own(p)) {
            let name = domain.and_then(|d| self.recipe.domains.get(d)).map_or("", String::as_str);
            return Err(HostError::Dataset(format!(
                "no training picture of domain `{name}` on this side of the split; add patients or use fewer folds"
            )));
        }
        let weights: Vec<f64> =
            self.rows.iter().zip(base).map(|(&p, base)| base * if own(p) { 1.0 } else { other }).collect();
        let decoders = &self.recipe.decoders;
        if decoders.mode == TrainingMode::Paper {
            return head::fit(&self.set, &self.recipe.head, &self.labels, &weights, None, seed);
        }
        let config = HeadConfig {
            l2: decoders.l2,
            optimiser: decoders.optimiser.as_ref().unwrap_or(&self.recipe.head.optimiser).clone(),
            ..self.recipe.head.clone()
        };
        head::fit(&self.set, &config, &self.labels, &weights, Some(start), seed)
    }
}
