//! Initializers: the constants of a graph as ONNX tensors.

use half::f16;
use prost::Message as _;
use tract_onnx::pb::{ModelProto, TensorProto, tensor_proto::DataType};

use crate::error::OnnxError;
use crate::shape::{self, Shape};

/// How a graph stores the elements of its weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// 32-bit floats: exact, four bytes each.
    #[default]
    F32,
    /// 16-bit floats for weights of two or more dimensions, which hold nearly all bytes; vectors (biases, norms) stay
    /// f32. Computation is in f32 all the same.
    F16,
}

impl Storage {
    /// The format a weight of this rank is stored in.
    pub(crate) fn for_rank(self, rank: usize) -> Self {
        if rank < 2 { Self::F32 } else { self }
    }
}

/// An f32 tensor. Elements must be finite.
pub(crate) fn f32_tensor(name: &str, shape: &[usize], data: &[f32]) -> Result<TensorProto, OnnxError> {
    check(name, shape, data.len())?;
    finite(name, data, "f32", |value| value.is_finite())?;
    let raw = data.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, shape, DataType::Float, raw)
}

/// An f16 tensor, rounded to the nearest even. Elements must be finite and in the range of f16.
pub(crate) fn f16_tensor(name: &str, shape: &[usize], data: &[f32]) -> Result<TensorProto, OnnxError> {
    check(name, shape, data.len())?;
    finite(name, data, "f16", |value| f16::from_f32(value).is_finite())?;
    let raw = data.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect();
    tensor(name, shape, DataType::Float16, raw)
}

/// An int8 tensor: quantised weights, zero points.
pub(crate) fn i8_tensor(name: &str, shape: &[usize], data: &[i8]) -> Result<TensorProto, OnnxError> {
    check(name, shape, data.len())?;
    tensor(name, shape, DataType::Int8, data.iter().flat_map(|value| value.to_le_bytes()).collect())
}

/// An i32 tensor: biases of quantised layers.
pub(crate) fn i32_tensor(name: &str, shape: &[usize], data: &[i32]) -> Result<TensorProto, OnnxError> {
    check(name, shape, data.len())?;
    tensor(name, shape, DataType::Int32, data.iter().flat_map(|value| value.to_le_bytes()).collect())
}

/// An i64 vector: shapes, axes, indices.
pub(crate) fn i64_tensor(name: &str, data: &[i64]) -> Result<TensorProto, OnnxError> {
    let raw = data.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, &[data.len()], DataType::Int64, raw)
}

fn tensor(name: &str, shape: &[usize], kind: DataType, raw_data: Vec<u8>) -> Result<TensorProto, OnnxError> {
    Ok(TensorProto {
        name: name.to_owned(),
        dims: shape::to_i64(name, shape)?,
        data_type: kind.into(),
        raw_data,
        ..TensorProto::default()
    })
}

/// Number of weights of a model: the values of its f32 and f16 initializers.
///
/// # Errors
/// [`OnnxError::Damaged`] for bytes that are no model.
pub fn parameters(bytes: &[u8]) -> Result<usize, OnnxError> {
    let damaged = |reason: String| OnnxError::Damaged { reason };
    let model = ModelProto::decode(bytes).map_err(|error| damaged(error.to_string()))?;
    let graph = model.graph.ok_or_else(|| damaged("it holds no graph".to_owned()))?;
    let kinds = [DataType::Float, DataType::Float16].map(i32::from);
    let floats = graph.initializer.iter().filter(|tensor| kinds.contains(&tensor.data_type));
    let counts = floats.map(|t| t.dims.iter().map(|d| usize::try_from(*d).unwrap_or(0)).product::<usize>());
    Ok(counts.sum())
}

fn check(name: &str, shape: &[usize], length: usize) -> Result<(), OnnxError> {
    match shape.elements() {
        Some(expected) if expected == length => Ok(()),
        expected => Err(OnnxError::Length {
            name: name.to_owned(),
            shape: shape.to_vec(),
            expected: expected.unwrap_or(usize::MAX),
            found: length,
        }),
    }
}

fn finite(name: &str, data: &[f32], storage: &'static str, fits: fn(f32) -> bool) -> Result<(), OnnxError> {
    match data.iter().position(|value| !fits(*value)) {
        None => Ok(()),
        Some(index) => Err(OnnxError::Weight { name: name.to_owned(), index, value: data[index], storage }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tract_onnx::pb::GraphProto;

    use super::*;

    #[test]
    fn weights_are_counted_and_shapes_are_not() {
        let initializer = vec![
            f32_tensor("w", &[2, 3], &[0.0; 6]).unwrap(),
            f32_tensor("b", &[3], &[0.0; 3]).unwrap(),
            i64_tensor("shape", &[1, 6]).unwrap(),
        ];
        let graph = Some(GraphProto { initializer, ..GraphProto::default() });
        let bytes = ModelProto { graph, ..ModelProto::default() }.encode_to_vec();
        assert_eq!(parameters(&bytes).unwrap(), 9);
        assert!(matches!(parameters(b"nothing"), Err(OnnxError::Damaged { .. })));
    }
}
