//! Reading an ONNX file: what every backend wants to know before it is handed the model.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use prost::Message as _;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, ModelProto, TensorProto, ValueInfoProto};

use crate::engine::{MAX_TENSORS, TensorInfo};
use crate::error::{EngineError, Side};

/// Largest model file, the limit of the format itself.
const MAX_BYTES: u64 = i32::MAX as u64;
/// Largest tensor in elements (1 GiB): a header that asks for more is refused before anything is allocated.
pub(crate) const MAX_ELEMENTS: usize = 1 << 28;

/// A model whose graph is complete in itself and whose inputs are f32 of fixed shape.
pub(crate) struct Model {
    pub(crate) proto: ModelProto,
    pub(crate) inputs: Vec<TensorInfo>,
    pub(crate) outputs: Vec<String>,
}

impl Model {
    /// Reads and checks `file`.
    pub(crate) fn read(file: &Path) -> Result<Self, EngineError> {
        Self::parse(file, &read_bytes(file)?)
    }

    /// Checks the content of `file`.
    pub(crate) fn parse(file: &Path, bytes: &[u8]) -> Result<Self, EngineError> {
        let broken = |reason: String| EngineError::NotOnnx { file: file.to_owned(), reason };
        let mut proto = ModelProto::decode(bytes).map_err(|error| broken(error.to_string()))?;
        let graph = proto.graph.as_mut().ok_or_else(|| broken("it holds no graph".to_owned()))?;
        complete(graph).map_err(broken)?;
        widen(graph);
        let weights = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect::<HashSet<_>>();
        let inputs = graph
            .input
            .iter()
            .filter(|input| !weights.contains(input.name.as_str()))
            .map(|input| fixed(file, input))
            .collect::<Result<Vec<_>, _>>()?;
        let outputs = graph.output.iter().map(|output| output.name.clone()).collect::<Vec<_>>();
        for (side, count) in [("inputs", inputs.len()), ("outputs", outputs.len())] {
            if !(1..=MAX_TENSORS).contains(&count) {
                return Err(broken(format!("it has {count} {side}, 1 to {MAX_TENSORS} are supported")));
            }
        }
        Ok(Self { proto, inputs, outputs })
    }

    /// Every node as (name, operator).
    pub(crate) fn operators(&self) -> impl Iterator<Item = (&str, &str)> {
        let nodes = self.proto.graph.iter().flat_map(|graph| &graph.node);
        nodes.map(|node| (node.name.as_str(), node.op_type.as_str()))
    }
}

pub(crate) fn read_bytes(file: &Path) -> Result<Vec<u8>, EngineError> {
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => EngineError::NotFound { file: file.to_owned() },
        _ => EngineError::Read { file: file.to_owned(), source },
    };
    let source = File::open(file).map_err(failed)?;
    let bytes = source.metadata().map_err(failed)?.len();
    if bytes > MAX_BYTES {
        return Err(EngineError::TooLarge { file: file.to_owned(), bytes, limit: MAX_BYTES });
    }
    let mut content = Vec::new();
    source.take(MAX_BYTES).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// Refuses a graph that refers to what the file does not hold.
fn complete(graph: &GraphProto) -> Result<(), String> {
    let mut known = HashSet::from([""]);
    known.extend(graph.input.iter().map(|input| input.name.as_str()));
    for tensor in &graph.initializer {
        if tensor.data_location == Some(DataLocation::External.into()) {
            return Err(format!("weight `{}` lies in another file, which a bundle may not use", tensor.name));
        }
        known.insert(&tensor.name);
    }
    for node in &graph.node {
        if let Some(missing) = node.input.iter().find(|input| !known.contains(input.as_str())) {
            return Err(format!("node `{}` reads `{missing}`, which nothing before it computes", node.name));
        }
        known.extend(node.output.iter().map(String::as_str));
    }
    match graph.output.iter().find(|output| output.name.is_empty() || !known.contains(output.name.as_str())) {
        Some(missing) => Err(format!("nothing computes its output `{}`", missing.name)),
        None => Ok(()),
    }
}

