//! Cross-validation of the whole pipeline: training, choice of weights, calibration and thresholds see only the
//! training side; the held-out pictures are judged as the device would judge them, by the decoders and by their int8 forms.

use super::prediction::{MODES, Prediction, probabilities, routes};
use crate::calibrate::{self, Identity, Observation};
use crate::error::{HostError, Result};
use crate::head::export::FEATURES;
use crate::head::softmax;
use crate::progress::{Bar, Progress};
use crate::quantise::heads::int8_heads;
use crate::quantise::{Bench, Encoded};
use crate::recipe::Recipe;
use crate::split::grouped_folds;
use crate::train::{self, Checkpoints, TrainingData, decoders};

/// Predictions of every picture by the folds that did not see its patient, once per repetition.
///
/// # Errors
/// Those of training and calibration, [`HostError::Stopped`].
pub fn folds(
    data: &TrainingData,
    recipe: &Recipe,
    identity: &Identity,
    checkpoints: &Checkpoints,
    bench: &Bench,
    progress: &Progress,
) -> Result<Vec<Prediction>> {
    let config = &recipe.evaluation;
    let bar = progress.bar("cross-validation", config.repeats * config.folds * decoders::steps(recipe));
    let strata: Vec<usize> = (0..data.samples.len()).map(|p| data.stratum(p, recipe.labels.len())).collect();
    let patients: Vec<&str> = (0..data.samples.len()).map(|p| data.patient(p)).collect();
    let mut predictions = Vec::new();
    for repeat in 0..config.repeats {
        let seed = recipe.seed.wrapping_add(repeat as u64);
        let fold_of = grouped_folds(&strata, &patients, config.folds, seed)?;
        for fold in 0..config.folds {
            let held_out = |p: &usize| fold_of[*p] == fold;
            let key = format!("folds/{repeat}-{fold}");
            predictions.extend(
                checkpoints
                    .value(&key, || held_out_predictions(data, recipe, identity, &held_out, seed, bench, &bar))?,
            );
        }
    }
    bar.done();
    Ok(predictions)
}

/// Predictions of every device's pictures by a pipeline that saw none of that device. Devices whose absence leaves a
/// domain empty are skipped, as are their names.
///
/// # Errors
/// As [`folds`].
pub fn leave_one_device_out(
    data: &TrainingData,
    recipe: &Recipe,
    identity: &Identity,
    checkpoints: &Checkpoints,
    bench: &Bench,
    progress: &Progress,
) -> Result<Vec<(String, Vec<Prediction>)>> {
    let mut devices: Vec<&str> = data.samples.iter().map(|s| s.device.as_str()).filter(|d| !d.is_empty()).collect();
    devices.sort_unstable();
    devices.dedup();
    let bar = progress.bar("leave one device out", devices.len() * decoders::steps(recipe));
    let mut results = Vec::new();
    for device in devices {
        let key = format!("devices/{}", device.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
        let held_out = |p: &usize| data.samples[*p].device == device;
        let remains = |domain: usize| data.labelled().iter().any(|p| !held_out(p) && data.domains[*p] == domain);
        if !(0..recipe.domains.len()).all(remains) {
            log::warn!("leave one device out: without {device} a domain is empty; skipped");
            continue;
        }
        let predictions = checkpoints
            .value(&key, || held_out_predictions(data, recipe, identity, &held_out, recipe.seed, bench, &bar))?;
        results.push((device.to_owned(), predictions));
    }
    bar.done();
    Ok(results)
}

/// Trains and calibrates on the labelled pictures outside and judges all pictures inside.
fn held_out_predictions(
    data: &TrainingData,
    recipe: &Recipe,
    identity: &Identity,
    held_out: &dyn Fn(&usize) -> bool,
    seed: u64,
    bench: &Bench,
    bar: &Bar,
) -> Result<Vec<Prediction>> {
    let training: Vec<usize> = data.labelled().into_iter().filter(|p| !held_out(p)).collect();
    let fitted = train::fit(data, &training, recipe, seed, &Checkpoints::none(), bar)?;
    let observations = training.iter().map(|&p| observe(data, p)).collect::<Result<Vec<_>>>()?;
    let statistics = calibrate::calibrate(&observations, identity, &recipe.calibration, seed)?;
    let routers = MODES
        .iter()
        .map(|(_, metric)| calibrate::router(&statistics, *metric, identity.weight))
        .collect::<Result<Vec<_>>>()?;
    let mut int8 = int8_heads(&fitted.domains, data, &training, recipe, bench, &bar.quiet())?;
    let mut predictions = Vec::new();
    for picture in (0..data.samples.len()).filter(held_out) {
        let observation = observe(data, picture)?;
        let sample = &data.samples[picture];
        let encoded = Encoded::of(FEATURES, observation.features);
        let int8 = int8.iter_mut().map(|decoder| Ok(probabilities(decoder.answer(&encoded)?)));
        let answer = |head: &crate::head::Head| softmax(&head.logits(observation.features));
        predictions.push(Prediction {
            name: sample.name.clone(),
            patient: data.patient(picture).to_owned(),
            device: sample.device.clone(),
            label: data.labels[picture],
            domain: data.domains[picture],
            routes: routes(&routers, &observation)?,
            decoders: fitted.domains.iter().map(answer).collect(),
            int8: Some(int8.collect::<Result<_>>()?),
            single: Some(answer(&fitted.single)),
        });
    }
    Ok(predictions)
}

/// The unaugmented view of a picture as calibration sees it.
///
/// # Errors
/// [`HostError::Calibration`] for features that are not finite.
pub fn observe(data: &TrainingData, picture: usize) -> Result<Observation<'_>> {
    let (pixel, features) = (data.features.pixel(picture, 0), data.features.row(picture, 0));
    Observation::new(pixel, features, data.domains[picture], data.labels[picture], data.patient(picture))
        .map_err(|e| HostError::Calibration(format!("{}: {e}", data.samples[picture].name)))
}
