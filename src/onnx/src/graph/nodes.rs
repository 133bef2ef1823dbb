//! Nodes, constants and names: what the operators build a graph from.

use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto};

use super::{ANY_ELEMENT, Element, Graph, Name, Node, Operand, Origin, Value, ValueEntry};
use crate::error::OnnxError;
use crate::shape;
use crate::tensor;

impl Graph {
    /// Adds a constant that [`tensor`] made, under a name that is free.
    pub(crate) fn constant(&mut self, mut tensor: TensorProto, shape: &[usize], element: Element) -> Value {
        tensor.name = self.unique(&tensor.name);
        let value = self.add_value(tensor.name.clone(), shape, element, Origin::Weight);
        self.initializers.push(tensor);
        value
    }

    /// Zero points: an int8 0, or a vector of `length` of them. Equal ones share one initializer.
    pub(crate) fn zero_point(&mut self, length: Option<usize>) -> Result<Value, OnnxError> {
        if let Some(known) = self.zeros.get(&length) {
            return Ok(*known);
        }
        let (shape, data) = (length.map_or_else(Vec::new, |n| vec![n]), vec![0; length.unwrap_or(1)]);
        let name = self.unique_exact("zero");
        self.initializers.push(tensor::i8_tensor(&name, &shape, &data)?);
        let zero = self.add_value(name, &shape, Element::I8, Origin::Weight);
        self.zeros.insert(length, zero);
        Ok(zero)
    }

    /// Adds a node of one output and returns it. All operands have one element type, which is the result's, too.
    pub(crate) fn node(
        &mut self,
        operator: &'static str,
        operands: &[Operand],
        attributes: Vec<AttributeProto>,
        shape: &[usize],
    ) -> Result<Value, OnnxError> {
        let mut element = Element::F32;
        let values = operands.iter().filter_map(|operand| match operand {
            Operand::Value(value) => Some(*value),
            Operand::Integers(_) | Operand::Absent => None,
        });
        for (index, value) in values.enumerate() {
            self.check(operator, value)?;
            if index == 0 && ANY_ELEMENT.contains(&operator) {
                element = self.values[value.index].element;
            }
            self.expect(operator, value, element)?;
        }
        self.typed_node(operator, operands, attributes, shape, element)
    }

    /// Adds a node whose result has the element type `element`; its caller has checked those of the operands.
    pub(crate) fn typed_node(
        &mut self,
        operator: &'static str,
        operands: &[Operand],
        attributes: Vec<AttributeProto>,
        shape: &[usize],
        element: Element,
    ) -> Result<Value, OnnxError> {
        shape::to_i64(operator, shape)?;
        let mut inputs = Vec::with_capacity(operands.len());
        for operand in operands {
            inputs.push(match operand {
                Operand::Value(value) => {
                    self.check(operator, *value)?;
                    Name::Of(value.index)
                }
                Operand::Integers(values) => Name::Fixed(self.integer_constant(values)?),
                Operand::Absent => Name::Fixed(String::new()),
            });
        }
        let path = self.scope.iter().map(|part| format!("/{part}")).collect::<String>();
        let name = self.unique_exact(&format!("{path}/{operator}"));
        let value = self.add_value(name.clone(), shape, element, Origin::Node);
        self.nodes.push(Node { name, operator, inputs, output: value.index, attributes });
        Ok(value)
    }

    /// Shape of an operand of `operator`, owned so that the graph can be changed meanwhile.
    pub(crate) fn shape_of(&self, operator: &str, value: Value) -> Result<Vec<usize>, OnnxError> {
        self.check(operator, value)?;
        Ok(self.values[value.index].shape.clone())
    }

    /// Refuses a value whose elements are of another type.
    pub(crate) fn expect(&self, operator: &str, value: Value, expected: Element) -> Result<(), OnnxError> {
        let found = self.values[value.index].element;
        if found == expected {
            return Ok(());
        }
        let (expected, found) = (format!("{expected:?}").to_lowercase(), format!("{found:?}").to_lowercase());
        Err(OnnxError::Element { operator: operator.to_owned(), expected, found })
    }

    pub(super) fn check(&self, operator: &str, value: Value) -> Result<(), OnnxError> {
        if value.graph == self.id && value.index < self.values.len() {
            return Ok(());
        }
        Err(OnnxError::ForeignValue { operator: operator.to_owned() })
    }

    pub(super) fn add_value(&mut self, name: String, shape: &[usize], element: Element, origin: Origin) -> Value {
        let index = self.values.len();
        self.values.push(ValueEntry { name, shape: shape.to_vec(), element, origin });
        Value { graph: self.id, index }
    }

    fn integer_constant(&mut self, values: &[i64]) -> Result<String, OnnxError> {
        if let Some(name) = self.integers.get(values) {
            return Ok(name.clone());
        }
        let name = self.unique_exact("integers");
        self.initializers.push(tensor::i64_tensor(&name, values)?);
        self.integers.insert(values.to_vec(), name.clone());
        Ok(name)
    }

    /// Reserves a name chosen by the caller.
    pub(super) fn claim(&mut self, name: &str) -> Result<(), OnnxError> {
        if name.is_empty() || !self.taken.insert(name.to_owned()) {
            return Err(OnnxError::Name { name: name.to_owned() });
        }
        Ok(())
    }

    /// Reserves `name` inside the current scope, numbered where taken.
    pub(super) fn unique(&mut self, name: &str) -> String {
        let scoped = self.scope.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".");
        self.unique_exact(&scoped)
    }

    pub(super) fn unique_exact(&mut self, name: &str) -> String {
        let mut candidate = name.to_owned();
        let mut number = 1_usize;
        while candidate.is_empty() || !self.taken.insert(candidate.clone()) {
            number += 1;
            candidate = format!("{name}_{number}");
        }
        candidate
    }

    pub(super) fn node_proto(&self, node: &Node) -> NodeProto {
        let name = |reference: &Name| match reference {
            Name::Of(index) => self.values[*index].name.clone(),
            Name::Fixed(name) => name.clone(),
        };
        NodeProto {
            name: node.name.clone(),
            op_type: node.operator.to_owned(),
            input: node.inputs.iter().map(name).collect(),
            output: vec![self.values[node.output].name.clone()],
            attribute: node.attributes.clone(),
            ..NodeProto::default()
        }
    }
}
