//! Where each frame of a cine lies in the file.

use dicom_core::Tag;

use super::FORMAT;
use super::header::Attributes;
use super::image::Image;
use super::syntax::Coding;
use super::walk::ITEM;
use crate::error::Fault;
use crate::limits::Limits;
use crate::stream::Stream;

/// Tag and length before every fragment.
const ITEM_HEADER: u64 = 8;
/// Fragments that are noted: two hours at 120 frames per second, and a bound on what a file of empty fragments can take.
const MAX_FRAGMENTS: usize = 1 << 20;
/// Start marker of JPEG.
const JPEG_START: [u8; 2] = [0xff, 0xd8];

/// Encoded bytes of one fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fragment {
    start: u64,
    length: u32,
}

impl Fragment {
    fn end(self) -> u64 {
        self.start + u64::from(self.length)
    }
}

#[derive(Debug)]
enum Place {
    /// One after the other from this byte, each of this length.
    Native { start: u64, length: u64 },
    /// Fragments, and the number of the first one of each frame.
    Fragments { fragments: Vec<Fragment>, first: Vec<usize> },
}

/// Places of the frames.
#[derive(Debug)]
pub(super) struct Frames {
    place: Place,
    /// Frames that the header announces.
    announced: u32,
    /// Frames that the file has whole.
    available: u32,
}

impl Frames {
    /// Notes the places; reads no pixels.
    pub(super) fn locate(stream: &mut Stream, attributes: &Attributes, image: &Image) -> Result<Self, Fault> {
        let announced = attributes.frames;
        let start = attributes.pixels.start;
        let coding = attributes.syntax.coding;
        let (place, available) = match (coding.is_encapsulated(), attributes.pixels.length) {
            (false, Some(bytes)) => {
                let length = image.native_bytes();
                let bytes = u64::from(bytes).min(stream.length().saturating_sub(start));
                (Place::Native { start, length }, bytes.checked_div(length).unwrap_or(0))
            }
            (true, None) => {
                let (table, fragments) = walk_fragments(stream, start)?;
                let offsets = if attributes.offsets.is_empty() { &table } else { &attributes.offsets };
                let (first, available) = assign(stream, &fragments, offsets, announced, coding)?;
                (Place::Fragments { fragments, first }, available as u64)
            }
            (true, Some(_)) => return Err(Fault::damaged(FORMAT, "its compressed pixels are not in fragments")),
            (false, None) => return Err(Fault::damaged(FORMAT, "its uncompressed pixels have no length")),
        };
        let available = u32::try_from(available).unwrap_or(u32::MAX).min(announced);
        if available == 0 {
            return Err(Fault::cut(FORMAT, format!("none of its {announced} frames is whole")));
        }
        Ok(Self { place, announced, available })
    }

    /// Reads the encoded bytes of frame `index` into `out`; `false` behind the last frame of a whole file.
    pub(super) fn read(
        &self,
        index: u32,
        stream: &mut Stream,
        out: &mut Vec<u8>,
        limits: &Limits,
    ) -> Result<bool, Fault> {
        if index >= self.announced {
            return Ok(false);
        }
        if index >= self.available {
            let detail = format!("only {} of its {} frames are whole", self.available, self.announced);
            return Err(Fault::cut(FORMAT, detail));
        }
        match &self.place {
            Place::Native { start, length } => {
                stream.seek(start + length * u64::from(index))?;
                stream.take(*length, out, limits, FORMAT)?;
            }
            Place::Fragments { fragments, first } => {
                out.clear();
                let index = index as usize;
                let begin = first.get(index).copied().unwrap_or(fragments.len());
                let end = first.get(index + 1).copied().unwrap_or(fragments.len());
                for fragment in fragments.get(begin..end).unwrap_or_default() {
                    stream.seek(fragment.start)?;
                    stream.append(fragment.length.into(), out, limits, FORMAT)?;
                }
            }
        }
        Ok(true)
    }
}

