//! The form for tract: integer operators, for which it has kernels.
//!
//! Between two quantised layers everything stays in int8: ReLU, pooling and concatenation work on the integers, because the
//! plan gives their tensors one scale. A transposed convolution whose kernels tile the output is a 1x1 convolution with a
//! channel per kernel element, and a movement of its results. Results in f32 are computed where the model gives them away or a
//! float layer reads them: from the i32 product of a 1x1 convolution or of a fully connected layer, else by the float operator
//! on dequantised numbers, exactly as in the other form.

use std::collections::{HashMap, HashSet};

use ushydra_onnx::{Conv2d, ConvScales, Graph, Layer, Network, OnnxError, Operation, Storage, Value, Weights};

use super::plan::Plan;
use super::qdq::{first, in_float, known, stored};
use super::weights::Int8Weights;

/// Largest bias in units of the product of both scales: beyond it the i32 sum could overflow.
const MAX_BIAS: f64 = (1_u32 << 30) as f64;

/// Writes `network` in this form, with the tensors `outputs` as f32 outputs, named as [`Network::end`] does.
///
/// # Errors
/// [`OnnxError`] where the network does not fit together.
pub fn graph(network: &Network, plan: &Plan, outputs: &[String]) -> Result<Graph, OnnxError> {
    let needs = Needs::of(network, plan, outputs);
    let (graph, float) = network.begin(Storage::F16)?;
    let mut writer = Writer { plan, needs: &needs, graph, float, int8: HashMap::new() };
    for (layer, weights) in network.layers.iter().zip(&plan.weights) {
        writer.layer(layer, weights.as_ref())?;
    }
    let Writer { mut graph, float, .. } = writer;
    network.end(&mut graph, &float, outputs)?;
    Ok(graph)
}

/// In which form each tensor is needed.
struct Needs {
    int8: HashSet<String>,
    float: HashSet<String>,
    /// Results of layers that come as int8 without a float before.
    native: HashSet<String>,
}

impl Needs {
    fn of(network: &Network, plan: &Plan, outputs: &[String]) -> Self {
        let inputs: HashSet<&str> = network.inputs.iter().map(|(name, _)| name.as_str()).collect();
        let mut native: HashSet<String> = HashSet::new();
        for (layer, weights) in network.layers.iter().zip(&plan.weights) {
            let can = match &layer.operation {
                Operation::Conv(..) | Operation::ConvTranspose(_) => weights.is_some(),
                Operation::Linear(_) => false,
                Operation::Relu | Operation::MaxPool(_) | Operation::Concat(_) => {
                    layer.inputs.iter().all(|input| native.contains(input) || inputs.contains(input.as_str()))
                }
            };
            if can && plan.scale(&layer.output).is_some() {
                native.insert(layer.output.clone());
            }
        }
        let mut needs = Self { int8: HashSet::new(), float: outputs.iter().cloned().collect(), native };
        for (layer, weights) in network.layers.iter().zip(&plan.weights).rev() {
            if needs.int8.contains(&layer.output) {
                if needs.native.contains(&layer.output) {
                    needs.int8.extend(layer.inputs.iter().cloned());
                } else {
                    needs.float.insert(layer.output.clone());
                }
            }
            if needs.float.contains(&layer.output) {
                let form = if weights.is_some() { &mut needs.int8 } else { &mut needs.float };
                form.extend(layer.inputs.iter().cloned());
            }
        }
        needs
    }
}

struct Writer<'a> {
    plan: &'a Plan,
    needs: &'a Needs,
    graph: Graph,
    float: HashMap<String, Value>,
    int8: HashMap<String, Value>,
}

