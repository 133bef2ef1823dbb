//! The two stages of the article after a shared warm start.
//!
//! 1. *shared*: encoder and one decoder on all domains;
//! 2. *(a)*: one decoder per domain starts from the shared one and learns with the weights of Eq. (2), the encoder frozen.
//!    A control decoder learns as long with equal weights, so that a difference to the decoders is one of specialisation.
//!    It is the shared one itself where the longer training loses. A domain takes the control unless its own decoder gains
//!    more than the standard error on its validation pictures (module `gain`);
//! 3. *(b)*: the domain statistics come from sending the training part through the encoder; then the encoder is fine-tuned
//!    under dynamic routing (Eq. 11-12), the decoders frozen. It is kept where the validation part gains as much as that;
//! 4. the level of every decoder (module `level`) is set on the validation pictures of its domain.

mod gain;
mod routed;

use burn::module::Module;
use burn::tensor::Tensor;

use super::data::SegmentData;
use super::level::level;
use super::recipe::SegmentRecipe;
use super::schedule::Draw;
use super::stage::{self, Batch, Bench, Epoch, Stage};
use super::view::ViewMaker;
use crate::error::{HostError, Result};
use crate::masks::Part;
use crate::progress::Progress;
use crate::rng::Rng;
use crate::unet::{Decoder, Encoder, Network};
use gain::{Gain, Score};

/// Networks after training.
pub struct Trained {
    /// Encoder and decoder after the warm start.
    pub shared: Network,
    /// Encoder and one decoder per domain.
    pub network: Network,
    /// The encoder of stage (a) with the control decoder.
    pub control: Network,
    /// Every epoch of every stage.
    pub epochs: Vec<Epoch>,
    /// Whether each domain's own decoder was kept.
    pub specialised: Vec<bool>,
    /// Whether stage (b) was kept.
    pub routed: bool,
}

/// Everything a training needs.
pub struct Trainer<'a> {
    recipe: &'a SegmentRecipe,
    bench: Bench<'a>,
    train: Vec<usize>,
    validation: Vec<usize>,
}

impl<'a> Trainer<'a> {
    /// Prepares the training of `recipe` on `data`; checkpoints go to `folder`.
    #[must_use]
    pub fn new(
        recipe: &'a SegmentRecipe,
        data: &'a SegmentData,
        device: super::ComputeDevice,
        folder: &std::path::Path,
        progress: &'a Progress,
    ) -> Self {
        let fingerprint = crate::files::fingerprint(
            &[recipe.training_fingerprint(), data.fingerprint()].each_ref().map(String::as_bytes),
        );
        let bench = Bench {
            data,
            training: &recipe.training,
            views: ViewMaker::new(&recipe.input, &recipe.augmentation),
            size: [recipe.input.height as usize, recipe.input.width as usize],
            seed: recipe.seed,
            device: device.training(),
            folder: folder.to_owned(),
            fingerprint,
            progress,
        };
        Self { recipe, bench, train: data.of(Part::Train), validation: data.of(Part::Validation) }
    }

    /// Runs all stages, or goes on where an earlier run was stopped. The warm start begins with the weights in `from`, or with
    /// weights drawn from the seed.
    ///
    /// # Errors
    /// [`HostError::Diverged`], [`HostError::Stopped`], file errors, [`HostError::Calibration`].
    pub fn run(&self, from: Option<&std::path::Path>) -> Result<Trained> {
        let training = &self.recipe.training;
        let mut rng = Rng::labelled(self.recipe.seed, &["weights"]);
        let start = Network::seeded(self.recipe.network, self.recipe.labels.len(), &self.bench.device, &mut rng);
        let start = from.map_or_else(|| Ok(start.clone()), |path| stage::load(path, start.clone()))?;
        let domains: Vec<usize> = self.train.iter().map(|&p| self.bench.data.domains[p]).collect();
        let count = self.recipe.domains.len();
        let balanced = || Draw::balanced(&domains, count, training.balance);

        let loss = training.loss;
        let (shared, mut epochs) = self.bench.run(
            self.stage("shared", training.shared, balanced()),
            start,
            &mut |network: &Network, batch: &Batch| {
                let maps = network.encoder.forward(batch.image.clone());
                Ok(loss.compute(first(network)?.forward(&maps), batch.target.clone()))
            },
            &|network| {
                let (network, decoder) = (network.valid(), first(network)?.valid());
                Ok(gain::mean(&self.scores(&network.encoder, None, &mut |_, maps| Ok(decoder.forward(maps)))?))
            },
        )?;
        let shared_decoder = first(&shared)?.clone();
        let encoder = shared.encoder.clone().freeze();
        let scores = |decoder: &Decoder, domain: Option<usize>| {
            let decoder = decoder.valid();
            self.scores(&encoder.valid(), domain, &mut |_, maps| Ok(decoder.forward(maps)))
        };
        let specialise = |name: &str, draw: Draw, domain: Option<usize>| -> Result<(Decoder, Vec<Epoch>)> {
            if training.decoders.epochs == 0 {
                return Ok((shared_decoder.clone(), Vec::new()));
            }
            self.bench.run(
                self.stage(name, training.decoders, draw),
                shared_decoder.clone(),
                &mut |decoder: &Decoder, batch: &Batch| {
                    let maps = encoder.forward(batch.image.clone());
                    Ok(loss.compute(decoder.forward(&maps), batch.target.clone()))
                },
                &|decoder| Ok(gain::mean(&scores(decoder, domain)?)),
            )
        };
        let (control, done) = specialise("control", balanced(), None)?;
        epochs.extend(done);
        let gained = Gain::of(&scores(&control, None)?, &scores(&shared_decoder, None)?);
        let longer = gained.is_none_or(|g| g.mean > 0.0);
        let control = if longer { control } else { shared_decoder.clone() };
        let mut decoders = Vec::new();
        let mut specialised = Vec::new();
        for (domain, name) in self.recipe.domains.iter().enumerate() {
            let draw = Draw::specialised(&domains, count, domain, training.other_domains);
            let (decoder, done) = specialise(&format!("decoder-{name}"), draw, Some(domain))?;
            epochs.extend(done);
            let gained = Gain::of(&scores(&decoder, Some(domain))?, &scores(&control, Some(domain))?);
            let own = gained.is_none_or(Gain::counts);
            log::info!("domain {name}: gain of its own decoder over the control {gained:?}; {}", kept(own));
            specialised.push(own);
            decoders.push(if own { decoder } else { control.clone() });
        }
        let control = Network { decoders: vec![self.levelled(control, &encoder, None)?], encoder: encoder.clone() };
        let depends = format!("{specialised:?}{longer}");
        let (encoder, routed) = self.fine_tune(encoder, &decoders, depends, balanced(), &mut epochs)?;
        let levelled = decoders.into_iter().enumerate().map(|(d, decoder)| self.levelled(decoder, &encoder, Some(d)));
        let decoders = levelled.collect::<Result<_>>()?;
        Ok(Trained { shared, network: Network { encoder, decoders }, control, epochs, specialised, routed })
    }

