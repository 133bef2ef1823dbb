//! The operators: methods of [`Graph`](crate::Graph), one file per kind.

mod conv;
mod elementwise;
mod linear;
mod movement;
mod norm;
mod quantised;
mod reduce;

pub use conv::{Conv2d, ConvTranspose2d, Pool2d, ResizeMode};
pub use quantised::ConvScales;

use crate::error::OnnxError;

/// Refuses a rank outside `allowed`, which `expected` says in words.
pub(crate) fn rank(
    operator: &str,
    role: &'static str,
    shape: &[usize],
    allowed: &[usize],
    expected: &'static str,
) -> Result<(), OnnxError> {
    if allowed.contains(&shape.len()) {
        return Ok(());
    }
    Err(OnnxError::Rank { operator: operator.to_owned(), role, expected, found: shape.to_vec() })
}

/// Refuses two shapes for the reason given.
pub(crate) fn mismatch<T>(operator: &str, left: &[usize], right: &[usize], reason: &str) -> Result<T, OnnxError> {
    Err(OnnxError::Shapes {
        operator: operator.to_owned(),
        left: left.to_vec(),
        right: right.to_vec(),
        reason: reason.to_owned(),
    })
}
