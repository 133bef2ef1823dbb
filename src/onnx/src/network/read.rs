//! From the bytes of a model to its layers.

use std::collections::HashMap;

use half::f16;
use prost::Message as _;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};

use super::attributes::Attributes;
use super::{Layer, Network, Operation, Weights};
use crate::error::OnnxError;
use crate::ops::{Conv2d, Pool2d};
use crate::shape::Shape as _;

/// A constant tensor.
#[derive(Clone)]
struct Constant {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Network {
    /// Reads a model.
    ///
    /// # Errors
    /// [`OnnxError::Damaged`] for bytes that are no model, [`OnnxError::Unsupported`] naming the first node that is none of
    /// [`Operation`], or is one of them in a way that none of our decoders is.
    pub fn read(bytes: &[u8]) -> Result<Self, OnnxError> {
        let model = ModelProto::decode(bytes).map_err(|error| damaged(error.to_string()))?;
        let graph = model.graph.as_ref().ok_or_else(|| damaged("it holds no graph"))?;
        let mut constants = HashMap::new();
        for tensor in &graph.initializer {
            // Integers are shapes and axes of operators that are refused by name anyway.
            if let Some(constant) = constant(tensor)? {
                constants.insert(tensor.name.clone(), constant);
            }
        }
        let inputs = graph.input.iter().filter(|input| !constants.contains_key(&input.name));
        let inputs = inputs.map(input).collect::<Result<Vec<_>, _>>()?;
        let mut network = Self {
            name: graph.name.clone(),
            documentation: model.doc_string.clone(),
            metadata: model.metadata_props.iter().map(|p| (p.key.clone(), p.value.clone())).collect(),
            inputs,
            layers: Vec::new(),
            outputs: graph.output.iter().map(|output| output.name.clone()).collect(),
        };
        let mut uses = HashMap::<&str, usize>::new();
        let read = graph.node.iter().flat_map(|node| &node.input).chain(graph.output.iter().map(|output| &output.name));
        read.for_each(|name| *uses.entry(name.as_str()).or_default() += 1);
        for node in &graph.node {
            network.add(node, &mut constants, &uses)?;
        }
        network.check(graph)?;
        Ok(network)
    }

