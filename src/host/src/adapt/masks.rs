//! Segmentation with masks: the new domain takes the decoder that fits them best, with its output bias moved.
//!
//! A UNet decoder has a million weights and a few dozen masks would not train it on a clinic's computer. What differs from
//! scanner to scanner first is how bright an edge is, and with it how large the masks come out; one number, the bias of the
//! last layer, answers to that. The pair of decoder and shift with the best mean Dice is looked up in a table that every
//! image fills once, so that the cross-validation costs nothing more.

use std::path::Path;

use serde::{Deserialize, Serialize};
use ushydra_bundle::Bundle;
use ushydra_onnx::{Network, Storage};

use super::figures::{Context, Figures, Verdict, interval};
use super::judge::System;
use super::observe::{Observed, Skipped};
use super::report::DecoderNote;
use super::work::Worked;
use crate::calibrate::Observation;
use crate::calibrate::extend::{self, NewDomain};
use crate::dataset::Sample;
use crate::error::{HostError, Result};
use crate::evaluate::bootstrap::Estimate;
use crate::features::{Features, View};
use crate::files;
use crate::masks::{MaskDataset, MaskSample};
use crate::progress::{Bar, Progress};
use crate::segment::canvas::{Canvas, truth};
use crate::split::grouped_folds;
use crate::wired::{ModelFiles, Wired};

use super::config::AdaptConfig;

/// Shifts of the logits that are tried: whole multiples of the step, both ways.
const STEP: f64 = 0.25;
const STEPS: usize = 8;
/// Place of the shift 0 in the table.
const NONE: usize = STEPS;
/// A weight takes four bytes in a file of f32 and two in one of f16; what lies below this is f16.
const F16_BYTES: usize = 3;

/// Dice of a segmentation on the given masks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaskFigures {
    /// The bundle as it is.
    pub before: Estimate,
    /// The adapted one on held-out patients.
    pub after: Estimate,
    /// Shift of the new decoder's logits.
    pub shift: f64,
}

/// Dice of one image by decoder and shift.
type Table = Vec<Vec<f64>>;

/// Images with masks, observed and judged by every decoder and shift.
pub(super) struct Masked {
    pub(super) observed: Observed,
    tables: Vec<Table>,
}

/// Whether one decoder and shift, or the bundle's own routing.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Choice {
    decoder: usize,
    shift: usize,
}

