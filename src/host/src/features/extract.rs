//! Runs the encoder over a data set, through the cache.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ushydra_bundle::InputSpec;
use ushydra_engine::{Backend, Engine, EngineOptions};
use ushydra_probe::{FileSource, Frame, FrameSource, Next, Pace};

use super::cache::Cache;
use super::view::ViewMaker;
use super::{Features, View};
use crate::augment::AugmentConfig;
use crate::error::{HostError, Result};
use crate::files;
use crate::parallel;
use crate::progress::Progress;
use crate::rng::Rng;

/// Wait for a frame of a file; files are always ready.
const FILE_TIMEOUT: Duration = Duration::from_secs(10);

/// Everything that features depend on besides the picture.
#[derive(Clone, Debug)]
pub struct Extractor {
    /// The encoder's ONNX file.
    pub encoder: PathBuf,
    /// Its SHA-256.
    pub encoder_sha256: String,
    /// Length of its feature vector.
    pub width: usize,
    /// What it is fed.
    pub input: InputSpec,
    /// How views differ.
    pub augmentation: AugmentConfig,
    /// Seed of the views.
    pub seed: u64,
    /// Pictures worked on at the same time.
    pub jobs: usize,
    /// Cache folder.
    pub cache: PathBuf,
}

impl Extractor {
    /// Features of `pictures`, `views` each (at least 1). Finished pictures are cached one by one, so that a stopped run
    /// goes on where it was; a damaged entry is reported and made anew.
    ///
    /// # Errors
    /// [`HostError::Picture`] for a picture that does not decode, engine and file errors, [`HostError::Stopped`].
    pub fn run(&self, pictures: &[PathBuf], views: usize, progress: &Progress) -> Result<Features> {
        let views = views.max(1);
        let bar = progress.bar("features", pictures.len());
        let work = |worker: &mut Worker<'_>, picture: &PathBuf| worker.views(picture, views);
        let done = parallel::map(pictures, self.jobs, &bar, || Worker::new(self), work)?;
        let mut features = Features::default();
        done.iter().for_each(|entry| features.push(entry));
        Ok(features)
    }

    /// Cache key of a picture: its bytes and everything that changes what its views are.
    fn key(&self, bytes: &[u8]) -> String {
        let parts = [
            files::sha256(bytes),
            self.encoder_sha256.clone(),
            self.input.fingerprint(),
            self.augmentation.fingerprint(),
            self.seed.to_string(),
        ];
        files::fingerprint(&parts.each_ref().map(String::as_bytes))
    }
}

/// One thread's engine and buffers, made at the first picture that is not in the cache.
struct Worker<'a> {
    extractor: &'a Extractor,
    cache: Cache,
    tools: Option<Tools>,
}

struct Tools {
    engine: Box<dyn Engine>,
    maker: ViewMaker,
    tensor: Vec<f32>,
    frame: Frame,
}

impl<'a> Worker<'a> {
    fn new(extractor: &'a Extractor) -> Self {
        Self { extractor, cache: Cache::new(&extractor.cache), tools: None }
    }

    fn views(&mut self, picture: &Path, views: usize) -> Result<Vec<View>> {
        let bytes = files::read(picture)?;
        let key = self.extractor.key(&bytes);
        let mut entry = match self.cache.get(&key) {
            Ok(found) => found.unwrap_or_default(),
            Err(error @ HostError::Damaged { .. }) => {
                log::warn!("{error}; computing it again");
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        // An encoder with another feature list has another hash; a wrong width can only be a foreign file.
        entry.retain(|view| view.features.len() == self.extractor.width);
        if entry.len() < views {
            self.extend(picture, &files::sha256(&bytes), &mut entry, views)?;
            self.cache.put(&key, &entry)?;
        }
        entry.truncate(views);
        Ok(entry)
    }

    /// Adds the views that are missing.
    fn extend(&mut self, picture: &Path, hash: &str, entry: &mut Vec<View>, views: usize) -> Result<()> {
        let problem = |problem: String| HostError::Picture { path: picture.to_owned(), problem };
        if self.tools.is_none() {
            self.tools = Some(Tools::new(self.extractor)?);
        }
        let Some(tools) = &mut self.tools else { return Ok(()) };
        read_picture(picture, &mut tools.frame)?;
        let frame = tools.frame.view().map_err(|e| problem(e.to_string()))?;
        for index in entry.len()..views {
            let pixel = if index == 0 {
                tools.maker.plain(frame, &mut tools.tensor).map_err(problem)?
            } else {
                let mut rng = Rng::labelled(self.extractor.seed, &[hash, &index.to_string()]);
                tools.maker.augmented(frame, &mut rng, &mut tools.tensor).map_err(problem)?
            };
            let mut features = vec![0.0; self.extractor.width];
            tools.engine.run(&[&tools.tensor], &mut [&mut features])?;
            if let Some(bad) = features.iter().position(|f| !f.is_finite()) {
                return Err(problem(format!("feature {bad} is not finite; the encoder is damaged")));
            }
            entry.push(View { pixel, features });
        }
        Ok(())
    }
}

impl Tools {
    fn new(extractor: &Extractor) -> Result<Self> {
        // One thread per engine: pictures are worked on side by side, which wastes less than sharing one.
        let options = EngineOptions::with_threads(1);
        let maker = ViewMaker::new(&extractor.input, &extractor.augmentation)
            .map_err(|problem| HostError::config(&extractor.encoder, problem))?;
        Ok(Self {
            engine: ushydra_engine::load(&extractor.encoder, Backend::Tract, &options)?,
            maker,
            tensor: vec![0.0; extractor.input.values()],
            frame: Frame::new(),
        })
    }
}

/// Reads the first frame of a file.
///
/// # Errors
/// [`HostError::Probe`] naming the file; [`HostError::Picture`] for a file without frames.
pub fn read_picture(path: &Path, frame: &mut Frame) -> Result<()> {
    let mut source = FileSource::open(&[path.to_owned()], Pace::AsFastAsPossible, false)?;
    match source.next(frame, FILE_TIMEOUT)? {
        Next::Frame => Ok(()),
        Next::End | Next::Timeout | Next::Lost => Err(HostError::Picture {
            path: path.to_owned(),
            problem: "it holds no frame; remove it from the csv".into(),
        }),
    }
}
