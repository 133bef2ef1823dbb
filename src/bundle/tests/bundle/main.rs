//! Bundles on disk and the preprocessing, from the outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test stops")]

mod broken;
mod crop;
mod cuts;
mod fan;
mod fixture;
mod int8;
mod model_disk;
mod open;
mod preprocess;
mod signature;
mod stock;
mod store;
