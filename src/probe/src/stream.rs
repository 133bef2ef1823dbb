//! Bytes of a file or of memory, with a known length and bounds-checked reads.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use crate::error::Fault;
use crate::kind::HEAD_BYTES;
use crate::limits::Limits;

/// Where the bytes are.
enum Backing {
    File(File),
    Memory(Cursor<Arc<[u8]>>),
}

impl Read for Backing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(out),
            Self::Memory(cursor) => cursor.read(out),
        }
    }
}

impl Seek for Backing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Memory(cursor) => cursor.seek(to),
        }
    }
}

/// A buffered reader that knows where it is and where its end is.
pub(crate) struct Stream {
    reader: BufReader<Backing>,
    position: u64,
    length: u64,
}

impl Stream {
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let io = |error| Fault::Io { action: "open the file", error };
        // Before opening: opening a pipe would wait for its writer.
        let metadata = std::fs::metadata(path).map_err(io)?;
        if !metadata.is_file() {
            return Err(Fault::NotAFile);
        }
        let file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        Ok(Self { reader: BufReader::new(Backing::File(file)), position: 0, length })
    }

    pub(crate) fn memory(bytes: Arc<[u8]>) -> Self {
        let length = bytes.len() as u64;
        Self { reader: BufReader::new(Backing::Memory(Cursor::new(bytes))), position: 0, length }
    }

    /// Bytes from the start.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Bytes in all.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes still to come.
    pub(crate) fn remaining(&self) -> u64 {
        self.length.saturating_sub(self.position)
    }

    /// Goes to `position`, at most to the end. Keeps what is buffered where it can.
    pub(crate) fn seek(&mut self, position: u64) -> Result<(), Fault> {
        let target = position.min(self.length);
        // Both are file positions, which the operating system keeps within i64.
        let offset = (target as i64).wrapping_sub(self.position as i64);
        self.reader.seek_relative(offset).map_err(|error| Fault::Io { action: "read the file", error })?;
        self.position = target;
        Ok(())
    }

    /// Fills `out`, or reports a cut file.
    pub(crate) fn fill(&mut self, out: &mut [u8], format: &'static str) -> Result<(), Fault> {
        if out.len() as u64 > self.remaining() {
            return Err(Fault::cut(format, format!("it ends after {} bytes", self.length)));
        }
        self.reader.read_exact(out).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Fault::cut(format, "it became shorter while being read"),
            _ => Fault::Io { action: "read the file", error },
        })?;
        self.position += out.len() as u64;
        Ok(())
    }

    /// Reads `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self, format: &'static str) -> Result<[u8; N], Fault> {
        let mut out = [0; N];
        self.fill(&mut out, format)?;
        Ok(out)
    }

    /// Makes `out` hold the next `count` bytes.
    pub(crate) fn take(
        &mut self,
        count: u64,
        out: &mut Vec<u8>,
        limits: &Limits,
        format: &'static str,
    ) -> Result<(), Fault> {
        self.read_behind(0, count, out, limits, format)
    }

    /// Appends the next `count` bytes to `out`.
    pub(crate) fn append(
        &mut self,
        count: u64,
        out: &mut Vec<u8>,
        limits: &Limits,
        format: &'static str,
    ) -> Result<(), Fault> {
        self.read_behind(out.len(), count, out, limits, format)
    }

    /// Makes `out` hold its first `kept` bytes and the next `count`. Memory is taken only after the file proved to have
    /// them; what the buffer held before is overwritten, not cleared.
    fn read_behind(
        &mut self,
        kept: usize,
        count: u64,
        out: &mut Vec<u8>,
        limits: &Limits,
        format: &'static str,
    ) -> Result<(), Fault> {
        if count > self.remaining() {
            let detail = format!("{count} bytes are announced where {} are left", self.remaining());
            return Err(Fault::cut(format, detail));
        }
        let bytes = count.saturating_add(kept as u64);
        limits.check_encoded(bytes)?;
        let end = usize::try_from(bytes).map_err(|_| Fault::TooManyBytes { bytes, limit: usize::MAX as u64 })?;
        out.resize(end, 0);
        self.fill(&mut out[kept..], format)
    }

    /// The first bytes, for [`crate::Kind::detect`]; leaves the position at the start.
    pub(crate) fn head(&mut self) -> Result<Vec<u8>, Fault> {
        let mut head = vec![0; HEAD_BYTES.min(usize::try_from(self.length).unwrap_or(HEAD_BYTES))];
        self.seek(0)?;
        self.fill(&mut head, "input")?;
        self.seek(0)?;
        Ok(head)
    }
}

/// For the parsers that take a reader.
impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(out)?;
        self.position += count as u64;
        Ok(count)
    }
}
