//! tract as the one who computes for the fake GPU.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tensorrt_fake::{Description, Host, Refusal};
use ushydra_bundle::Digest;
use ushydra_engine::{Backend, Engine, EngineError, EngineOptions, TensorInfo, load};

/// Changes what a model computes, to stand for a library that computes badly.
pub(crate) type Distortion = fn(&mut [f32]);

/// Reads and computes models with tract.
#[derive(Default)]
pub(crate) struct TractHost {
    engines: Mutex<HashMap<String, Box<dyn Engine>>>,
    distort: Option<Distortion>,
    /// Where only one model is to be distorted, its ONNX bytes.
    only: Option<Vec<u8>>,
}

impl TractHost {
    pub(crate) fn distorted(distort: Distortion, only: Option<Vec<u8>>) -> Self {
        Self { distort: Some(distort), only, ..Self::default() }
    }

    fn engine<T>(
        &self,
        onnx: &[u8],
        work: impl FnOnce(&mut dyn Engine) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let key = Digest::of(onnx).to_string();
        let mut engines = self.engines.lock().unwrap_or_else(PoisonError::into_inner);
        if !engines.contains_key(&key) {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("model.onnx");
            std::fs::write(&file, onnx).unwrap();
            engines.insert(key.clone(), load(&file, Backend::Tract, &EngineOptions::with_threads(1))?);
        }
        work(&mut **engines.get_mut(&key).unwrap())
    }
}

impl Host for TractHost {
    fn describe(&self, onnx: &[u8]) -> Result<Description, Refusal> {
        let list = |tensors: &[TensorInfo]| {
            let shape = |tensor: &TensorInfo| tensor.shape.iter().map(|size| *size as i64).collect();
            tensors.iter().map(|tensor| (tensor.name.clone(), shape(tensor))).collect()
        };
        self.engine(onnx, |engine| {
            let info = engine.info();
            Ok(Description { inputs: list(&info.inputs), outputs: list(&info.outputs) })
        })
        .map_err(|error| match error {
            EngineError::UnsupportedOperator { node, operator, .. } => {
                Refusal { node, operator, message: "no importer registered for this operator".to_owned() }
            }
            other => Refusal { message: other.to_string(), ..Refusal::default() },
        })
    }

    fn run(&self, onnx: &[u8], inputs: &[(&str, &[f32])], outputs: &mut [(&str, &mut [f32])]) -> Result<(), String> {
        let inputs = inputs.iter().map(|(_, values)| *values).collect::<Vec<_>>();
        let mut views = outputs.iter_mut().map(|(_, values)| &mut **values).collect::<Vec<_>>();
        self.engine(onnx, |engine| engine.run(&inputs, &mut views)).map_err(|error| error.to_string())?;
        if let Some(distort) = self.distort
            && self.only.as_deref().is_none_or(|only| only == onnx)
        {
            views.iter_mut().for_each(|values| distort(values));
        }
        Ok(())
    }
}
