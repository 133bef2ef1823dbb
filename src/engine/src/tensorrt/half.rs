//! Rewriting a graph to 16-bit floats, for versions of TensorRT that take the precision from the graph's types.
//!
//! Products (convolutions and matrix products) compute in f16. Operators that only move or combine values follow what they are
//! given. Everything else (sums over many values, normalisations, roots, softmax) stays in f32, where f16 would overflow or lose the
//! small differences that it is about. Inputs and outputs of the model stay f32.

use std::collections::{HashMap, HashSet};

use ::half::f16;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};

/// Compute in f16.
const PRODUCTS: [&str; 4] = ["Conv", "ConvTranspose", "Gemm", "MatMul"];
/// Compute in the type of their inputs where these agree, else in f32.
const FOLLOWERS: [&str; 16] = [
    "Add",
    "Concat",
    "Div",
    "Erf",
    "Expand",
    "Flatten",
    "Gather",
    "MaxPool",
    "Mul",
    "Relu",
    "Reshape",
    "Slice",
    "Squeeze",
    "Sub",
    "Transpose",
    "Unsqueeze",
];

/// `model` with f16 in between. Its weights must be f32, as [`crate::model::Model::read`] leaves them.
pub(super) fn narrow(model: &ModelProto) -> ModelProto {
    let mut model = model.clone();
    if let Some(graph) = &mut model.graph {
        Narrowing::of(graph).rewrite(graph);
    }
    model
}

struct Narrowing {
    weights: HashMap<String, TensorProto>,
    /// Values that are f16 in the rewritten graph.
    narrow: HashSet<String>,
    /// Values that are neither f32 nor f16.
    other: HashSet<String>,
    /// Casts and narrowed weights that exist already.
    made: HashSet<String>,
    nodes: Vec<NodeProto>,
    added: Vec<TensorProto>,
}

impl Narrowing {
    fn of(graph: &GraphProto) -> Self {
        let is_float = |tensor: &&TensorProto| tensor.data_type == i32::from(DataType::Float);
        let weights = graph.initializer.iter().filter(is_float);
        let other = graph.initializer.iter().filter(|tensor| !is_float(tensor)).map(|tensor| tensor.name.clone());
        Self {
            weights: weights.map(|tensor| (tensor.name.clone(), tensor.clone())).collect(),
            narrow: HashSet::new(),
            other: other.collect(),
            made: HashSet::new(),
            nodes: Vec::new(),
            added: Vec::new(),
        }
    }

    fn rewrite(mut self, graph: &mut GraphProto) {
        for mut node in std::mem::take(&mut graph.node) {
            let in_half = self.computes_in_half(&node);
            for input in &mut node.input {
                *input = self.as_type(input, in_half);
            }
            match &*node.op_type {
                "QuantizeLinear" => self.other.extend(node.output.iter().cloned()),
                _ if in_half => self.narrow.extend(node.output.iter().cloned()),
                _ => {}
            }
            self.nodes.push(node);
        }
        for output in &graph.output {
            if self.narrow.contains(&output.name) {
                self.widen_output(&output.name);
            }
        }
        graph.node = self.nodes;
        graph.initializer.extend(self.added);
        let used = graph.node.iter().flat_map(|node| &node.input).cloned().collect::<HashSet<_>>();
        graph.initializer.retain(|tensor| used.contains(&tensor.name));
    }

    fn computes_in_half(&self, node: &NodeProto) -> bool {
        let operator = &*node.op_type;
        if PRODUCTS.contains(&operator) {
            return true;
        }
        let mut computed = node.input.iter().filter(|name| self.is_computed_float(name)).peekable();
        FOLLOWERS.contains(&operator) && computed.peek().is_some() && computed.all(|name| self.narrow.contains(name))
    }

    fn is_computed_float(&self, name: &str) -> bool {
        !name.is_empty() && !self.weights.contains_key(name) && !self.other.contains(name)
    }

    /// Name of `value` in the wanted type; adds what makes it so.
    fn as_type(&mut self, value: &str, in_half: bool) -> String {
        if value.is_empty() || self.other.contains(value) || self.narrow.contains(value) == in_half {
            return value.to_owned();
        }
        let name = format!("{value}.{}", if in_half { "f16" } else { "f32" });
        if !self.made.insert(name.clone()) {
            return name;
        }
        match self.weights.get(value) {
            Some(weight) => self.added.push(narrow_weight(weight, &name)),
            None => self.nodes.push(cast(value, &name, in_half)),
        }
        name
    }

    /// Gives the narrow value another name and the output its own, as f32.
    fn widen_output(&mut self, output: &str) {
        let inner = format!("{output}.narrow");
        for node in &mut self.nodes {
            for name in node.input.iter_mut().chain(&mut node.output).filter(|name| *name == output) {
                name.clone_from(&inner);
            }
        }
        self.nodes.push(cast(&inner, output, false));
    }
}

