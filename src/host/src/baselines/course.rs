//! The training of any baseline: epochs, validation, early stopping, checkpoints.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::config::{Architecture, BaselineConfig};
use super::picture::{self, Drawn};
use crate::error::{HostError, Result};
use crate::files;
use crate::keeper::{Keeper, State, independent};
use crate::progress::Progress;
use crate::rng::Rng;
use crate::segment::schedule::{Draw, learning_rate};
use crate::study::record;

/// Batches that the producer may be ahead.
const AHEAD: usize = 2;

/// Values of a batch before they become tensors.
#[derive(Default)]
pub(super) struct Values {
    /// `[n, channels, h, w]`.
    pub(super) image: Vec<f32>,
    /// Covered shares `[n, 1, h, w]`; empty for classes.
    pub(super) target: Vec<f32>,
    /// Class per picture; empty for masks.
    pub(super) labels: Vec<usize>,
    /// Domain per picture.
    pub(super) domains: Vec<usize>,
}

/// Pictures on their way into the network.
pub(super) struct Batch {
    /// `[n, channels, h, w]`.
    pub(super) image: Tensor<4>,
    /// Everything else.
    pub(super) values: Values,
}

/// Figures of one finished epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Done {
    figures: record::Epoch,
    seconds: f64,
}

/// Validation loss and score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Judgement {
    pub(super) loss: f64,
    pub(super) score: f64,
}

/// What training leaves besides the network.
pub(super) struct Log {
    pub(super) epochs: Vec<record::Epoch>,
    pub(super) seconds: f64,
}

/// What stays the same over all epochs.
pub(super) struct Course<'a> {
    pub(super) config: &'a BaselineConfig,
    /// Device with gradients.
    pub(super) device: Device,
    pub(super) folder: PathBuf,
    pub(super) fingerprint: String,
    pub(super) progress: &'a Progress,
    /// Domain of every training picture.
    pub(super) domains: Vec<usize>,
}

/// What the course asks of a task.
pub(super) trait Lesson<M>: Sync {
    /// Adds an augmented view of training picture `index`.
    fn view(&self, index: usize, rng: &mut Rng, values: &mut Values) -> Result<()>;
    /// Mean loss of a batch.
    fn loss(&self, network: &M, batch: &Batch, noise: &mut Rng) -> Tensor<1>;
    /// Judges the network on the validation part.
    fn judge(&self, network: &M) -> Result<Judgement>;
    /// Whether `new` is better than `best`.
    fn better(&self, new: &record::Epoch, best: &record::Epoch) -> bool;
}

impl<'a> Course<'a> {
    /// The training of `architecture` on a training and a validation part, with checkpoints in `folder`.
    ///
    /// # Errors
    /// [`HostError::Io`] for weights that cannot be read.
    pub(super) fn new<P: Drawn>(
        architecture: Architecture,
        config: &'a BaselineConfig,
        [train, validation]: [&[&P]; 2],
        folder: &Path,
        progress: &'a Progress,
    ) -> Result<Self> {
        let weights = config.weights.as_deref().map(files::sha256_file).transpose()?;
        let fingerprint = files::fingerprint(&[
            config.fingerprint(architecture, weights.as_deref()).as_bytes(),
            picture::fingerprint([train, validation]).as_bytes(),
        ]);
        Ok(Self {
            config,
            device: config.device.training(),
            folder: folder.to_owned(),
            fingerprint,
            progress,
            domains: train.iter().map(|picture| picture.domain()).collect(),
        })
    }

