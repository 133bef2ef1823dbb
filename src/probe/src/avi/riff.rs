//! Chunks of a RIFF file, one after the other.

use crate::error::Fault;
use crate::limits::Limits;
use crate::stream::Stream;

const FORMAT: &str = super::FORMAT;
/// Name and size before every chunk; a list adds its type.
const CHUNK_HEADER: u64 = 8;
const LIST_TYPE: u64 = 4;

/// Four letters.
pub(super) type Id = [u8; 4];

/// A chunk with data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    pub(super) id: Id,
    pub(super) size: u32,
    start: u64,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    /// A chunk with data; the stream stands before it.
    Chunk(Chunk),
    /// The beginning of a list of this type, whose chunks follow.
    List(Id),
}

/// Reader of chunks.
pub(super) struct Riff {
    stream: Stream,
    /// Where the next chunk begins.
    at: u64,
    /// Where the `RIFF` lists say that the file ends.
    announced: u64,
}

impl Riff {
    /// Checks the first list.
    pub(super) fn open(mut stream: Stream) -> Result<Self, Fault> {
        let mut riff = {
            stream.seek(0)?;
            Self { stream, at: 0, announced: 0 }
        };
        match riff.next()? {
            Some(Item::List(id)) if id == *b"AVI " => Ok(riff),
            _ => Err(Fault::damaged(FORMAT, "it does not begin with a RIFF list of the type AVI")),
        }
    }

    /// Goes to the next chunk or list; `None` at the end of a whole file.
    pub(super) fn next(&mut self) -> Result<Option<Item>, Fault> {
        self.stream.seek(self.at)?;
        let length = self.stream.length();
        if self.stream.remaining() == 0 {
            if self.announced > length {
                let detail = format!("it has {length} bytes where {} are announced", self.announced);
                return Err(Fault::cut(FORMAT, detail));
            }
            return Ok(None);
        }
        let [i0, i1, i2, i3, s0, s1, s2, s3] = self.stream.array(FORMAT)?;
        let id = [i0, i1, i2, i3];
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        if !id.iter().all(|letter| (b' '..=b'~').contains(letter)) {
            return Err(Fault::damaged(FORMAT, format!("no chunk name where one is expected, at byte {}", self.at)));
        }
        let start = self.at + CHUNK_HEADER;
        // Chunks begin at even places.
        let end = start + u64::from(size) + u64::from(size & 1);
        if id == *b"RIFF" || id == *b"LIST" {
            let list: Id = self.stream.array(FORMAT)?;
            if id == *b"RIFF" {
                self.announced = self.announced.max(start + u64::from(size));
            }
            let known = matches!(&list, b"AVI " | b"AVIX" | b"hdrl" | b"strl" | b"movi" | b"rec ");
            self.at = if known { start + LIST_TYPE } else { self.skip_to(start, end)? };
            return Ok(Some(Item::List(list)));
        }
        self.at = self.skip_to(start, end)?;
        Ok(Some(Item::Chunk(Chunk { id, size, start })))
    }

    /// Checks that the file goes on to `end`; only the padding of the last chunk may be missing.
    fn skip_to(&self, start: u64, end: u64) -> Result<u64, Fault> {
        let length = self.stream.length();
        if end > length + 1 {
            let detail =
                format!("the chunk at byte {} ends at byte {end}, the file at byte {length}", start - CHUNK_HEADER);
            return Err(Fault::cut(FORMAT, detail));
        }
        Ok(end.min(length))
    }

    /// Reads the data of a chunk.
    pub(super) fn read(&mut self, chunk: Chunk, out: &mut Vec<u8>, limits: &Limits) -> Result<(), Fault> {
        self.stream.seek(chunk.start)?;
        self.stream.take(chunk.size.into(), out, limits, FORMAT)
    }

    /// Reads the first `N` bytes of a chunk, 0 where it is shorter.
    pub(super) fn begin<const N: usize>(&mut self, chunk: Chunk) -> Result<[u8; N], Fault> {
        let mut out = [0; N];
        let count = N.min(usize::try_from(chunk.size).unwrap_or(N));
        self.stream.seek(chunk.start)?;
        self.stream.fill(&mut out[..count], FORMAT)?;
        Ok(out)
    }
}
