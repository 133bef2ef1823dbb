//! Choosing backend and precision, for one model and for a whole bundle.

use std::path::Path;

use ushydra_bundle::{Bundle, Task};

use crate::choice::MeasuredChoice;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::models::{Loaded, Models};
use crate::options::{Backend, EngineOptions};
use crate::precision::Precision;
use crate::tract::TractEngine;

impl Backend {
    /// Whether this build and this machine can run models on the backend.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] with the reason and the remedy.
    pub fn available(self, options: &EngineOptions) -> Result<(), EngineError> {
        // Without TensorRT there is nothing to look for.
        let _ = options;
        match self {
            Self::Auto | Self::Tract => Ok(()),
            #[cfg(feature = "tensorrt")]
            Self::Tensorrt => crate::tensorrt::Gpu::open(options).map(drop),
            #[cfg(not(feature = "tensorrt"))]
            Self::Tensorrt => Err(EngineError::Unavailable {
                backend: self,
                absent: true,
                reason: "this program was built without it".to_owned(),
                remedy: "build with `--features tensorrt`, or use `--backend tract`, which runs on every CPU"
                    .to_owned(),
            }),
        }
    }
}

/// Loads the ONNX model `file` with the backend asked for; `auto` is tract, because a single file has no parity figures.
///
/// # Errors
/// [`EngineError::Unavailable`] where this build or machine lacks the backend; otherwise the errors of loading a model:
/// file missing, unreadable, not ONNX, cut, an operator the backend lacks, tensors that are not f32 of fixed shape.
pub fn load(file: &Path, backend: Backend, options: &EngineOptions) -> Result<Box<dyn Engine>, EngineError> {
    match backend {
        #[cfg(feature = "tensorrt")]
        Backend::Tensorrt => crate::tensorrt::load(file, options),
        #[cfg(not(feature = "tensorrt"))]
        Backend::Tensorrt => backend.available(options).and_then(|()| load(file, Backend::Tract, options)),
        Backend::Auto | Backend::Tract => Ok(Box::new(TractEngine::load(file, options)?)),
    }
}

impl Models {
    /// Loads every model of `bundle`, checks their shapes against its manifest and runs each once.
    ///
    /// `auto` takes TensorRT where this program and this machine have it and its answers pass the parity gate; whatever
    /// stands against it is a warning, and tract runs the bundle. `tensorrt` is TensorRT or a refusal.
    ///
    /// # Errors
    /// The errors of [`crate::load`], [`EngineError::Manifest`] where a model does not fit the manifest,
    /// [`EngineError::Precision`] where the backend or the bundle lacks the precision, [`EngineError::Parity`] where the
    /// answers differ too much from those of tract in f32.
    pub fn load(bundle: &Bundle, backend: Backend, options: &EngineOptions) -> Result<Self, EngineError> {
        match backend {
            Backend::Tract => on_tract(bundle, options),
            Backend::Tensorrt => on_tensorrt(bundle, options),
            // A program that was built without it was not meant to use it.
            Backend::Auto if !cfg!(feature = "tensorrt") => on_tract(bundle, options),
            Backend::Auto => on_tensorrt(bundle, options).or_else(|error| {
                let ordinary = matches!(error, EngineError::Unavailable { absent: true, .. });
                let level = if ordinary { log::Level::Info } else { log::Level::Warn };
                log::log!(level, "{error}; the CPU runs {} instead", bundle.id());
                on_tract(bundle, options)
            }),
        }
    }
}

impl Models {
    /// Loads the int8 form of every decoder that runs in f32, for [`Models::use_cheaper`], and proves it with the golden picture. Only
    /// decoders that segment have a form that is cheaper, and only tract runs both from the same maps. The answer says whether there
    /// is any.
    ///
    /// # Errors
    /// The errors of [`crate::load`] and of [`Models::self_test`]; the decoders that were loaded before stay usable.
    pub fn load_cheaper(&mut self, bundle: &Bundle, options: &EngineOptions) -> Result<bool, EngineError> {
        if self.backend() != Backend::Tract.to_string() || bundle.manifest().task != Task::Segment {
            return Ok(false);
        }
        let form = |index: usize| {
            let int8 = bundle.int8_paths(index).filter(|_| self.decoder_precision(index) == Some(Precision::F32));
            let Some(int8) = int8 else { return Ok(None) };
            let engine = Box::new(TractEngine::load(&int8.qop, options)?);
            Ok(Some(Loaded { engine, file: int8.qop.clone(), precision: Precision::Int8 }))
        };
        let forms = (0..self.decoder_count()).map(form).collect::<Result<Vec<_>, EngineError>>()?;
        if forms.iter().all(Option::is_none) {
            return Ok(false);
        }
        let proven = self.add_cheaper(bundle, forms).and_then(|()| {
            self.use_cheaper(true);
            self.self_test(bundle).map(drop)
        });
        self.use_cheaper(false);
        if proven.is_err() {
            self.forget_cheaper();
        }
        proven.map(|()| self.has_cheaper())
    }
}

fn on_tract(bundle: &Bundle, options: &EngineOptions) -> Result<Models, EngineError> {
    let manifest = bundle.manifest();
    let refused = |reason: &'static str| {
        Err(EngineError::Precision {
            backend: Backend::Tract,
            bundle: bundle.id(),
            precision: options.precision.unwrap_or_default(),
            reason,
        })
    };
    let measured = match options.precision {
        None => MeasuredChoice::find(bundle, options).unwrap_or_default(),
        Some(Precision::F32) => MeasuredChoice::default(),
        Some(Precision::F16) => return refused("the CPU engine computes in f32 or int8"),
        Some(Precision::Int8) if bundle.quantisation().is_none() => return refused("it has no int8 decoders"),
        Some(Precision::Int8) => MeasuredChoice::default(),
    };
    let load = |file: &Path, precision| {
        let engine = Box::new(TractEngine::load(file, options)?);
        Ok::<_, EngineError>(Loaded { engine, file: file.to_owned(), precision })
    };
    let encoder = load(bundle.encoder_path(), Precision::F32)?;
    let decoder = |(index, file): (usize, &std::path::PathBuf)| {
        let precision = options.precision.unwrap_or_else(|| measured.precision(&manifest.domains[index]));
        match bundle.int8_paths(index) {
            Some(int8) if precision == Precision::Int8 => load(&int8.qop, Precision::Int8),
            _ => load(file, Precision::F32),
        }
    };
    let decoders = bundle.decoder_paths().iter().enumerate().map(decoder).collect::<Result<_, _>>()?;
    Models::join(bundle, encoder, decoders)
}

#[cfg(feature = "tensorrt")]
fn on_tensorrt(bundle: &Bundle, options: &EngineOptions) -> Result<Models, EngineError> {
    crate::tensorrt::load_bundle(bundle, options)
}

#[cfg(not(feature = "tensorrt"))]
fn on_tensorrt(bundle: &Bundle, options: &EngineOptions) -> Result<Models, EngineError> {
    Backend::Tensorrt.available(options).and_then(|()| on_tract(bundle, options))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn a_missing_backend_names_the_remedy() {
        let error = load(Path::new("any.onnx"), Backend::Tensorrt, &EngineOptions::default()).err().unwrap();
        assert!(error.to_string().contains("--backend tract"), "{error}");
    }
}