    /// Trains `start` and returns it as it was after its best epoch; goes on where an earlier run was stopped.
    ///
    /// # Errors
    /// [`HostError::Diverged`] for a loss that is no number, [`HostError::Stopped`], file errors, those of the lesson.
    pub(super) fn run<M: Module + Clone>(&self, start: M, lesson: &dyn Lesson<M>) -> Result<(M, Log)> {
        let config = self.config;
        let keeper = Keeper::new(self.folder.clone());
        let mut optimiser = AdamWConfig::new().with_weight_decay(config.weight_decay as f32).init();
        let (mut network, mut best) = (independent(&start), start);
        let mut state = State::<Done>::new(self.fingerprint.clone());
        if let Some(found) = keeper.state::<Done>(&self.fingerprint)? {
            let last = found.epochs.len();
            best = keeper.load(&format!("best-{}", found.best + 1), best)?;
            if !found.finished {
                network = keeper.load(&format!("module-{last}"), network)?;
                optimiser = keeper.load_optimiser(last, optimiser)?;
            }
            state = found;
        }
        let pictures = if config.epoch_pictures == 0 { self.domains.len() } else { config.epoch_pictures };
        let draw = Draw::balanced(&self.domains, config.domains.len(), config.balance);
        let per_epoch = batches(pictures, config.batch).len();
        let patience = if config.patience == 0 { usize::MAX } else { config.patience };
        while !state.finished && state.epochs.len() < config.epochs {
            let epoch = state.epochs.len();
            let begun = Instant::now();
            let bar = self.progress.bar(&format!("epoch {}/{}", epoch + 1, config.epochs), per_epoch);
            let name = epoch.to_string();
            let order = draw.pictures(pictures, &mut Rng::labelled(config.seed, &["draw", &name]));
            let mut noise = Rng::labelled(config.seed, &["noise", &name]);
            let (mut sum, mut count) = (0.0, 0);
            std::thread::scope(|scope| -> Result<()> {
                for (step, values) in self.produce(scope, lesson, epoch, &order).iter().enumerate() {
                    let batch = self.batch(values?);
                    let size = batch.values.domains.len();
                    let loss = lesson.loss(&network, &batch, &mut noise);
                    let value = loss.clone().into_scalar::<f64>();
                    if !value.is_finite() {
                        return Err(HostError::Diverged(format!("loss {value} in epoch {}", epoch + 1)));
                    }
                    sum += value * size as f64;
                    count += size;
                    let gradients = GradientsParams::from_grads(loss.backward(), &network);
                    let rate = learning_rate(config.learning_rate, epoch * per_epoch + step, per_epoch * config.epochs);
                    network = optimiser.step(rate, network.clone(), gradients);
                    bar.step()?;
                }
                Ok(())
            })?;
            bar.done();
            let judged = lesson.judge(&network)?;
            if !judged.loss.is_finite() {
                return Err(HostError::Diverged(format!("validation loss {} after epoch {}", judged.loss, epoch + 1)));
            }
            let figures = record::Epoch {
                training_loss: sum / f64::from(u32::try_from(count.max(1)).unwrap_or(u32::MAX)),
                validation_loss: judged.loss,
                validation_score: judged.score,
            };
            log::info!("epoch {}: {figures:?}", epoch + 1);
            let better = state.epochs.get(state.best).is_none_or(|best| lesson.better(&figures, &best.figures));
            state.epochs.push(Done { figures, seconds: begun.elapsed().as_secs_f64() });
            if better {
                state.best = epoch;
                best = independent(&network);
                keeper.save(&format!("best-{}", epoch + 1), &best)?;
            }
            state.finished = state.epochs.len() == config.epochs || epoch - state.best >= patience;
            keeper.save(&format!("module-{}", epoch + 1), &network)?;
            keeper.save_optimiser(epoch + 1, &optimiser)?;
            keeper.commit(&state)?;
        }
        let seconds = state.epochs.iter().map(|done| done.seconds).sum();
        Ok((best, Log { epochs: state.epochs.iter().map(|done| done.figures).collect(), seconds }))
    }

    /// Draws the views of an epoch beside the training.
    fn produce<'scope, M>(
        &'scope self,
        scope: &'scope std::thread::Scope<'scope, '_>,
        lesson: &'scope dyn Lesson<M>,
        epoch: usize,
        order: &'scope [usize],
    ) -> Receiver<Result<Values>> {
        let (sender, receiver) = mpsc::sync_channel(AHEAD);
        scope.spawn(move || {
            for range in batches(order.len(), self.config.batch) {
                let values =
                    range.map(|at| (at, order[at])).try_fold(Values::default(), |mut values, (at, picture)| {
                        let labels = ["view", &epoch.to_string(), &at.to_string()];
                        lesson.view(picture, &mut Rng::labelled(self.config.seed, &labels), &mut values)?;
                        values.domains.push(self.domains[picture]);
                        Ok(values)
                    });
                let failed = values.is_err();
                if sender.send(values).is_err() || failed {
                    break;
                }
            }
        });
        receiver
    }

    fn batch(&self, mut values: Values) -> Batch {
        let image = std::mem::take(&mut values.image);
        Batch { image: self.image(image, values.domains.len()), values }
    }

    /// Input values as a tensor on the training device.
    pub(super) fn image(&self, values: Vec<f32>, count: usize) -> Tensor<4> {
        let input = &self.config.input;
        let dims = [count, input.channels, input.height as usize, input.width as usize];
        Tensor::from_data(TensorData::new(values, dims), &self.device)
    }
}

/// Ranges of `count` pictures in steps of `batch`. A last picture alone joins the batch before it: batch normalisation has no
/// variance over one.
fn batches(count: usize, batch: usize) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<_> = (0..count).step_by(batch.max(1)).map(|at| at..(at + batch).min(count)).collect();
    if ranges.len() > 1 && ranges.last().is_some_and(|last| last.len() == 1) {
        ranges.pop();
        if let Some(last) = ranges.last_mut() {
            last.end = count;
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_batch_holds_one_picture() {
        for (count, batch, expected) in [(7, 3, vec![3, 4]), (6, 3, vec![3, 3]), (5, 3, vec![3, 2]), (2, 8, vec![2])] {
            let sizes: Vec<usize> = batches(count, batch).into_iter().map(|range| range.len()).collect();
            assert_eq!(sizes, expected, "{count} by {batch}");
        }
        assert!(batches(0, 4).is_empty());
    }
}
