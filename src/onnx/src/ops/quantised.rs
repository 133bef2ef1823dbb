//! Operators of int8 graphs: symmetric, all zero points 0, all scales constants.
//!
//! A real number `r` is stored as `q = clamp(round(r / scale), -128, 127)`, halves to even, and read back as `q scale`.

use tract_onnx::pb::tensor_proto::DataType;

use crate::error::OnnxError;
use crate::graph::{Element, Graph, Operand, Value};
use crate::ops::{Conv2d, mismatch, rank};
use crate::proto::int;
use crate::tensor;

impl Graph {
    /// Adds a constant int8 tensor. `data` is row-major.
    pub fn int8_weight(&mut self, name: &str, shape: &[usize], data: &[i8]) -> Result<Value, OnnxError> {
        Ok(self.constant(tensor::i8_tensor(name, shape, data)?, shape, Element::I8))
    }

    /// Adds a constant i32 tensor. `data` is row-major.
    pub fn int32_weight(&mut self, name: &str, shape: &[usize], data: &[i32]) -> Result<Value, OnnxError> {
        Ok(self.constant(tensor::i32_tensor(name, shape, data)?, shape, Element::I32))
    }

    /// `QuantizeLinear`: int8 of an f32 value.
    pub fn quantise(&mut self, x: Value, scale: f32) -> Result<Value, OnnxError> {
        const NAME: &str = "QuantizeLinear";
        let shape = self.shape_of(NAME, x)?;
        self.expect(NAME, x, Element::F32)?;
        let operands = [x.into(), self.scale(NAME, scale)?.into(), self.zero_point(None)?.into()];
        self.typed_node(NAME, &operands, Vec::new(), &shape, Element::I8)
    }

    /// `DequantizeLinear`: f32 of an int8 value.
    pub fn dequantise(&mut self, x: Value, scale: f32) -> Result<Value, OnnxError> {
        const NAME: &str = "DequantizeLinear";
        let shape = self.shape_of(NAME, x)?;
        self.expect(NAME, x, Element::I8)?;
        let operands = [x.into(), self.scale(NAME, scale)?.into(), self.zero_point(None)?.into()];
        self.typed_node(NAME, &operands, Vec::new(), &shape, Element::F32)
    }

    /// `DequantizeLinear` of a weight with one scale per entry of dimension `axis`.
    pub fn dequantise_weight(
        &mut self,
        name: &str,
        weight: Value,
        scales: &[f32],
        axis: usize,
    ) -> Result<Value, OnnxError> {
        const NAME: &str = "DequantizeLinear";
        let shape = self.shape_of(NAME, weight)?;
        self.expect(NAME, weight, Element::I8)?;
        if shape.get(axis) != Some(&scales.len()) {
            return mismatch(NAME, &shape, &[scales.len()], "there must be one scale per entry of the axis");
        }
        scales.iter().try_for_each(|scale| positive(NAME, *scale))?;
        let scales = self.weight(&format!("{name}.scales"), &[scales.len()], scales)?;
        let zeros = self.zero_point(Some(self.shape_of(NAME, scales)?[0]))?;
        let operands = [weight.into(), scales.into(), zeros.into()];
        self.typed_node(NAME, &operands, vec![int("axis", axis as i64)], &shape, Element::F32)
    }

    /// `QLinearConv`: convolution of int8 `x` with an int8 kernel and an i32 bias in units of the product of both scales; the result
    /// is int8.
    pub fn qlinear_conv(
        &mut self,
        x: Value,
        kernel: Value,
        bias: Value,
        scales: ConvScales<'_>,
        parameters: Conv2d,
    ) -> Result<Value, OnnxError> {
        const NAME: &str = "QLinearConv";
        let (input, weight) = (self.shape_of(NAME, x)?, self.shape_of(NAME, kernel)?);
        let shape = parameters.shape(NAME, &input, &weight)?;
        self.expect(NAME, x, Element::I8)?;
        self.expect(NAME, kernel, Element::I8)?;
        self.expect(NAME, bias, Element::I32)?;
        let found = self.shape_of(NAME, bias)?;
        if found != [weight[0]] {
            return mismatch(NAME, &found, &[weight[0]], "the bias must have one entry per output channel");
        }
        let zero = self.zero_point(None)?;
        let (kernel_scale, kernel_zero) = match scales.kernel {
            [one] => (self.scale(NAME, *one)?, zero),
            many if many.len() == weight[0] => {
                many.iter().try_for_each(|scale| positive(NAME, *scale))?;
                (self.weight("scales", &[many.len()], many)?, self.zero_point(Some(many.len()))?)
            }
            many => return mismatch(NAME, &weight, &[many.len()], "there must be 1 kernel scale or one per channel"),
        };
        let (input_scale, output_scale) = (self.scale(NAME, scales.input)?, self.scale(NAME, scales.output)?);
        let operands =
            [x, input_scale, zero, kernel, kernel_scale, kernel_zero, output_scale, zero, bias].map(Operand::Value);
        self.typed_node(NAME, &operands, parameters.attributes([weight[2], weight[3]]), &shape, Element::I8)
    }

    /// `MatMulInteger`: the i32 product of int8 matrices `[m, k] x [k, n]`.
    pub fn matmul_integer(&mut self, left: Value, right: Value) -> Result<Value, OnnxError> {
        const NAME: &str = "MatMulInteger";
        let (a, b) = (self.shape_of(NAME, left)?, self.shape_of(NAME, right)?);
        rank(NAME, "first matrix", &a, &[2], "two dimensions")?;
        rank(NAME, "second matrix", &b, &[2], "two dimensions")?;
        self.expect(NAME, left, Element::I8)?;
        self.expect(NAME, right, Element::I8)?;
        if a[1] != b[0] {
            return mismatch(NAME, &a, &b, "columns of the left must equal rows of the right");
        }
        self.typed_node(NAME, &[left.into(), right.into()], Vec::new(), &[a[0], b[1]], Element::I32)
    }

    /// `Cast` of an i32 value to f32.
    pub fn to_f32(&mut self, x: Value) -> Result<Value, OnnxError> {
        const NAME: &str = "Cast";
        let shape = self.shape_of(NAME, x)?;
        self.expect(NAME, x, Element::I32)?;
        let to = int("to", i64::from(i32::from(DataType::Float)));
        self.typed_node(NAME, &[x.into()], vec![to], &shape, Element::F32)
    }

    fn scale(&mut self, operator: &str, scale: f32) -> Result<Value, OnnxError> {
        positive(operator, scale)?;
        self.scalar(scale)
    }
}

/// Scales of [`Graph::qlinear_conv`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvScales<'a> {
    /// Of the input.
    pub input: f32,
    /// Of the kernel: one for all, or one per output channel.
    pub kernel: &'a [f32],
    /// Of the result.
    pub output: f32,
}

fn positive(operator: &str, scale: f32) -> Result<(), OnnxError> {
    if scale.is_normal() && scale > 0.0 {
        return Ok(());
    }
    Err(OnnxError::Parameter {
        operator: operator.to_owned(),
        parameter: "scale",
        found: scale.to_string(),
        expected: "a positive number that f32 holds in full precision".to_owned(),
    })
}
