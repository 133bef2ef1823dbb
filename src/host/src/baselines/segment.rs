//! Training of a segmenter and its answers to the test part.

use std::path::Path;

use burn::tensor::{Tensor, TensorData};

use super::build::{self, WithSegmenter};
use super::classify::{cross_entropy, read};
use super::config::{Architecture, BaselineConfig};
use super::course::{Batch, Course, Done, Judgement, Lesson, Values};
use super::network::{Segmenter, parameters};
use super::picture::{self, MaskPicture};
use crate::error::{HostError, Result};
use crate::keeper::Keeper;
use crate::progress::Progress;
use crate::rng::Rng;
use crate::segment::canvas::Canvas;
use crate::segment::level::level;
use crate::segment::prepare::{Prepared, Preparer};
use crate::segment::train::dice;
use crate::segment::view::ViewMaker;
use crate::study::record::Epoch;

/// Weight of the auxiliary loss, torchvision's.
const AUXILIARY: f64 = 0.5;

/// A segmenter after training.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedMasks {
    /// Logits of every test picture, row by row, at the size of the input.
    pub logits: Vec<Vec<f32>>,
    /// Every epoch.
    pub epochs: Vec<Epoch>,
    /// Trained values.
    pub parameters: usize,
    /// Seconds of training, summed over resumptions.
    pub seconds: f64,
}

/// Trains `architecture` and lets its best epoch (greatest validation Dice, domains weighted alike) answer the test part. As the
/// decoders of USHydra, it is levelled first: its logits are moved so that the area cut at 0 is the true one over the
/// validation part. Checkpoints as in [`super::train_classifier`].
///
/// # Errors
/// As [`super::train_classifier`].
pub fn train_segmenter(
    architecture: Architecture,
    config: &BaselineConfig,
    train: &[MaskPicture],
    validation: &[MaskPicture],
    test: &[MaskPicture],
    folder: &Path,
    progress: &Progress,
) -> Result<TrainedMasks> {
    architecture.must_segment(true).map_err(|problem| HostError::config(folder, problem))?;
    config.check(architecture).map_err(|problem| HostError::config(folder, problem))?;
    let (train, validation): (Vec<_>, Vec<_>) = (train.iter().collect(), validation.iter().collect());
    picture::check(&train, &validation, &config.domains)?;
    let outline = Outline::new(architecture, config, [&train, &validation], folder, progress)?;
    let device = outline.course.device.clone();
    build::segmenter(architecture, config, &device, Training { outline, test })
}

/// Answers of the trained network in `folder` to `test`, as [`train_segmenter`] gave them: logits of every picture, levelled over
/// the validation part that it was trained with. Nothing is trained.
///
/// # Errors
/// [`HostError::Missing`] where `folder` holds no finished training, [`HostError::Damaged`] where it is that of another network,
/// [`HostError::Picture`], [`HostError::Stopped`].
pub fn redraw(
    architecture: Architecture,
    config: &BaselineConfig,
    validation: &[MaskPicture],
    test: &[MaskPicture],
    folder: &Path,
    progress: &Progress,
) -> Result<Vec<Vec<f32>>> {
    architecture.must_segment(true).map_err(|problem| HostError::config(folder, problem))?;
    config.check(architecture).map_err(|problem| HostError::config(folder, problem))?;
    let validation: Vec<&MaskPicture> = validation.iter().collect();
    let outline = Outline::new(architecture, config, [&[], &validation], folder, progress)?;
    let device = outline.course.device.clone();
    build::segmenter(architecture, config, &device, Redrawing { outline, test })
}

struct Redrawing<'a> {
    outline: Outline<'a>,
    test: &'a [MaskPicture],
}

impl WithSegmenter for Redrawing<'_> {
    type Answer = Vec<Vec<f32>>;

    fn run<S: Segmenter>(mut self, network: S) -> Result<Vec<Vec<f32>>> {
        let best = Keeper::new(self.outline.course.folder.clone()).best::<S, Done>(network)?;
        self.outline.answers(&best.valid(), self.test)
    }
}

/// Takes the range of pictures of a batch, their logits, covered shares and mean loss.
type Each<'a> = dyn FnMut(std::ops::Range<usize>, &[f32], &[f32], f64) + 'a;

/// What the training of masks needs.
struct Outline<'a> {
    course: Course<'a>,
    train: Vec<Prepared>,
    validation: Vec<Prepared>,
    /// Of the validation part.
    domains: Vec<usize>,
    views: ViewMaker,
    canvas: Canvas,
}

struct Training<'a> {
    outline: Outline<'a>,
    test: &'a [MaskPicture],
}

impl WithSegmenter for Training<'_> {
    type Answer = TrainedMasks;

    fn run<S: Segmenter>(self, network: S) -> Result<TrainedMasks> {
        let mut outline = self.outline;
        let parameters = parameters(&network);
        let network = build::start(network, outline.course.config)?;
        let (best, log) = outline.course.run(network, &outline)?;
        let logits = outline.answers(&best.valid(), self.test)?;
        Ok(TrainedMasks { logits, epochs: log.epochs, parameters, seconds: log.seconds })
    }
}

