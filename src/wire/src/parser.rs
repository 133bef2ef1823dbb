//! From the bytes of the bulk pipe to frames.

use thiserror::Error;

use crate::counters::{LinkCounters, Sequence};
use crate::{HEADER_BYTES, Header, HeaderError, MAGIC, checksum};

/// Frames with a wrong checksum, one behind the other, after which the rest of a transfer is skipped without looking into
/// it. Damage gives one or two; only a device that means harm gives many, to keep the host computing checksums.
const MAX_FALSE_STARTS: u8 = 64;

/// What the stream holds next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// A whole frame.
    Frame {
        /// Its header.
        header: Header,
        /// Its payload, in the bytes that were given or in the parser's buffer; its length and checksum are those of the
        /// header.
        payload: &'a [u8],
    },
    /// Bytes that are no whole frame. They are counted; the parser goes on behind them by itself.
    Fault(StreamFault),
}

/// Why bytes of the stream are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StreamFault {
    /// A header that cannot be one.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A payload for which there is no room.
    #[error(
        "a payload of {payload} bytes is announced where the probe promised at most {room}; the probe's firmware is faulty"
    )]
    TooLong {
        /// Bytes announced.
        payload: u32,
        /// Most bytes that fit.
        room: usize,
    },
    /// A payload that changed on its way.
    #[error("frame {sequence} has the checksum {found:08x} instead of {expected:08x}; check cable and connectors")]
    Checksum {
        /// Number of the frame.
        sequence: u32,
        /// Checksum in the header.
        expected: u32,
        /// Checksum of the payload that came.
        found: u32,
    },
    /// A transfer that ended within a frame.
    #[error("a transfer ended after {found} of {needed} bytes of a frame; check cable and connectors")]
    Short {
        /// Bytes there.
        found: usize,
        /// Bytes of the header, or of the whole frame where its header came.
        needed: usize,
    },
}

/// Finds frames in a stream of bytes, wherever the stream is cut into pieces.
///
/// A frame that lies in the input as a whole, with nothing waiting before it, is checked and handed out where it lies. Bytes of
/// an unfinished frame gather in the buffer, which the caller gives once and which is all the memory there ever is.
///
/// After damage the search for the next header goes on one byte behind the false start, also within bytes that a false header
/// claimed as its payload: a wrong length cannot swallow a true frame. It can delay one, until as many bytes came as it
/// announces or until [`Parser::end_of_transfer`], which on USB is the end of the very same frame.
///
/// The same bytes with the same ends of transfers give the same events and counters, however they are cut.
///
/// ```
/// use ushydra_wire::{Event, Format, HEADER_BYTES, Header, Parser, encode_frame};
///
/// let header = Header {
///     format: Format::Grey8, flags: 0, setup: 0, sequence: 0, width: 2, height: 2, payload: 4, captured_ns: 0, crc: 0,
/// };
/// let mut stream = encode_frame(header, &[1, 2, 3, 4])?.to_vec();
/// stream.extend([1, 2, 3, 4]);
/// let mut parser = Parser::new([0; HEADER_BYTES + 4]);
/// let mut frames = 0;
/// for packet in stream.chunks(5) {
///     let mut input = packet;
///     while let Some(event) = parser.next(&mut input) {
///         frames += usize::from(matches!(event, Event::Frame { payload: [1, 2, 3, 4], .. }));
///     }
/// }
/// parser.end_of_transfer();
/// assert_eq!((frames, parser.counters().received), (1, 1));
/// # Ok::<(), ushydra_wire::HeaderError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Parser<B> {
    buffer: B,
    /// Bytes of the buffer that wait.
    start: usize,
    end: usize,
    /// The waiting bytes are the last ones of their transfer.
    closed: bool,
    false_starts: u8,
    sequence: Sequence,
    counters: LinkCounters,
}

/// What the first of some bytes are.
enum Look {
    /// No frame begins before this many bytes.
    Nothing(usize),
    /// Perhaps a frame; this many bytes tell more.
    Wait(usize),
    Frame(Header),
    Fault(StreamFault),
}

