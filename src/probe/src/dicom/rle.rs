//! Run-length coding (PS3.5 annex G): one PackBits segment per byte of each channel.

use crate::error::Fault;

const FORMAT: &str = "DICOM RLE";
/// Bytes of the segment table: a count and fifteen offsets.
const HEADER_BYTES: usize = 64;

/// Decodes `encoded` into `planes` planes of `pixels` samples of `sample_bytes` bytes, little endian, one plane after the
/// other.
///
/// # Errors
/// [`Fault::Damaged`] where the table does not fit the data, or a segment has fewer bytes than the picture needs.
pub(super) fn decode(
    encoded: &[u8],
    planes: usize,
    sample_bytes: usize,
    pixels: usize,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let header: &[u8; HEADER_BYTES] = encoded
        .first_chunk()
        .ok_or_else(|| Fault::damaged(FORMAT, format!("a fragment has only {} bytes", encoded.len())))?;
    let (words, _) = header.as_chunks();
    let word = |index: usize| words.get(index).map_or(0, |word| u32::from_le_bytes(*word) as usize);
    let (count, offset) = (word(0), |segment: usize| word(segment + 1));
    let expected = planes * sample_bytes;
    if count != expected {
        return Err(Fault::damaged(FORMAT, format!("it has {count} segments where {expected} are needed")));
    }
    out.resize(planes * sample_bytes * pixels, 0);
    for segment in 0..count {
        let end = if segment + 1 < count { offset(segment + 1) } else { encoded.len() };
        let packed = encoded
            .get(offset(segment)..end)
            .ok_or_else(|| Fault::damaged(FORMAT, format!("segment {segment} lies outside the fragment")))?;
        // The most significant byte of a sample comes first.
        let (plane, byte) = (segment / sample_bytes, sample_bytes - 1 - segment % sample_bytes);
        let begin = plane * sample_bytes * pixels;
        let samples = &mut out[begin..begin + sample_bytes * pixels];
        let filled = if sample_bytes == 1 {
            unpack(packed, samples)
        } else {
            unpack_spread(packed, &mut samples[byte..], sample_bytes)
        };
        if filled < pixels {
            return Err(Fault::damaged(FORMAT, format!("segment {segment} holds {filled} of {pixels} bytes")));
        }
    }
    Ok(())
}

/// One step of PackBits.
enum Run<'a> {
    Literal(&'a [u8]),
    Repeat(u8, usize),
}

/// Takes the next run from `packed`; `None` at its end, also at a cut one.
fn next_run<'a>(packed: &mut &'a [u8]) -> Option<Run<'a>> {
    loop {
        let (&control, rest) = packed.split_first()?;
        match control {
            0..=127 => {
                let count = (usize::from(control) + 1).min(rest.len());
                let (literal, rest) = rest.split_at(count);
                *packed = rest;
                return Some(Run::Literal(literal));
            }
            128 => *packed = rest,
            129..=255 => {
                let (&value, rest) = rest.split_first()?;
                *packed = rest;
                return Some(Run::Repeat(value, 257 - usize::from(control)));
            }
        }
    }
}

/// Unpacks into consecutive bytes; returns how many it filled.
fn unpack(mut packed: &[u8], out: &mut [u8]) -> usize {
    let mut at = 0;
    while at < out.len() {
        let free = out.len() - at;
        match next_run(&mut packed) {
            Some(Run::Literal(literal)) => {
                let count = literal.len().min(free);
                out[at..at + count].copy_from_slice(&literal[..count]);
                at += count;
            }
            Some(Run::Repeat(value, count)) => {
                let count = count.min(free);
                out[at..at + count].fill(value);
                at += count;
            }
            None => break,
        }
    }
    at
}

/// Unpacks into every `step`-th byte; returns how many it filled.
fn unpack_spread(mut packed: &[u8], out: &mut [u8], step: usize) -> usize {
    let mut slots = out.iter_mut().step_by(step);
    let mut filled = 0;
    loop {
        let before = filled;
        match next_run(&mut packed) {
            Some(Run::Literal(literal)) => {
                // In this order: the other way round `zip` would take one slot more than there are values.
                for (value, slot) in literal.iter().zip(slots.by_ref()) {
                    *slot = *value;
                    filled += 1;
                }
            }
            Some(Run::Repeat(value, count)) => {
                for slot in slots.by_ref().take(count) {
                    *slot = value;
                    filled += 1;
                }
            }
            None => return filled,
        }
        if filled == before {
            return filled;
        }
    }
}
