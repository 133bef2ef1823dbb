//! A finished bundle judged picture by picture, through the same files and engine as on the device.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ushydra_bundle::{Bundle, Preprocessor};
use ushydra_core::{Moments, Quality, Router};
use ushydra_engine::{Backend, EngineOptions, Models, Precision};
use ushydra_probe::{FileSource, Frame, FrameSource, Next, Pace};

use super::prediction::{MODES, Prediction, Route, probabilities, routes};
use super::report::Stranger;
use crate::calibrate::Observation;
use crate::dataset::Sample;
use crate::error::{HostError, Result};
use crate::features::extract::read_picture;
use crate::progress::Progress;
use crate::quantise::{Decoder, Encoded};

const FILE_TIMEOUT: Duration = Duration::from_secs(10);

/// A bundle with everything loaded.
pub struct Judge {
    bundle: Bundle,
    models: Models,
    /// The int8 form of every decoder; empty where one has none.
    int8: Vec<Decoder>,
    preprocessor: Preprocessor,
    routers: Vec<Router<Box<[f32]>>>,
    tensor: Vec<f32>,
    features: Vec<f32>,
    frame: Frame,
}

impl Judge {
    /// Opens the bundle in `folder`.
    ///
    /// # Errors
    /// [`HostError::Bundle`] or [`HostError::Engine`].
    pub fn open(folder: &Path, threads: usize) -> Result<Self> {
        let bundle = Bundle::open(folder)?;
        let options = EngineOptions { precision: Some(Precision::F32), ..EngineOptions::with_threads(threads) };
        let models = Models::load(&bundle, Backend::Tract, &options)?;
        let forms: Option<Vec<_>> = (0..bundle.decoder_paths().len()).map(|index| bundle.int8_paths(index)).collect();
        let int8 = forms.unwrap_or_default().into_iter().map(|paths| Decoder::load(&paths.qop, threads));
        let int8 = int8.collect::<Result<_>>()?;
        let input = &bundle.manifest().input;
        let preprocessor = Preprocessor::new(input).map_err(|e| HostError::config(folder, e))?;
        let routers = MODES.iter().map(|(_, metric)| bundle.router(*metric)).collect::<std::result::Result<_, _>>()?;
        let tensor = vec![0.0; input.values()];
        let features = Vec::with_capacity(bundle.manifest().encoder.features);
        Ok(Self { bundle, models, int8, preprocessor, routers, tensor, features, frame: Frame::new() })
    }

    /// The open bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// Judges labelled pictures.
    ///
    /// # Errors
    /// [`HostError::Dataset`] for a domain that the bundle does not know, [`HostError::Picture`] for a bad picture,
    /// [`HostError::Stopped`].
    pub fn samples(&mut self, samples: &[Sample], progress: &Progress) -> Result<Vec<Prediction>> {
        let bar = progress.bar("pictures", samples.len());
        let mut predictions = Vec::with_capacity(samples.len());
        for sample in samples {
            let manifest = self.bundle.manifest();
            let domain = manifest.domains.iter().position(|d| *d == sample.domain).ok_or_else(|| {
                HostError::Dataset(format!(
                    "{}: domain `{}` is not in {} ({}); correct the csv",
                    sample.name,
                    sample.domain,
                    self.bundle.id(),
                    manifest.domains.join(", ")
                ))
            })?;
            let label = manifest.labels.iter().position(|l| *l == sample.label);
            read_picture(&sample.file, &mut self.frame)?;
            let routes = self.judge(&sample.file)?;
            let mut decoders = Vec::new();
            for decoder in 0..self.routers.first().map_or(0, |r| r.table().len()) {
                decoders.push(probabilities(self.models.decode(decoder)?));
            }
            let encoded = Encoded::of(&self.bundle.manifest().encoder.feature_output, &self.features);
            let int8 = self.int8.iter_mut().map(|decoder| Ok(probabilities(decoder.answer(&encoded)?)));
            let int8 = int8.collect::<Result<Vec<_>>>()?;
            predictions.push(Prediction {
                name: sample.name.clone(),
                patient: sample.patient.clone(),
                device: sample.device.clone(),
                label,
                domain,
                routes,
                decoders,
                int8: (!int8.is_empty()).then_some(int8),
                single: None,
            });
            bar.step()?;
        }
        bar.done();
        Ok(predictions)
    }

    /// Judges every frame of files that belong to no domain.
    ///
    /// # Errors
    /// As [`Self::samples`].
    pub fn strangers(&mut self, inputs: &[PathBuf], progress: &Progress) -> Result<Vec<Stranger>> {
        let bar = progress.bar("other organs", inputs.len());
        let mut strangers = Vec::new();
        for input in inputs {
            let mut source = FileSource::open(std::slice::from_ref(input), Pace::AsFastAsPossible, false)?;
            let mut frames = 0_usize;
            let mut flagged = [0_usize; 3];
            while let Next::Frame = source.next(&mut self.frame, FILE_TIMEOUT)? {
                frames += 1;
                for (count, route) in flagged.iter_mut().zip(self.judge(input)?) {
                    *count += usize::from(!route.in_domain);
                }
            }
            let file = input.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
            let flagged = flagged.iter().map(|&n| n as f64 / frames.max(1) as f64).collect();
            strangers.push(Stranger { file, frames, flagged });
            bar.step()?;
        }
        bar.done();
        Ok(strangers)
    }

    /// Preprocesses, encodes and routes the frame that was read.
    fn judge(&mut self, path: &Path) -> Result<Vec<Route>> {
        let problem = |problem: String| HostError::Picture { path: path.to_owned(), problem };
        let frame = self.frame.view().map_err(|e| problem(e.to_string()))?;
        let done = self.preprocessor.run(frame, &mut self.tensor).map_err(|e| problem(e.to_string()))?;
        let pixel = Quality::new(done.channels(), Moments::default()).map_err(|e| problem(e.to_string()))?.pixel;
        self.features.clear();
        self.features.extend_from_slice(self.models.encode(&self.tensor)?);
        let observation = Observation::new(pixel, &self.features, 0, None, "")?;
        routes(&self.routers, &observation)
    }
}
