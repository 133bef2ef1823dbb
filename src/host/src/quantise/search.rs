//! The best int8 form of one decoder: method, bias correction, layers that stay in float.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use ushydra_bundle::{CalibrationMethod, Comparison, TensorRange};
use ushydra_onnx::{Graph, Network, OnnxError, Storage};

use super::config::QuantisationConfig;
use super::correct::corrected;
use super::observe::{Bench, Trial, histograms, trials};
use super::plan::Plan;
use super::subject::Subject;
use super::threshold::METHODS;
use super::weights::Granularity;
use super::{MAX_LOSS, MIN_RATIO, qdq, qop};
use crate::error::Result;
use crate::progress::Progress;

/// Pictures by what they are for, as indices of the subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Parts {
    /// Give the ranges of activations.
    pub calibration: Vec<usize>,
    /// Choose among the candidates.
    pub choice: Vec<usize>,
    /// Give the figures.
    pub test: Vec<usize>,
}

/// The chosen form.
#[derive(Clone, Debug)]
pub struct Found {
    /// For TensorRT.
    pub qdq: Vec<u8>,
    /// For tract.
    pub qop: Vec<u8>,
    /// Bytes of the decoder with its weights as f32.
    pub float_bytes: u64,
    /// How it was found.
    pub search: Search,
    /// Ranges of the activations.
    pub ranges: Vec<TensorRange>,
}

/// What was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// The chosen method.
    pub method: CalibrationMethod,
    /// Whether the corrected biases were taken.
    pub corrected: bool,
    /// Layers that stayed in float.
    pub float_layers: Vec<String>,
    /// Everything that was tried, with its figures on the pictures that choose.
    pub tried: Vec<Tried>,
    /// One layer at a time in int8, with the same figures on fewer pictures.
    pub sensitivity: Vec<Tried>,
    /// The chosen form on the pictures that choose.
    pub choice: Comparison,
}

/// One candidate's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// Method, or layer.
    pub what: String,
    /// Score of the f32 decoder: share of right labels, or mean Dice coefficient.
    pub float: f64,
    /// Score of the candidate.
    pub int8: f64,
    /// Mean absolute difference of the probabilities.
    pub difference: f64,
}

impl Tried {
    fn new(what: String, trial: Trial) -> Self {
        Self { what, float: trial.float, int8: trial.int8, difference: trial.difference }
    }
}

/// Finds the best int8 form of the decoder in `float`.
///
/// # Errors
/// [`crate::HostError::Onnx`] for a decoder that cannot be read, those of subject and engine, [`crate::HostError::Stopped`].
pub fn search(
    subject: &mut dyn Subject,
    parts: &Parts,
    network: &Network,
    float: &Path,
    config: &QuantisationConfig,
    bench: &Bench,
    progress: &Progress,
) -> Result<Found> {
    let own = &network.outputs;
    let seen = histograms(subject, &parts.calibration, network, bench, progress)?;
    let plan = |method, left: &BTreeSet<usize>| Plan::new(network, &seen, method, Granularity::Tensor, left);
    let write = |network: &Network, plan: &Plan| qop::graph(network, plan, own);
    let none = BTreeSet::new();

    let candidates = METHODS.map(|method| write(network, &plan(method, &none)));
    let candidates = candidates.into_iter().collect::<std::result::Result<Vec<Graph>, OnnxError>>()?;
    let first = trials(subject, &parts.choice, float, &candidates, bench, "methods", progress)?;
    let mut tried: Vec<Tried> =
        METHODS.iter().zip(&first).map(|(method, trial)| Tried::new(name(*method), *trial)).collect();
    let closest = |trials: &[Trial]| {
        let order = |a: &usize, b: &usize| trials[*a].difference.total_cmp(&trials[*b].difference);
        (0..trials.len()).min_by(order).unwrap_or_default()
    };
    let method = METHODS[closest(&first)];

    let encoded = parts.calibration.iter().take(config.correction).map(|&picture| subject.encode(picture));
    let encoded = encoded.collect::<Result<Vec<_>>>()?;
    let better = corrected(network, &plan(method, &none), &encoded, bench, progress)?;
    drop(encoded);
    let candidate = write(&better, &plan(method, &none))?;
    let second = trials(subject, &parts.choice, float, &[candidate], bench, "corrected biases", progress)?;
    tried.extend(second.iter().map(|trial| Tried::new(format!("{}, biases corrected", name(method)), *trial)));
    let (before, after) = (first[closest(&first)], second.first().copied().unwrap_or_default());
    let corrected = after.difference < before.difference;
    let (network, mut best) = if corrected { (&better, after) } else { (network, before) };

    let weighty: Vec<usize> =
        (0..network.layers.len()).filter(|&i| network.layers[i].operation.weights().is_some()).collect();
    let alone = |&layer: &usize| {
        let others = weighty.iter().copied().filter(|&other| other != layer).collect();
        write(network, &plan(method, &others))
    };
    let alone = weighty.iter().map(alone).collect::<std::result::Result<Vec<Graph>, OnnxError>>()?;
    let few = &parts.choice[..parts.choice.len().min(config.scan)];
    let harm = trials(subject, few, float, &alone, bench, "sensitivity", progress)?;
    let layer_name = |index: usize| network.layers[index].name.clone();
    let sensitivity = weighty.iter().zip(&harm).map(|(&i, trial)| Tried::new(layer_name(i), *trial)).collect();

    // The most harmful layers stay in float while the loss is too large and the file small enough.
    let float_bytes = network.graph(Storage::F32, own)?.to_bytes()?.len() as u64;
    let mut order: Vec<usize> = (0..weighty.len()).collect();
    order.sort_by(|a, b| harm[*b].difference.total_cmp(&harm[*a].difference));
    let mut left = BTreeSet::new();
    for layer in order {
        if best.loss() <= MAX_LOSS {
            break;
        }
        let mut more = left.clone();
        more.insert(weighty[layer]);
        let candidate = write(network, &plan(method, &more))?;
        if MIN_RATIO * candidate.to_bytes()?.len() as f64 > float_bytes as f64 {
            continue;
        }
        let trial = trials(subject, &parts.choice, float, &[candidate], bench, "layers in float", progress)?;
        let trial = trial.first().copied().unwrap_or_default();
        tried.push(Tried::new(format!("{} in float, too", layer_name(weighty[layer])), trial));
        if trial.difference < best.difference {
            (left, best) = (more, trial);
        }
    }

    let chosen = plan(method, &left);
    Ok(Found {
        qdq: qdq::graph(network, &chosen, own)?.to_bytes()?,
        qop: write(network, &chosen)?.to_bytes()?,
        float_bytes,
        ranges: chosen.ranges(network),
        search: Search {
            method,
            corrected,
            float_layers: left.into_iter().map(layer_name).collect(),
            tried,
            sensitivity,
            choice: Comparison { pictures: best.pictures as u64, float: best.float, int8: best.int8 },
        },
    })
}

/// As the documents name it.
fn name(method: CalibrationMethod) -> String {
    match method {
        CalibrationMethod::MinMax => "min-max",
        CalibrationMethod::Percentile999 => "percentile 99.9",
        CalibrationMethod::Percentile9999 => "percentile 99.99",
        CalibrationMethod::Kl => "kl",
        CalibrationMethod::Mse => "mse",
    }
    .to_owned()
}
