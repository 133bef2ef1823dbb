//! The left ventricle: one frame ([`Ventricle`]) and a cine ([`CineTracker`]).

pub mod beats;
pub mod cine;
pub mod quality;
pub mod ventricle;

pub use cine::{CineFrame, CineReport, CineTracker};
pub use quality::{Concern, Concerns, Grade};
pub use ventricle::{DISCS, Ventricle};
