//! The pieces of the ONNX file format that the builder writes.

use tract_onnx::pb::{
    AttributeProto, TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto::AttributeType,
    tensor_proto::DataType, tensor_shape_proto, type_proto,
};

use crate::error::OnnxError;
use crate::shape;

/// Operator set of the models.
pub const OPSET: i64 = 17;
/// Version of the file format that belongs to [`OPSET`].
pub const IR_VERSION: i64 = 8;

/// An integer attribute.
pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: AttributeType::Int.into(), i: value, ..AttributeProto::default() }
}

/// A float attribute.
pub(crate) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto { name: name.to_owned(), r#type: AttributeType::Float.into(), f: value, ..AttributeProto::default() }
}

/// A list of integers as attribute.
pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::Ints.into(),
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

/// A text attribute.
pub(crate) fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        r#type: AttributeType::String.into(),
        s: value.as_bytes().to_vec(),
        ..AttributeProto::default()
    }
}

/// Name, type (f32) and shape of an input or output.
pub(crate) fn value_info(name: &str, shape: &[usize]) -> Result<ValueInfoProto, OnnxError> {
    use tensor_shape_proto::{Dimension, dimension::Value};
    let dim = shape::to_i64(name, shape)?
        .into_iter()
        .map(|size| Dimension { denotation: String::new(), value: Some(Value::DimValue(size)) })
        .collect();
    let tensor = type_proto::Tensor { elem_type: DataType::Float.into(), shape: Some(TensorShapeProto { dim }) };
    Ok(ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto { denotation: String::new(), value: Some(type_proto::Value::TensorType(tensor)) }),
        doc_string: String::new(),
    })
}