impl Writer<'_> {
    fn layer(&mut self, layer: &Layer, int8: Option<&Int8Weights>) -> Result<(), OnnxError> {
        if self.needs.int8.contains(&layer.output) && self.needs.native.contains(&layer.output) {
            let value = self.in_int8(layer, int8)?;
            self.int8.insert(layer.output.clone(), value);
        }
        if self.needs.float.contains(&layer.output) {
            let value = match (int8, layer.operation.weights()) {
                (Some(int8), Some(weights)) => self.in_float_after_int8(layer, weights, int8)?,
                _ => {
                    let inputs =
                        layer.inputs.iter().map(|name| known(&self.float, name)).collect::<Result<Vec<_>, _>>()?;
                    layer.write(&mut self.graph, &inputs)?
                }
            };
            self.float.insert(layer.output.clone(), value);
        }
        Ok(())
    }

    /// The int8 form of a tensor, quantised here where it comes as f32.
    fn quantised(&mut self, tensor: &str) -> Result<Value, OnnxError> {
        if let Some(&value) = self.int8.get(tensor) {
            return Ok(value);
        }
        let value = self.graph.quantise(known(&self.float, tensor)?, self.scale(tensor)?)?;
        self.int8.insert(tensor.to_owned(), value);
        Ok(value)
    }

    fn scale(&self, tensor: &str) -> Result<f32, OnnxError> {
        let missing = || OnnxError::Damaged { reason: format!("tensor `{tensor}` has no range") };
        self.plan.scale(tensor).ok_or_else(missing)
    }

    /// A layer on int8 values whose result is int8.
    fn in_int8(&mut self, layer: &Layer, int8: Option<&Int8Weights>) -> Result<Value, OnnxError> {
        let inputs = layer.inputs.iter().map(|name| self.quantised(name)).collect::<Result<Vec<_>, _>>()?;
        let (Some(int8), Some(weights)) = (int8, layer.operation.weights()) else {
            return layer.write(&mut self.graph, &inputs);
        };
        let x = first(&inputs, layer)?;
        let [input, output] = [self.scale(first_name(layer)?)?, self.scale(&layer.output)?];
        let bias: Vec<i32> =
            weights.bias.iter().zip(&int8.scales).map(|(b, scale)| in_units(*b, input, *scale)).collect();
        let scales = ConvScales { input, kernel: int8.shortest_scales(), output };
        if let Operation::ConvTranspose(_) = layer.operation {
            return self.tiled(layer, x, weights, int8, &bias, scales);
        }
        let parameters =
            if let Operation::Conv(_, parameters) = layer.operation { parameters } else { Conv2d::default() };
        let kernel = self.graph.int8_weight(&format!("{}.weight", layer.name), &weights.shape, &int8.values)?;
        let bias = self.graph.int32_weight(&format!("{}.bias", layer.name), &[bias.len()], &bias)?;
        self.graph.qlinear_conv(x, kernel, bias, scales, parameters)
    }

    /// A transposed convolution with a kernel `[c, m, kh, kw]` as a 1x1 convolution to `m kh kw` channels.
    fn tiled(
        &mut self,
        layer: &Layer,
        x: Value,
        weights: &Weights,
        int8: &Int8Weights,
        bias: &[i32],
        scales: ConvScales<'_>,
    ) -> Result<Value, OnnxError> {
        let [c, m, kh, kw] = weights.shape[..] else {
            return Err(OnnxError::Damaged { reason: format!("layer `{}` has no picture's kernel", layer.name) });
        };
        let (tiles, rows) = (kh * kw, m * kh * kw);
        let values: Vec<i8> = (0..rows).flat_map(|row| int8.values.iter().skip(row).step_by(rows).copied()).collect();
        let bias: Vec<i32> = bias.iter().flat_map(|b| std::iter::repeat_n(*b, tiles)).collect();
        let repeated: Vec<f32> = scales.kernel.iter().flat_map(|s| std::iter::repeat_n(*s, tiles)).collect();
        let kernel_scales = if scales.kernel.len() > 1 { &repeated[..] } else { scales.kernel };
        let graph = &mut self.graph;
        let [n, _, height, width] = graph.shape(x)?[..] else {
            return Err(OnnxError::Damaged { reason: format!("layer `{}` reads no picture", layer.name) });
        };
        let kernel = graph.int8_weight(&format!("{}.weight", layer.name), &[rows, c, 1, 1], &values)?;
        let bias = graph.int32_weight(&format!("{}.bias", layer.name), &[rows], &bias)?;
        let scales = ConvScales { kernel: kernel_scales, ..scales };
        let channels = graph.qlinear_conv(x, kernel, bias, scales, Conv2d::default())?;
        let split = graph.reshape(channels, &[n, m, kh, kw, height, width])?;
        let moved = graph.transpose(split, &[0, 1, 4, 2, 5, 3])?;
        graph.reshape(moved, &[n, m, height * kh, width * kw])
    }

    /// A quantised layer whose result is f32.
    fn in_float_after_int8(
        &mut self,
        layer: &Layer,
        weights: &Weights,
        int8: &Int8Weights,
    ) -> Result<Value, OnnxError> {
        let tensor = first_name(layer)?;
        let (x, scale) = (self.quantised(tensor)?, self.scale(tensor)?);
        let graph = &mut self.graph;
        let name = format!("{}.weight", layer.name);
        match &layer.operation {
            Operation::Linear(_) => {
                let matrix = graph.int8_weight(&name, &weights.shape, &int8.values)?;
                let product = graph.matmul_integer(x, matrix)?;
                let product = graph.to_f32(product)?;
                let scales: Vec<f32> = int8.scales.iter().map(|s| s * scale).collect();
                let factor = graph.weight(&format!("{}.factor", layer.name), &[scales.len()], &scales)?;
                let product = graph.mul(product, factor)?;
                let bias = layer.bias(graph, weights)?;
                graph.add(product, bias)
            }
            Operation::Conv(_, parameters) if is_pointwise(weights, parameters) => {
                let [n, c, height, width] = graph.shape(x)?[..] else {
                    return Err(OnnxError::Damaged { reason: format!("layer `{}` reads no picture", layer.name) });
                };
                let channels = weights.bias.len();
                let matrix = graph.int8_weight(&name, &[channels, c], &int8.values)?;
                // One frame: the batch dimension is 1, or the plain operator is taken.
                let pixels = graph.reshape(x, &[n * c, height * width])?;
                let product = graph.matmul_integer(matrix, pixels)?;
                let product = graph.to_f32(product)?;
                let scales: Vec<f32> = int8.scales.iter().map(|s| s * scale).collect();
                let factor =
                    graph.weight_as(Storage::F32, &format!("{}.factor", layer.name), &[channels, 1], &scales)?;
                let product = graph.mul(product, factor)?;
                let bias =
                    graph.weight_as(Storage::F32, &format!("{}.bias", layer.name), &[channels, 1], &weights.bias)?;
                let sum = graph.add(product, bias)?;
                graph.reshape(sum, &[n, channels, height, width])
            }
            _ => {
                let x = graph.dequantise(x, scale)?;
                let weight = stored(graph, layer, weights, int8)?;
                in_float(graph, layer, weights, &[x], weight)
            }
        }
    }
}

/// Whether a convolution is a matrix product over the pixels of one frame.
fn is_pointwise(weights: &Weights, parameters: &Conv2d) -> bool {
    weights.shape.get(2..) == Some(&[1, 1]) && *parameters == Conv2d::default()
}

fn first_name(layer: &Layer) -> Result<&str, OnnxError> {
    let nothing = || OnnxError::Damaged { reason: format!("layer `{}` reads nothing", layer.name) };
    layer.inputs.first().map(String::as_str).ok_or_else(nothing)
}

/// A bias as a whole number of `input * kernel`.
fn in_units(bias: f32, input: f32, kernel: f32) -> i32 {
    let units = f64::from(bias) / (f64::from(input) * f64::from(kernel));
    units.round_ties_even().clamp(-MAX_BIAS, MAX_BIAS) as i32
}
