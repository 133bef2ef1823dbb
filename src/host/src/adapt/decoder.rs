//! A classification decoder for a new domain: it starts from one of the bundle's and is pulled towards it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ushydra_bundle::Bundle;
use ushydra_onnx::{Network, Operation};

use super::config::AdaptConfig;
use crate::error::{HostError, Result};
use crate::features::Features;
use crate::files;
use crate::head::{Dense, Head, HeadConfig, Optimiser, Scaler, TrainingSet, fit, softmax};
use crate::split::grouped_folds;

/// Smallest probability that enters a logarithm.
const MIN_PROBABILITY: f64 = 1e-12;

/// How a new decoder came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// Index of the bundle's decoder that it started from.
    pub start: usize,
    /// Strength of the pull towards the start; none where the unchanged decoder did best on held-out patients.
    pub pull: Option<f64>,
}

/// Images to fit on.
#[derive(Clone, Copy, Debug)]
pub struct Labelled<'a> {
    /// Features, view 0 unaugmented.
    pub features: &'a Features,
    /// Label per image.
    pub labels: &'a [Option<usize>],
    /// Patient per image.
    pub patients: &'a [String],
    /// Number of labels of the bundle.
    pub classes: usize,
}

/// The bundle's decoders as dense layers.
///
/// # Errors
/// [`HostError::Dataset`] for a decoder that is none, [`HostError::Io`].
pub fn heads(bundle: &Bundle) -> Result<Vec<Head>> {
    let read = |path: &std::path::PathBuf| {
        let network = Network::read(&files::read(path)?).ok();
        network.as_ref().and_then(head).ok_or_else(|| {
            HostError::Dataset(format!(
                "{} is no stack of dense layers, so that no new decoder can start from it; train the bundle anew with the new \
                 images as a domain",
                path.display()
            ))
        })
    };
    bundle.decoder_paths().iter().map(read).collect()
}

fn head(network: &Network) -> Option<Head> {
    let mut layers = Vec::new();
    let mut expects_linear = true;
    for layer in &network.layers {
        match &layer.operation {
            Operation::Linear(weights) if expects_linear => {
                let &[inputs, outputs] = weights.shape.as_slice() else { return None };
                layers.push(Dense { inputs, outputs, weight: weights.values.clone(), bias: weights.bias.clone() });
                expects_linear = false;
            }
            Operation::Relu if !expects_linear => expects_linear = true,
            _ => return None,
        }
    }
    (!layers.is_empty() && !expects_linear).then_some(Head { layers })
}

impl Labelled<'_> {
    /// A decoder for the images `pictures`, all of which have a label.
    ///
    /// The pull is chosen among `config.pulls` by the cross-entropy on held-out patients of `pictures`. The decoder stays
    /// unchanged where the best one gains less than the standard error of its gain per patient, and with a single patient.
    ///
    /// # Errors
    /// Those of training.
    pub fn decoder(
        &self,
        start: (usize, &Head),
        pictures: &[usize],
        config: &AdaptConfig,
        seed: u64,
    ) -> Result<(Head, Fitted)> {
        let (index, start) = start;
        let unchanged = Fitted { start: index, pull: None };
        let patients: Vec<&str> = pictures.iter().map(|&p| self.patients[p].as_str()).collect();
        let distinct = patients.iter().collect::<std::collections::BTreeSet<_>>().len();
        let folds = config.choice_folds.min(distinct);
        if folds < 2 || config.pulls.is_empty() {
            return Ok((start.clone(), unchanged));
        }
        let strata: Vec<usize> = pictures.iter().map(|&p| self.labels[p].unwrap_or(0)).collect();
        let fold_of = grouped_folds(&strata, &patients, folds, seed)?;
        // By pull, then by patient: how much less the cross-entropy is than that of the unchanged decoder.
        let mut gains = vec![BTreeMap::<&str, f64>::new(); config.pulls.len()];
        for fold in 0..folds {
            let part = |held_out: bool| {
                let chosen = pictures.iter().zip(&fold_of).filter(move |(_, f)| (**f == fold) == held_out);
                chosen.map(|(p, _)| *p).collect::<Vec<usize>>()
            };
            let (training, held_out) = (Training::new(self, &part(false))?, part(true));
            for (gains, &pull) in gains.iter_mut().zip(&config.pulls) {
                let head = training.fit(start, pull, config, seed)?;
                for p in &held_out {
                    let gain = self.cross_entropy(start, *p) - self.cross_entropy(&head, *p);
                    *gains.entry(self.patients[*p].as_str()).or_default() += gain;
                }
            }
        }
        let sums = gains.iter().map(|gains| gains.values().sum::<f64>());
        let best = sums.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index);
        let Some(best) = best.filter(|&best| is_clear(gains[best].values())) else {
            return Ok((start.clone(), unchanged));
        };
        let pull = config.pulls[best];
        let head = Training::new(self, pictures)?.fit(start, pull, config, seed)?;
        Ok((head, Fitted { start: index, pull: Some(pull) }))
    }

    /// Cross-entropy of an unaugmented image.
    fn cross_entropy(&self, head: &Head, p: usize) -> f64 {
        let answer = softmax(&head.logits(self.features.row(p, 0)));
        -self.labels[p].and_then(|label| answer.get(label)).copied().unwrap_or(1.0).max(MIN_PROBABILITY).ln()
    }
}

