//! Training of a classifier and its answers to the test part.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Int, Tensor, TensorData};

use super::build::{self, WithClassifier};
use super::config::{Architecture, BaselineConfig};
use super::course::{Batch, Course, Judgement, Lesson, Values};
use super::network::{Classifier, parameters};
use super::picture::{self, ClassPicture};
use crate::error::{HostError, Result};
use crate::features::view::ViewMaker;
use crate::progress::Progress;
use crate::rng::Rng;
use crate::study::record::Epoch;

/// A classifier after training.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// Probabilities of every test picture, in the order of the labels.
    pub probabilities: Vec<Vec<f64>>,
    /// Every epoch.
    pub epochs: Vec<Epoch>,
    /// Trained values.
    pub parameters: usize,
    /// Seconds of training, summed over resumptions.
    pub seconds: f64,
}

/// Trains `architecture` and lets its best epoch (least validation loss) answer the test part. Checkpoints lie in `folder`: the
/// same call goes on where an earlier one was stopped, to the same figures, and trains nothing that is finished.
///
/// # Errors
/// [`HostError::Config`] for settings that cannot work, [`HostError::Dataset`] for a class or part without pictures,
/// [`HostError::Picture`], [`HostError::Weights`], [`HostError::Diverged`], [`HostError::Damaged`] for a damaged checkpoint,
/// [`HostError::Stopped`], [`HostError::Io`] (a full disk among them: what was saved before stays and counts).
pub fn train_classifier(
    architecture: Architecture,
    config: &BaselineConfig,
    train: &[ClassPicture],
    validation: &[ClassPicture],
    test: &[ClassPicture],
    folder: &Path,
    progress: &Progress,
) -> Result<Trained> {
    architecture.must_segment(false).map_err(|problem| HostError::config(folder, problem))?;
    config.check(architecture).map_err(|problem| HostError::config(folder, problem))?;
    let (train, validation) = (known(train), known(validation));
    picture::check(&train, &validation, &config.domains)?;
    for (label, name) in config.labels.iter().enumerate() {
        if !train.iter().any(|p| p.label == Some(label)) {
            return Err(HostError::Dataset(format!(
                "no picture of `{name}` in the training part; add some patients with it or remove the label"
            )));
        }
    }
    if let Some(bad) = train.iter().chain(&validation).find(|p| p.label >= Some(config.labels.len())) {
        return Err(HostError::Dataset(format!(
            "{}: class {:?}, but only {} labels are named",
            bad.file.display(),
            bad.label,
            config.labels.len()
        )));
    }
    let views = ViewMaker::new(&config.input, &config.augmentation).map_err(|e| HostError::config(folder, e))?;
    let course = Course::new(architecture, config, [&train, &validation], folder, progress)?;
    let device = course.device.clone();
    let class = Class { course, train, validation, views: Mutex::new(views) };
    build::classifier(architecture, config, &device, Training { class, test })
}

/// Pictures with a class.
fn known(part: &[ClassPicture]) -> Vec<&ClassPicture> {
    part.iter().filter(|picture| picture.label.is_some()).collect()
}

/// What the training of classes needs.
struct Class<'a> {
    course: Course<'a>,
    train: Vec<&'a ClassPicture>,
    validation: Vec<&'a ClassPicture>,
    views: Mutex<ViewMaker>,
}

struct Training<'a> {
    class: Class<'a>,
    test: &'a [ClassPicture],
}

impl WithClassifier for Training<'_> {
    type Answer = Trained;

    fn run<C: Classifier>(self, network: C) -> Result<Trained> {
        let class = self.class;
        let parameters = parameters(&network);
        let network = build::start(network, class.course.config)?;
        let (best, log) = class.course.run(network, &class)?;
        let best = best.valid();
        let mut probabilities = Vec::with_capacity(self.test.len());
        let bar = class.course.progress.bar("test pictures", self.test.len());
        for chunk in self.test.iter().collect::<Vec<_>>().chunks(class.course.config.batch) {
            for logits in class.logits(&best, chunk)? {
                probabilities.push(softmax(&logits));
                bar.step()?;
            }
        }
        bar.done();
        Ok(Trained { probabilities, epochs: log.epochs, parameters, seconds: log.seconds })
    }
}

