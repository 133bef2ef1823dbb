//! The method of USHydra without an operating system: frame geometry, moments, domain statistics, disparity, router,
//! gate and hysteresis. Equations (3) to (12) of the article "Cross-domain dynamic routing decoders for multi-domain
//! generalization in ultrasound imaging" (QIMS 2025) live here once; calibration on the host and inference on the device
//! call the same functions.
//!
//! The crate is `no_std`, never allocates and knows neither engines nor files nor threads. The feature `simd` (on by
//! default) picks AVX2 loops at run time where the processor has them; the results are the same bits without it.
//! Buffers whose size depends
//! on the model (the whitening projection) belong to the caller and are borrowed through [`AsRef`].
#![no_std]

pub mod domain;
pub mod frame;
pub mod gate;
pub mod hysteresis;
pub mod moments;
pub mod novelty;
pub mod pixels;
pub mod quality;
pub mod router;
pub mod simd;
pub mod vector;

pub use domain::{DomainError, DomainName, DomainTable, MAX_DOMAINS, Metric, ScalarStatistics};
pub use frame::{FrameError, FrameGeometry, FrameView, PixelFormat};
pub use gate::{Gate, Verdict};
pub use hysteresis::Hysteresis;
pub use moments::{Moments, MomentsError, channel_moments};
pub use novelty::{MAX_PROTOTYPES, Novelty, NoveltyError};
pub use pixels::PixelSums;
pub use quality::{MAX_CHANNELS, Quality, QualityError};
pub use router::{Decision, RouteError, Router};
pub use vector::{MAX_COMPONENTS, MAX_FEATURES, VectorError, VectorSpace};
