//! Arithmetic on static shapes.

use crate::error::OnnxError;

/// Largest dimension that every runtime accepts.
const MAX_DIMENSION: usize = i32::MAX as usize;

/// What the operators ask of a shape.
pub(crate) trait Shape {
    /// Number of elements; `None` where the product overflows.
    fn elements(&self) -> Option<usize>;
}

impl Shape for [usize] {
    fn elements(&self) -> Option<usize> {
        self.iter().try_fold(1_usize, |product, dimension| product.checked_mul(*dimension))
    }
}

/// The dimensions as ONNX writes them; every one must lie in 1..2^31.
pub(crate) fn to_i64(name: &str, shape: &[usize]) -> Result<Vec<i64>, OnnxError> {
    shape
        .iter()
        .map(|&found| match i64::try_from(found) {
            Ok(dimension) if (1..=MAX_DIMENSION).contains(&found) => Ok(dimension),
            _ => Err(OnnxError::Dimension { name: name.to_owned(), found }),
        })
        .collect()
}

/// Multidirectional broadcasting: shapes are aligned at their last dimension and a dimension of 1 stretches.
pub(crate) fn broadcast(operator: &str, left: &[usize], right: &[usize]) -> Result<Vec<usize>, OnnxError> {
    let rank = left.len().max(right.len());
    let at = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |index| shape[index]);
    (0..rank)
        .map(|axis| match (at(left, axis), at(right, axis)) {
            (a, b) if a == b || b == 1 => Ok(a),
            (1, b) => Ok(b),
            _ => Err(OnnxError::Shapes {
                operator: operator.to_owned(),
                left: left.to_vec(),
                right: right.to_vec(),
                reason: "aligned at the last dimension, sizes must be equal or 1".to_owned(),
            }),
        })
        .collect()
}

/// An axis in `-rank..rank`, counted from the end where negative.
pub(crate) fn axis(operator: &str, axis: isize, rank: usize) -> Result<usize, OnnxError> {
    let absolute = if axis < 0 { rank.checked_sub(axis.unsigned_abs()) } else { Some(axis.unsigned_abs()) };
    absolute.filter(|index| *index < rank).ok_or_else(|| OnnxError::Parameter {
        operator: operator.to_owned(),
        parameter: "axis",
        found: axis.to_string(),
        expected: format!("-{rank} to {} for an input of {rank} dimensions", rank.saturating_sub(1)),
    })
}

/// The axes must be a permutation of `0..rank`.
pub(crate) fn permutation(operator: &str, axes: &[usize], rank: usize) -> Result<(), OnnxError> {
    let mut sorted = axes.to_vec();
    sorted.sort_unstable();
    if sorted.iter().copied().eq(0..rank) {
        return Ok(());
    }
    Err(OnnxError::Parameter {
        operator: operator.to_owned(),
        parameter: "axes",
        found: format!("{axes:?}"),
        expected: format!("each of 0 to {} once", rank.saturating_sub(1)),
    })
}
