//! Convolutions, pooling and resizing of pictures `[n, c, h, w]`.

use tract_onnx::pb::AttributeProto;

use crate::error::OnnxError;
use crate::graph::{Graph, Operand, Value};
use crate::ops::{mismatch, rank};
use crate::proto::{int, ints, text};

/// Parameters of [`Graph::conv`]; each pair is vertical, horizontal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Step of the kernel.
    pub stride: [usize; 2],
    /// Zeros added on both sides.
    pub padding: [usize; 2],
    /// Distance between kernel taps.
    pub dilation: [usize; 2],
    /// Number of groups the channels are split into.
    pub groups: usize,
}

impl Default for Conv2d {
    fn default() -> Self {
        Self { stride: [1; 2], padding: [0; 2], dilation: [1; 2], groups: 1 }
    }
}

impl Conv2d {
    /// Shape of the result for an input `[n, c, h, w]` and a kernel `[m, c / groups, kh, kw]`.
    pub(crate) fn shape(&self, operator: &str, input: &[usize], weight: &[usize]) -> Result<Vec<usize>, OnnxError> {
        pictures(operator, input, weight)?;
        positive(operator, "stride", self.stride)?;
        positive(operator, "dilation", self.dilation)?;
        groups(operator, self.groups)?;
        if weight[1].checked_mul(self.groups) != Some(input[1]) || !weight[0].is_multiple_of(self.groups) {
            let rule = "the kernel must be [m, c / groups, kh, kw], m a multiple of groups";
            return mismatch(operator, input, weight, rule);
        }
        let mut shape = vec![input[0], weight[0]];
        for axis in 0..2 {
            let reach = self.dilation[axis] * (weight[2 + axis] - 1) + 1;
            let window = Window { size: reach, stride: self.stride[axis], padding: self.padding[axis] };
            shape.push(window.positions(operator, input, input[2 + axis])?);
        }
        Ok(shape)
    }

    /// Attributes of the node.
    pub(crate) fn attributes(&self, kernel: [usize; 2]) -> Vec<AttributeProto> {
        vec![
            pair("kernel_shape", kernel),
            pair("strides", self.stride),
            pads(self.padding),
            pair("dilations", self.dilation),
            int("group", self.groups as i64),
        ]
    }
}

/// Parameters of [`Graph::conv_transpose`]; each pair is vertical, horizontal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTranspose2d {
    /// Distance of the kernel's copies in the output.
    pub stride: [usize; 2],
    /// Rows and columns cut from both sides of the output.
    pub padding: [usize; 2],
    /// Rows and columns added at the bottom and right of the output.
    pub output_padding: [usize; 2],
    /// Number of groups the channels are split into.
    pub groups: usize,
}

impl Default for ConvTranspose2d {
    fn default() -> Self {
        Self { stride: [1; 2], padding: [0; 2], output_padding: [0; 2], groups: 1 }
    }
}

/// Parameters of [`Graph::max_pool`]; each pair is vertical, horizontal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    /// Size of the window.
    pub kernel: [usize; 2],
    /// Step of the window.
    pub stride: [usize; 2],
    /// Border that never wins, on both sides.
    pub padding: [usize; 2],
}

/// Interpolation of [`Graph::resize`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizeMode {
    /// Every pixel is repeated.
    Nearest,
    /// Linear between pixel centres (PyTorch: `bilinear`, `align_corners=False`).
    Bilinear,
}

impl Graph {
    /// Convolution of `[n, c, h, w]` with a kernel `[m, c / groups, kh, kw]` and a bias `[m]`.
    pub fn conv(
        &mut self,
        x: Value,
        kernel: Value,
        bias: Option<Value>,
        parameters: Conv2d,
    ) -> Result<Value, OnnxError> {
        const NAME: &str = "Conv";
        let (input, weight) = (self.shape_of(NAME, x)?, self.shape_of(NAME, kernel)?);
        let shape = parameters.shape(NAME, &input, &weight)?;
        let operands = self.with_bias(NAME, x, kernel, bias, weight[0])?;
        self.node(NAME, &operands, parameters.attributes([weight[2], weight[3]]), &shape)
    }

    /// Transposed convolution of `[n, c, h, w]` with a kernel `[c, m / groups, kh, kw]` and a bias `[m]`.
    pub fn conv_transpose(
        &mut self,
        x: Value,
        kernel: Value,
        bias: Option<Value>,
        parameters: ConvTranspose2d,
    ) -> Result<Value, OnnxError> {
        const NAME: &str = "ConvTranspose";
        let (input, weight) = (self.shape_of(NAME, x)?, self.shape_of(NAME, kernel)?);
        pictures(NAME, &input, &weight)?;
        positive(NAME, "stride", parameters.stride)?;
        groups(NAME, parameters.groups)?;
        if weight[0] != input[1] || !input[1].is_multiple_of(parameters.groups) {
            return mismatch(
                NAME,
                &input,
                &weight,
                "the kernel must be [c, m / groups, kh, kw], c a multiple of groups",
            );
        }
        let channels = weight[1] * parameters.groups;
        let mut shape = vec![input[0], channels];
        for axis in 0..2 {
            let full =
                (input[2 + axis] - 1) * parameters.stride[axis] + weight[2 + axis] + parameters.output_padding[axis];
            match full.checked_sub(2 * parameters.padding[axis]) {
                Some(size) if size > 0 && parameters.output_padding[axis] < parameters.stride[axis] => shape.push(size),
                _ => {
                    return Err(OnnxError::Parameter {
                        operator: NAME.to_owned(),
                        parameter: "padding",
                        found: format!("{:?}, {:?} at the output", parameters.padding, parameters.output_padding),
                        expected: format!("less than the output's {full} on both sides; output padding below stride"),
                    });
                }
            }
        }
        let attributes = vec![
            pair("kernel_shape", [weight[2], weight[3]]),
            pair("strides", parameters.stride),
            pads(parameters.padding),
            pair("output_padding", parameters.output_padding),
            int("group", parameters.groups as i64),
        ];
        let operands = self.with_bias(NAME, x, kernel, bias, channels)?;
        self.node(NAME, &operands, attributes, &shape)
    }

