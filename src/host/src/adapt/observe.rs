//! From listed images to features: unreadable ones are named and left out.

use std::path::Path;

use serde::{Deserialize, Serialize};
use ushydra_bundle::{Bundle, Task};
use ushydra_probe::Frame;

use super::config::AdaptConfig;
use crate::augment::AugmentConfig;
use crate::dataset::Sample;
use crate::error::{HostError, Result};
use crate::features::extract::{Extractor, read_picture};
use crate::features::view::ViewMaker;
use crate::features::{Features, View};
use crate::progress::Progress;
use crate::train::data::merged_patients;
use crate::wired::{ModelFiles, Wired};

/// An image that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The image as listed.
    pub file: String,
    /// Why.
    pub cause: String,
}

/// Readable images with their features.
pub(super) struct Observed {
    pub(super) samples: Vec<Sample>,
    pub(super) features: Features,
    /// Patient per image; patients who share an image are one.
    pub(super) patients: Vec<String>,
    pub(super) skipped: Vec<Skipped>,
}

impl Observed {
    /// `views` of every readable image.
    pub(super) fn of(
        bundle: &Bundle,
        samples: &[Sample],
        config: &AdaptConfig,
        views: usize,
        cache: &Path,
        jobs: usize,
        progress: &Progress,
    ) -> Result<Self> {
        let manifest = bundle.manifest();
        let mut maker =
            ViewMaker::new(&manifest.input, &config.augmentation).map_err(|e| HostError::config(bundle.root(), e))?;
        let (samples, skipped) = readable(samples, &mut maker, manifest.input.values());
        if samples.is_empty() {
            let first = skipped.first().map_or_else(String::new, |s| format!("; first {}: {}", s.file, s.cause));
            return Err(HostError::Dataset(format!(
                "none of the {} images can be read{first}; give PNG, JPEG, BMP, TIFF, DICOM, AVI, NIfTI or MetaImage files",
                skipped.len()
            )));
        }
        let features = match manifest.task {
            Task::Classify => {
                let extractor = Extractor {
                    encoder: bundle.encoder_path().to_owned(),
                    encoder_sha256: manifest.encoder.sha256.to_string(),
                    width: manifest.encoder.features,
                    input: manifest.input.clone(),
                    augmentation: AugmentConfig { views, ..config.augmentation.clone() },
                    seed: config.seed,
                    jobs,
                    cache: cache.to_owned(),
                };
                let files: Vec<_> = samples.iter().map(|s| s.file.clone()).collect();
                extractor.run(&files, views, progress)?
            }
            Task::Segment => segmenting(bundle, &samples, &mut maker, jobs, progress)?,
        };
        let patients = merged_patients(&samples, &features);
        Ok(Self { samples, features, patients, skipped })
    }
}

fn readable(samples: &[Sample], maker: &mut ViewMaker, values: usize) -> (Vec<Sample>, Vec<Skipped>) {
    let (mut good, mut skipped) = (Vec::new(), Vec::new());
    let (mut frame, mut tensor) = (Frame::new(), vec![0.0; values]);
    for sample in samples {
        let done = read_picture(&sample.file, &mut frame).map_err(|e| e.to_string()).and_then(|()| {
            let view = frame.view().map_err(|e| e.to_string())?;
            maker.plain(view, &mut tensor)
        });
        match done {
            Ok(_) => good.push(sample.clone()),
            Err(cause) => {
                log::warn!("{} is left out: {cause}", sample.name);
                skipped.push(Skipped { file: sample.name.clone(), cause });
            }
        }
    }
    (good, skipped)
}

/// Feature vectors of an encoder that also has maps for its decoders.
fn segmenting(
    bundle: &Bundle,
    samples: &[Sample],
    maker: &mut ViewMaker,
    threads: usize,
    progress: &Progress,
) -> Result<Features> {
    let manifest = bundle.manifest();
    let files = ModelFiles { encoder: bundle.encoder_path().to_owned(), decoders: Vec::new() };
    let mut models = Wired::load(&files, threads)?;
    let (mut frame, mut tensor) = (Frame::new(), vec![0.0; manifest.input.values()]);
    let bar = progress.bar("features", samples.len());
    let mut features = Features::default();
    for sample in samples {
        let problem = |problem: String| HostError::Picture { path: sample.file.clone(), problem };
        read_picture(&sample.file, &mut frame)?;
        let pixel = maker.plain(frame.view().map_err(|e| problem(e.to_string()))?, &mut tensor).map_err(problem)?;
        models.encode(&tensor)?;
        features.push(&[View { pixel, features: models.output(&manifest.encoder.feature_output)?.to_vec() }]);
        bar.step()?;
    }
    bar.done();
    Ok(features)
}
