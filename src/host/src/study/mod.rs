//! The study: systems, splits and seeds compared as independent cells on the same data.
//!
//! [`run::Study`] opens a [`StudyConfig`], an [`engine::Engine`] makes its cells, each into a folder of its own, and
//! [`run::Study::tables`] reads their records: tables and reports need nothing else.

pub mod ablation;
mod ablation_tables;
pub mod config;
pub mod degrade;
mod encoder;
pub mod engine;
pub mod explain;
pub mod figures;
mod int8;
pub mod lock;
pub mod map;
mod networks;
mod outlines;
mod painter;
pub mod paper;
pub mod plan;
mod planes;
pub mod record;
pub mod routed;
pub mod run;
pub mod split;
pub mod store;
pub mod system;
pub mod table;
mod tables;
mod work;

pub use config::StudyConfig;
pub use record::{Answer, CellKey, CellRecord, Frame};
pub use run::{Places, Study};
pub use system::System;
