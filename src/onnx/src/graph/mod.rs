//! The graph under construction: values, weights, names, inputs, outputs, and the finished file.

mod nodes;

use std::collections::{HashMap, HashSet};
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use prost::Message as _;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    tensor_proto::DataType,
};

use crate::error::OnnxError;
use crate::proto::{self, IR_VERSION, OPSET};
use crate::shape;
use crate::tensor::{self, Storage};

/// Handle of a tensor in the [`Graph`] that returned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    graph: u32,
    index: usize,
}

/// Where a value comes from; decides whether it may be renamed to become an output.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Input,
    Weight,
    Node,
    Output,
}

struct ValueEntry {
    name: String,
    shape: Vec<usize>,
    element: Element,
    origin: Origin,
}

/// Type of a value's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    F32,
    I8,
    I32,
}

/// Operators that move or compare elements, so that they work on integers as on floats.
const ANY_ELEMENT: [&str; 8] = ["Concat", "Gather", "Identity", "MaxPool", "Relu", "Reshape", "Slice", "Transpose"];

/// An operand of a node: a value, or an integer constant that only the file sees.
pub(crate) enum Operand {
    Value(Value),
    Integers(Vec<i64>),
    Absent,
}

impl From<Value> for Operand {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

enum Name {
    Of(usize),
    Fixed(String),
}

struct Node {
    name: String,
    operator: &'static str,
    inputs: Vec<Name>,
    output: usize,
    attributes: Vec<AttributeProto>,
}

static NEXT_GRAPH: AtomicU32 = AtomicU32::new(0);

/// Builder of one ONNX model. The operators are methods grouped by kind; each returns the [`Value`] it computes.
pub struct Graph {
    id: u32,
    name: String,
    storage: Storage,
    scope: Vec<String>,
    values: Vec<ValueEntry>,
    nodes: Vec<Node>,
    initializers: Vec<TensorProto>,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    taken: HashSet<String>,
    scalars: HashMap<u32, Value>,
    integers: HashMap<Vec<i64>, String>,
    zeros: HashMap<Option<usize>, Value>,
    documentation: String,
    metadata: Vec<(String, String)>,
}

impl Graph {
    /// An empty graph that stores its weights as f32.
    pub fn new(name: &str) -> Self {
        Self {
            id: NEXT_GRAPH.fetch_add(1, Ordering::Relaxed),
            name: name.to_owned(),
            storage: Storage::F32,
            scope: Vec::new(),
            values: Vec::new(),
            nodes: Vec::new(),
            initializers: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            taken: HashSet::new(),
            scalars: HashMap::new(),
            integers: HashMap::new(),
            zeros: HashMap::new(),
            documentation: String::new(),
            metadata: Vec::new(),
        }
    }

    /// Sets how the weights added from now on are stored.
    #[must_use]
    pub fn with_storage(mut self, storage: Storage) -> Self {
        self.storage = storage;
        self
    }

    /// Sets the text that describes the model to its reader.
    pub fn documentation(&mut self, text: &str) {
        text.clone_into(&mut self.documentation);
    }

    /// Adds one entry to the model's metadata, such as `("licence", "Apache-2.0")`. A later entry replaces an earlier
    /// one of the same key.
    pub fn metadata(&mut self, key: &str, value: &str) {
        self.metadata.retain(|(existing, _)| existing != key);
        self.metadata.push((key.to_owned(), value.to_owned()));
    }

    /// Runs `build` with `name` prepended, separated by a point, to the names of everything it adds.
    pub fn scoped<R>(
        &mut self,
        name: &str,
        build: impl FnOnce(&mut Self) -> Result<R, OnnxError>,
    ) -> Result<R, OnnxError> {
        self.scope.push(name.to_owned());
        let result = build(self);
        self.scope.pop();
        result
    }

    /// Declares an f32 input of the model.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> Result<Value, OnnxError> {
        shape::to_i64(name, shape)?;
        self.claim(name)?;
        let value = self.add_value(name.to_owned(), shape, Element::F32, Origin::Input);
        self.inputs.push(value.index);
        Ok(value)
    }

    /// Declares `value` an output of the model under the given name. The order of calls is the order of outputs.
    pub fn output(&mut self, name: &str, value: Value) -> Result<(), OnnxError> {
        self.check("output", value)?;
        self.expect("output", value, Element::F32)?;
        let value = match self.values[value.index].origin {
            Origin::Node => value,
            Origin::Input | Origin::Weight | Origin::Output => self.identity(value)?,
        };
        self.claim(name)?;
        let entry = &mut self.values[value.index];
        name.clone_into(&mut entry.name);
        entry.origin = Origin::Output;
        self.outputs.push(value.index);
        Ok(())
    }

