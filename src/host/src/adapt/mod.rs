//! A new domain in the field: from a finished bundle and a small folder of new images to a bundle with one domain and decoder
//! more. The pictures that trained the bundle are not needed; what cannot be known without them is said where it matters.

mod check;
pub mod config;
pub mod decoder;
pub mod figures;
pub mod images;
pub mod judge;
mod masks;
mod observe;
pub mod report;
pub mod run;
pub mod text;
mod work;
pub mod write;

pub use config::AdaptConfig;
pub use figures::Figures;
pub use images::{ImageSource, Images};
pub use masks::MaskFigures;
pub use report::{Adaptation, Outcome};
pub use run::{Plan, Request, plan};
