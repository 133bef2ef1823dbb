//! Operators that work element by element, with multidirectional broadcasting where there are two inputs.

use std::f32::consts::SQRT_2;

use crate::error::OnnxError;
use crate::graph::{Graph, Value};
use crate::shape;

impl Graph {
    /// `left + right`.
    pub fn add(&mut self, left: Value, right: Value) -> Result<Value, OnnxError> {
        self.binary("Add", left, right)
    }

    /// `left - right`.
    pub fn sub(&mut self, left: Value, right: Value) -> Result<Value, OnnxError> {
        self.binary("Sub", left, right)
    }

    /// `left * right`.
    pub fn mul(&mut self, left: Value, right: Value) -> Result<Value, OnnxError> {
        self.binary("Mul", left, right)
    }

    /// `left / right`.
    pub fn div(&mut self, left: Value, right: Value) -> Result<Value, OnnxError> {
        self.binary("Div", left, right)
    }

    /// The smaller of two values.
    pub fn min(&mut self, left: Value, right: Value) -> Result<Value, OnnxError> {
        self.binary("Min", left, right)
    }

    /// The larger of two values.
    pub fn max(&mut self, left: Value, right: Value) -> Result<Value, OnnxError> {
        self.binary("Max", left, right)
    }

    /// `max(x, 0)`.
    pub fn relu(&mut self, x: Value) -> Result<Value, OnnxError> {
        self.unary("Relu", x)
    }

    /// `1 / (1 + exp(-x))`.
    pub fn sigmoid(&mut self, x: Value) -> Result<Value, OnnxError> {
        self.unary("Sigmoid", x)
    }

    /// `tanh(x)`.
    pub fn tanh(&mut self, x: Value) -> Result<Value, OnnxError> {
        self.unary("Tanh", x)
    }

    /// `sqrt(x)`.
    pub fn sqrt(&mut self, x: Value) -> Result<Value, OnnxError> {
        self.unary("Sqrt", x)
    }

    /// `exp(x)`.
    pub fn exp(&mut self, x: Value) -> Result<Value, OnnxError> {
        self.unary("Exp", x)
    }

    /// The Gauss error function.
    pub fn erf(&mut self, x: Value) -> Result<Value, OnnxError> {
        self.unary("Erf", x)
    }

    /// The input, unchanged.
    pub fn identity(&mut self, x: Value) -> Result<Value, OnnxError> {
        self.unary("Identity", x)
    }

    /// The exact Gaussian error linear unit `x (1 + erf(x / sqrt 2)) / 2`, written as the five nodes that tract,
    /// onnxruntime and TensorRT recognise and fuse (`Gelu` as one operator needs operator set 20).
    pub fn gelu(&mut self, x: Value) -> Result<Value, OnnxError> {
        let (root, one, half) = (self.scalar(SQRT_2)?, self.scalar(1.0)?, self.scalar(0.5)?);
        let scaled = self.div(x, root)?;
        let error = self.erf(scaled)?;
        let shifted = self.add(error, one)?;
        let gated = self.mul(x, shifted)?;
        self.mul(gated, half)
    }

    fn unary(&mut self, operator: &'static str, x: Value) -> Result<Value, OnnxError> {
        let shape = self.shape_of(operator, x)?;
        self.node(operator, &[x.into()], Vec::new(), &shape)
    }

    fn binary(&mut self, operator: &'static str, left: Value, right: Value) -> Result<Value, OnnxError> {
        let shape = shape::broadcast(operator, &self.shape_of(operator, left)?, &self.shape_of(operator, right)?)?;
        self.node(operator, &[left.into(), right.into()], Vec::new(), &shape)
    }
}
