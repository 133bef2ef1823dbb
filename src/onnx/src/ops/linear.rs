//! Matrix products.

use crate::error::OnnxError;
use crate::graph::{Graph, Operand, Value};
use crate::ops::{mismatch, rank};
use crate::proto::int;
use crate::shape;

impl Graph {
    /// Product of the last two dimensions, `[.., m, k] x [.., k, n] -> [.., m, n]`; the dimensions before them are
    /// broadcast. Both inputs need two dimensions or more.
    pub fn matmul(&mut self, left: Value, right: Value) -> Result<Value, OnnxError> {
        const NAME: &str = "MatMul";
        let (a, b) = (self.shape_of(NAME, left)?, self.shape_of(NAME, right)?);
        let (([a_batch @ .., m, k], [b_batch @ .., k2, n]), true) = ((&a[..], &b[..]), a.len() > 1 && b.len() > 1)
        else {
            return mismatch(NAME, &a, &b, "both need at least two dimensions");
        };
        if k != k2 {
            return mismatch(NAME, &a, &b, "columns of the left must equal rows of the right");
        }
        let mut shape = shape::broadcast(NAME, a_batch, b_batch)?;
        shape.extend([*m, *n]);
        self.node(NAME, &[left.into(), right.into()], Vec::new(), &shape)
    }

    /// A fully connected layer `x W + b` with `W` as `[inputs, outputs]` (PyTorch stores its transpose, see
    /// [`Graph::gemm`]) and `b` as `[outputs]`. `x` is `[.., inputs]`.
    pub fn linear(&mut self, x: Value, weight: Value, bias: Option<Value>) -> Result<Value, OnnxError> {
        let product = self.matmul(x, weight)?;
        match bias {
            Some(bias) => self.add(product, bias),
            None => Ok(product),
        }
    }

    /// `A B + C` of matrices, each of `A` and `B` transposed first where asked: a PyTorch layer's `[outputs, inputs]`
    /// weight is `B` with `transpose_b`. `C` must broadcast to the result.
    pub fn gemm(
        &mut self,
        a: Value,
        b: Value,
        c: Option<Value>,
        transpose_a: bool,
        transpose_b: bool,
    ) -> Result<Value, OnnxError> {
        const NAME: &str = "Gemm";
        let (a_shape, b_shape) = (self.shape_of(NAME, a)?, self.shape_of(NAME, b)?);
        rank(NAME, "first matrix", &a_shape, &[2], "two dimensions")?;
        rank(NAME, "second matrix", &b_shape, &[2], "two dimensions")?;
        let pick = |shape: &[usize], transposed: bool| match transposed {
            false => (shape[0], shape[1]),
            true => (shape[1], shape[0]),
        };
        let ((m, k), (k2, n)) = (pick(&a_shape, transpose_a), pick(&b_shape, transpose_b));
        if k != k2 {
            return mismatch(NAME, &a_shape, &b_shape, "inner sizes must be equal after the transpositions asked for");
        }
        let addend = match c {
            None => Operand::Absent,
            Some(c) => {
                let c_shape = self.shape_of(NAME, c)?;
                if shape::broadcast(NAME, &c_shape, &[m, n])? != [m, n] {
                    return mismatch(NAME, &c_shape, &[m, n], "the third input must broadcast to the product");
                }
                c.into()
            }
        };
        let attributes = vec![int("transA", i64::from(transpose_a)), int("transB", i64::from(transpose_b))];
        let mut operands = vec![a.into(), b.into()];
        if matches!(addend, Operand::Value(_)) {
            operands.push(addend);
        }
        self.node(NAME, &operands, attributes, &[m, n])
    }
}