    fn add(
        &mut self,
        node: &NodeProto,
        constants: &mut HashMap<String, Constant>,
        uses: &HashMap<&str, usize>,
    ) -> Result<(), OnnxError> {
        let refuse = |reason: &str| Err(unsupported(node, reason));
        let [output] = &node.output[..] else { return refuse("one output is expected") };
        let weight = |index: usize| node.input.get(index).and_then(|name| constants.get(name));
        let attributes = Attributes(node);
        let mut inputs = node.input.get(..1).map(<[String]>::to_vec).unwrap_or_default();
        if inputs.is_empty() {
            return refuse("it reads nothing");
        }
        let operation = match node.op_type.as_str() {
            "Cast" => {
                // Weights that are stored as f16: the constant is f32 here already.
                let Some(constant) = weight(0).cloned() else { return refuse("only stored weights may be cast") };
                constants.insert(output.clone(), constant);
                return Ok(());
            }
            "Add" => return self.add_bias(node, constants, uses),
            "Conv" => {
                let usual = attributes.int("group", 1) == 1
                    && attributes.pair("dilations", [1, 1]) == Some([1, 1])
                    && !attributes.text_differs("auto_pad", "NOTSET");
                let (Some(stride), Some(padding), true) =
                    (attributes.pair("strides", [1, 1]), attributes.padding(), usual)
                else {
                    return refuse("groups, dilations and one-sided padding are not known");
                };
                let Some(weights) = weights(weight(1), node.input.get(2).map(|_| weight(2)), 4, 0) else {
                    return refuse("kernel and bias must be constants that fit each other");
                };
                Operation::Conv(weights, Conv2d { stride, padding, ..Conv2d::default() })
            }
            "ConvTranspose" => {
                let Some(weights) = weights(weight(1), node.input.get(2).map(|_| weight(2)), 4, 1) else {
                    return refuse("kernel and bias must be constants that fit each other");
                };
                let kernel = [weights.shape[2], weights.shape[3]];
                let usual = attributes.int("group", 1) == 1
                    && attributes.pair("dilations", [1, 1]) == Some([1, 1])
                    && attributes.pair("output_padding", [0, 0]) == Some([0, 0])
                    && attributes.padding() == Some([0, 0])
                    && !attributes.text_differs("auto_pad", "NOTSET");
                if !usual || attributes.pair("strides", [1, 1]) != Some(kernel) {
                    return refuse("only kernels that tile the output, without padding, are known");
                }
                Operation::ConvTranspose(weights)
            }
            "MatMul" => match weights(weight(1), None, 2, 1) {
                Some(weights) => Operation::Linear(weights),
                None => return refuse("the right matrix must be a constant"),
            },
            "Gemm" => {
                let plain = attributes.int("transA", 0) == 0
                    && attributes.float("alpha", 1.0) == 1.0
                    && attributes.float("beta", 1.0) == 1.0;
                let transposed =
                    weight(1).map(|b| if attributes.int("transB", 0) == 0 { b.clone() } else { b.transposed() });
                match weights(transposed.as_ref(), node.input.get(2).map(|_| weight(2)), 2, 1) {
                    Some(weights) if plain => Operation::Linear(weights),
                    _ => return refuse("only `x B + c` with constants is known"),
                }
            }
            "Relu" => Operation::Relu,
            "MaxPool" => {
                let usual = attributes.int("ceil_mode", 0) == 0
                    && attributes.pair("dilations", [1, 1]) == Some([1, 1])
                    && !attributes.text_differs("auto_pad", "NOTSET");
                let sizes =
                    (attributes.pair("kernel_shape", [0, 0]), attributes.pair("strides", [1, 1]), attributes.padding());
                match sizes {
                    (Some(kernel), Some(stride), Some(padding)) if usual => {
                        Operation::MaxPool(Pool2d { kernel, stride, padding })
                    }
                    _ => return refuse("dilations, rounding up and one-sided padding are not known"),
                }
            }
            "Concat" => {
                inputs.clone_from(&node.input);
                match usize::try_from(attributes.int("axis", -1)) {
                    Ok(axis) => Operation::Concat(axis),
                    Err(_) => return refuse("an axis counted from the end is not known"),
                }
            }
            _ => return refuse("the operator is not known"),
        };
        if inputs.iter().any(|input| constants.contains_key(input)) {
            return refuse("it reads a constant where a computed value is expected");
        }
        let stem = operation.weights().and(node.input.get(1)).and_then(|name| name.strip_suffix(".weight"));
        let name = stem.map_or_else(|| node.name.clone(), str::to_owned);
        self.layers.push(Layer { name, operation, inputs, output: output.clone() });
        Ok(())
    }

    /// Joins the bias of a fully connected layer, which is an addition of its own after `MatMul`.
    fn add_bias(
        &mut self,
        node: &NodeProto,
        constants: &HashMap<String, Constant>,
        uses: &HashMap<&str, usize>,
    ) -> Result<(), OnnxError> {
        let mut join = || {
            let [product, bias] = &node.input[..] else { return None };
            let layer = self.layers.last_mut().filter(|layer| layer.output == *product)?;
            let Operation::Linear(weights) = &mut layer.operation else { return None };
            let bias = constants.get(bias).filter(|bias| bias.shape == [weights.bias.len()])?;
            if uses.get(product.as_str()) != Some(&1) || weights.bias.iter().any(|b| *b != 0.0) {
                return None;
            }
            weights.bias.clone_from(&bias.values);
            layer.output.clone_from(node.output.first()?);
            Some(())
        };
        join().ok_or_else(|| unsupported(node, "only the bias of a fully connected layer may be added"))
    }

