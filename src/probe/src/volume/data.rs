//! Reading samples, and mapping them to grey levels.

use std::io::{self, Read};

use super::{SampleType, Shape};
use crate::error::Fault;

/// How stored samples become grey levels.
///
/// Values that lie within 0 to 255 and go beyond 1 are grey levels already, in whatever type they are stored: they are
/// rounded. All others are stretched linearly from the least and greatest value of the whole volume to 0 and 255, so
/// that the slices keep their brightness to each other. Values that are not finite become 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grey {
    least: f64,
    factor: f64,
}

/// Greatest grey level.
const FULL: f64 = 255.0;

impl Grey {
    const AS_STORED: Self = Self { least: 0.0, factor: 1.0 };

    /// The mapping for a whole volume.
    pub(super) fn of(shape: &Shape, data: &[u8]) -> Self {
        let (mut least, mut greatest) = (f64::INFINITY, f64::NEG_INFINITY);
        shape.sample.each(data, shape.big_endian, |stored| {
            let value = shape.slope * stored + shape.intercept;
            if value.is_finite() {
                least = least.min(value);
                greatest = greatest.max(value);
            }
        });
        if least >= 0.0 && greatest > 1.0 && greatest <= FULL {
            return Self::AS_STORED;
        }
        let range = greatest - least;
        // One value everywhere, or none at all: black.
        let factor = if range.is_finite() && range > 0.0 { FULL / range } else { 0.0 };
        Self { least: if least.is_finite() { least } else { 0.0 }, factor }
    }

    /// Maps the samples of one slice.
    pub(super) fn map(&self, shape: &Shape, samples: &[u8], out: &mut [u8]) {
        if *self == Self::AS_STORED && shape.sample == SampleType::U8 && (shape.slope, shape.intercept) == (1.0, 0.0) {
            let count = out.len().min(samples.len());
            out[..count].copy_from_slice(&samples[..count]);
            return;
        }
        let mut slots = out.iter_mut();
        shape.sample.each(samples, shape.big_endian, |stored| {
            let value = (shape.slope * stored + shape.intercept - self.least) * self.factor;
            if let Some(slot) = slots.next() {
                // `as` saturates and takes NaN to 0; infinity is taken to 0 too.
                *slot = if value.is_finite() { value.round() as u8 } else { 0 };
            }
        });
    }
}

/// Reads exactly `bytes` bytes. Memory grows with what really comes, not with what a header announces.
///
/// Behind compressed data one more byte is asked for, so that the decoder sees the checksum.
pub(crate) fn read_exactly(mut reader: impl Read, bytes: u64, format: &'static str) -> Result<Vec<u8>, Fault> {
    let mut data = Vec::new();
    (&mut reader).take(bytes).read_to_end(&mut data).map_err(|error| fault(error, format))?;
    if (data.len() as u64) < bytes {
        return Err(Fault::cut(format, format!("it has {} of {bytes} announced bytes", data.len())));
    }
    let mut end = [0];
    reader.read(&mut end).map_err(|error| fault(error, format))?;
    Ok(data)
}

/// What a failed read of possibly compressed data means.
pub(crate) fn fault(error: io::Error, format: &'static str) -> Fault {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Fault::cut(format, "its compressed data ends too early"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            Fault::damaged(format, format!("its compressed data is wrong ({error})"))
        }
        _ => Fault::Io { action: "read the file", error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_levels() {
        struct Case {
            name: &'static str,
            values: &'static [f32],
            slope: f64,
            intercept: f64,
            expected: &'static [u8],
        }
        let cases = [
            Case { name: "as stored", values: &[0.0, 3.4, 250.0], slope: 1.0, intercept: 0.0, expected: &[0, 3, 250] },
            Case { name: "unit range", values: &[0.0, 0.5, 1.0], slope: 1.0, intercept: 0.0, expected: &[0, 128, 255] },
            Case {
                name: "negative",
                values: &[-100.0, 20.0, 100.0],
                slope: 1.0,
                intercept: 0.0,
                expected: &[0, 153, 255],
            },
            Case { name: "wide", values: &[0.0, 1000.0, 4000.0], slope: 1.0, intercept: 0.0, expected: &[0, 64, 255] },
            Case { name: "slope", values: &[0.0, 1.0, 2.0], slope: 100.0, intercept: 10.0, expected: &[10, 110, 210] },
            Case { name: "no contrast", values: &[-5.0, -5.0], slope: 1.0, intercept: 0.0, expected: &[0, 0] },
            Case {
                name: "not finite",
                values: &[f32::NAN, f32::INFINITY, 7.0],
                slope: 1.0,
                intercept: 0.0,
                expected: &[0, 0, 7],
            },
            Case { name: "nothing finite", values: &[f32::NAN], slope: 1.0, intercept: 0.0, expected: &[0] },
        ];
        for case in cases {
            let shape = Shape {
                size: [case.values.len() as u32, 1, 1],
                spacing_mm: None,
                sample: SampleType::F32,
                big_endian: false,
                slope: case.slope,
                intercept: case.intercept,
            };
            let data: Vec<u8> = case.values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let mut out = vec![9; case.values.len()];
            Grey::of(&shape, &data).map(&shape, &data, &mut out);
            assert_eq!(out, case.expected, "{}", case.name);
        }
    }
}
