//! The baseline networks of both tasks, trained from pictures.

use std::path::{Path, PathBuf};

use ushydra_bundle::InputSpec;

use super::config::TaskConfig;
use super::outlines::Outlines;
use super::painter::{Painter, degraded};
use super::planes::Planes;
use super::record::{Answer, CellRecord, Task};
use super::system::System;
use super::work::{Work, base_record};
use crate::augment::AugmentConfig;
use crate::baselines::{Architecture, BaselineConfig, ClassPicture, MaskPicture, train_classifier, train_segmenter};
use crate::dataset::Part;
use crate::error::{HostError, Result};
use crate::files;
use crate::rng::Rng;
use crate::segment::ComputeDevice;
use crate::segment::loss::LossConfig;

/// The training's folder within a cell.
pub(super) fn folder(cell: &Path) -> PathBuf {
    cell.join("network")
}

/// Settings of a network as the study gives them, before the cell's own seed and domains. The loss of masks is that of the UNets.
///
/// # Errors
/// [`HostError::Config`] for settings that cannot work.
pub(super) fn settings(
    config: &TaskConfig,
    system: System,
    labels: &[String],
    input: &InputSpec,
    augmentation: &AugmentConfig,
    loss: Option<LossConfig>,
    root: &Path,
) -> Result<(Architecture, BaselineConfig)> {
    let problem = |problem: String| HostError::config(&config.recipe, problem);
    let architecture: Architecture = system.name().parse().map_err(problem)?;
    let networks = config.networks.as_ref().ok_or_else(|| problem("[networks] is missing".to_owned()))?;
    let input = InputSpec { width: networks.width, height: networks.height, ..input.clone() };
    // The domains are those of a split, which come with the cell.
    let domains = vec!["all".to_owned()];
    let mut base = BaselineConfig::new(labels.to_vec(), domains, input, augmentation.clone());
    base.loss = loss.unwrap_or(base.loss);
    let mut made = networks.of(system, &base).map_err(problem)?;
    made.weights = made.weights.map(|weights| root.join(weights));
    made.check(architecture).map_err(problem)?;
    Ok((architecture, made))
}

/// Settings of a network in one cell.
pub(super) fn of(work: &Work<'_>, base: BaselineConfig, device: ComputeDevice) -> BaselineConfig {
    let domains = work.sides.domains[..work.sides.trained].to_vec();
    BaselineConfig { seed: work.key.seed, domains, device, ..base }
}

/// One network that tells planes.
///
/// # Errors
/// Those of pictures and training, [`HostError::Stopped`].
pub(super) fn classify(
    planes: &Planes,
    work: &Work<'_>,
    (architecture, base): (Architecture, BaselineConfig),
    device: ComputeDevice,
) -> Result<CellRecord> {
    let config = of(work, base, device);
    let mut record = base_record(work, Task::Classify, &planes.recipe.labels, |i| planes.items[i].label.is_some());
    let load = |part: Part| -> Result<Vec<ClassPicture>> {
        let pictures = work.sides.of(part).into_iter();
        // Pictures of no label are judged, but teach nothing.
        let wanted = pictures.filter(|&i| part == Part::Test || planes.items[i].label.is_some());
        wanted.map(|i| ClassPicture::load(&planes.samples[i], planes.items[i].label, work.sides.domain[i])).collect()
    };
    let (train, validation, mut test) = (load(Part::Train)?, load(Part::Validation)?, load(Part::Test)?);
    if let Some(degradation) = work.degradation() {
        for picture in &mut test {
            let hash = files::sha256_file(&picture.file)?;
            let mut rng = Rng::labelled(0, &["degraded", &hash]);
            let (width, channels) = (picture.geometry.width as usize, picture.geometry.format.channels());
            degradation.apply(&mut picture.pixels, width, channels, &mut rng);
        }
    }
    let folder = folder(work.main.unwrap_or(&work.folder.path));
    let trained = train_classifier(architecture, &config, &train, &validation, &test, &folder, work.progress)?;
    (record.parameters, record.epochs) = (trained.parameters, trained.epochs);
    record.training_seconds = if work.main.is_some() { 0.0 } else { trained.seconds };
    for (picture, probabilities) in work.sides.of(Part::Test).into_iter().zip(trained.probabilities) {
        let item = &planes.items[picture];
        let answer = Answer::Class { label: item.label, probabilities };
        record.frames.push(work.about(item, picture).answered(answer));
    }
    Ok(record)
}

/// One network that draws masks.
///
/// # Errors
/// As [`classify`].
pub(super) fn segment(
    outlines: &Outlines,
    work: &Work<'_>,
    (architecture, base): (Architecture, BaselineConfig),
) -> Result<CellRecord> {
    let config = of(work, base, outlines.device);
    let mut record = base_record(work, Task::Segment, &outlines.recipe.labels, |_| true);
    let change = work.degradation();
    let load = |part: Part| -> Result<Vec<MaskPicture>> {
        let pictures = work.sides.of(part).into_iter().map(|i| {
            let sample = &outlines.samples[i];
            let loaded = degraded(sample, change.filter(|_| part == Part::Test))?;
            Ok(MaskPicture { file: sample.image.clone(), loaded, domain: work.sides.domain[i] })
        });
        pictures.collect()
    };
    let (train, validation, test) = (load(Part::Train)?, load(Part::Validation)?, load(Part::Test)?);
    let folder = folder(work.main.unwrap_or(&work.folder.path));
    let trained = train_segmenter(architecture, &config, &train, &validation, &test, &folder, work.progress)?;
    (record.parameters, record.epochs) = (trained.parameters, trained.epochs);
    record.training_seconds = if work.main.is_some() { 0.0 } else { trained.seconds };
    let mut painter = Painter::new(&config.input)?;
    for (picture, logits) in work.sides.of(Part::Test).into_iter().zip(trained.logits) {
        painter.take(&outlines.samples[picture], change)?;
        record.frames.push(work.about(&outlines.items[picture], picture).answered(painter.answer(&logits)?));
    }
    Ok(record)
}
