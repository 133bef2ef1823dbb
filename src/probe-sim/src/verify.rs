//! Compares what a host received with what was sent.
//!
//! Two kinds of input, told apart by their first bytes:
//! - the bulk stream as it came: frames of the protocol, header and payload, one after the other (`USHF`), in any format;
//! - pictures that a host made of it: netpbm pictures one after the other (`P5` grey, `P6` colour, 8 bits). The strip of the
//!   pattern says which picture it is; cines need a comment `# sequence N`.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use ushydra_wire::{Format, HEADER_BYTES, Header, checksum};

use crate::SimError;
use crate::content::{Content, ContentSpec, Geometry, Payloads};
use crate::pattern::{Grain, Pattern};

/// Most that a grey value may differ after JPEG.
pub const JPEG_TOLERANCE: u8 = 6;
/// Most pixels of a picture that are read.
const MAX_PIXELS: usize = 1 << 24;
/// Most bytes of a number or comment in a netpbm header.
const MAX_WORD: usize = 200;

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Pictures.
    pub frames: u64,
    /// Sequence number of the first and of the last one.
    pub first: Option<u32>,
    /// See `first`.
    pub last: Option<u32>,
    /// Sequence numbers that are missing between two pictures.
    pub missing: u64,
    /// Pictures whose number is not above the one before: repetitions and new starts.
    pub back: u64,
    /// Pictures that differ from what was sent.
    pub wrong: u64,
    /// What is wrong with the first of them.
    pub detail: Option<String>,
}

impl Report {
    fn count(&mut self, sequence: u32, fault: Option<String>) {
        match self.last {
            None => self.first = Some(sequence),
            Some(last) if sequence > last => self.missing += u64::from(sequence - last - 1),
            Some(_) => self.back += 1,
        }
        self.last = Some(sequence);
        self.frames += 1;
        if let Some(fault) = fault {
            self.wrong += 1;
            self.detail.get_or_insert(format!("frame {sequence}: {fault}"));
        }
    }
}

/// Compares a whole input with `content`; `tolerance` is the most that grey values of pictures may differ, and more than 0
/// means that they went through JPEG.
///
/// # Errors
/// [`SimError::Verify`] for an input of neither kind, [`SimError::Io`] where it cannot be read.
pub fn verify(input: impl Read, content: &ContentSpec, tolerance: u8) -> Result<Report, SimError> {
    let mut input = BufReader::with_capacity(1 << 20, input);
    let begin = input.fill_buf().map_err(SimError::io("read the input", "check the file"))?;
    let wire = begin.first() == Some(&b'U');
    let mut report = Report::default();
    let result = if wire {
        wire_frames(&mut input, content, &mut report)
    } else {
        pictures(&mut input, content, tolerance, &mut report)
    };
    match result {
        Ok(()) => Ok(report),
        Err(Stop::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(SimError::Verify(format!("the input ends within frame {} of it", report.frames)))
        }
        Err(Stop::Io(error)) => Err(SimError::io("read the input", "check the file")(error)),
        Err(Stop::Sim(error)) => Err(error),
    }
}

