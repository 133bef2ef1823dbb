//! int8 decoders.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod forms;
mod program;