impl<'a> Outline<'a> {
    /// A training and a validation part, prepared.
    fn new(
        architecture: Architecture,
        config: &'a BaselineConfig,
        [train, validation]: [&[&MaskPicture]; 2],
        folder: &Path,
        progress: &'a Progress,
    ) -> Result<Self> {
        let mut preparer = Preparer::new(&config.input).map_err(|e| HostError::config(folder, e))?;
        let mut prepare = |part: &[&MaskPicture]| -> Result<Vec<Prepared>> {
            part.iter().map(|p| preparer.run(&p.loaded).map_err(|problem| problem_of(p, problem))).collect()
        };
        Ok(Self {
            course: Course::new(architecture, config, [train, validation], folder, progress)?,
            train: prepare(train)?,
            validation: prepare(validation)?,
            domains: validation.iter().map(|p| p.domain).collect(),
            views: ViewMaker::new(&config.input, &config.augmentation),
            canvas: Canvas::new(&config.input).map_err(|e| HostError::config(folder, e))?,
        })
    }

    /// Levelled logits of every test picture.
    fn answers<S: Segmenter>(&mut self, network: &S, test: &[MaskPicture]) -> Result<Vec<Vec<f32>>> {
        let shift = self.shift(network)?;
        log::info!("logits moved by {:+.3}", -shift);
        let mut logits = Vec::with_capacity(test.len());
        let bar = self.course.progress.bar("test pictures", test.len());
        let size = self.course.config.input.values();
        for chunk in test.chunks(self.course.config.batch) {
            let mut image = vec![0.0; size * chunk.len()];
            for (picture, out) in chunk.iter().zip(image.chunks_exact_mut(size)) {
                self.plain(picture, out)?;
            }
            let image = self.course.image(image, chunk.len()).inner();
            for found in read(network.forward(image, None).logits)?.chunks(size) {
                logits.push(found.iter().map(|l| l - shift).collect());
                bar.step()?;
            }
        }
        bar.done();
        Ok(logits)
    }

    /// The input as the device computes it.
    fn plain(&mut self, picture: &MaskPicture, out: &mut [f32]) -> Result<()> {
        self.canvas.prepare(&picture.file, &picture.loaded)?;
        out.copy_from_slice(self.canvas.tensor());
        Ok(())
    }

    /// Logits, covered shares and loss of the validation part, batch by batch.
    fn validate<S: Segmenter>(&self, network: &S, each: &mut Each<'_>) -> Result<()> {
        let input = &self.course.config.input;
        let batch = self.course.config.batch;
        for (index, chunk) in self.validation.chunks(batch).enumerate() {
            self.course.progress.check()?;
            let (mut image, mut target) = (Vec::new(), Vec::new());
            for prepared in chunk {
                self.views.plain(prepared, &mut image, &mut target);
            }
            let image = self.course.image(image, chunk.len()).inner();
            let dims = [chunk.len(), 1, input.height as usize, input.width as usize];
            let truth = Tensor::from_data(TensorData::new(target.clone(), dims), &image.device());
            let logits = network.forward(image, None).logits;
            let loss = self.course.config.loss.compute(logits.clone(), truth).into_scalar::<f64>();
            let start = index * batch;
            each(start..start + chunk.len(), &read(logits)?, &target, loss);
        }
        Ok(())
    }

    /// By how much the logits lie too high.
    fn shift<S: Segmenter>(&self, network: &S) -> Result<f32> {
        let (mut all, mut area) = (Vec::new(), 0.0);
        self.validate(network, &mut |_, logits, target, _| {
            all.extend_from_slice(logits);
            area += target.iter().map(|&t| f64::from(t)).sum::<f64>();
        })?;
        Ok(level(&mut all, area).unwrap_or(0.0))
    }
}

impl<S: Segmenter> Lesson<S> for Outline<'_> {
    fn view(&self, index: usize, rng: &mut Rng, values: &mut Values) -> Result<()> {
        self.views.augmented(&self.train[index], rng, &mut values.image, &mut values.target);
        Ok(())
    }

    fn loss(&self, network: &S, batch: &Batch, noise: &mut Rng) -> Tensor<1> {
        let config = self.course.config;
        let found = network.forward(batch.image.clone(), Some(noise));
        let target =
            Tensor::from_data(TensorData::new(batch.values.target.clone(), found.logits.dims()), &self.course.device);
        let mut loss = config.loss.compute(found.logits, target.clone());
        if let Some(auxiliary) = found.auxiliary {
            loss = loss + config.loss.compute(auxiliary, target).mul_scalar(AUXILIARY);
        }
        if let Some(code) = found.code {
            loss = loss + cross_entropy(code, &batch.values.domains).mul_scalar(config.domain_code);
        }
        if let Some(pooled) = found.pooled {
            network.remember(pooled, &batch.values.domains);
        }
        loss
    }

    fn judge(&self, network: &S) -> Result<Judgement> {
        let mut loss = 0.0;
        let mut sums = vec![(0.0, 0.0); self.course.config.domains.len()];
        self.validate(&network.valid(), &mut |range, logits, target, mean| {
            loss += mean * range.len() as f64;
            let size = logits.len() / range.len().max(1);
            for ((picture, logits), target) in range.zip(logits.chunks(size)).zip(target.chunks(size)) {
                let sum = &mut sums[self.domains[picture]];
                sum.0 += dice(logits, target);
                sum.1 += 1.0;
            }
        })?;
        let means: Vec<f64> = sums.into_iter().filter(|s| s.1 > 0.0).map(|(sum, n)| sum / n).collect();
        let score = means.iter().sum::<f64>() / means.len().max(1) as f64;
        Ok(Judgement { loss: loss / self.validation.len().max(1) as f64, score })
    }

    fn better(&self, new: &Epoch, best: &Epoch) -> bool {
        new.validation_score > best.validation_score
    }
}

fn problem_of(picture: &MaskPicture, problem: String) -> HostError {
    HostError::Picture { path: picture.file.clone(), problem }
}
