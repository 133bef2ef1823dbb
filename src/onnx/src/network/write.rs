//! The layers as a graph again, in f32.

use std::collections::HashMap;

use super::{Layer, Network, Operation, Weights};
use crate::error::OnnxError;
use crate::graph::{Graph, Value};
use crate::ops::ConvTranspose2d;
use crate::tensor::Storage;

impl Network {
    /// An empty graph with this network's name, texts and inputs, and the inputs' values by tensor.
    ///
    /// # Errors
    /// [`OnnxError::Name`] or [`OnnxError::Dimension`] for inputs that cannot be written.
    pub fn begin(&self, storage: Storage) -> Result<(Graph, HashMap<String, Value>), OnnxError> {
        let mut graph = Graph::new(&self.name).with_storage(storage);
        graph.documentation(&self.documentation);
        for (key, value) in &self.metadata {
            graph.metadata(key, value);
        }
        let mut values = HashMap::new();
        for (name, shape) in &self.inputs {
            values.insert(name.clone(), graph.input(name, shape)?);
        }
        Ok((graph, values))
    }

    /// The network in f32, with weights stored as `storage`, and with the tensors `outputs` as its outputs: its own, which keep
    /// their names, or any other result of a layer, which is called `tap` and its position.
    ///
    /// # Errors
    /// [`OnnxError`] for layers that do not fit together, [`OnnxError::Damaged`] for an output that no layer computes.
    pub fn graph(&self, storage: Storage, outputs: &[String]) -> Result<Graph, OnnxError> {
        let (mut graph, mut values) = self.begin(storage)?;
        for layer in &self.layers {
            let inputs = layer.inputs.iter().map(|name| find(&values, name)).collect::<Result<Vec<_>, _>>()?;
            let value = layer.write(&mut graph, &inputs)?;
            values.insert(layer.output.clone(), value);
        }
        self.end(&mut graph, &values, outputs)?;
        Ok(graph)
    }

    /// Declares the outputs of a graph that was begun with [`Network::begin`], as [`Network::graph`] names them.
    ///
    /// # Errors
    /// As [`Network::graph`].
    pub fn end(&self, graph: &mut Graph, values: &HashMap<String, Value>, outputs: &[String]) -> Result<(), OnnxError> {
        for (position, output) in outputs.iter().enumerate() {
            let value = find(values, output)?;
            // The builder may have given an inner tensor's name to another one.
            let own = self.outputs.contains(output);
            graph.output(&if own { output.clone() } else { format!("tap{position}") }, value)?;
        }
        Ok(())
    }
}

impl Layer {
    /// Adds the layer in f32.
    ///
    /// # Errors
    /// [`OnnxError`] where it does not fit its inputs.
    pub fn write(&self, graph: &mut Graph, inputs: &[Value]) -> Result<Value, OnnxError> {
        let weight = |graph: &mut Graph, weights: &Weights| {
            let weight = graph.weight(&format!("{}.weight", self.name), &weights.shape, &weights.values)?;
            Ok::<_, OnnxError>((weight, self.bias(graph, weights)?))
        };
        let Some(&x) = inputs.first() else {
            return Err(OnnxError::Damaged { reason: format!("layer `{}` reads nothing", self.name) });
        };
        match &self.operation {
            Operation::Conv(weights, parameters) => {
                let (kernel, bias) = weight(graph, weights)?;
                graph.conv(x, kernel, Some(bias), *parameters)
            }
            Operation::ConvTranspose(weights) => {
                let (kernel, bias) = weight(graph, weights)?;
                graph.conv_transpose(x, kernel, Some(bias), tiling(weights))
            }
            Operation::Linear(weights) => {
                let (matrix, bias) = weight(graph, weights)?;
                graph.linear(x, matrix, Some(bias))
            }
            Operation::Relu => graph.relu(x),
            Operation::MaxPool(parameters) => graph.max_pool(x, *parameters),
            Operation::Concat(axis) => graph.concat(inputs, *axis as isize),
        }
    }

    /// The bias in f32.
    ///
    /// # Errors
    /// [`OnnxError::Weight`] for a value that is not finite.
    pub fn bias(&self, graph: &mut Graph, weights: &Weights) -> Result<Value, OnnxError> {
        graph.weight(&format!("{}.bias", self.name), &[weights.bias.len()], &weights.bias)
    }
}

fn tiling(weights: &Weights) -> ConvTranspose2d {
    ConvTranspose2d { stride: [weights.shape[2], weights.shape[3]], ..ConvTranspose2d::default() }
}

fn find(values: &HashMap<String, Value>, name: &str) -> Result<Value, OnnxError> {
    let missing = || OnnxError::Damaged { reason: format!("nothing computes `{name}`") };
    values.get(name).copied().ok_or_else(missing)
}
