//! TensorRT against the fake libraries of `tensorrt-fake`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod building;
mod driver;
mod graphs;
mod lifecycle;
mod memory;
mod plans;
mod support;
mod versions;
