//! The models of a bundle on the GPU, behind the parity gate.

use std::path::Path;
use std::sync::Arc;

use ushydra_bundle::{Bundle, Parity};

use super::Gpu;
use super::plan::Planner;
use crate::cache::{PlanKey, name_of};
use crate::error::EngineError;
use crate::models::{Loaded, Models};
use crate::options::{Backend, EngineOptions};
use crate::precision::Precision;
use crate::prepare::{Pictures, check, judge};

/// Loads `bundle` in the precision asked for, or in the lowest that passes the parity gate. Figures of an earlier comparison of the
/// same plans count; without any, the golden picture's variants are compared.
pub(crate) fn load_bundle(bundle: &Bundle, options: &EngineOptions) -> Result<Models, EngineError> {
    first_that_passes(bundle, options, |models, keys, precision| {
        let record = parity_record(bundle, keys);
        match options.cache.record::<Parity>(&record) {
            Some(parity) => check(bundle, Backend::Tensorrt, precision, &parity),
            None => compare(bundle, models, &record, precision, options, &mut |_| Ok(())).map(drop),
        }
    })
    .map(|(models, ())| models)
}

/// [`load_bundle`], but compares anew, on `pictures` as well.
pub(crate) fn prepare(
    bundle: &Bundle,
    options: &EngineOptions,
    pictures: Pictures<'_>,
) -> Result<(Models, Parity), EngineError> {
    first_that_passes(bundle, options, |models, keys, precision| {
        compare(bundle, models, &parity_record(bundle, keys), precision, options, pictures)
    })
}

/// Loads in one precision after the other until `gate` passes one.
fn first_that_passes<T>(
    bundle: &Bundle,
    options: &EngineOptions,
    mut gate: impl FnMut(&mut Models, &[PlanKey], Precision) -> Result<T, EngineError>,
) -> Result<(Models, T), EngineError> {
    let quantised = bundle.quantisation().is_some();
    let candidates = match options.precision {
        Some(Precision::Int8) if !quantised => {
            return Err(EngineError::Precision {
                backend: Backend::Tensorrt,
                bundle: bundle.id(),
                precision: Precision::Int8,
                reason: "it has no int8 decoders",
            });
        }
        Some(precision) => vec![precision],
        None if quantised => vec![Precision::Int8, Precision::F16, Precision::F32],
        None => vec![Precision::F16, Precision::F32],
    };
    let gpu = Arc::new(Gpu::open(options)?);
    let planner = Planner::new(&gpu, options);
    let mut refusal = EngineError::NotEncoded;
    for precision in candidates {
        let (mut models, keys) = load_in(bundle, &planner, precision)?;
        match gate(&mut models, &keys, precision) {
            Ok(value) => return Ok((models, value)),
            Err(error @ EngineError::Parity { .. }) => {
                log::warn!("{error}");
                refusal = error;
            }
            Err(error) => return Err(error),
        }
    }
    Err(refusal)
}

fn load_in(
    bundle: &Bundle,
    planner: &Planner<'_>,
    precision: Precision,
) -> Result<(Models, Vec<PlanKey>), EngineError> {
    let mut keys = Vec::new();
    let mut load = |file: &Path, precision| {
        let inside = file.strip_prefix(bundle.root()).unwrap_or(file);
        let source = format!("{}/{}", bundle.manifest().name, inside.display());
        let planned = planner.plan(file, &source, precision)?;
        keys.push(planned.key);
        Ok::<_, EngineError>(Loaded { engine: Box::new(planned.engine), file: file.to_owned(), precision })
    };
    // Eight bits are for the decoders; the encoder decides on routing.
    let float = precision.min(Precision::F16);
    let encoder = load(bundle.encoder_path(), float)?;
    let mut decoders = Vec::new();
    for (index, file) in bundle.decoder_paths().iter().enumerate() {
        decoders.push(match bundle.int8_paths(index) {
            Some(int8) if precision == Precision::Int8 => load(&int8.qdq, Precision::Int8)?,
            _ => load(file, float)?,
        });
    }
    Ok((Models::join(bundle, encoder, decoders)?, keys))
}

/// Compares, and keeps the figures whether they pass or not: a backend that failed is refused at once the next time.
fn compare(
    bundle: &Bundle,
    models: &mut Models,
    record: &str,
    precision: Precision,
    options: &EngineOptions,
    pictures: Pictures<'_>,
) -> Result<Parity, EngineError> {
    let with_f32 = EngineOptions { precision: Some(Precision::F32), ..options.clone() };
    let mut reference = Models::load(bundle, Backend::Tract, &with_f32)?;
    let judged = judge(bundle, &mut reference, models, (Backend::Tensorrt, precision), pictures);
    match &judged {
        Ok(parity) | Err(EngineError::Parity { parity, .. }) => options.cache.store_record(record, parity),
        Err(_) => {}
    }
    judged
}

/// Name of the figures of exactly these plans.
fn parity_record(bundle: &Bundle, keys: &[PlanKey]) -> String {
    format!("parity-{}", name_of(&format!("{} {keys:?}", bundle.id())))
}