    fn stage(&self, name: &str, config: super::recipe::StageConfig, draw: Draw) -> Stage {
        let wanted = self.recipe.training.epoch_pictures;
        let pictures = if wanted == 0 { self.train.len() } else { wanted };
        Stage { name: name.to_owned(), config, draw: draw.over(&self.train), pictures, depends: String::new() }
    }

    /// The decoder with its last bias moved so that its masks are as large as the true ones, on the validation pictures of
    /// `domain` or of all domains. Without such pictures it stays as it is.
    fn levelled(&self, mut decoder: Decoder, encoder: &Encoder, domain: Option<usize>) -> Result<Decoder> {
        let (encoder, judged) = (encoder.valid(), decoder.valid());
        let pictures = self.validation_of(domain);
        let (mut logits, mut area) = (Vec::new(), 0.0);
        for (_, image, target) in self.bench.plain(&pictures) {
            self.bench.progress.check()?;
            logits.extend(values(judged.forward(&encoder.forward(image)))?);
            area += target.iter().map(|&t| f64::from(t)).sum::<f64>();
        }
        let Some(shift) = level(&mut logits, area) else { return Ok(decoder) };
        log::info!("decoder of domain {domain:?}: logits moved by {:+.3}", -shift);
        decoder.head.bias = decoder.head.bias.map(|bias| bias.map(|bias| bias.sub_scalar(shift)));
        Ok(decoder)
    }

    fn validation_of(&self, domain: Option<usize>) -> Vec<usize> {
        let wanted = |p: &usize| domain.is_none_or(|d| self.bench.data.domains[*p] == d);
        self.validation.iter().copied().filter(wanted).collect()
    }

    /// Dice of every validation picture of `domain` or of all domains.
    fn scores(
        &self,
        encoder: &Encoder,
        domain: Option<usize>,
        decode: &mut dyn FnMut(&Tensor<4>, &[Tensor<4>]) -> Result<Tensor<4>>,
    ) -> Result<Vec<Score<'a>>> {
        let data = self.bench.data;
        let mut scores = Vec::new();
        for (pictures, image, target) in self.bench.plain(&self.validation_of(domain)) {
            self.bench.progress.check()?;
            let maps = encoder.forward(image.clone());
            let logits = values(decode(&image, &maps)?)?;
            let size = logits.len() / pictures.len().max(1);
            for ((&picture, logits), target) in pictures.iter().zip(logits.chunks(size)).zip(target.chunks(size)) {
                scores.push(Score {
                    domain: data.domains[picture],
                    patient: &data.samples[picture].patient,
                    dice: dice(logits, target),
                });
            }
        }
        Ok(scores)
    }
}

fn kept(it: bool) -> &'static str {
    if it { "kept" } else { "left out" }
}

fn first(network: &Network) -> Result<&Decoder> {
    network.decoders.first().ok_or_else(|| HostError::Dataset("the network has no decoder".to_owned()))
}

/// Values of a tensor, row by row.
fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor.into_data().try_to_vec::<f32>().map_err(|e| HostError::Diverged(format!("{e:?}")))
}

/// Dice coefficient of `logits > 0` with the pixels that are covered by half or more; 1 where both are empty.
pub(crate) fn dice(logits: &[f32], target: &[f32]) -> f64 {
    let (mut both, mut all) = (0_u64, 0_u64);
    for (logit, target) in logits.iter().zip(target) {
        let (found, wanted) = (*logit > 0.0, *target >= 0.5);
        both += u64::from(found && wanted);
        all += u64::from(found) + u64::from(wanted);
    }
    if all == 0 { 1.0 } else { 2.0 * both as f64 / all as f64 }
}