fn cast(from: &str, to: &str, in_half: bool) -> NodeProto {
    let kind = if in_half { DataType::Float16 } else { DataType::Float };
    NodeProto {
        name: format!("/{to}/Cast"),
        op_type: "Cast".to_owned(),
        input: vec![from.to_owned()],
        output: vec![to.to_owned()],
        attribute: vec![AttributeProto {
            name: "to".to_owned(),
            r#type: AttributeType::Int.into(),
            i: i32::from(kind).into(),
            ..AttributeProto::default()
        }],
        ..NodeProto::default()
    }
}

fn narrow_weight(weight: &TensorProto, name: &str) -> TensorProto {
    let narrow = |value: f32| f16::from_f32(value).to_le_bytes();
    let raw = weight.raw_data.as_chunks().0.iter().flat_map(|bytes| narrow(f32::from_le_bytes(*bytes)));
    let listed = weight.float_data.iter().flat_map(|value| narrow(*value));
    TensorProto {
        name: name.to_owned(),
        data_type: DataType::Float16.into(),
        raw_data: raw.chain(listed).collect(),
        float_data: Vec::new(),
        ..weight.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use prost::Message as _;
    use ushydra_onnx::{Conv2d, Graph, OnnxError};

    use super::*;
    use crate::engine::Engine;
    use crate::options::EngineOptions;
    use crate::tract::TractEngine;

    const SIDE: usize = 6;
    const CHANNELS: usize = 3;
    /// Rounding of f16 in a model of this size.
    const TOLERANCE: f32 = 5e-3;

    fn numbers(count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|index| scale * ((index * 7 % 11) as f32 / 5.0 - 1.0)).collect()
    }

    /// A map that is an output and goes on, its mean, and probabilities: products, followers and operators of f32.
    fn model() -> Result<Vec<u8>, OnnxError> {
        let mut graph = Graph::new("mixed");
        let x = graph.input("image", &[1, 1, SIDE, SIDE])?;
        let kernel = graph.weight("conv.weight", &[CHANNELS, 1, 3, 3], &numbers(9 * CHANNELS, 0.3))?;
        let bias = graph.weight("conv.bias", &[CHANNELS], &numbers(CHANNELS, 0.1))?;
        let map = graph.conv(x, kernel, Some(bias), Conv2d { padding: [1; 2], ..Conv2d::default() })?;
        let map = graph.relu(map)?;
        let mean = graph.reduce_mean(map, &[2, 3], false)?;
        let weight = graph.weight("fc.weight", &[CHANNELS, 2], &numbers(2 * CHANNELS, 1.0))?;
        let logits = graph.linear(mean, weight, None)?;
        let probabilities = graph.softmax(logits, -1)?;
        graph.output("map", map)?;
        graph.output("features", mean)?;
        graph.output("probabilities", probabilities)?;
        graph.to_bytes()
    }

    fn run(bytes: &[u8]) -> Vec<Vec<f32>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.onnx");
        std::fs::write(&file, bytes).unwrap();
        let mut engine = TractEngine::load(&file, &EngineOptions::with_threads(1)).unwrap();
        let image = numbers(SIDE * SIDE, 1.0);
        let mut outputs = engine.info().outputs.iter().map(|output| vec![0.0; output.elements()]).collect::<Vec<_>>();
        let mut views = outputs.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>();
        engine.run(&[&image], &mut views).unwrap();
        outputs
    }

    #[test]
    fn a_narrow_graph_computes_the_same_within_rounding() {
        let bytes = model().unwrap();
        let narrowed = narrow(&ModelProto::decode(&*bytes).unwrap());
        let expected = run(&bytes);
        let found = run(&narrowed.encode_to_vec());
        assert_eq!(expected.len(), found.len());
        for (expected, found) in expected.iter().flatten().zip(found.iter().flatten()) {
            assert!((expected - found).abs() <= TOLERANCE, "{expected} became {found}");
        }
    }

    #[test]
    fn products_are_narrow_and_sums_are_not() {
        let graph = narrow(&ModelProto::decode(&*model().unwrap()).unwrap()).graph.unwrap();
        let types = graph.initializer.iter().map(|tensor| (&*tensor.name, tensor.data_type)).collect::<HashMap<_, _>>();
        let node = |operator: &str| graph.node.iter().find(|node| node.op_type == operator).unwrap();
        assert_eq!(types[&*node("Conv").input[1]], i32::from(DataType::Float16));
        assert!(node("Conv").input[0].ends_with(".f16"), "the image is narrowed");
        assert!(!node("ReduceMean").input[0].ends_with(".f16") && node("ReduceMean").input[0].ends_with("f32"));
        assert!(node("Softmax").input[0].ends_with(".f32"));
        assert!(graph.node.iter().all(|node| node.input.iter().all(|input| !input.is_empty())));
        let computed = graph.node.iter().flat_map(|node| &node.output).collect::<HashSet<_>>();
        assert!(graph.output.iter().all(|output| computed.contains(&output.name)));
    }
}
