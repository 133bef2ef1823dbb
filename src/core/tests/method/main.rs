//! The method as a whole: tables, properties, references and the golden file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test stops")]

mod frame_and_gate;
mod golden;
mod hysteresis;
mod moments;
mod quality;
mod router;
mod vector;
