//! Model bundles: manifest, hashes, domain statistics, golden self-test and the one preprocessing implementation.
//!
//! A bundle is a folder `models/<name>/` with a manifest `bundle.toml`, an encoder, one decoder per quality domain, a
//! golden picture with its expected values and a model card; the domain statistics lie in `calibration/<name>.toml` inside
//! the bundle or beside `models/`. [`Bundle::open`] verifies all of it and refuses what does not fit, naming the file, what
//! was expected, what was found and the remedy. [`Preprocessor`] turns frames into the encoder's input, for the host
//! program's training and calibration and for the device alike.
//!
//! A bundle may be signed ([`Signature`], [`TrustedKeys`]) and installed into a [`Store`], which keeps two slots per bundle and
//! switches between them atomically.

mod bundle;
mod cells;
pub mod crop;
mod cropper;
mod day;
mod digest;
mod error;
pub mod fan;
mod files;
mod floats;
mod geometry;
mod golden;
mod hull;
mod keys;
mod manifest;
mod netpbm;
mod parcel;
mod parity;
mod preprocess;
mod quantisation;
mod resample;
mod signature;
mod spec;
mod statistics;
mod stick;
mod store;
mod strict;
mod trust;
mod validate;

pub use bundle::{Bundle, Int8Paths};
pub use cropper::CropFinder;
pub use day::{Clock, Day, DayError};
pub use digest::{Digest, DigestError};
pub use error::BundleError;
pub use floats::Floats;
pub use geometry::{Mapping, Rect};
pub use golden::{GOLDEN_EXPECTED, GOLDEN_INPUT, GOLDEN_VALUES, Golden, GoldenDecoder, GoldenExpected};
pub use keys::{KeyId, PUBLIC_ENDING, PublicKey, SecretKey};
pub use manifest::{
    DecoderSpec, EncoderSpec, FileSpec, GateSpec, GoldenSpec, HysteresisSpec, Int8Spec, MANIFEST_FILE, Manifest,
    Provenance, RoutingMode, RoutingSpec, SCHEMA_VERSION, Task,
};
pub use parcel::{MAX_BUNDLE, Parcel};
pub use parity::{Breach, Parity, ParityLimits};
pub use preprocess::{PreprocessError, Preprocessed, Preprocessor};
pub use quantisation::{CalibrationMethod, Comparison, DecoderQuantisation, Quantisation, TensorRange};
pub use signature::{SIGNATURE_FILE, Signature, sign_copy};
pub use spec::{Colour, Crop, Filter, Fit, InputSpec, MAX_INPUT_CHANNELS, MAX_INPUT_SIDE};
pub use statistics::{DomainStatistics, NoveltyStatistics, PIXEL_ENTRIES, Statistics, Thresholds, VectorStatistics};
pub use stick::{MAX_STICK_DEPTH, find_bundles};
pub use store::{Disk, FileSystem, Installed, Offer, Opened, Request, Slot, Store};
pub use trust::{Signed, Signer, TrustedKeys};