/// Reads the offset table and notes the fragments that are whole.
fn walk_fragments(stream: &mut Stream, start: u64) -> Result<(Vec<u64>, Vec<Fragment>), Fault> {
    stream.seek(start)?;
    let mut table = None;
    let mut fragments = Vec::new();
    // The end of the file instead of the delimiter is tolerated: missing frames are noticed by their number.
    while stream.remaining() >= ITEM_HEADER {
        let [g0, g1, e0, e1, length @ ..] = stream.array::<8>(FORMAT)?;
        let tag = Tag(u16::from_le_bytes([g0, g1]), u16::from_le_bytes([e0, e1]));
        let length = u32::from_le_bytes(length);
        if tag != ITEM || u64::from(length) > stream.remaining() {
            break;
        }
        let fragment = Fragment { start: stream.position(), length };
        if table.is_none() {
            table = Some(read_table(stream, length)?);
        } else if fragments.len() < MAX_FRAGMENTS {
            fragments.push(fragment);
        } else {
            return Err(Fault::damaged(FORMAT, format!("it has more than {MAX_FRAGMENTS} fragments")));
        }
        stream.seek(fragment.end())?;
    }
    Ok((table.unwrap_or_default(), fragments))
}

/// The basic offset table: distances of the frames' first items from the first fragment's.
fn read_table(stream: &mut Stream, length: u32) -> Result<Vec<u64>, Fault> {
    let entries = length / 4;
    if entries as usize > MAX_FRAGMENTS {
        return Err(Fault::damaged(FORMAT, format!("its offset table has {entries} entries")));
    }
    (0..entries).map(|_| Ok(u64::from(u32::from_le_bytes(stream.array(FORMAT)?)))).collect()
}

/// Finds the first fragment of each frame; returns them with the number of frames that are whole.
fn assign(
    stream: &mut Stream,
    fragments: &[Fragment],
    offsets: &[u64],
    announced: u32,
    coding: Coding,
) -> Result<(Vec<usize>, usize), Fault> {
    let frames = announced as usize;
    if announced == 1 {
        return Ok((vec![0], usize::from(!fragments.is_empty())));
    }
    if offsets.len() == frames
        && let Some(assigned) = by_offsets(fragments, offsets)
    {
        return Ok(assigned);
    }
    if fragments.len() == frames {
        return Ok(((0..frames).collect(), frames));
    }
    if fragments.len() < frames {
        // One fragment per frame, and the file ends too early.
        return Ok(((0..fragments.len()).collect(), fragments.len()));
    }
    let first = if coding == Coding::Jpeg { by_start_marker(stream, fragments)? } else { Vec::new() };
    if first.len() != frames {
        let detail = format!("{} fragments cannot be shared out among {frames} frames", fragments.len());
        return Err(Fault::damaged(FORMAT, detail));
    }
    Ok((first, frames))
}

/// By the offset table; `None` where it does not fit the fragments. A frame is whole if the next one begins, or if it is
/// the last one and its fragment is there.
fn by_offsets(fragments: &[Fragment], offsets: &[u64]) -> Option<(Vec<usize>, usize)> {
    let origin = fragments.first()?.start;
    let end = fragments.last()?.end();
    let mut first = Vec::with_capacity(offsets.len().min(fragments.len()));
    for offset in offsets {
        let start = origin.checked_add(*offset)?;
        match fragments.binary_search_by_key(&start, |fragment| fragment.start) {
            Ok(fragment) if first.last().is_none_or(|&last| last < fragment) => first.push(fragment),
            // Behind the place where the file is cut.
            Err(_) if start > end => break,
            _ => return None,
        }
    }
    // Of a cut file the last frame found may lack fragments.
    let whole = if first.len() == offsets.len() { first.len() } else { first.len().saturating_sub(1) };
    let exact_end = offsets.get(first.len()).is_some_and(|next| origin.checked_add(*next) == Some(end + ITEM_HEADER));
    let whole = if exact_end { first.len() } else { whole };
    Some((first, whole))
}

/// By the start marker that only the first fragment of a frame has.
fn by_start_marker(stream: &mut Stream, fragments: &[Fragment]) -> Result<Vec<usize>, Fault> {
    let mut first = Vec::new();
    for (number, fragment) in fragments.iter().enumerate() {
        if u64::from(fragment.length) < JPEG_START.len() as u64 {
            continue;
        }
        stream.seek(fragment.start)?;
        if stream.array::<2>(FORMAT)? == JPEG_START {
            first.push(number);
        }
    }
    Ok(first)
}