    /// Adds a constant tensor in the graph's [`Storage`]. `data` is row-major.
    pub fn weight(&mut self, name: &str, shape: &[usize], data: &[f32]) -> Result<Value, OnnxError> {
        self.weight_as(self.storage.for_rank(shape.len()), name, shape, data)
    }

    /// Adds a constant tensor that is stored as `storage`, whatever its rank. `data` is row-major.
    pub fn weight_as(
        &mut self,
        storage: Storage,
        name: &str,
        shape: &[usize],
        data: &[f32],
    ) -> Result<Value, OnnxError> {
        let name = self.unique(name);
        match storage {
            Storage::F32 => {
                self.initializers.push(tensor::f32_tensor(&name, shape, data)?);
                Ok(self.add_value(name, shape, Element::F32, Origin::Weight))
            }
            Storage::F16 => {
                let stored = self.unique_exact(&format!("{name}.f16"));
                self.initializers.push(tensor::f16_tensor(&stored, shape, data)?);
                let value = self.add_value(name, shape, Element::F32, Origin::Weight);
                let to = proto::int("to", i64::from(i32::from(DataType::Float)));
                self.nodes.push(Node {
                    name: format!("/{name}/Cast", name = self.values[value.index].name),
                    operator: "Cast",
                    inputs: vec![Name::Fixed(stored)],
                    output: value.index,
                    attributes: vec![to],
                });
                Ok(value)
            }
        }
    }

    /// An f32 constant without dimensions; equal constants share one initializer.
    pub fn scalar(&mut self, value: f32) -> Result<Value, OnnxError> {
        if let Some(known) = self.scalars.get(&value.to_bits()) {
            return Ok(*known);
        }
        let name = self.unique_exact("scalar");
        self.initializers.push(tensor::f32_tensor(&name, &[], &[value])?);
        let constant = self.add_value(name, &[], Element::F32, Origin::Weight);
        self.scalars.insert(value.to_bits(), constant);
        Ok(constant)
    }

    /// Shape of a value of this graph.
    pub fn shape(&self, value: Value) -> Result<&[usize], OnnxError> {
        self.check("shape", value)?;
        Ok(&self.values[value.index].shape)
    }

    /// Bytes that the constants added so far take in the file.
    pub fn weight_bytes(&self) -> usize {
        self.initializers.iter().map(|tensor| tensor.raw_data.len()).sum()
    }

    /// The finished model.
    pub fn to_model(&self) -> Result<ModelProto, OnnxError> {
        for (list, missing) in [(&self.inputs, "input"), (&self.outputs, "output")] {
            if list.is_empty() {
                return Err(OnnxError::Incomplete { name: self.name.clone(), missing });
            }
        }
        let info = |index: &usize| proto::value_info(&self.values[*index].name, &self.values[*index].shape);
        let graph = GraphProto {
            name: self.name.clone(),
            node: self.nodes.iter().map(|node| self.node_proto(node)).collect(),
            initializer: self.initializers.clone(),
            input: self.inputs.iter().map(info).collect::<Result<_, _>>()?,
            output: self.outputs.iter().map(info).collect::<Result<_, _>>()?,
            ..GraphProto::default()
        };
        let metadata = self.metadata.iter();
        Ok(ModelProto {
            ir_version: IR_VERSION,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            producer_name: "ushydra".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            doc_string: self.documentation.clone(),
            graph: Some(graph),
            metadata_props: metadata
                .map(|(key, value)| StringStringEntryProto { key: key.clone(), value: value.clone() })
                .collect(),
            ..ModelProto::default()
        })
    }

    /// The finished model as the bytes of an `.onnx` file. Equal graphs give equal bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, OnnxError> {
        Ok(self.to_model()?.encode_to_vec())
    }

    /// Writes the finished model to `path`; a reader sees the old file or the whole new one.
    pub fn save(&self, path: &Path) -> Result<(), OnnxError> {
        let bytes = self.to_bytes()?;
        let temporary = path.with_extension("onnx.part");
        let write = || {
            let mut file = std::fs::File::create(&temporary)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&temporary, path)
        };
        write().map_err(|source| OnnxError::Write { path: path.to_owned(), source })
    }
}
