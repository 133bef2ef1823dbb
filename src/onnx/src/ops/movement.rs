//! Operators that move elements without computing.

use crate::error::OnnxError;
use crate::graph::{Graph, Operand, Value};
use crate::ops::mismatch;
use crate::proto::{int, ints};
use crate::shape::{self, Shape};

impl Graph {
    /// The same elements in row-major order under another shape.
    pub fn reshape(&mut self, x: Value, shape: &[usize]) -> Result<Value, OnnxError> {
        const NAME: &str = "Reshape";
        let from = self.shape_of(NAME, x)?;
        if from.elements() != shape.elements() {
            return mismatch(NAME, &from, shape, "both shapes must have the same number of elements");
        }
        let target = shape::to_i64(NAME, shape)?;
        self.node(NAME, &[x.into(), Operand::Integers(target)], Vec::new(), shape)
    }

    /// Permutes the dimensions: dimension `i` of the result is dimension `axes[i]` of the input.
    pub fn transpose(&mut self, x: Value, axes: &[usize]) -> Result<Value, OnnxError> {
        const NAME: &str = "Transpose";
        let from = self.shape_of(NAME, x)?;
        shape::permutation(NAME, axes, from.len())?;
        let shape = axes.iter().map(|axis| from[*axis]).collect::<Vec<_>>();
        let written = axes.iter().map(|axis| *axis as i64).collect::<Vec<_>>();
        self.node(NAME, &[x.into()], vec![ints("perm", &written)], &shape)
    }

    /// Joins values along `axis`; all other dimensions must be equal.
    pub fn concat(&mut self, values: &[Value], axis: isize) -> Result<Value, OnnxError> {
        const NAME: &str = "Concat";
        let shapes = values.iter().map(|value| self.shape_of(NAME, *value)).collect::<Result<Vec<_>, _>>()?;
        let Some((first, rest)) = shapes.split_first() else {
            return mismatch(NAME, &[], &[], "at least one input is needed");
        };
        let axis = shape::axis(NAME, axis, first.len())?;
        let mut shape = first.clone();
        for other in rest {
            let fits = other.len() == first.len()
                && other.iter().zip(first).enumerate().all(|(index, (a, b))| index == axis || a == b);
            if !fits {
                return mismatch(NAME, first, other, "all dimensions but the joined one must be equal");
            }
            shape[axis] += other[axis];
        }
        let operands = values.iter().map(|value| Operand::Value(*value)).collect::<Vec<_>>();
        self.node(NAME, &operands, vec![int("axis", axis as i64)], &shape)
    }

    /// The elements `start..end` along `axis`.
    pub fn slice(&mut self, x: Value, axis: isize, start: usize, end: usize) -> Result<Value, OnnxError> {
        const NAME: &str = "Slice";
        let mut shape = self.shape_of(NAME, x)?;
        let axis = shape::axis(NAME, axis, shape.len())?;
        if start >= end || end > shape[axis] {
            return Err(OnnxError::Parameter {
                operator: NAME.to_owned(),
                parameter: "range",
                found: format!("{start}..{end}"),
                expected: format!("a range inside 0..{} that is not empty", shape[axis]),
            });
        }
        shape[axis] = end - start;
        let operands = [start, end, axis].map(|number| Operand::Integers(vec![number as i64]));
        let [start, end, axis] = operands;
        self.node(NAME, &[x.into(), start, end, axis], Vec::new(), &shape)
    }

    /// The elements with the given indices along `axis`, in that order.
    pub fn gather(&mut self, x: Value, indices: &[usize], axis: isize) -> Result<Value, OnnxError> {
        const NAME: &str = "Gather";
        let mut shape = self.shape_of(NAME, x)?;
        let axis = shape::axis(NAME, axis, shape.len())?;
        if indices.is_empty() || indices.iter().any(|index| *index >= shape[axis]) {
            return Err(OnnxError::Parameter {
                operator: NAME.to_owned(),
                parameter: "indices",
                found: format!("{indices:?}"),
                expected: format!("at least one, each below {}", shape[axis]),
            });
        }
        shape[axis] = indices.len();
        let constant = Operand::Integers(indices.iter().map(|index| *index as i64).collect());
        self.node(NAME, &[x.into(), constant], vec![int("axis", axis as i64)], &shape)
    }
}