enum Stop {
    Io(io::Error),
    Sim(SimError),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<SimError> for Stop {
    fn from(error: SimError) -> Self {
        Self::Sim(error)
    }
}

fn wire_frames(input: &mut impl BufRead, content: &ContentSpec, report: &mut Report) -> Result<(), Stop> {
    // Content is prepared again where the size changes, as after a replug.
    let mut payloads: Option<((u16, u16), Geometry, Payloads)> = None;
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    while !input.fill_buf()?.is_empty() {
        let mut head = [0; HEADER_BYTES];
        input.read_exact(&mut head)?;
        let header = Header::decode(&head).map_err(|error| SimError::Verify(error.to_string()))?;
        // The header bounds its own length.
        found.resize(header.payload as usize, 0);
        input.read_exact(&mut found)?;
        let size = (header.width, header.height);
        let geometry = geometry_of(header.format, &found);
        let fresh = payloads.as_ref().is_none_or(|(s, g, _)| (*s, *g) != (size, geometry));
        if fresh {
            let content = Arc::new(Content::prepare(content, size)?);
            payloads = Some((size, geometry, Payloads::new(content, size, geometry.scan())));
        }
        let Some((_, _, payloads)) = &mut payloads else { continue };
        if header.is_frozen() {
            // It shows the picture of an earlier number; only its checksum can be wrong.
            report.count(header.sequence, (checksum(&found) != header.crc).then(|| "wrong checksum".into()));
            continue;
        }
        expected.clear();
        payloads.append(header.format, header.sequence, &mut expected);
        let at = found.iter().zip(&expected).position(|(a, b)| a != b);
        let fault = match at {
            Some(at) => Some(format!("byte {at} of the payload is {} instead of {}", found[at], expected[at])),
            None if found.len() != expected.len() => {
                Some(format!("{} bytes of payload instead of {}", found.len(), expected.len()))
            }
            None => None,
        };
        report.count(header.sequence, fault);
    }
    Ok(())
}

fn geometry_of(format: Format, payload: &[u8]) -> Geometry {
    let all = [Geometry::Sector, Geometry::Curved, Geometry::Linear];
    let same = |geometry: &Geometry| payload.starts_with(&geometry.scan().encode());
    match format {
        Format::Lines8 | Format::Lines16 => all.into_iter().find(same).unwrap_or_default(),
        _ => Geometry::default(),
    }
}

fn pictures(input: &mut impl BufRead, content: &ContentSpec, tolerance: u8, report: &mut Report) -> Result<(), Stop> {
    let grain = if tolerance > 0 { Grain::Cell } else { Grain::Pixel };
    let mut prepared: Option<((u16, u16), Content)> = None;
    let mut expected = Vec::new();
    while let Some(picture) = Picture::read(input)? {
        let size = (picture.width, picture.height);
        if prepared.as_ref().is_none_or(|(s, _)| *s != size) {
            prepared = Some((size, Content::prepare(content, size)?));
        }
        let Some((_, content)) = &prepared else { continue };
        let pattern = match content {
            Content::Pattern(seed) => Some(Pattern { seed: *seed, width: size.0, height: size.1, grain }),
            Content::Cine(_) => None,
        };
        let grey: Vec<u8> = picture.samples.iter().step_by(picture.channels).copied().collect();
        let shown = pattern.and_then(|pattern| pattern.sequence_of(&grey));
        // What the picture itself says comes first: a host counts on over replugs, and cameras send no number at all.
        let Some(sequence) = shown.or(picture.sequence) else {
            let text = "a picture without sequence number; write it as a comment `# sequence N`";
            return Err(SimError::Verify(text.into()).into());
        };
        content.grey(sequence, grain, size, &mut expected);
        let mut masks: &[u8] = &[0];
        // Colour of the pattern differs by channel as it was sent as RGB8, and is grey as it was sent otherwise.
        if picture.channels == 3 && pattern.is_some() && tolerance == 0 {
            masks = if picture.samples.first() == picture.samples.get(1) { &[0, 0, 0] } else { &[0, 0x55, 0xaa] };
        }
        let value = |at: usize| expected[at / picture.channels] ^ masks[at % picture.channels % masks.len()];
        let differs = |at: &usize| picture.samples[*at].abs_diff(value(*at)) > tolerance;
        let mut wrong = (0..picture.samples.len()).filter(differs);
        let fault = wrong.next().map(|at| {
            let (pixel, width) = (at / picture.channels, usize::from(size.0));
            let (x, y, count) = (pixel % width, pixel / width, 1 + wrong.count());
            let (found, wanted) = (picture.samples[at], value(at));
            format!("{count} wrong samples, the first at column {x}, row {y}: {found} instead of {wanted}")
        });
        report.count(sequence, fault);
    }
    Ok(())
}

/// A netpbm picture.
struct Picture {
    width: u16,
    height: u16,
    channels: usize,
    sequence: Option<u32>,
    samples: Vec<u8>,
}

impl Picture {
    fn read(input: &mut impl BufRead) -> Result<Option<Self>, Stop> {
        if input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let wrong = |found: &str| {
            SimError::Verify(format!(
                "`{}` is neither a frame of the protocol nor a netpbm picture (P5, P6)",
                found.escape_debug()
            ))
        };
        let mut sequence = None;
        let kind = word(input, &mut sequence)?;
        let channels = match kind.as_str() {
            "P5" => 1,
            "P6" => 3,
            _ => return Err(wrong(&kind).into()),
        };
        let mut number = || {
            let text = word(input, &mut sequence)?;
            text.parse::<u16>().map_err(|_| Stop::Sim(wrong(&text)))
        };
        let (width, height, most) = (number()?, number()?, number()?);
        let pixels = usize::from(width) * usize::from(height);
        if most != 255 || pixels == 0 || pixels > MAX_PIXELS {
            return Err(wrong(&format!("{width} {height} {most}")).into());
        }
        let mut samples = vec![0; pixels * channels];
        input.read_exact(&mut samples)?;
        Ok(Some(Self { width, height, channels, sequence, samples }))
    }
}

/// The next word of a netpbm header; the blank behind it is gone. Comments are read on the way.
fn word(input: &mut impl BufRead, sequence: &mut Option<u32>) -> io::Result<String> {
    let (mut word, mut comment, mut in_comment) = (String::new(), String::new(), false);
    loop {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        let letter = char::from(byte[0]);
        match letter {
            '\n' if in_comment => {
                in_comment = false;
                let number = comment.trim().strip_prefix("sequence").map(|rest| rest.trim().parse());
                *sequence = number.and_then(Result::ok).or(*sequence);
                comment.clear();
            }
            _ if in_comment => comment.push(letter),
            '#' if word.is_empty() => in_comment = true,
            _ if letter.is_ascii_whitespace() && word.is_empty() => {}
            _ if letter.is_ascii_whitespace() => return Ok(word),
            _ => word.push(letter),
        }
        if word.len().max(comment.len()) > MAX_WORD {
            return Ok(word);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const SPEC: ContentSpec = ContentSpec::Pattern(5);

    fn pgm(sequence: u32, comment: bool) -> Vec<u8> {
        let pattern = Pattern { seed: 5, width: 64, height: 48, grain: Grain::Pixel };
        let comment = if comment { format!("# sequence {sequence}\n") } else { String::new() };
        let mut out = format!("P5\n{comment}64 48\n255\n").into_bytes();
        let begin = out.len();
        out.resize(begin + pattern.pixels(), 0);
        pattern.fill(sequence, &mut out[begin..]);
        out
    }

    #[test]
    fn pictures_are_compared() {
        let stream = [pgm(3, true), pgm(4, false), pgm(7, true), pgm(7, true)].concat();
        let report = verify(stream.as_slice(), &SPEC, 0).unwrap();
        assert_eq!((report.frames, report.missing, report.back, report.wrong), (4, 2, 1, 0));
        assert_eq!((report.first, report.last), (Some(3), Some(7)));
        let mut wrong = pgm(9, true);
        *wrong.last_mut().unwrap() ^= 1;
        let report = verify(wrong.as_slice(), &SPEC, 0).unwrap();
        assert!(report.wrong == 1 && report.detail.unwrap().contains("column 63, row 47"));
        let other = verify(pgm(9, true).as_slice(), &ContentSpec::Pattern(6), 0).unwrap();
        assert_eq!(other.wrong, 1);
    }

    #[test]
    fn pictures_come_through_jpeg_within_the_tolerance() {
        use ushydra_wire::Format;
        use zune_jpeg::JpegDecoder;
        use zune_jpeg::zune_core::bytestream::ZCursor;
        let size = (320, 240);
        let content = Arc::new(Content::Pattern(5));
        let mut payloads = Payloads::new(content, size, Geometry::Sector.scan());
        for layout in [crate::content::Layout::Probe(Format::Mjpeg), crate::content::Layout::ColourJpeg] {
            let mut jpeg = Vec::new();
            payloads.append_layout(layout, 12_345, &mut jpeg);
            let mut decoder = JpegDecoder::new(ZCursor::new(&jpeg));
            let samples = decoder.decode().unwrap();
            let colour = samples.len() == 3 * 320 * 240;
            let head = format!("{}\n# sequence 0\n320 240\n255\n", if colour { "P6" } else { "P5" });
            let report = verify([head.as_bytes(), &samples].concat().as_slice(), &SPEC, JPEG_TOLERANCE).unwrap();
            assert_eq!((report.wrong, report.first), (0, Some(12_345)), "{layout:?} {:?}", report.detail);
        }
    }

    #[test]
    fn other_inputs_are_refused() {
        for input in [&b"P7\n1 1\n255\n0"[..], b"P5\n0 4\n255\n", b"P5\n4 4\n255\n12", b"USHF", b"hello world "] {
            assert!(verify(input, &SPEC, 0).is_err());
        }
        assert_eq!(verify(&b""[..], &SPEC, 0).unwrap(), Report::default());
    }
}
