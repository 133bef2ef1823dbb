//! NIfTI-1 in a single file, plain (`.nii`) or as gzip (`.nii.gz`): CAMUS and CardiacUDA.
//!
//! Source: the header `nifti1.h` of the NIfTI data format working group (2007). Axis order: see [`crate::volume`].

mod header;

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

use crate::error::Fault;
use crate::limits::Limits;
use crate::stream::Stream;
use crate::volume::{Shape, read_exactly};
pub(crate) use header::{HEADER_BYTES, looks_like};
use header::{Header, parse};

const FORMAT: &str = "NIfTI";
/// First bytes of gzip with deflate, its only method.
pub(crate) const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Reads only the header.
pub(crate) fn header(stream: Stream, limits: &Limits) -> Result<Shape, Fault> {
    Ok(begin(&mut decoded(stream)?, limits)?.shape)
}

/// Reads header and samples.
pub(crate) fn read(stream: Stream, limits: &Limits) -> Result<(Shape, Vec<u8>), Fault> {
    let mut reader = decoded(stream)?;
    let Header { shape, offset } = begin(&mut reader, limits)?;
    // Extensions lie between header and samples.
    let gap = offset.saturating_sub(HEADER_BYTES as u64);
    let skipped = io::copy(&mut (&mut reader).take(gap), &mut io::sink()).map_err(fault)?;
    if skipped < gap {
        return Err(Fault::cut(FORMAT, format!("it ends before its samples, which begin at byte {offset}")));
    }
    let data = read_exactly(reader, shape.bytes(), FORMAT)?;
    Ok((shape, data))
}

fn begin(reader: &mut impl Read, limits: &Limits) -> Result<Header, Fault> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    reader.take(HEADER_BYTES as u64).read_to_end(&mut bytes).map_err(fault)?;
    match bytes.first_chunk() {
        Some(bytes) => parse(bytes, limits),
        None => Err(Fault::cut(FORMAT, format!("it has {} bytes, its header alone {HEADER_BYTES}", bytes.len()))),
    }
}

fn fault(error: io::Error) -> Fault {
    crate::volume::fault(error, FORMAT)
}

/// The stream without its compression.
fn decoded(mut stream: Stream) -> Result<Box<dyn Read>, Fault> {
    let head = stream.head()?;
    Ok(if head.starts_with(&GZIP) { Box::new(MultiGzDecoder::new(stream)) } else { Box::new(stream) })
}

/// The first bytes of `head` without its gzip compression, as far as they come; nothing for other data.
pub(crate) fn inflated(head: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if head.starts_with(&GZIP) {
        // An error is expected: `head` is only the beginning.
        let _ = MultiGzDecoder::new(head).take(HEADER_BYTES as u64).read_to_end(&mut out);
    }
    out
}
