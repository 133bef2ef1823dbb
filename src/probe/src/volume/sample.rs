//! Number types of volume samples.

/// One stored number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SampleType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
}

impl SampleType {
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// Calls `take` with every sample of `bytes`; 64-bit whole numbers are rounded to the nearest `f64`.
    pub(crate) fn each(self, bytes: &[u8], big_endian: bool, mut take: impl FnMut(f64)) {
        macro_rules! all {
            ($type:ty, $convert:expr) => {
                for chunk in bytes.as_chunks::<{ size_of::<$type>() }>().0 {
                    let value =
                        if big_endian { <$type>::from_be_bytes(*chunk) } else { <$type>::from_le_bytes(*chunk) };
                    take($convert(value));
                }
            };
        }
        match self {
            Self::U8 => all!(u8, f64::from),
            Self::I8 => all!(i8, f64::from),
            Self::U16 => all!(u16, f64::from),
            Self::I16 => all!(i16, f64::from),
            Self::U32 => all!(u32, f64::from),
            Self::I32 => all!(i32, f64::from),
            Self::U64 => all!(u64, |v| v as f64),
            Self::I64 => all!(i64, |v| v as f64),
            Self::F32 => all!(f32, f64::from),
            Self::F64 => all!(f64, |v| v),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders() {
        struct Case {
            sample: SampleType,
            little: Vec<u8>,
            expected: f64,
        }
        let cases = [
            Case { sample: SampleType::U8, little: vec![200], expected: 200.0 },
            Case { sample: SampleType::I8, little: vec![0xfe], expected: -2.0 },
            Case { sample: SampleType::U16, little: 50_000_u16.to_le_bytes().to_vec(), expected: 50_000.0 },
            Case { sample: SampleType::I16, little: (-300_i16).to_le_bytes().to_vec(), expected: -300.0 },
            Case { sample: SampleType::U32, little: u32::MAX.to_le_bytes().to_vec(), expected: 4_294_967_295.0 },
            Case { sample: SampleType::I32, little: (-7_i32).to_le_bytes().to_vec(), expected: -7.0 },
            Case { sample: SampleType::U64, little: 9_u64.to_le_bytes().to_vec(), expected: 9.0 },
            Case { sample: SampleType::I64, little: (-9_i64).to_le_bytes().to_vec(), expected: -9.0 },
            Case { sample: SampleType::F32, little: 0.5_f32.to_le_bytes().to_vec(), expected: 0.5 },
            Case { sample: SampleType::F64, little: 0.1_f64.to_le_bytes().to_vec(), expected: 0.1 },
        ];
        for case in cases {
            assert_eq!(case.little.len(), case.sample.bytes());
            let big: Vec<u8> = case.little.iter().rev().copied().collect();
            for (bytes, order) in [(case.little, false), (big, true)] {
                let mut values = Vec::new();
                case.sample.each(&bytes, order, |value| values.push(value));
                assert_eq!(values, [case.expected], "{:?}", case.sample);
            }
        }
    }
}
