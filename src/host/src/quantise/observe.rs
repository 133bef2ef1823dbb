//! Magnitudes of a decoder's activations and its answers on pictures, through the engine.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ushydra_onnx::{Graph, Network, OnnxError, Storage};

use super::decoder::{Decoder, MAX_OUTPUTS};
use super::histogram::Histogram;
use super::plan::observed;
use super::subject::{Encoded, Subject};
use crate::error::Result;
use crate::progress::Progress;

/// A place for graphs on their way to the engine, and how the engine runs.
#[derive(Clone, Debug)]
pub struct Bench {
    /// Folder for graphs; what lies in it is of no use afterwards.
    pub folder: PathBuf,
    /// Threads of the engine.
    pub threads: usize,
}

impl Bench {
    /// The graph as the engine runs it.
    ///
    /// # Errors
    /// Write errors and those of the engine.
    pub fn load(&self, name: &str, graph: &Graph) -> Result<Decoder> {
        Decoder::of(graph, &self.folder.join(format!("{name}.onnx")), self.threads)
    }

    /// Inner tensors of a network as outputs of as many models as the engine needs for them. `write` makes the graph.
    fn taps(
        &self,
        name: &str,
        tensors: &[String],
        write: &dyn Fn(&[String]) -> std::result::Result<Graph, OnnxError>,
    ) -> Result<Vec<(Vec<String>, Decoder)>> {
        let part = |(index, tensors): (usize, &[String])| {
            let decoder = self.load(&format!("{name}-{index}"), &write(tensors)?)?;
            Ok((tensors.to_vec(), decoder))
        };
        tensors.chunks(MAX_OUTPUTS).enumerate().map(part).collect()
    }
}

/// Histograms of the tensors that layers with weights read, over `pictures`.
///
/// # Errors
/// Those of the subject and of the engine, [`crate::HostError::Stopped`].
pub(super) fn histograms(
    subject: &mut dyn Subject,
    pictures: &[usize],
    network: &Network,
    bench: &Bench,
    progress: &Progress,
) -> Result<HashMap<String, Histogram>> {
    let is_input = |tensor: &String| network.inputs.iter().any(|(name, _)| name == tensor);
    let (inputs, inner): (Vec<String>, Vec<String>) = observed(network).into_iter().partition(is_input);
    let mut taps = bench.taps("observe", &inner, &|tensors| network.graph(Storage::F32, tensors))?;
    let mut histograms: HashMap<String, Histogram> = HashMap::new();
    let bar = progress.bar("ranges", pictures.len());
    for &picture in pictures {
        let encoded = subject.encode(picture)?;
        for input in &inputs {
            histograms.entry(input.clone()).or_default().add(encoded.get(input)?);
        }
        for (tensors, decoder) in &mut taps {
            for (tensor, values) in tensors.iter().zip(decoder.run(&encoded)?) {
                histograms.entry(tensor.clone()).or_default().add(values);
            }
        }
        bar.step()?;
    }
    bar.done();
    Ok(histograms)
}

/// Mean of every channel of `tensors` over `pictures`, in a model that `write` makes.
///
/// # Errors
/// Those of the engine.
pub(super) fn channel_means(
    pictures: &[Encoded],
    tensors: &[(String, usize)],
    bench: &Bench,
    write: &dyn Fn(&[String]) -> std::result::Result<Graph, OnnxError>,
) -> Result<Vec<Vec<f64>>> {
    let names: Vec<String> = tensors.iter().map(|(name, _)| name.clone()).collect();
    let mut taps = bench.taps("means", &names, write)?;
    let mut means: Vec<Vec<f64>> = tensors.iter().map(|(_, channels)| vec![0.0; *channels]).collect();
    for encoded in pictures {
        let mut rest = means.iter_mut();
        for (_, decoder) in &mut taps {
            for (values, sums) in decoder.run(encoded)?.iter().zip(&mut rest) {
                // [1, channels, ..]: one frame.
                let plane = (values.len() / sums.len().max(1)).max(1);
                for (sum, channel) in sums.iter_mut().zip(values.chunks(plane)) {
                    let mean = channel.iter().map(|v| f64::from(*v)).sum::<f64>() / plane as f64;
                    *sum += mean / pictures.len() as f64;
                }
            }
        }
    }
    Ok(means)
}

/// What one candidate did on pictures, beside the f32 decoder.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trial {
    /// Pictures.
    pub pictures: usize,
    /// Mean score of the f32 decoder.
    pub float: f64,
    /// Mean score of the candidate.
    pub int8: f64,
    /// Mean absolute difference of the probabilities.
    pub difference: f64,
}

impl Trial {
    /// Score that was lost.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.float - self.int8
    }
}

/// Tries candidates on pictures; `float` is the decoder's f32 file.
///
/// # Errors
/// Those of the subject and of the engine, [`crate::HostError::Stopped`].
pub fn trials(
    subject: &mut dyn Subject,
    pictures: &[usize],
    float: &Path,
    candidates: &[Graph],
    bench: &Bench,
    what: &str,
    progress: &Progress,
) -> Result<Vec<Trial>> {
    let mut reference = Decoder::load(float, bench.threads)?;
    let load = |(index, graph): (usize, &Graph)| bench.load(&format!("try-{index}"), graph);
    let mut decoders = candidates.iter().enumerate().map(load).collect::<Result<Vec<_>>>()?;
    let mut trials = vec![Trial { pictures: pictures.len(), ..Trial::default() }; candidates.len()];
    let bar = progress.bar(what, pictures.len());
    for &picture in pictures {
        let encoded = subject.encode(picture)?;
        let expected = reference.answer(&encoded)?;
        let score = subject.score(expected)?;
        for (trial, decoder) in trials.iter_mut().zip(&mut decoders) {
            let found = decoder.answer(&encoded)?;
            trial.float += score;
            trial.int8 += subject.score(found)?;
            trial.difference += difference(expected, found);
        }
        bar.step()?;
    }
    bar.done();
    let count = pictures.len().max(1) as f64;
    for trial in &mut trials {
        trial.float /= count;
        trial.int8 /= count;
        trial.difference /= count;
    }
    Ok(trials)
}

/// Mean absolute difference of the logistic function of two lists of logits: of the probabilities of a mask, and a measure
/// for labels that softmax does not hide.
#[must_use]
pub fn difference(a: &[f32], b: &[f32]) -> f64 {
    let probability = |logit: &f32| 1.0 / (1.0 + (-f64::from(*logit)).exp());
    let sum: f64 = a.iter().zip(b).map(|(a, b)| (probability(a) - probability(b)).abs()).sum();
    sum / a.len().max(1) as f64
}