impl Class<'_> {
    /// Logits of unaugmented pictures by a network in evaluation mode.
    fn logits<C: Classifier>(&self, network: &C, pictures: &[&ClassPicture]) -> Result<Vec<Vec<f32>>> {
        self.course.progress.check()?;
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let width = self.course.config.input.values();
        let mut values = vec![0.0; width * pictures.len()];
        for (picture, out) in pictures.iter().zip(values.chunks_exact_mut(width)) {
            views.plain(picture.view()?, out).map_err(|problem| problem_of(picture, problem))?;
        }
        let image = self.course.image(values, pictures.len()).inner();
        let logits = read(network.head(network.maps(image), None))?;
        Ok(logits.chunks(self.course.config.labels.len()).map(<[f32]>::to_vec).collect())
    }
}

impl<C: Classifier> Lesson<C> for Class<'_> {
    fn view(&self, index: usize, rng: &mut Rng, values: &mut Values) -> Result<()> {
        let picture = self.train[index];
        let start = values.image.len();
        values.image.resize(start + self.course.config.input.values(), 0.0);
        let mut views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
        let out = &mut values.image[start..];
        views.augmented(picture.view()?, rng, out).map_err(|problem| problem_of(picture, problem))?;
        values.labels.extend(picture.label);
        Ok(())
    }

    fn loss(&self, network: &C, batch: &Batch, noise: &mut Rng) -> Tensor<1> {
        let logits = network.head(network.maps(batch.image.clone()), Some(noise));
        cross_entropy(logits, &batch.values.labels)
    }

    fn judge(&self, network: &C) -> Result<Judgement> {
        let network = network.valid();
        let (mut loss, mut right) = (0.0, 0.0);
        for chunk in self.validation.chunks(self.course.config.batch) {
            for (picture, logits) in chunk.iter().zip(self.logits(&network, chunk)?) {
                let probabilities = softmax(&logits);
                let label = picture.label.unwrap_or_default();
                loss -= probabilities[label].max(f64::MIN_POSITIVE).ln();
                right += f64::from(u8::from(logits.iter().all(|other| *other <= logits[label])));
            }
        }
        let count = self.validation.len().max(1) as f64;
        Ok(Judgement { loss: loss / count, score: right / count })
    }

    fn better(&self, new: &Epoch, best: &Epoch) -> bool {
        new.validation_loss < best.validation_loss
    }
}

/// Eq. (1): mean of `-log p(label)`.
pub(super) fn cross_entropy(logits: Tensor<2>, labels: &[usize]) -> Tensor<1> {
    let device = logits.device();
    let labels: Vec<i64> = labels.iter().map(|&label| label as i64).collect();
    let labels: Tensor<1, Int> = Tensor::from_data(TensorData::new(labels.clone(), [labels.len()]), &device);
    CrossEntropyLossConfig::new().init(&device).forward(logits, labels)
}

fn problem_of(picture: &ClassPicture, problem: String) -> HostError {
    HostError::Picture { path: picture.file.clone(), problem }
}

/// Values of a tensor, row-major.
pub(super) fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let values = tensor.into_data().try_to_vec::<f32>().map_err(|e| HostError::Diverged(format!("{e:?}")))?;
    match values.iter().find(|v| !v.is_finite()) {
        Some(bad) => Err(HostError::Diverged(format!("an answer is {bad}"))),
        None => Ok(values),
    }
}

/// Probabilities of logits.
fn softmax(logits: &[f32]) -> Vec<f64> {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&l| f64::from(l - greatest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / sum).collect()
}
