//! The header lists of an AVI file: codec, size and frame rate of its video.

use std::time::Duration;

use super::riff::{Id, Item, Riff};
use crate::error::Fault;

const FORMAT: &str = super::FORMAT;
/// Names under which Motion-JPEG goes, in capitals.
const MOTION_JPEG: [&[u8; 4]; 4] = [b"MJPG", b"JPEG", b"DMB1", b"AVRN"];
/// Bytes of interest at the beginning of the header chunks `avih` and `strh`/`strf`.
const MAIN_BYTES: usize = 40;
const STREAM_BYTES: usize = 36;
const FORMAT_BYTES: usize = 20;
/// Streams that a two-digit chunk name can tell apart.
const MAX_STREAMS: u8 = 100;
const MICROSECONDS: u32 = 1_000_000;
const NANOSECONDS: u128 = 1_000_000_000;
/// Shortest and longest time of a frame that is believed.
const FRAME_TIME: std::ops::RangeInclusive<f64> = 1e-4..=60.0;

/// Frames per second as the fraction `rate / scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) rate: u32,
    pub(super) scale: u32,
}

impl Rate {
    /// Time of frame `index`; `None` without a credible rate.
    pub(super) fn time_of(self, index: u32) -> Option<Duration> {
        if !self.is_credible() {
            return None;
        }
        let nanos = u128::from(index) * u128::from(self.scale) * NANOSECONDS / u128::from(self.rate);
        Some(Duration::from_nanos(u64::try_from(nanos).ok()?))
    }

    fn is_credible(self) -> bool {
        self.rate != 0 && FRAME_TIME.contains(&(f64::from(self.scale) / f64::from(self.rate)))
    }
}

/// What is needed of the header lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rate: Rate,
    /// Frames that are announced; 0 where the recording was not finished.
    pub(super) frames: u32,
    /// Digits that name the video stream in the chunks with its frames.
    digits: [u8; 2],
}

/// A stream header, until its format follows.
struct Video {
    number: u8,
    handler: Id,
    rate: Rate,
    frames: u32,
}

impl Header {
    /// Reads the lists up to the frames.
    pub(super) fn read(riff: &mut Riff) -> Result<Self, Fault> {
        let mut streams = 0_u8;
        let mut main: Option<([u32; 2], Rate)> = None;
        let mut video: Option<Video> = None;
        let mut header: Option<Self> = None;
        while let Some(item) = riff.next()? {
            match item {
                Item::List(id) if id == *b"movi" => break,
                Item::List(id) if id == *b"strl" => streams = streams.saturating_add(1).min(MAX_STREAMS),
                Item::List(_) => {}
                Item::Chunk(chunk) if chunk.id == *b"avih" => {
                    let bytes: [u8; MAIN_BYTES] = riff.begin(chunk)?;
                    let rate = Rate { rate: MICROSECONDS, scale: u32_at(&bytes, 0) };
                    main = Some(([u32_at(&bytes, 32), u32_at(&bytes, 36)], rate));
                }
                Item::Chunk(chunk) if chunk.id == *b"strh" && header.is_none() => {
                    let bytes: [u8; STREAM_BYTES] = riff.begin(chunk)?;
                    video = bytes.starts_with(b"vids").then(|| Video {
                        number: streams.saturating_sub(1),
                        handler: [bytes[4], bytes[5], bytes[6], bytes[7]],
                        rate: Rate { rate: u32_at(&bytes, 24), scale: u32_at(&bytes, 20) },
                        frames: u32_at(&bytes, 32),
                    });
                }
                Item::Chunk(chunk) if chunk.id == *b"strf" => {
                    if let Some(video) = video.take() {
                        header = Some(Self::of_video(&video, &riff.begin(chunk)?, main)?);
                    }
                }
                Item::Chunk(_) => {}
            }
        }
        header.ok_or_else(|| Fault::damaged(FORMAT, "it has no video stream"))
    }

    fn of_video(video: &Video, format: &[u8; FORMAT_BYTES], main: Option<([u32; 2], Rate)>) -> Result<Self, Fault> {
        let codec = [format[16], format[17], format[18], format[19]];
        let is_jpeg = |name: Id| MOTION_JPEG.iter().any(|known| name.eq_ignore_ascii_case(*known));
        // The format decides; some capture programs fill in only the handler.
        let decisive = if codec == [0; 4] { video.handler } else { codec };
        if !is_jpeg(decisive) {
            return Err(Fault::Unsupported {
                what: format!(
                    "AVI with the codec `{}`",
                    if codec == [0; 4] { "uncompressed".into() } else { name(codec) }
                ),
                remedy: "convert it, for example with `ffmpeg -i in.avi -c:v mjpeg -q:v 2 -an out.avi`",
            });
        }
        // A negative height means rows from top to bottom, which JPEG has anyway.
        let size = [u32_at(format, 4), u32_at(format, 8).cast_signed().unsigned_abs()];
        let ([width, height], rate) = match main {
            Some((main_size, main_rate)) => (
                if size.contains(&0) { main_size } else { size },
                if video.rate.is_credible() { video.rate } else { main_rate },
            ),
            None => (size, video.rate),
        };
        if width == 0 || height == 0 {
            return Err(Fault::damaged(FORMAT, format!("the size of its video is {width}x{height}")));
        }
        let digits = [b'0' + video.number / 10, b'0' + video.number % 10];
        Ok(Self { width, height, rate, frames: video.frames, digits })
    }

    /// Whether a chunk of this name holds a frame: the stream's digits with `dc` (compressed) or `db` (uncompressed, as
    /// some writers call JPEG frames too).
    pub(super) fn is_frame(&self, id: Id) -> bool {
        let [d0, d1, kind @ ..] = id;
        [d0, d1] == self.digits && matches!(&kind, b"dc" | b"db")
    }
}

fn name(codec: Id) -> String {
    codec.iter().map(|&letter| if letter.is_ascii_graphic() { char::from(letter) } else { '.' }).collect()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|tail| tail.first_chunk()).copied().map_or(0, u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_follow_the_rate_without_drift() {
        struct Case {
            rate: Rate,
            index: u32,
            expected: Option<Duration>,
        }
        let cases = [
            Case { rate: Rate { rate: 50, scale: 1 }, index: 3, expected: Some(Duration::from_millis(60)) },
            Case { rate: Rate { rate: 30_000, scale: 1001 }, index: 30_000, expected: Some(Duration::from_secs(1001)) },
            Case {
                rate: Rate { rate: MICROSECONDS, scale: 20_000 },
                index: 50,
                expected: Some(Duration::from_secs(1)),
            },
            Case { rate: Rate { rate: 0, scale: 1 }, index: 1, expected: None },
            Case { rate: Rate { rate: 25, scale: 0 }, index: 1, expected: None },
            Case { rate: Rate { rate: 1, scale: 1000 }, index: 1, expected: None },
        ];
        for case in cases {
            assert_eq!(case.rate.time_of(case.index), case.expected, "{:?}", case.rate);
        }
    }
}
