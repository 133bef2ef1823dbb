//! Choosing backend and precision for a whole bundle.

use ushydra_bundle::Bundle;

use crate::choice::MeasuredChoice;
use crate::error::EngineError;
use crate::models::{Loaded, Models};
use crate::options::{Backend, EngineOptions};
use crate::precision::Precision;
use crate::tract::TractEngine;

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
            Backend::Auto if Backend::Tensorrt.available(options).is_err() => on_tract(bundle, options),
            Backend::Auto => on_tensorrt(bundle, options).or_else(|error| {
                log::warn!("{error}; the CPU runs {} instead", bundle.id());
                on_tract(bundle, options)
            }),
        }
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
    let load = |file: &std::path::Path, precision| {
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