impl Masked {
    /// Loads, encodes and judges every image of `csv`; unreadable ones are named and left out.
    pub(super) fn read(bundle: &Bundle, csv: &Path, domain: &str, threads: usize, progress: &Progress) -> Result<Self> {
        let manifest = bundle.manifest();
        if manifest.labels.len() != 1 {
            return Err(HostError::Dataset(format!(
                "{} draws {} structures and a csv of masks holds one; give the images without masks",
                bundle.id(),
                manifest.labels.len()
            )));
        }
        let samples = MaskDataset::read(&[csv.to_owned()])?.samples;
        let files = ModelFiles { encoder: bundle.encoder_path().to_owned(), decoders: bundle.decoder_paths().to_vec() };
        let mut reader = Reader {
            models: Wired::load(&files, threads)?,
            canvas: Canvas::new(&manifest.input).map_err(|e| HostError::config(bundle.root(), e))?,
            feature_output: &manifest.encoder.feature_output,
        };
        let bar = progress.bar("images and masks", samples.len());
        let mut features = Features::default();
        let (mut kept, mut tables, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
        for sample in &samples {
            match reader.read(sample) {
                Ok((view, table)) => {
                    features.push(&[view]);
                    tables.push(table);
                    kept.push(listed(sample, domain));
                }
                Err(error @ (HostError::Picture { .. } | HostError::Probe(_) | HostError::Io { .. })) => {
                    log::warn!("{} is left out: {error}", sample.name);
                    skipped.push(Skipped { file: sample.name.clone(), cause: error.to_string() });
                }
                Err(error) => return Err(error),
            }
            bar.step()?;
        }
        bar.done();
        if kept.is_empty() {
            let first = skipped.first().map_or_else(String::new, |s| format!("; first {}: {}", s.file, s.cause));
            return Err(HostError::Dataset(format!("none of the {} images can be used{first}", skipped.len())));
        }
        let patients = crate::train::data::merged_patients(&kept, &features);
        Ok(Self { observed: Observed { samples: kept, features, patients, skipped }, tables })
    }

    /// Statistics and decoder of the new domain, judged on held-out patients.
    pub(super) fn work(
        &self,
        bundle: &Bundle,
        observations: &[Observation<'_>],
        domain: &NewDomain<'_>,
        context: &Context<'_>,
        config: &AdaptConfig,
        bar: &Bar,
    ) -> Result<Worked> {
        let patients: Vec<&str> = self.observed.patients.iter().map(String::as_str).collect();
        let distinct = patients.iter().collect::<std::collections::BTreeSet<_>>().len();
        if distinct < 2 {
            return Err(HostError::Dataset(
                "all images belong to one patient, so that nothing can be judged on another; add images of more patients"
                    .to_owned(),
            ));
        }
        let old = bundle.statistics();
        let before = System::new(old, context.metric, domain.weight, &[])?;
        let networks = self.decoders(bundle)?;
        let can_shift: Vec<bool> = networks.iter().map(Option::is_some).collect();
        let folds = config.folds.min(distinct);
        let all: Vec<usize> = (0..patients.len()).collect();
        let (mut old_verdicts, mut new_verdicts, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
        for repeat in 0..config.repeats {
            let seed = config.seed.wrapping_add(repeat as u64);
            let fold_of = grouped_folds(&vec![0; patients.len()], &patients, folds, seed)?;
            for fold in 0..folds {
                let (held_out, training): (Vec<usize>, Vec<usize>) =
                    all.iter().copied().partition(|&p| fold_of[p] == fold);
                let choice = self.best(&training, &can_shift);
                let own: Vec<Observation<'_>> = training.iter().map(|&p| observations[p].clone()).collect();
                let statistics = extend::calibrate(old, &own, domain, config.folds, seed)?;
                let after = System::new(&statistics, context.metric, domain.weight, &[])?;
                for p in held_out {
                    let (a, b) = (before.judge(p, &observations[p])?, after.judge(p, &observations[p])?);
                    pairs.push((p, self.dice(p, &a, choice), self.dice(p, &b, choice)));
                    old_verdicts.push(a);
                    new_verdicts.push(b);
                }
                bar.step()?;
            }
        }
        let mean = |value: &dyn Fn(&(usize, f64, f64)) -> f64| {
            let values: Vec<(&str, f64)> = pairs.iter().map(|pair| (patients[pair.0], value(pair))).collect();
            interval(&values, context)
        };
        let choice = self.best(&all, &can_shift);
        let shift = (choice.shift as f64 - NONE as f64) * STEP;
        let path = bundle.decoder_path(choice.decoder).unwrap_or(Path::new(""));
        let decoder = match networks.into_iter().nth(choice.decoder).flatten().filter(|_| choice.shift != NONE) {
            Some(network) => shifted(network, path, shift, domain.name)?,
            None => files::read(path)?,
        };
        let statistics = extend::calibrate(old, observations, domain, config.folds, config.seed)?;
        Ok(Worked {
            decoder,
            note: DecoderNote { start: context.domains[choice.decoder].clone(), fitted: None },
            validation: Some([folds, config.repeats]),
            before: Figures::of(&old_verdicts, old, context),
            after: Figures::of(&new_verdicts, &statistics, context),
            gain: Some(mean(&|(_, before, after)| after - before)),
            masks: Some(MaskFigures {
                before: mean(&|(_, before, _)| *before),
                after: mean(&|(_, _, after)| *after),
                shift,
            }),
            statistics,
        })
    }

    /// The bundle's decoders as layers; none for one that is not understood and can only be copied.
    fn decoders(&self, bundle: &Bundle) -> Result<Vec<Option<Network>>> {
        bundle.decoder_paths().iter().map(|path| Ok(Network::read(&files::read(path)?).ok())).collect()
    }

    /// Decoder and shift with the best mean Dice over `pictures`; ties go to the smaller shift, then to the first decoder.
    fn best(&self, pictures: &[usize], can_shift: &[bool]) -> Choice {
        let mut best = (Choice { decoder: 0, shift: NONE }, f64::NEG_INFINITY);
        let by_size = (0..=STEPS).flat_map(|size| [NONE + size, NONE - size]);
        for shift in by_size {
            for (decoder, can_shift) in can_shift.iter().enumerate() {
                let dice = pictures.iter().map(|&p| self.tables[p][decoder][shift]).sum::<f64>();
                if (shift == NONE || *can_shift) && dice > best.1 {
                    best = (Choice { decoder, shift }, dice);
                }
            }
        }
        best.0
    }

    /// Dice of image `p` as `verdict` routes it; a decoder beyond the table is the new one.
    fn dice(&self, p: usize, verdict: &Verdict, new: Choice) -> f64 {
        let table = &self.tables[p];
        table.get(verdict.decoder).map_or(table[new.decoder][new.shift], |shifts| shifts[NONE])
    }
}

fn listed(sample: &MaskSample, domain: &str) -> Sample {
    Sample {
        file: sample.image.clone(),
        name: sample.name.clone(),
        label: String::new(),
        domain: domain.to_owned(),
        patient: sample.patient.clone(),
        device: String::new(),
        part: None,
    }
}

/// The decoder with `shift` added to its logits.
fn shifted(mut network: Network, path: &Path, shift: f64, domain: &str) -> Result<Vec<u8>> {
    let damaged = |problem: &str| HostError::damaged(path, problem);
    let output = network.outputs.first().cloned().ok_or_else(|| damaged("it has no output"))?;
    let last = network.layers.iter_mut().find(|layer| layer.output == output);
    let weights = last.and_then(|layer| layer.operation.weights_mut());
    let weights = weights.ok_or_else(|| damaged("its last layer has no bias"))?;
    weights.bias.iter_mut().for_each(|bias| *bias += shift as f32);
    let count: usize = network.layers.iter().filter_map(|l| l.operation.weights()).map(|w| w.values.len()).sum();
    let size = files::read(path)?.len();
    let storage = if size < F16_BYTES * count { Storage::F16 } else { Storage::F32 };
    network.documentation =
        format!("{}; output bias moved by {shift:+} for the added domain {domain}", network.documentation);
    let outputs = network.outputs.clone();
    Ok(network.graph(storage, &outputs)?.to_bytes()?)
}

/// Engines and buffers of one reading.
struct Reader<'a> {
    models: Wired,
    canvas: Canvas,
    feature_output: &'a str,
}

impl Reader<'_> {
    fn read(&mut self, sample: &MaskSample) -> Result<(View, Table)> {
        let loaded = sample.load()?;
        let placed = self.canvas.prepare(&sample.image, &loaded)?;
        self.models.encode(self.canvas.tensor())?;
        let features = self.models.output(self.feature_output)?.to_vec();
        let truth = truth(&sample.image, &loaded)?;
        let mut table = Vec::with_capacity(self.models.decoders());
        for decoder in 0..self.models.decoders() {
            let mut logits = self.models.decode(decoder)?.to_vec();
            let below = (STEP * STEPS as f64) as f32;
            logits.iter_mut().for_each(|logit| *logit -= below);
            let mut shifts = Vec::with_capacity(2 * STEPS + 1);
            for _ in 0..=2 * STEPS {
                let mask = self.canvas.draw(&placed, &logits)?;
                shifts.push(mask.dice(&truth).unwrap_or(1.0));
                logits.iter_mut().for_each(|logit| *logit += STEP as f32);
            }
            table.push(shifts);
        }
        Ok((View { pixel: placed.pixel, features }, table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_smallest_shift_and_what_cannot_move_stays() {
        let flat = vec![0.5; 2 * STEPS + 1];
        let mut better = flat.clone();
        better[NONE + 2] = 0.9;
        let masked = |tables| Masked {
            observed: Observed {
                samples: Vec::new(),
                features: Features::default(),
                patients: Vec::new(),
                skipped: Vec::new(),
            },
            tables,
        };
        let (plain, moved) = (masked(vec![vec![flat.clone(), flat.clone()]]), masked(vec![vec![flat, better]]));
        assert_eq!(plain.best(&[0], &[true, true]), Choice { decoder: 0, shift: NONE });
        assert_eq!(moved.best(&[0], &[true, true]), Choice { decoder: 1, shift: NONE + 2 });
        assert_eq!(moved.best(&[0], &[true, false]), Choice { decoder: 0, shift: NONE });
        let verdict =
            |decoder| Verdict { picture: 0, decoder, disparity: 0.0, novelty: None, in_domain: true, answer: None };
        let choice = Choice { decoder: 1, shift: NONE + 2 };
        assert_eq!([0, 1, 2].map(|d| moved.dice(0, &verdict(d), choice)), [0.5, 0.5, 0.9]);
    }
}
