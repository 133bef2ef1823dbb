//! The form for TensorRT: float operators between `QuantizeLinear` and `DequantizeLinear`.
//!
//! TensorRT's rules: int8, zero points present and 0, constant scales; one scale per activation, one per output channel of a
//! weight; bias in float. One pair per activation serves all its readers.

use std::collections::HashMap;

use ushydra_onnx::{ConvTranspose2d, Graph, Layer, Network, OnnxError, Operation, Storage, Value, Weights};

use super::plan::Plan;
use super::weights::Int8Weights;

/// Writes `network` in this form, with the tensors `outputs` as outputs, named as [`Network::end`] does.
///
/// # Errors
/// [`OnnxError`] where the network does not fit together.
pub fn graph(network: &Network, plan: &Plan, outputs: &[String]) -> Result<Graph, OnnxError> {
    // Layers that stay in float keep the storage of the shipped files.
    let (mut graph, mut values) = network.begin(Storage::F16)?;
    let mut pairs: HashMap<String, Value> = HashMap::new();
    for (layer, int8) in network.layers.iter().zip(&plan.weights) {
        let mut inputs = Vec::with_capacity(layer.inputs.len());
        for tensor in &layer.inputs {
            let float = known(&values, tensor)?;
            let value = match (int8, plan.scale(tensor), pairs.get(tensor)) {
                (Some(_), Some(_), Some(&pair)) => pair,
                (Some(_), Some(scale), None) => {
                    let quantised = graph.quantise(float, scale)?;
                    let pair = graph.dequantise(quantised, scale)?;
                    pairs.insert(tensor.clone(), pair);
                    pair
                }
                _ => float,
            };
            inputs.push(value);
        }
        let value = match (int8, layer.operation.weights()) {
            (Some(int8), Some(weights)) => {
                let weight = stored(&mut graph, layer, weights, int8)?;
                in_float(&mut graph, layer, weights, &inputs, weight)?
            }
            _ => layer.write(&mut graph, &inputs)?,
        };
        values.insert(layer.output.clone(), value);
    }
    network.end(&mut graph, &values, outputs)?;
    Ok(graph)
}

/// The int8 weight behind its `DequantizeLinear`.
pub(super) fn stored(
    graph: &mut Graph,
    layer: &Layer,
    weights: &Weights,
    int8: &Int8Weights,
) -> Result<Value, OnnxError> {
    let weight = graph.int8_weight(&format!("{}.weight", layer.name), &weights.shape, &int8.values)?;
    graph.dequantise_weight(&layer.name, weight, &int8.scales, layer.operation.output_axis())
}

/// A layer on f32 values, with `weight` as its weight.
pub(super) fn in_float(
    graph: &mut Graph,
    layer: &Layer,
    weights: &Weights,
    inputs: &[Value],
    weight: Value,
) -> Result<Value, OnnxError> {
    let x = first(inputs, layer)?;
    let bias = layer.bias(graph, weights)?;
    match &layer.operation {
        Operation::Conv(_, parameters) => graph.conv(x, weight, Some(bias), *parameters),
        Operation::ConvTranspose(_) => {
            let stride = [weights.shape[2], weights.shape[3]];
            graph.conv_transpose(x, weight, Some(bias), ConvTranspose2d { stride, ..ConvTranspose2d::default() })
        }
        Operation::Linear(_) | Operation::Relu | Operation::MaxPool(_) | Operation::Concat(_) => {
            graph.linear(x, weight, Some(bias))
        }
    }
}

pub(super) fn first(inputs: &[Value], layer: &Layer) -> Result<Value, OnnxError> {
    let nothing = || OnnxError::Damaged { reason: format!("layer `{}` reads nothing", layer.name) };
    inputs.first().copied().ok_or_else(nothing)
}

pub(super) fn known(values: &HashMap<String, Value>, tensor: &str) -> Result<Value, OnnxError> {
    let missing = || OnnxError::Damaged { reason: format!("nothing computes `{tensor}`") };
    values.get(tensor).copied().ok_or_else(missing)
}
