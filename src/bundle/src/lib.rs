//! Model bundles: manifest, hashes, domain statistics, golden self-test and the one preprocessing implementation.
//!
//! A bundle is a folder `models/<name>/` with a manifest `bundle.toml`, an encoder, one decoder per quality domain, a
//! golden picture with its expected values and a model card; the domain statistics lie in `calibration/<name>.toml` inside
//! the bundle or beside `models/`. [`Bundle::open`] verifies all of it and refuses what does not fit, naming the file, what
//! was expected, what was found and the remedy. [`Preprocessor`] turns frames into the encoder's input, for the host
//! program's training and calibration and for the device alike.

mod bundle;
mod cells;
pub mod crop;
mod cropper;
mod digest;
mod error;
pub mod fan;
mod files;
mod floats;
mod geometry;
mod golden;
mod hull;
mod manifest;
mod netpbm;
mod parity;
mod preprocess;
mod quantisation;
mod resample;
mod spec;
mod statistics;
mod strict;
mod validate;

pub use bundle::{Bundle, Int8Paths};
pub use cropper::CropFinder;
pub use digest::{Digest, DigestError};
pub use error::BundleError;
pub use floats::Floats;
pub use geometry::{Mapping, Rect};
pub use golden::{GOLDEN_EXPECTED, GOLDEN_INPUT, GOLDEN_VALUES, Golden, GoldenDecoder, GoldenExpected};
pub use manifest::{
    DecoderSpec, EncoderSpec, FileSpec, GateSpec, GoldenSpec, HysteresisSpec, Int8Spec, MANIFEST_FILE, Manifest,
    Provenance, RoutingMode, RoutingSpec, SCHEMA_VERSION, Task,
};
pub use parity::{Breach, Parity, ParityLimits};
pub use preprocess::{PreprocessError, Preprocessed, Preprocessor};
pub use quantisation::{CalibrationMethod, Comparison, DecoderQuantisation, Quantisation, TensorRange};
pub use spec::{Colour, Crop, Filter, Fit, InputSpec, MAX_INPUT_CHANNELS, MAX_INPUT_SIDE};
pub use statistics::{DomainStatistics, NoveltyStatistics, PIXEL_ENTRIES, Statistics, Thresholds, VectorStatistics};
