//! An encoder and its decoders before they are a bundle: ONNX files wired together by the names of their tensors.

use std::path::PathBuf;

use ushydra_engine::{Backend, Engine, EngineOptions};

use crate::error::{HostError, Result};

/// Files of one system.
#[derive(Clone, Debug)]
pub struct ModelFiles {
    /// The encoder.
    pub encoder: PathBuf,
    /// Decoders, in the order of the domains.
    pub decoders: Vec<PathBuf>,
}

/// The loaded files.
pub struct Wired {
    encoder: Box<dyn Engine>,
    decoders: Vec<Box<dyn Engine>>,
    encoded: Vec<Vec<f32>>,
    answer: Vec<f32>,
}

impl Wired {
    /// Loads `files`.
    ///
    /// # Errors
    /// [`HostError::Engine`].
    pub fn load(files: &ModelFiles, threads: usize) -> Result<Self> {
        let load = |path| ushydra_engine::load(path, Backend::Tract, &EngineOptions::with_threads(threads));
        let encoder = load(&files.encoder)?;
        let encoded = encoder.info().outputs.iter().map(|o| vec![0.0; o.elements()]).collect();
        let decoders = files.decoders.iter().map(|path| Ok(load(path)?)).collect::<Result<Vec<_>>>()?;
        Ok(Self { encoder, decoders, encoded, answer: Vec::new() })
    }

    /// Number of decoders.
    #[must_use]
    pub fn decoders(&self) -> usize {
        self.decoders.len()
    }

    /// Runs the encoder on one preprocessed picture.
    ///
    /// # Errors
    /// [`HostError::Engine`].
    pub fn encode(&mut self, tensor: &[f32]) -> Result<()> {
        let mut outputs: Vec<&mut [f32]> = self.encoded.iter_mut().map(Vec::as_mut_slice).collect();
        Ok(self.encoder.run(&[tensor], &mut outputs)?)
    }

    /// The encoder's output `name` for the picture that was encoded last.
    ///
    /// # Errors
    /// [`HostError::Dataset`] where there is none of this name.
    pub fn output(&self, name: &str) -> Result<&[f32]> {
        output(&*self.encoder, &self.encoded, name)
    }

    /// Runs one decoder on the picture that was encoded last.
    ///
    /// # Errors
    /// [`HostError::Dataset`] for a decoder that asks for what the encoder lacks, [`HostError::Engine`].
    pub fn decode(&mut self, decoder: usize) -> Result<&[f32]> {
        let Self { encoder, decoders, encoded, answer } = self;
        let engine = &mut decoders[decoder];
        let mut inputs = Vec::with_capacity(encoded.len());
        for input in &engine.info().inputs {
            inputs.push(output(&**encoder, encoded, &input.name)?);
        }
        answer.resize(engine.info().outputs.first().map_or(0, |o| o.elements()), 0.0);
        engine.run(&inputs, &mut [answer])?;
        Ok(&self.answer)
    }
}

fn output<'a>(encoder: &dyn Engine, encoded: &'a [Vec<f32>], name: &str) -> Result<&'a [f32]> {
    let found = encoder.info().output(name).and_then(|index| encoded.get(index));
    found.map(Vec::as_slice).ok_or_else(|| {
        let known: Vec<&str> = encoder.info().outputs.iter().map(|o| o.name.as_str()).collect();
        HostError::Dataset(format!("the encoder has no output `{name}` (found: {}); export it again", known.join(", ")))
    })
}
