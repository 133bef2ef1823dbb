//! The frozen encoder that the ViT systems of a study share.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ushydra_bundle::InputSpec;
use ushydra_core::FrameView;
use ushydra_engine::{Backend, EngineOptions};
use ushydra_probe::Frame;

use super::degrade::Degradation;
use crate::augment::AugmentConfig;
use crate::error::{HostError, Result};
use crate::features::View;
use crate::features::cache::Cache;
use crate::features::extract::{Extractor, read_picture};
use crate::features::view::ViewMaker;
use crate::progress::Progress;
use crate::recipe::Recipe;
use crate::rng::Rng;
use crate::{files, import, parallel};

/// The imported encoder.
#[derive(Clone, Debug)]
pub struct Encoder {
    path: PathBuf,
    /// SHA-256 of the ONNX file.
    pub sha256: String,
    width: usize,
    /// Weights.
    pub parameters: usize,
}

/// What the ONNX file was made from.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    weights_sha256: String,
    recipe: String,
    sha256: String,
    features: usize,
    parameters: usize,
}

impl Encoder {
    /// The encoder of `recipe` with the pretrained `weights`, imported into the study's folder where it is not there yet.
    ///
    /// # Errors
    /// Those of [`import::import`], [`HostError::Io`].
    pub fn open(weights: &Path, recipe: &Recipe, out: &Path) -> Result<Self> {
        let (path, note_path) = (out.join("encoder.onnx"), out.join("encoder.json"));
        let weights_sha256 = files::sha256_file(weights)?;
        let made_of = format!("{:?} {}", recipe.encoder, recipe.input.fingerprint());
        let known = note_path.exists().then(|| files::read_json::<Note>(&note_path).ok()).flatten();
        let known = known.filter(|n| n.weights_sha256 == weights_sha256 && n.recipe == made_of && path.exists());
        let known = known.filter(|n| files::sha256_file(&path).is_ok_and(|found| found == n.sha256));
        let note = match known {
            Some(note) => note,
            None => {
                let import::Imported { graph, features, summary } =
                    import::import(weights, &recipe.encoder, &recipe.input)?;
                log::info!("{}: {summary}", weights.display());
                let bytes = graph.to_bytes()?;
                let sha256 = files::sha256(&bytes);
                files::write_atomic(&path, &bytes)?;
                let parameters = ushydra_onnx::parameters(&bytes)?;
                let note = Note { weights_sha256, recipe: made_of, sha256, features, parameters };
                files::write_json(&note_path, &note)?;
                note
            }
        };
        Ok(Self { path, sha256: note.sha256, width: note.features, parameters: note.parameters })
    }

    /// The ONNX file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The extractor of its features.
    #[must_use]
    pub fn extractor(&self, recipe: &Recipe, seed: u64, threads: usize, cache: &Path) -> Extractor {
        Extractor {
            encoder: self.path.clone(),
            encoder_sha256: self.sha256.clone(),
            width: self.width,
            input: recipe.input.clone(),
            augmentation: recipe.augmentation.clone(),
            seed,
            jobs: threads,
            cache: cache.to_owned(),
        }
    }

    /// Unaugmented views of degraded pictures, through the study's cache.
    ///
    /// # Errors
    /// [`HostError::Picture`], engine and file errors, [`HostError::Stopped`].
    pub fn degraded(
        &self,
        pictures: &[PathBuf],
        degradation: Degradation,
        input: &InputSpec,
        threads: usize,
        cache: &Path,
        progress: &Progress,
    ) -> Result<Vec<View>> {
        let bar = progress.bar(&degradation.to_string(), pictures.len());
        let cache = Cache::new(cache);
        let (fingerprint, what) = (input.fingerprint(), degradation.to_string());
        let tools = || None;
        parallel::map(pictures, threads, &bar, tools, |tools: &mut Option<Tools>, picture| {
            let hash = files::sha256(&files::read(picture)?);
            let parts = [hash.as_str(), &self.sha256, &fingerprint, &what].map(str::as_bytes);
            let key = files::fingerprint(&parts);
            match cache.get(&key) {
                Ok(Some(views)) if views.len() == 1 => return Ok(views[0].clone()),
                Ok(_) => {}
                Err(error @ HostError::Damaged { .. }) => log::warn!("{error}; computing it again"),
                Err(error) => return Err(error),
            }
            if tools.is_none() {
                *tools = Some(Tools::new(&self.path, input)?);
            }
            let Some(tools) = tools else { return Err(HostError::Stopped) };
            let view = tools.view(picture, degradation, &hash, self.width)?;
            cache.put(&key, std::slice::from_ref(&view))?;
            Ok(view)
        })
    }
}

/// One thread's engine and buffers.
struct Tools {
    engine: Box<dyn ushydra_engine::Engine>,
    maker: ViewMaker,
    tensor: Vec<f32>,
    frame: Frame,
}

impl Tools {
    fn new(encoder: &Path, input: &InputSpec) -> Result<Self> {
        let maker = ViewMaker::new(input, &AugmentConfig::none()).map_err(|e| HostError::config(encoder, e))?;
        let engine = ushydra_engine::load(encoder, Backend::Tract, &EngineOptions::with_threads(1))?;
        Ok(Self { engine, maker, tensor: vec![0.0; input.values()], frame: Frame::new() })
    }

    fn view(&mut self, picture: &Path, degradation: Degradation, hash: &str, width: usize) -> Result<View> {
        let problem = |problem: String| HostError::Picture { path: picture.to_owned(), problem };
        read_picture(picture, &mut self.frame)?;
        let geometry = self.frame.geometry;
        // The noise is a function of the picture: every system sees the same.
        let mut rng = Rng::labelled(0, &["degraded", hash]);
        degradation.apply(&mut self.frame.data, geometry.width as usize, geometry.format.channels(), &mut rng);
        let frame = FrameView::new(geometry, &self.frame.data).map_err(|e| problem(e.to_string()))?;
        let pixel = self.maker.plain(frame, &mut self.tensor).map_err(problem)?;
        let mut features = vec![0.0; width];
        self.engine.run(&[&self.tensor], &mut [&mut features])?;
        if features.iter().any(|f| !f.is_finite()) {
            return Err(problem("a feature is not finite; the encoder is damaged".to_owned()));
        }
        Ok(View { pixel, features })
    }
}
