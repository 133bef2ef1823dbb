//! Tests of the file sources. Every file is made here; only the demo cine is real.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test that fails may panic, and explains itself by its name"
)]

mod avi;
mod camera;
mod conformance;
mod demo;
mod dicom;
mod fixtures;
mod jpeg;
mod pictures;
mod replay;
mod robust;
mod volumes;
