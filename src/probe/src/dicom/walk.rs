//! Walks the elements of a data set without loading them.
//!
//! Element headers are decoded by `dicom-encoding`; nesting is kept here in a short list of open sequences and items
//! instead of by recursion, so that no depth of nesting exhausts the stack and no length is believed before the file
//! proved to have it.

use dicom_core::header::{HasLength, Header};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use dicom_encoding::decode::Decode;
use dicom_encoding::decode::explicit_le::ExplicitVRLittleEndianDecoder;
use dicom_encoding::decode::implicit_le::StandardImplicitVRLittleEndianDecoder;

use super::FORMAT;
use crate::error::Fault;
use crate::stream::Stream;

/// Begin of an item, end of an item and end of a sequence where their lengths are not given.
pub(super) const ITEM: Tag = Tag(0xfffe, 0xe000);
const ITEM_END: Tag = Tag(0xfffe, 0xe00d);
const SEQUENCE_END: Tag = Tag(0xfffe, 0xe0dd);
/// Sequences and items open at the same time. Enhanced multi-frame images use about eight.
const MAX_LEVELS: usize = 64;
/// Longest value that is read into memory: a time for each of 100,000 frames.
const MAX_VALUE_BYTES: u32 = 1 << 20;

/// A data element that is not a sequence, or the pixel data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) tag: Tag,
    /// Bytes of its value; `None` for encapsulated pixel data.
    pub(super) length: Option<u32>,
    /// First byte of its value.
    pub(super) start: u64,
}

/// An open sequence or item.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// Tag of the sequence; of an item, [`ITEM`].
    tag: Tag,
    /// Where it ends, unless a delimiter says so.
    end: Option<u64>,
    /// Its elements have no value representation.
    implicit: bool,
}

/// Position in a data set.
pub(super) struct Walk<'a> {
    stream: &'a mut Stream,
    explicit: ExplicitVRLittleEndianDecoder,
    without_vr: StandardImplicitVRLittleEndianDecoder,
    implicit: bool,
    levels: Vec<Level>,
    items: usize,
    /// Where the next element begins.
    at: u64,
}

impl<'a> Walk<'a> {
    /// Begins at `at`.
    pub(super) fn new(stream: &'a mut Stream, at: u64, implicit: bool) -> Self {
        Self {
            stream,
            explicit: ExplicitVRLittleEndianDecoder::default(),
            without_vr: StandardImplicitVRLittleEndianDecoder::with_std_dict(),
            implicit,
            levels: Vec::new(),
            items: 0,
            at,
        }
    }

    /// Where the next element begins.
    pub(super) fn position(&self) -> u64 {
        self.at
    }

    /// The next element of `group`, or `None` before the first of another.
    pub(super) fn next_in_group(&mut self, group: u16) -> Result<Option<Element>, Fault> {
        let at = self.at;
        self.stream.seek(at)?;
        if self.stream.remaining() == 0 {
            return Ok(None);
        }
        let low: [u8; 2] = self.stream.array(FORMAT)?;
        if u16::from_le_bytes(low) != group {
            return Ok(None);
        }
        self.next(|_| false)
    }

    /// Outermost open sequence around the last element.
    pub(super) fn outermost(&self) -> Option<Tag> {
        self.levels.first().map(|level| level.tag)
    }

