//! One decoder as the engine runs it, from a graph in memory.

use std::path::Path;

use ushydra_engine::{Backend, Engine, EngineOptions};
use ushydra_onnx::Graph;

use super::subject::Encoded;
use crate::error::Result;
use crate::files;

/// Outputs that the engine allows a model.
pub(super) const MAX_OUTPUTS: usize = 15;

/// A loaded decoder.
pub struct Decoder {
    engine: Box<dyn Engine>,
    outputs: Vec<Vec<f32>>,
}

impl Decoder {
    /// Loads an ONNX file on tract.
    ///
    /// # Errors
    /// [`crate::HostError::Engine`].
    pub fn load(file: &Path, threads: usize) -> Result<Self> {
        let engine = ushydra_engine::load(file, Backend::Tract, &EngineOptions::with_threads(threads))?;
        let outputs = engine.info().outputs.iter().map(|output| vec![0.0; output.elements()]).collect();
        Ok(Self { engine, outputs })
    }

    /// Writes `graph` to `file`, which is only a way to the engine, and loads it.
    ///
    /// # Errors
    /// As [`Self::load`], and write errors.
    pub fn of(graph: &Graph, file: &Path, threads: usize) -> Result<Self> {
        files::write_atomic(file, &graph.to_bytes()?)?;
        Self::load(file, threads)
    }

    /// Answers to one picture: the model's outputs in order.
    ///
    /// # Errors
    /// [`crate::HostError::Engine`], and [`crate::HostError::Dataset`] for an input that the encoder does not give.
    pub fn run(&mut self, encoded: &Encoded) -> Result<&[Vec<f32>]> {
        let mut inputs = Vec::new();
        for input in &self.engine.info().inputs {
            inputs.push(encoded.get(&input.name)?);
        }
        let mut outputs: Vec<&mut [f32]> = self.outputs.iter_mut().map(Vec::as_mut_slice).collect();
        self.engine.run(&inputs, &mut outputs)?;
        Ok(&self.outputs)
    }

    /// The first output for one picture.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn answer(&mut self, encoded: &Encoded) -> Result<&[f32]> {
        Ok(self.run(encoded)?.first().map_or(&[], Vec::as_slice))
    }
}
