//! Stage (b): the encoder under dynamic routing, with the device's statistics and router on tensors.

use burn::module::Module;
use burn::tensor::{Int, Tensor, TensorData};
use ushydra_bundle::{Digest, RoutingMode};
use ushydra_core::{Moments, Quality, Router};

use super::gain::{self, Gain};
use super::{Trainer, kept, values};
use crate::calibrate::{self, Identity, Observation};
use crate::error::{HostError, Result};
use crate::segment::schedule::Draw;
use crate::segment::stage::{Batch, Epoch, Stage};
use crate::unet::{Decoder, Encoder};

impl Trainer<'_> {
    /// The encoder after stage (b) and whether it is kept. `depends` tells decoders apart that an earlier run may have had.
    ///
    /// # Errors
    /// Those of [`Bench::run`] and of the statistics.
    pub(super) fn fine_tune(
        &self,
        encoder: Encoder,
        decoders: &[Decoder],
        depends: String,
        draw: Draw,
        epochs: &mut Vec<Epoch>,
    ) -> Result<(Encoder, bool)> {
        let training = &self.recipe.training;
        if training.routed.epochs == 0 || decoders.len() < 2 {
            return Ok((encoder, false));
        }
        let router = self.router(&encoder)?;
        let frozen: Vec<Decoder> = decoders.iter().map(|d| d.clone().freeze()).collect();
        let valid: Vec<Decoder> = decoders.iter().map(Module::valid).collect();
        let judge = |encoder: &Encoder| {
            let encoder = encoder.valid();
            self.scores(&encoder, None, &mut |image, maps| {
                let chosen = route(&router, image, maps)?;
                let rows = chosen.iter().enumerate().map(|(row, &domain)| {
                    let maps: Vec<Tensor<4>> = maps.iter().map(|m| m.clone().narrow(0, row, 1)).collect();
                    valid[domain].forward(&maps)
                });
                Ok(Tensor::cat(rows.collect(), 0))
            })
        };
        let start = encoder.clone().unfreeze();
        let (tuned, done) = self.bench.run(
            Stage { depends, ..self.stage("routed", training.routed, draw) },
            start,
            &mut |encoder: &Encoder, batch: &Batch| {
                let maps = encoder.forward(batch.image.clone());
                let inner: Vec<Tensor<4>> = maps.iter().map(|m| m.clone().inner()).collect();
                let chosen = route(&router, &batch.image.clone().inner(), &inner)?;
                let mut total: Option<Tensor<1>> = None;
                for (domain, decoder) in frozen.iter().enumerate() {
                    let rows: Vec<i64> = (0..chosen.len()).filter(|&r| chosen[r] == domain).map(|r| r as i64).collect();
                    if rows.is_empty() {
                        continue;
                    }
                    let share = rows.len() as f32 / chosen.len() as f32;
                    let data = TensorData::new(rows.clone(), [rows.len()]);
                    let rows: Tensor<1, Int> = Tensor::from_data(data, &self.bench.device);
                    let own: Vec<Tensor<4>> = maps.iter().map(|m| m.clone().select(0, rows.clone())).collect();
                    let target = batch.target.clone().select(0, rows);
                    let term = training.loss.compute(decoder.forward(&own), target).mul_scalar(share);
                    total = Some(total.map_or(term.clone(), |t| t + term));
                }
                total.ok_or_else(|| HostError::Dataset("an empty batch cannot be routed".to_owned()))
            },
            &|encoder| Ok(gain::mean(&judge(encoder)?)),
        )?;
        epochs.extend(done);
        let gained = Gain::of(&judge(&tuned)?, &judge(&encoder)?);
        let counts = gained.is_some_and(Gain::counts);
        log::info!("stage (b): gain {gained:?}; {}", kept(counts));
        Ok(if counts { (tuned, true) } else { (encoder, false) })
    }

    /// The router over statistics of the training part, in the bundle's own mode.
    fn router(&self, encoder: &Encoder) -> Result<Router<Box<[f32]>>> {
        let encoder = encoder.valid();
        let mut rows = Vec::new();
        for (pictures, image, _) in self.bench.plain(&self.train) {
            let features = Encoder::features(&encoder.forward(image.clone()));
            for ((&picture, moments), features) in
                pictures.iter().zip(pixel_moments(&image)?).zip(features_of(features)?)
            {
                rows.push((picture, moments, features));
            }
        }
        let observations: Vec<Observation<'_>> = rows
            .iter()
            .map(|(picture, pixel, features)| {
                let sample = &self.bench.data.samples[*picture];
                Observation::new(*pixel, features, self.bench.data.domains[*picture], Some(0), &sample.patient)
            })
            .collect::<Result<_>>()?;
        let identity = Identity {
            bundle: self.recipe.name.clone(),
            encoder_sha256: Digest::of(b""),
            preprocessing: self.recipe.input.fingerprint(),
            domains: self.recipe.domains.clone(),
            provenance: Vec::new(),
            weight: self.recipe.routing.weight,
        };
        let statistics = calibrate::statistics(&observations, &identity, &self.recipe.calibration)?;
        let mode: RoutingMode = self.recipe.routing.mode;
        calibrate::router(&statistics, mode.into(), self.recipe.routing.weight)
    }
}

/// Decoder of every row of a batch.
fn route(router: &Router<Box<[f32]>>, image: &Tensor<4>, maps: &[Tensor<4>]) -> Result<Vec<usize>> {
    let features = features_of(Encoder::features(maps))?;
    let rows = pixel_moments(image)?.into_iter().zip(features);
    rows.map(|(pixel, features)| {
        let feature = Moments::of(&features).map_err(|e| HostError::Calibration(e.to_string()))?;
        Ok(router.route(&Quality { pixel, feature }, &features)?.decoder)
    })
    .collect()
}

/// Encoder features of every row of a batch.
fn features_of(features: Tensor<2>) -> Result<Vec<Vec<f32>>> {
    let [_, width] = features.dims();
    Ok(values(features)?.chunks(width).map(<[f32]>::to_vec).collect())
}

/// Eq. (3) and (4) of every row of one-channel pictures.
fn pixel_moments(image: &Tensor<4>) -> Result<Vec<Moments>> {
    let [_, _, height, width] = image.dims();
    let rows = values(image.clone())?;
    rows.chunks(height * width).map(|row| Moments::of(row).map_err(|e| HostError::Calibration(e.to_string()))).collect()
}
