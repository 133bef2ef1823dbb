//! Why one frame could not be judged.

use thiserror::Error;
use ushydra_bundle::PreprocessError;
use ushydra_core::{FrameError, MomentsError, QualityError, RouteError};
use ushydra_engine::EngineError;
use ushydra_measure::MeasureError;

use crate::routing::OracleError;

/// A frame without a result. Only [`FrameFault::Engine`] says that further frames have no better chance.
#[derive(Debug, Error)]
pub enum FrameFault {
    /// Data and geometry disagree.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Preprocessing refused.
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    /// Features without moments.
    #[error(transparent)]
    Moments(#[from] MomentsError),
    /// Pixel moments of too many channels.
    #[error(transparent)]
    Quality(#[from] QualityError),
    /// The router refused.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The mask could not be brought to the frame's size.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// The oracle does not know the frame's file.
    #[error(transparent)]
    Oracle(#[from] OracleError),
    /// A model answered this frame with something that is no number.
    #[error(transparent)]
    Answer(EngineError),
    /// An engine call failed.
    #[error(transparent)]
    Engine(EngineError),
    /// A decoder answered with no number.
    #[error("decoder output {index} is NaN or infinite; check the bundle with `ushydra bundle verify`")]
    Logits {
        /// Position of the first such value.
        index: usize,
    },
}

impl From<EngineError> for FrameFault {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NonFinite { .. } => Self::Answer(error),
            other => Self::Engine(other),
        }
    }
}