/// Whether the mean of one gain per patient exceeds its own standard error: what does not is noise more often than not, and
/// the unchanged decoder has been judged on more patients than these.
fn is_clear<'a>(gains: impl ExactSizeIterator<Item = &'a f64> + Clone) -> bool {
    let n = gains.len() as f64;
    let mean = gains.clone().sum::<f64>() / n;
    let variance = gains.map(|gain| (gain - mean) * (gain - mean)).sum::<f64>() / (n - 1.0);
    n > 1.0 && mean > (variance / n).sqrt()
}

/// Standardised views of one training side.
struct Training {
    scaler: Scaler,
    set: TrainingSet,
    labels: Vec<usize>,
}

impl Training {
    fn new(data: &Labelled<'_>, pictures: &[usize]) -> Result<Self> {
        let (views, width) = (data.features.views, data.features.width);
        let rows = pictures.iter().flat_map(|&p| (0..views).map(move |v| data.features.row(p, v)));
        let scaler = Scaler::of(rows.clone(), width);
        let mut features = Vec::with_capacity(pictures.len() * views * width);
        rows.for_each(|row| scaler.apply(row, &mut features));
        let labels = pictures.iter().flat_map(|&p| std::iter::repeat_n(data.labels[p], views));
        let labels = labels.collect::<Option<Vec<usize>>>();
        let labels = labels.ok_or_else(|| HostError::Dataset("an image without label cannot train".to_owned()))?;
        Ok(Self { scaler, set: TrainingSet::new(features, width, data.classes)?, labels })
    }

    fn fit(&self, start: &Head, pull: f64, config: &AdaptConfig, seed: u64) -> Result<Head> {
        let settings = HeadConfig {
            hidden: Vec::new(),
            dropout: 0.0,
            label_smoothing: 0.0,
            l2: pull,
            optimiser: Optimiser::Lbfgs { iterations: config.iterations },
        };
        let start = self.scaler.unfold(start.clone());
        let weights = vec![1.0; self.labels.len()];
        Ok(self.scaler.fold(fit(&self.set, &settings, &self.labels, &weights, Some(&start), seed)?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use ushydra_core::Moments;

    use super::*;
    use crate::features::View;
    use crate::head::export::graph;
    use crate::rng::Rng;

    fn start() -> Head {
        Head { layers: vec![Dense { inputs: 2, outputs: 2, weight: vec![2.0, -2.0, 0.0, 0.0], bias: vec![0.5, 0.0] }] }
    }

    #[test]
    fn decoders_come_back_from_their_files() {
        let hidden = Head { layers: vec![Dense::zero(3, 4), Dense::zero(4, 2)] };
        for head in [start(), hidden] {
            let bytes = graph("low", &head).unwrap().to_bytes().unwrap();
            assert_eq!(super::head(&Network::read(&bytes).unwrap()), Some(head));
        }
    }

    /// The new site's classes differ along the second entry; the start looks at the first.
    fn images(n: usize, along: usize) -> (Features, Vec<Option<usize>>, Vec<String>) {
        let mut rng = Rng::new(2);
        let mut features = Features::default();
        let (mut labels, mut patients) = (Vec::new(), Vec::new());
        for i in 0..n {
            let label = i % 2;
            let sign = if label == 0 { 1.0 } else { -1.0 };
            let mut vector = vec![rng.normal() as f32, rng.normal() as f32];
            vector[along] += 2.5 * sign;
            features.push(&[View { pixel: Moments { mean: 0.0, std: 1.0 }, features: vector }]);
            labels.push(Some(label));
            patients.push(format!("p{}", i / 2));
        }
        (features, labels, patients)
    }

    #[test]
    fn learns_what_is_new_and_keeps_what_is_right() {
        struct Case {
            along: usize,
            changes: bool,
        }
        for case in [Case { along: 1, changes: true }, Case { along: 0, changes: false }] {
            let (features, labels, patients) = images(60, case.along);
            let data = Labelled { features: &features, labels: &labels, patients: &patients, classes: 2 };
            let pictures: Vec<usize> = (0..40).collect();
            let (head, fitted) = data.decoder((7, &start()), &pictures, &AdaptConfig::default(), 1).unwrap();
            assert_eq!(fitted.start, 7);
            assert!(!case.changes || fitted.pull.is_some());
            let right = |head: &Head| {
                let answers = (40..60).map(|p| head.logits(features.row(p, 0)));
                answers.zip(40..).filter(|(logits, p)| (logits[1] > logits[0]) == (labels[*p] == Some(1))).count()
            };
            let (before, after) = (right(&start()), right(&head));
            assert!(if case.changes { after > before } else { after >= 18 }, "{before} {after}");
        }
    }

    #[test]
    fn a_gain_has_to_be_clear() {
        for (gains, clear) in [
            (&[1.0, 1.1, 0.9][..], true),
            (&[1.0, -1.0, 0.2], false),
            (&[-1.0, -1.1], false),
            (&[5.0], false),
            (&[0.0, 0.0], false),
        ] {
            assert_eq!(is_clear(gains.iter()), clear, "{gains:?}");
        }
    }

    #[test]
    fn one_patient_keeps_the_decoder() {
        let (features, labels, _) = images(10, 1);
        let patients = vec!["p".to_owned(); 10];
        let data = Labelled { features: &features, labels: &labels, patients: &patients, classes: 2 };
        let pictures: Vec<usize> = (0..10).collect();
        let (head, fitted) = data.decoder((0, &start()), &pictures, &AdaptConfig::default(), 1).unwrap();
        assert_eq!((head, fitted.pull), (start(), None));
    }
}
