//! One stage of training: epochs, validation, early stopping, checkpoints.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::blend::{averaging_share, blend};
use super::recipe::{StageConfig, TrainingConfig};
use super::schedule::{Draw, learning_rate};
use super::view::ViewMaker;
use crate::error::{HostError, Result};
use crate::files;
use crate::keeper::{Keeper, State, independent};
pub(super) use crate::keeper::{load, save};
use crate::progress::Progress;
use crate::rng::Rng;
use crate::segment::SegmentData;

/// Batches that the producer may be ahead.
const AHEAD: usize = 2;

/// Pictures on their way into the network.
pub(super) struct Batch {
    /// `[n, 1, h, w]`.
    pub(super) image: Tensor<4>,
    /// Covered shares `[n, 1, h, w]`.
    pub(super) target: Tensor<4>,
}

/// Values of a batch before they become tensors.
#[derive(Default)]
struct Values {
    image: Vec<f32>,
    target: Vec<f32>,
    count: usize,
}

/// What stays the same over all stages.
pub(super) struct Bench<'a> {
    pub(super) data: &'a SegmentData,
    pub(super) training: &'a TrainingConfig,
    pub(super) views: ViewMaker,
    pub(super) size: [usize; 2],
    pub(super) seed: u64,
    pub(super) device: Device,
    pub(super) folder: PathBuf,
    pub(super) fingerprint: String,
    pub(super) progress: &'a Progress,
}

/// What tells stages apart.
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) config: StageConfig,
    pub(super) draw: Draw,
    /// Pictures per epoch.
    pub(super) pictures: usize,
    /// What the stage depends on besides recipe and data.
    pub(super) depends: String,
}

/// Figures of one finished epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Stage.
    pub stage: String,
    /// Epoch within the stage, from 1.
    pub epoch: usize,
    /// Mean loss over the training views.
    pub loss: f64,
    /// Mean Dice of the validation part, domains weighted alike; none without such pictures.
    pub dice: Option<f64>,
}