/// An event before its payload is borrowed.
enum Found<'i> {
    /// Payload in the buffer, from this index on.
    Gathered(Header, usize),
    InPlace(Header, &'i [u8]),
    Fault(StreamFault),
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Parser<B> {
    /// A parser for frames of at most `buffer` bytes, header and payload together. Larger ones are refused; into a buffer
    /// without room for a header no frame fits at all.
    pub const fn new(buffer: B) -> Self {
        Self {
            buffer,
            start: 0,
            end: 0,
            closed: false,
            false_starts: 0,
            sequence: Sequence::FIRST,
            counters: LinkCounters::NONE,
        }
    }

    /// The next event of the waiting bytes and `input`, which moves on behind what was taken. `None` once `input` is used up
    /// and nothing more can be said before further bytes or the end of the transfer.
    pub fn next<'p, 'i: 'p>(&'p mut self, input: &mut &'i [u8]) -> Option<Event<'p>> {
        Some(match self.find(input)? {
            Found::InPlace(header, payload) => Event::Frame { header, payload },
            Found::Gathered(header, at) => {
                Event::Frame { header, payload: &self.buffer.as_ref()[at..at + header.payload as usize] }
            }
            Found::Fault(fault) => Event::Fault(fault),
        })
    }

    /// A short packet ended the transfer: a frame that is unfinished now stays so. To be called when [`Parser::next`] gave
    /// `None` for the last bytes of the transfer; the events that follow from it come with the next call, before those of its
    /// input.
    pub fn end_of_transfer(&mut self) {
        if self.waiting() == 0 {
            self.false_starts = 0;
        } else {
            self.closed = true;
        }
    }

    /// Forgets what waits and begins with sequence number 0 again, for a new [`crate::Start`]. Counters go on.
    pub fn restart(&mut self) {
        self.counters.skipped_bytes += self.waiting() as u64;
        (self.start, self.end) = (0, 0);
        self.closed = false;
        self.false_starts = 0;
        self.sequence = Sequence::FIRST;
    }

    /// What happened since the parser was made.
    #[must_use]
    pub const fn counters(&self) -> LinkCounters {
        self.counters
    }

    /// The counters, for [`LinkCounters::count_late`].
    pub const fn counters_mut(&mut self) -> &mut LinkCounters {
        &mut self.counters
    }

    /// Bytes that wait for the rest of their frame.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.end - self.start
    }

    fn find<'i>(&mut self, input: &mut &'i [u8]) -> Option<Found<'i>> {
        loop {
            let gathered = self.waiting() > 0;
            if !gathered {
                (self.start, self.end) = (0, 0);
                if core::mem::take(&mut self.closed) {
                    self.false_starts = 0;
                }
                if input.is_empty() {
                    return None;
                }
            }
            let room = self.buffer.as_ref().len();
            let bytes = if gathered { &self.buffer.as_ref()[self.start..self.end] } else { *input };
            let look = if room < HEADER_BYTES || self.false_starts >= MAX_FALSE_STARTS {
                Look::Nothing(bytes.len())
            } else {
                look(bytes, room)
            };
            match look {
                Look::Nothing(count) => self.skip(count, gathered, input),
                Look::Wait(needed) if self.closed => {
                    let found = bytes.len();
                    self.skip(1, gathered, input);
                    // Less than a magic number is no sign of a frame.
                    if found >= MAGIC.len() {
                        self.counters.short += 1;
                        return Some(Found::Fault(StreamFault::Short { found, needed }));
                    }
                }
                Look::Wait(needed) => {
                    if input.is_empty() {
                        return None;
                    }
                    self.gather(needed, input);
                }
                Look::Frame(header) => {
                    let total = HEADER_BYTES + header.payload as usize;
                    self.false_starts = 0;
                    self.counters.received += 1;
                    self.counters.received_bytes += u64::from(header.payload);
                    self.sequence.count(header.sequence, &mut self.counters);
                    if gathered {
                        let at = self.start + HEADER_BYTES;
                        self.start += total;
                        return Some(Found::Gathered(header, at));
                    }
                    let (frame, rest) = input.split_at(total);
                    *input = rest;
                    return Some(Found::InPlace(header, &frame[HEADER_BYTES..]));
                }
                Look::Fault(fault) => {
                    self.skip(1, gathered, input);
                    if let StreamFault::Checksum { .. } = fault {
                        self.false_starts += 1;
                        self.counters.crc_failed += 1;
                    } else {
                        self.counters.bad_header += 1;
                    }
                    return Some(Found::Fault(fault));
                }
            }
        }
    }

    /// Gives up `count` bytes, waiting ones or those of the input.
    fn skip(&mut self, count: usize, gathered: bool, input: &mut &[u8]) {
        self.counters.skipped_bytes += count as u64;
        if gathered {
            self.start += count;
        } else {
            *input = &input[count..];
        }
    }

    /// Takes bytes of the input until `needed` wait, or all of it. `needed` is at most the length of the buffer.
    fn gather(&mut self, needed: usize, input: &mut &[u8]) {
        let buffer = self.buffer.as_mut();
        if self.start + needed > buffer.len() {
            buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let (taken, rest) = input.split_at(input.len().min(self.start + needed - self.end));
        buffer[self.end..self.end + taken.len()].copy_from_slice(taken);
        self.end += taken.len();
        *input = rest;
    }
}

/// Looks at the first of `bytes`, of which there is at least one; frames have at most `room` bytes.
fn look(bytes: &[u8], room: usize) -> Look {
    let known = bytes.len().min(MAGIC.len());
    if bytes[..known] != MAGIC[..known] {
        // The first byte of the magic number does not occur in it again, so that no start is passed over.
        let next = bytes[1..].iter().position(|byte| *byte == MAGIC[0]);
        return Look::Nothing(next.map_or(bytes.len(), |at| 1 + at));
    }
    let Some(block) = bytes.first_chunk() else {
        return Look::Wait(HEADER_BYTES);
    };
    let header = match Header::decode(block) {
        Ok(header) => header,
        Err(error) => return Look::Fault(error.into()),
    };
    let length = header.payload as usize;
    if length > room - HEADER_BYTES {
        return Look::Fault(StreamFault::TooLong { payload: header.payload, room: room - HEADER_BYTES });
    }
    let Some(payload) = bytes[HEADER_BYTES..].get(..length) else {
        return Look::Wait(HEADER_BYTES + length);
    };
    let found = checksum(payload);
    if found != header.crc {
        return Look::Fault(StreamFault::Checksum { sequence: header.sequence, expected: header.crc, found });
    }
    Look::Frame(header)
}
