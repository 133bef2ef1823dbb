//! Segmentation bundles: recipe, prepared pictures, the two training stages, statistics, evaluation and export.

mod blend;
pub(crate) mod canvas;
pub mod data;
pub mod device;
pub mod evaluate;
pub mod export;
pub mod figures;
pub mod judge;
pub(crate) mod level;
pub mod loss;
pub(crate) mod prepare;
pub mod recipe;
pub mod run;
pub(crate) mod schedule;
pub mod stage;
mod start;
pub mod train;
pub(crate) mod view;

pub use data::SegmentData;
pub use device::ComputeDevice;
pub use recipe::SegmentRecipe;
pub use run::SegmentRun;