    /// Every tensor that is read is known by then.
    fn check(&self, graph: &GraphProto) -> Result<(), OnnxError> {
        let mut known: Vec<&str> = self.inputs.iter().map(|(name, _)| name.as_str()).collect();
        for layer in &self.layers {
            if let Some(missing) = layer.inputs.iter().find(|input| !known.contains(&input.as_str())) {
                return Err(damaged(format!(
                    "layer `{}` reads `{missing}`, which nothing before it computes",
                    layer.name
                )));
            }
            known.push(&layer.output);
        }
        let computed = |output: &ValueInfoProto| self.layers.iter().any(|layer| layer.output == output.name);
        match graph.output.iter().find(|output| !computed(output)) {
            Some(output) => Err(damaged(format!("nothing computes its output `{}`", output.name))),
            None if graph.output.is_empty() => Err(damaged("it has no output")),
            None => Ok(()),
        }
    }
}

impl Constant {
    /// A matrix with rows and columns exchanged; anything else as it is.
    fn transposed(&self) -> Self {
        let [rows, columns] = self.shape[..] else { return self.clone() };
        let values = (0..columns).flat_map(|c| self.values.iter().skip(c).step_by(columns.max(1)).copied());
        Self { shape: vec![columns, rows], values: values.collect() }
    }
}

/// Weight of `rank` dimensions with its bias; none where they do not fit. `bias`: none where the node has none.
fn weights(
    weight: Option<&Constant>,
    bias: Option<Option<&Constant>>,
    rank: usize,
    output_axis: usize,
) -> Option<Weights> {
    let weight = weight.filter(|w| w.shape.len() == rank)?;
    let channels = *weight.shape.get(output_axis)?;
    let bias = match bias {
        None => vec![0.0; channels],
        Some(bias) => bias.filter(|b| b.shape == [channels])?.values.clone(),
    };
    Some(Weights { shape: weight.shape.clone(), values: weight.values.clone(), bias })
}

/// An f32 or f16 initializer; none for other types.
fn constant(tensor: &TensorProto) -> Result<Option<Constant>, OnnxError> {
    let (float, half) = (i32::from(DataType::Float), i32::from(DataType::Float16));
    if tensor.data_type != float && tensor.data_type != half {
        return Ok(None);
    }
    let broken = |what: &str| damaged(format!("weight `{}`: {what}", tensor.name));
    let shape = tensor.dims.iter().map(|d| usize::try_from(*d).ok().filter(|d| *d > 0));
    let shape = shape.collect::<Option<Vec<_>>>().ok_or_else(|| broken("a dimension is not positive"))?;
    let values: Vec<f32> = if tensor.data_type == half {
        tensor.raw_data.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect()
    } else if tensor.raw_data.is_empty() {
        tensor.float_data.clone()
    } else {
        tensor.raw_data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    if shape.elements() != Some(values.len()) {
        return Err(broken("its length does not belong to its shape"));
    }
    if values.iter().any(|value| !value.is_finite()) {
        return Err(broken("an element is not finite"));
    }
    Ok(Some(Constant { shape, values }))
}

/// Name and shape of an input; a symbolic first dimension is the batch, which is one frame here.
fn input(info: &ValueInfoProto) -> Result<(String, Vec<usize>), OnnxError> {
    let refuse = || damaged(format!("input `{}` has no fixed f32 shape", info.name));
    let Some(Type::TensorType(tensor)) = info.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        return Err(refuse());
    };
    let sizes = tensor.shape.iter().flat_map(|shape| &shape.dim).enumerate().map(|(axis, dim)| match &dim.value {
        Some(Dimension::DimValue(size)) => usize::try_from(*size).ok().filter(|size| *size > 0),
        Some(Dimension::DimParam(_)) if axis == 0 => Some(1),
        Some(Dimension::DimParam(_)) | None => None,
    });
    let shape = sizes.collect::<Option<Vec<_>>>().ok_or_else(refuse)?;
    Ok((info.name.clone(), shape))
}

fn damaged(reason: impl Into<String>) -> OnnxError {
    OnnxError::Damaged { reason: reason.into() }
}

fn unsupported(node: &NodeProto, reason: &str) -> OnnxError {
    OnnxError::Unsupported { node: node.name.clone(), operator: node.op_type.clone(), reason: reason.to_owned() }
}