    /// Items begun so far; tells the elements of one item from those of the next.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// The next element, or `None` at the end of the data set. `enter` says which sequences of known length to walk
    /// through; the others are skipped.
    pub(super) fn next(&mut self, enter: impl Fn(Tag) -> bool) -> Result<Option<Element>, Fault> {
        loop {
            self.close_ended()?;
            self.stream.seek(self.at)?;
            if self.stream.remaining() == 0 {
                return if self.levels.is_empty() { Ok(None) } else { Err(self.cut("inside a sequence")) };
            }
            let (tag, vr, length) = self.header()?;
            let start = self.stream.position();
            let end = length.map(|length| start + u64::from(length));
            if tag.group() == ITEM.group() {
                self.delimiter(tag, start, end)?;
                continue;
            }
            if tag == tags::PIXEL_DATA && self.levels.is_empty() {
                self.at = end.unwrap_or(start);
                return Ok(Some(Element { tag, length, start }));
            }
            if let Some(end) = end
                && end > self.stream.length()
            {
                return Err(self.cut(&format!("inside the element {tag}")));
            }
            match end {
                Some(end) if vr != VR::SQ => {
                    self.at = end;
                    return Ok(Some(Element { tag, length, start }));
                }
                Some(end) if !enter(tag) => self.at = end,
                _ => {
                    // Elements of unknown representation and length are coded without representations (PS3.5 6.2.2).
                    let implicit = self.is_implicit() || (vr == VR::UN && length.is_none());
                    self.open(Level { tag, end, implicit }, start)?;
                }
            }
        }
    }

    /// Reads the value of an element.
    pub(super) fn value(&mut self, element: &Element) -> Result<Vec<u8>, Fault> {
        let length = element.length.unwrap_or(u32::MAX);
        if length > MAX_VALUE_BYTES {
            return Err(Fault::damaged(FORMAT, format!("the element {} has {length} bytes", element.tag)));
        }
        let mut value = vec![0; length as usize];
        self.stream.seek(element.start)?;
        self.stream.fill(&mut value, FORMAT)?;
        Ok(value)
    }

    fn is_implicit(&self) -> bool {
        self.levels.last().map_or(self.implicit, |level| level.implicit)
    }

    fn header(&mut self) -> Result<(Tag, VR, Option<u32>), Fault> {
        let header = if self.is_implicit() {
            self.without_vr.decode_header(self.stream)
        } else {
            self.explicit.decode_header(self.stream)
        };
        match header {
            Ok((header, _)) => Ok((header.tag(), header.vr(), header.length().get())),
            Err(_) => Err(self.cut("inside an element's header")),
        }
    }

    /// Items begin, and items and sequences end, with elements of their own.
    fn delimiter(&mut self, tag: Tag, start: u64, end: Option<u64>) -> Result<(), Fault> {
        let open = self.levels.last().copied();
        match (tag, open) {
            // Fragments of an icon's pixels: bytes, not elements.
            (ITEM, Some(level)) if level.tag == tags::PIXEL_DATA => {
                self.at = end.ok_or_else(|| self.misplaced(tag))?;
                Ok(())
            }
            (ITEM, Some(level)) if level.tag != ITEM => {
                self.items += 1;
                self.open(Level { tag, end, implicit: level.implicit }, start)
            }
            (ITEM_END, Some(level)) if level.tag == ITEM => self.close(start),
            (SEQUENCE_END, Some(level)) if level.tag != ITEM => self.close(start),
            _ => Err(self.misplaced(tag)),
        }
    }

    fn open(&mut self, level: Level, start: u64) -> Result<(), Fault> {
        if self.levels.len() >= MAX_LEVELS {
            return Err(Fault::damaged(FORMAT, format!("sequences are nested more than {MAX_LEVELS} deep")));
        }
        self.levels.push(level);
        self.at = start;
        Ok(())
    }

    fn close(&mut self, at: u64) -> Result<(), Fault> {
        self.levels.pop();
        self.at = at;
        Ok(())
    }

    fn close_ended(&mut self) -> Result<(), Fault> {
        while let Some(Level { tag, end: Some(end), .. }) = self.levels.last() {
            if self.at > *end {
                return Err(Fault::damaged(FORMAT, format!("an element runs over the end of {tag} around it")));
            }
            if self.at < *end {
                break;
            }
            self.levels.pop();
        }
        Ok(())
    }

    fn misplaced(&self, tag: Tag) -> Fault {
        Fault::damaged(FORMAT, format!("a misplaced delimiter {tag} at byte {}", self.at))
    }

    fn cut(&self, place: &str) -> Fault {
        Fault::cut(FORMAT, format!("it ends after {} bytes, {place}", self.stream.length()))
    }
}
