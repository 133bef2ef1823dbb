//! From a mask to numbers: clean-up, ellipse, fetal biometry with gestational age, and the left ventricle over a cine.
//!
//! The way of a frame: logits of the decoder -> [`Smoother`] (cine only) -> [`Upsampler`] (a [`Mask`] in source pixels)
//! -> [`Cleaner`] (largest component, holes filled) -> [`fit_ellipse`] -> [`fetal`] or [`heart`].
//!
//! Coordinates are continuous: pixel (i, j) covers `[i, i + 1) x [j, j + 1)`, its centre is at (i + 0.5, j + 0.5); x grows to
//! the right, y downwards. Lengths are in the unit of the [`Spacing`]: millimetres where the spacing is known, else pixels.
//! Scratch buffers live in the structs, so nothing on the frame path allocates once a size has been seen.
//!
//! The figures support a trained reader. They are no diagnosis.

pub mod clean;
pub mod confidence;
pub mod ellipse;
mod error;
pub mod fetal;
pub mod heart;
pub mod mask;
pub mod sample;
pub mod smooth;

pub use clean::Cleaner;
pub use confidence::{foreground_confidence, sigmoid};
pub use ellipse::{Ellipse, Spacing, fit_ellipse, fit_ellipse_mm};
pub use error::MeasureError;
pub use mask::Mask;
pub use sample::{PlainRect, Upsampler, sample_mask};
pub use smooth::Smoother;