impl Bench<'_> {
    /// Trains `module` and returns it as it was after its best epoch. `loss` computes the loss of a batch, `judge` the
    /// validation Dice.
    pub(super) fn run<M: Module + Clone>(
        &self,
        stage: Stage,
        module: M,
        loss: &mut dyn FnMut(&M, &Batch) -> Result<Tensor<1>>,
        judge: &dyn Fn(&M) -> Result<Option<f64>>,
    ) -> Result<(M, Vec<Epoch>)> {
        let keeper = Keeper::new(self.folder.join("stages").join(&stage.name));
        let mut optimiser = AdamWConfig::new().with_weight_decay(self.training.weight_decay as f32).init();
        let (mut module, mut mean, mut best) = (independent(&module), module.valid(), independent(&module));
        let fingerprint =
            files::fingerprint(&[self.fingerprint.as_bytes(), format!("{}{}", stage.name, stage.depends).as_bytes()]);
        let mut state = State::new(fingerprint.clone());
        if let Some(found) = keeper.state::<Epoch>(&fingerprint)? {
            let last = found.epochs.len();
            best = keeper.load(&format!("best-{}", found.best + 1), best)?;
            if !found.finished {
                module = keeper.load(&format!("module-{last}"), module)?;
                optimiser = keeper.load_optimiser(last, optimiser)?;
                if stage.config.average > 0.0 {
                    mean = keeper.load(&format!("mean-{last}"), mean)?;
                }
            }
            state = found;
        }
        let batch = self.training.batch;
        let per_epoch = stage.pictures.div_ceil(batch).max(1);
        let steps = per_epoch * stage.config.epochs;
        let patience = if stage.config.patience == 0 { usize::MAX } else { stage.config.patience };
        while !state.finished && state.epochs.len() < stage.config.epochs {
            let epoch = state.epochs.len();
            let bar = self.progress.bar(&format!("{} {}/{}", stage.name, epoch + 1, stage.config.epochs), per_epoch);
            let mut rng = Rng::labelled(self.seed, &[&stage.name, "draw", &epoch.to_string()]);
            let order = stage.draw.pictures(stage.pictures, &mut rng);
            let mut sum = 0.0;
            std::thread::scope(|scope| -> Result<()> {
                let batches = self.produce(scope, &stage.name, epoch, &order);
                for (step, values) in batches.iter().enumerate() {
                    let count = values.count;
                    let loss = loss(&module, &self.batch(values))?;
                    let value = loss.clone().into_scalar::<f64>();
                    if !value.is_finite() {
                        return Err(HostError::Diverged(format!("loss {value} in {} epoch {}", stage.name, epoch + 1)));
                    }
                    sum += value * count as f64;
                    let gradients = GradientsParams::from_grads(loss.backward(), &module);
                    let rate = learning_rate(stage.config.learning_rate, epoch * per_epoch + step, steps);
                    module = optimiser.step(rate, module.clone(), gradients);
                    if stage.config.average > 0.0 {
                        let share = averaging_share(stage.config.average, epoch * per_epoch + step);
                        mean = blend(mean.clone(), &module.valid(), share);
                    }
                    bar.step()?;
                }
                Ok(())
            })?;
            bar.done();
            let judged = if stage.config.average > 0.0 { &mean } else { &module };
            let dice = judge(judged)?;
            let done =
                Epoch { stage: stage.name.clone(), epoch: epoch + 1, loss: sum / order.len().max(1) as f64, dice };
            log::info!("{done:?}");
            let better = state.epochs.get(state.best).is_none_or(|b| dice.is_none() || dice > b.dice);
            state.epochs.push(done);
            if better {
                state.best = epoch;
                best = independent(judged);
                keeper.save(&format!("best-{}", epoch + 1), &best)?;
            }
            state.finished = state.epochs.len() == stage.config.epochs || epoch - state.best >= patience;
            keeper.save(&format!("module-{}", epoch + 1), &module)?;
            if stage.config.average > 0.0 {
                keeper.save(&format!("mean-{}", epoch + 1), &mean)?;
            }
            keeper.save_optimiser(epoch + 1, &optimiser)?;
            keeper.commit(&state)?;
        }
        Ok((best, state.epochs))
    }

    /// Draws the views of an epoch beside the training.
    fn produce<'scope>(
        &'scope self,
        scope: &'scope std::thread::Scope<'scope, '_>,
        stage: &'scope str,
        epoch: usize,
        order: &'scope [usize],
    ) -> Receiver<Values> {
        let (sender, receiver) = mpsc::sync_channel(AHEAD);
        scope.spawn(move || {
            for (index, chunk) in order.chunks(self.training.batch).enumerate() {
                let mut values = Values { count: chunk.len(), ..Values::default() };
                for (place, &picture) in chunk.iter().enumerate() {
                    let at = index * self.training.batch + place;
                    let mut rng = Rng::labelled(self.seed, &[stage, &epoch.to_string(), &at.to_string()]);
                    let prepared = &self.data.prepared[picture];
                    self.views.augmented(prepared, &mut rng, &mut values.image, &mut values.target);
                }
                if sender.send(values).is_err() {
                    break;
                }
            }
        });
        receiver
    }

    fn batch(&self, values: Values) -> Batch {
        Batch { image: self.tensor(values.image, values.count), target: self.tensor(values.target, values.count) }
    }

    fn tensor(&self, values: Vec<f32>, count: usize) -> Tensor<4> {
        let [height, width] = self.size;
        Tensor::from_data(TensorData::new(values, [count, 1, height, width]), &self.device)
    }

    /// Unaugmented views of `pictures`, batch by batch, without gradients: picture indices, input, covered shares.
    pub(super) fn plain<'s>(
        &'s self,
        pictures: &'s [usize],
    ) -> impl Iterator<Item = (&'s [usize], Tensor<4>, Vec<f32>)> + 's {
        pictures.chunks(self.training.batch).map(move |chunk| {
            let (mut image, mut target) = (Vec::new(), Vec::new());
            for &picture in chunk {
                self.views.plain(&self.data.prepared[picture], &mut image, &mut target);
            }
            (chunk, self.tensor(image, chunk.len()).inner(), target)
        })
    }
}
