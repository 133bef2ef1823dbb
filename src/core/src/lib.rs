//! The method of USHydra without an operating system: frame geometry, moments, domain statistics, disparity, router,
//! gate and hysteresis. Equations (3) to (12) of the article "Cross-domain dynamic routing decoders for multi-domain
//! generalization in ultrasound imaging" (QIMS 2025) live here once; calibration on the host and inference on the device
//! call the same functions.
//!
//! The crate is `no_std`, never allocates and knows neither engines nor files nor threads. Buffers whose size depends
//! on the model (the whitening projection) belong to the caller and are borrowed through [`AsRef`].
#![no_std]

pub mod domain;
pub mod frame;
pub mod gate;
pub mod hysteresis;
pub mod moments;
pub mod quality;
pub mod router;
pub mod vector;

pub use domain::{DomainError, DomainName, DomainTable, Metric, ScalarStatistics, MAX_DOMAINS};
pub use frame::{FrameError, FrameGeometry, FrameView, PixelFormat};
pub use gate::{Gate, Verdict};
pub use hysteresis::Hysteresis;
pub use moments::{channel_moments, Moments, MomentsError, PixelSums};
pub use quality::{Quality, QualityError, MAX_CHANNELS};
pub use router::{Decision, RouteError, Router};
pub use vector::{VectorError, VectorSpace, MAX_COMPONENTS, MAX_FEATURES};
