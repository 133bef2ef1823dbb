//! Doing beforehand what the first start would otherwise do: building plans, judging them, measuring choices.

use std::time::{Duration, Instant};

use ushydra_bundle::{Bundle, Parity, ParityLimits};

use crate::choice::MeasuredChoice;
use crate::error::EngineError;
use crate::models::Models;
use crate::options::{Backend, EngineOptions};
use crate::parity::{Comparison, GoldenVariants};
use crate::precision::Precision;

/// Adds pictures to a comparison, beside those that every bundle carries.
pub type Pictures<'a> = &'a mut dyn FnMut(&mut Comparison<'_>) -> Result<(), EngineError>;

/// What was prepared for one bundle and backend.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Name of the backend.
    pub backend: &'static str,
    /// Precisions in words, see [`Models::precisions`].
    pub precisions: String,
    /// Against tract in f32; none where nothing but tract in f32 was prepared.
    pub parity: Option<Parity>,
    /// Times of the int8 decoders on tract; none for TensorRT.
    pub choice: Option<MeasuredChoice>,
    /// How long it took.
    pub time: Duration,
}

/// Prepares `bundle` for `backend`, so that [`Models::load`] finds everything. On TensorRT plans are built and judged against
/// tract on the golden picture's variants and on `pictures`; on tract int8 decoders are judged likewise and timed.
///
/// # Errors
/// Those of [`Models::load`]; [`EngineError::Parity`] leaves nothing behind that a later load would take.
pub fn prepare(
    bundle: &Bundle,
    backend: Backend,
    options: &EngineOptions,
    pictures: Pictures<'_>,
) -> Result<Prepared, EngineError> {
    let begin = Instant::now();
    let load_in = |precision| {
        let options = EngineOptions { precision: Some(precision), ..options.clone() };
        Models::load(bundle, Backend::Tract, &options)
    };
    let (models, parity, choice) = match backend {
        #[cfg(feature = "tensorrt")]
        Backend::Tensorrt => {
            let (models, parity) = crate::tensorrt::prepare(bundle, options, pictures)?;
            (models, Some(parity), None)
        }
        #[cfg(not(feature = "tensorrt"))]
        Backend::Tensorrt => return Err(backend.available(options).err().unwrap_or(EngineError::NotEncoded)),
        Backend::Auto | Backend::Tract => {
            let judged = bundle.quantisation().is_some() && options.precision != Some(Precision::F32);
            let (parity, choice) = if judged {
                let [mut f32, mut int8] = [load_in(Precision::F32)?, load_in(Precision::Int8)?];
                let what = (Backend::Tract, Precision::Int8);
                let parity = judge(bundle, &mut f32, &mut int8, what, pictures)?;
                (Some(parity), Some(MeasuredChoice::measure(bundle, options, &mut f32, &mut int8)?))
            } else {
                (None, None)
            };
            (Models::load(bundle, Backend::Tract, options)?, parity, choice)
        }
    };
    let (backend, precisions) = (models.backend(), models.precisions());
    Ok(Prepared { backend, precisions, parity, choice, time: begin.elapsed() })
}

/// Compares `candidate` with `reference`, tract in f32, and refuses it where it differs too much.
pub(crate) fn judge(
    bundle: &Bundle,
    reference: &mut Models,
    candidate: &mut Models,
    (backend, precision): (Backend, Precision),
    pictures: Pictures<'_>,
) -> Result<Parity, EngineError> {
    let mut comparison = Comparison::new(bundle, reference, candidate)?;
    GoldenVariants::of(bundle)?.each(bundle, |frame| comparison.add(frame))?;
    pictures(&mut comparison)?;
    let parity = comparison.finish();
    log::info!("{} on {backend} in {precision}: {parity}", bundle.id());
    check(bundle, backend, precision, &parity)?;
    Ok(parity)
}

/// The parity gate.
pub(crate) fn check(
    bundle: &Bundle,
    backend: Backend,
    precision: Precision,
    parity: &Parity,
) -> Result<(), EngineError> {
    parity.check(bundle.manifest().task, &ParityLimits::default()).map_err(|breach| EngineError::Parity {
        bundle: bundle.id(),
        backend,
        precision,
        breach,
        parity: parity.clone(),
    })
}