    /// Largest value of each window of `[n, c, h, w]`.
    pub fn max_pool(&mut self, x: Value, parameters: Pool2d) -> Result<Value, OnnxError> {
        const NAME: &str = "MaxPool";
        let input = self.shape_of(NAME, x)?;
        rank(NAME, "input", &input, &[4], "four dimensions")?;
        positive(NAME, "kernel", parameters.kernel)?;
        positive(NAME, "stride", parameters.stride)?;
        let mut shape = vec![input[0], input[1]];
        for axis in 0..2 {
            let window = Window {
                size: parameters.kernel[axis],
                stride: parameters.stride[axis],
                padding: parameters.padding[axis],
            };
            shape.push(window.positions(NAME, &input, input[2 + axis])?);
        }
        let attributes =
            vec![pair("kernel_shape", parameters.kernel), pair("strides", parameters.stride), pads(parameters.padding)];
        self.node(NAME, &[x.into()], attributes, &shape)
    }

    /// Enlarges `[n, c, h, w]` by whole factors (vertical, horizontal).
    pub fn resize(&mut self, x: Value, factors: [usize; 2], mode: ResizeMode) -> Result<Value, OnnxError> {
        const NAME: &str = "Resize";
        let input = self.shape_of(NAME, x)?;
        rank(NAME, "input", &input, &[4], "four dimensions")?;
        positive(NAME, "factors", factors)?;
        let shape = [input[0], input[1], input[2] * factors[0], input[3] * factors[1]];
        let attributes = match mode {
            ResizeMode::Nearest => vec![
                text("mode", "nearest"),
                text("coordinate_transformation_mode", "asymmetric"),
                text("nearest_mode", "floor"),
            ],
            ResizeMode::Bilinear => {
                vec![text("mode", "linear"), text("coordinate_transformation_mode", "half_pixel")]
            }
        };
        let scales = self.weight("scales", &[4], &[1.0, 1.0, factors[0] as f32, factors[1] as f32])?;
        self.node(NAME, &[x.into(), Operand::Absent, scales.into()], attributes, &shape)
    }

    fn with_bias(
        &self,
        operator: &str,
        x: Value,
        kernel: Value,
        bias: Option<Value>,
        channels: usize,
    ) -> Result<Vec<Operand>, OnnxError> {
        let mut operands = vec![x.into(), kernel.into()];
        if let Some(bias) = bias {
            let found = self.shape_of(operator, bias)?;
            if found != [channels] {
                return mismatch(operator, &found, &[channels], "the bias must have one entry per output channel");
            }
            operands.push(bias.into());
        }
        Ok(operands)
    }
}

/// A window that slides over one padded dimension.
struct Window {
    size: usize,
    stride: usize,
    padding: usize,
}

impl Window {
    fn positions(&self, operator: &str, input: &[usize], length: usize) -> Result<usize, OnnxError> {
        match (length + 2 * self.padding).checked_sub(self.size) {
            Some(room) => Ok(room / self.stride + 1),
            None => mismatch(operator, input, &[self.size], "the window is larger than the padded input"),
        }
    }
}

fn pictures(operator: &str, input: &[usize], kernel: &[usize]) -> Result<(), OnnxError> {
    rank(operator, "input", input, &[4], "four dimensions")?;
    rank(operator, "kernel", kernel, &[4], "four dimensions")
}

fn positive(operator: &str, parameter: &'static str, values: [usize; 2]) -> Result<(), OnnxError> {
    if values.iter().all(|value| *value > 0) {
        return Ok(());
    }
    Err(OnnxError::Parameter {
        operator: operator.to_owned(),
        parameter,
        found: format!("{values:?}"),
        expected: "1 or more".to_owned(),
    })
}

fn groups(operator: &str, found: usize) -> Result<(), OnnxError> {
    if found > 0 {
        return Ok(());
    }
    Err(OnnxError::Parameter {
        operator: operator.to_owned(),
        parameter: "groups",
        found: found.to_string(),
        expected: "1 or more".to_owned(),
    })
}

fn pair(name: &str, values: [usize; 2]) -> AttributeProto {
    ints(name, &values.map(|value| value as i64))
}

fn pads(padding: [usize; 2]) -> AttributeProto {
    let [vertical, horizontal] = padding.map(|value| value as i64);
    ints("pads", &[vertical, horizontal, vertical, horizontal])
}