/// Replaces each f16 weight that is only stored as such, `Cast(f16 initializer) -> f32`, by the f32 weight. Runtimes fold
/// these casts themselves, but tract only up to a size, above which it would cast in every run.
fn widen(graph: &mut GraphProto) {
    let stored = graph.initializer.iter().enumerate();
    let stored = stored
        .filter(|(_, tensor)| tensor.data_type == i32::from(DataType::Float16) && is_raw_f16(tensor))
        .map(|(index, tensor)| (tensor.name.clone(), index))
        .collect::<HashMap<_, _>>();
    let mut uses = HashMap::<String, usize>::new();
    for name in graph.node.iter().flat_map(|node| &node.input).chain(graph.output.iter().map(|output| &output.name)) {
        *uses.entry(name.clone()).or_default() += 1;
    }
    let initializers = &mut graph.initializer;
    graph.node.retain(|node| {
        let to_f32 = node.op_type == "Cast"
            && node.attribute.iter().any(|to| to.name == "to" && to.i == i64::from(i32::from(DataType::Float)));
        let ([input], [output], true) = (&node.input[..], &node.output[..], to_f32) else { return true };
        let (Some(&index), Some(1)) = (stored.get(input), uses.get(input)) else { return true };
        let narrow = &mut initializers[index];
        narrow.raw_data = widened(&std::mem::take(&mut narrow.raw_data));
        narrow.data_type = DataType::Float.into();
        narrow.name.clone_from(output);
        false
    });
}

fn is_raw_f16(tensor: &TensorProto) -> bool {
    let elements = tensor.dims.iter().try_fold(1_u64, |product, size| product.checked_mul(u64::try_from(*size).ok()?));
    elements.and_then(|count| count.checked_mul(2)) == u64::try_from(tensor.raw_data.len()).ok()
}

fn widened(narrow: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 1024;
    let (mut halves, mut floats) = ([f16::ZERO; BLOCK], [0.0; BLOCK]);
    let mut wide = Vec::with_capacity(narrow.len() * 2);
    for block in narrow.chunks(BLOCK * size_of::<f16>()) {
        let count = block.len() / size_of::<f16>();
        for (half, bytes) in halves.iter_mut().zip(block.as_chunks().0) {
            *half = f16::from_le_bytes(*bytes);
        }
        halves[..count].convert_to_f32_slice(&mut floats[..count]);
        wide.extend(floats[..count].iter().flat_map(|value| value.to_le_bytes()));
    }
    wide
}

/// Name and shape of an f32 input. A symbolic first dimension is the batch, which is one frame here.
fn fixed(file: &Path, input: &ValueInfoProto) -> Result<TensorInfo, EngineError> {
    let refuse = |found: String| EngineError::Tensor {
        file: file.to_owned(),
        side: Side::Input,
        name: input.name.clone(),
        found,
    };
    let Some(Type::TensorType(tensor)) = input.r#type.as_ref().and_then(|kind| kind.value.as_ref()) else {
        return Err(refuse("of no type".to_owned()));
    };
    if tensor.elem_type != i32::from(DataType::Float) {
        return Err(refuse(format!("of the ONNX element type {}", tensor.elem_type)));
    }
    let dimensions =
        tensor.shape.as_ref().map(|shape| &shape.dim[..]).ok_or_else(|| refuse("of no shape".to_owned()))?;
    let sizes = dimensions.iter().enumerate().map(|(axis, dimension)| match &dimension.value {
        Some(Dimension::DimValue(size)) => usize::try_from(*size).ok().filter(|size| *size > 0),
        Some(Dimension::DimParam(_)) if axis == 0 => Some(1),
        Some(Dimension::DimParam(_)) | None => None,
    });
    let shape = sizes.collect::<Option<Vec<_>>>().ok_or_else(|| refuse("of variable shape".to_owned()))?;
    match shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size)) {
        Some(elements) if elements <= MAX_ELEMENTS => Ok(TensorInfo { name: input.name.clone(), shape }),
        _ => Err(refuse(format!("of shape {shape:?}, more than {MAX_ELEMENTS} elements"))),
    }
}
