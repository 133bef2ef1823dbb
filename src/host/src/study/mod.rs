//! The study: systems, splits and seeds compared as independent cells on the same data.

pub mod engine;
pub mod record;

pub use record::{Answer, CellKey, CellRecord, Frame};
