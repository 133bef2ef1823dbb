//! Bundles on disk and the preprocessing, from the outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test stops")]

mod broken;
mod crop;
mod fan;
mod fixture;
mod int8;
mod open;
mod preprocess;
