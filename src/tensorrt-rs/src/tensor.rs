//! Names, types and shapes of an engine's inputs and outputs.

use std::fmt;

use crate::ffi;

/// Type of a tensor's elements, `nvinfer1::DataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataType {
    /// 32-bit IEEE float.
    F32,
    /// 16-bit IEEE float.
    F16,
    /// Signed byte, quantised.
    I8,
    /// Signed 32 bits.
    I32,
    /// A byte that is 0 or 1.
    Bool,
    /// Unsigned byte.
    U8,
    /// 8-bit float.
    F8,
    /// 16-bit float with the exponent of 32 bits.
    Bf16,
    /// Signed 64 bits.
    I64,
    /// Signed 4 bits, two in a byte.
    I4,
    /// 4-bit float, two in a byte.
    F4,
    /// A type that came after this crate.
    Other(i32),
}

impl DataType {
    pub(crate) fn from_number(number: i32) -> Self {
        match number {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::I8,
            3 => Self::I32,
            4 => Self::Bool,
            5 => Self::U8,
            6 => Self::F8,
            7 => Self::Bf16,
            8 => Self::I64,
            9 => Self::I4,
            10 => Self::F4,
            other => Self::Other(other),
        }
    }

    /// Size of an element in bits; `None` for a type that this crate does not know.
    #[must_use]
    pub fn bits(self) -> Option<usize> {
        match self {
            Self::I64 => Some(64),
            Self::F32 | Self::I32 => Some(32),
            Self::F16 | Self::Bf16 => Some(16),
            Self::I8 | Self::Bool | Self::U8 | Self::F8 => Some(8),
            Self::I4 | Self::F4 => Some(4),
            Self::Other(_) => None,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::I8 => "i8",
            Self::I32 => "i32",
            Self::Bool => "bool",
            Self::U8 => "u8",
            Self::F8 => "f8",
            Self::Bf16 => "bf16",
            Self::I64 => "i64",
            Self::I4 => "i4",
            Self::F4 => "f4",
            Self::Other(number) => return write!(formatter, "type {number}"),
        };
        formatter.write_str(name)
    }
}

/// Extents of a tensor, outermost first; -1 is a free one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape(pub Vec<i64>);

impl Shape {
    pub(crate) fn from_ffi(shape: &ffi::Shape) -> Self {
        let rank = usize::try_from(shape.rank).unwrap_or(0).min(ffi::MAX_RANK);
        Self(shape.extent.iter().take(rank).copied().collect())
    }

    /// `None` where there are more dimensions than TensorRT knows.
    pub(crate) fn to_ffi(&self) -> Option<ffi::Shape> {
        let mut shape = ffi::Shape { rank: i32::try_from(self.0.len()).ok()?, ..Default::default() };
        shape.extent.get_mut(..self.0.len())?.copy_from_slice(&self.0);
        Some(shape)
    }

    /// Number of elements; `None` where an extent is free or the product too large.
    #[must_use]
    pub fn elements(&self) -> Option<usize> {
        self.0.iter().try_fold(1_usize, |product, extent| product.checked_mul(usize::try_from(*extent).ok()?))
    }

    /// Size in bytes of a tensor of this shape; `None` where it cannot be known.
    #[must_use]
    pub fn bytes(&self, data_type: DataType) -> Option<usize> {
        Some(self.elements()?.checked_mul(data_type.bits()?)?.div_ceil(8))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extents: Vec<String> = self.0.iter().map(i64::to_string).collect();
        write!(formatter, "[{}]", extents.join("x"))
    }
}

impl From<&[i64]> for Shape {
    fn from(extents: &[i64]) -> Self {
        Self(extents.to_vec())
    }
}

/// Whether the engine reads or writes a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The engine reads it.
    Input,
    /// The engine writes it.
    Output,
}

/// An input or output of an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorDesc {
    /// Its name, that of the ONNX model.
    pub name: String,
    /// Read or written.
    pub direction: Direction,
    /// Type of its elements.
    pub data_type: DataType,
    /// Its shape.
    pub shape: Shape,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        struct Case {
            shape: &'static [i64],
            data_type: DataType,
            bytes: Option<usize>,
        }
        let cases = [
            Case { shape: &[1, 3, 4, 5], data_type: DataType::F32, bytes: Some(240) },
            Case { shape: &[], data_type: DataType::F16, bytes: Some(2) },
            Case { shape: &[3], data_type: DataType::I4, bytes: Some(2) },
            Case { shape: &[-1, 3], data_type: DataType::F32, bytes: None },
            Case { shape: &[i64::MAX, 2], data_type: DataType::I8, bytes: None },
            Case { shape: &[i64::MAX], data_type: DataType::I64, bytes: None },
            Case { shape: &[2], data_type: DataType::Other(99), bytes: None },
        ];
        for case in cases {
            let shape = Shape::from(case.shape);
            assert_eq!(shape.bytes(case.data_type), case.bytes, "{} {shape}", case.data_type);
        }
    }

    #[test]
    fn the_shim_knows_eight_dimensions() {
        let shape = Shape(vec![7; ffi::MAX_RANK]);
        assert_eq!(shape.to_ffi().map(|ffi| Shape::from_ffi(&ffi)), Some(shape));
        assert!(Shape(vec![1; ffi::MAX_RANK + 1]).to_ffi().is_none());
        let hostile = ffi::Shape { rank: 99, ..Default::default() };
        assert_eq!(Shape::from_ffi(&hostile).0.len(), ffi::MAX_RANK);
    }
}
