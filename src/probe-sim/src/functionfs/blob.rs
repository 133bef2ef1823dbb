//! What is written to and read from `ep0` of FunctionFS. All numbers are little endian (`linux/usb/functionfs.h`).

use crate::usb::{Descriptors, Setup, Speed};

const DESCRIPTORS_MAGIC: u32 = 3;
const STRINGS_MAGIC: u32 = 2;
/// There are descriptors of this speed.
const HAS_HIGH_SPEED: u32 = 2;
const HAS_SUPER_SPEED: u32 = 4;
/// American English.
const LANGUAGE: u16 = 0x0409;
/// Bytes of a configuration descriptor, which FunctionFS makes itself.
const CONFIGURATION_BYTES: usize = 9;

/// The descriptors of a function for both speeds; `of` gives those of one.
#[must_use]
pub fn descriptors(of: impl Fn(Speed) -> Descriptors) -> Vec<u8> {
    let (mut counts, mut bodies) = (Vec::new(), Vec::new());
    for speed in [Speed::High, Speed::Super] {
        let configuration = of(speed).configuration;
        let body = configuration.get(CONFIGURATION_BYTES..).unwrap_or_default();
        counts.extend(count(body).to_le_bytes());
        bodies.extend_from_slice(body);
    }
    let length = u32::try_from(12 + counts.len() + bodies.len()).unwrap_or(u32::MAX);
    let head = [DESCRIPTORS_MAGIC, length, HAS_HIGH_SPEED | HAS_SUPER_SPEED].map(u32::to_le_bytes).concat();
    [head, counts, bodies].concat()
}

/// Descriptors in a row, by their length bytes.
fn count(mut body: &[u8]) -> u32 {
    let mut count = 0;
    while let Some(rest) = body.first().and_then(|length| body.get(usize::from(*length).max(1)..)) {
        (body, count) = (rest, count + 1);
    }
    count
}

/// No strings of the function itself; those of the device are the gadget's.
#[must_use]
pub fn strings() -> Vec<u8> {
    let text = b"probe\0";
    let length = (16 + 2 + text.len()) as u32;
    let mut out = [STRINGS_MAGIC, length, 1, 1].map(u32::to_le_bytes).concat();
    out.extend(LANGUAGE.to_le_bytes());
    out.extend(text);
    out
}

/// What happened to the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A host configured it.
    Enable,
    /// It is not configured any more.
    Disable,
    /// A control request.
    Setup(Setup),
    /// Anything else.
    Other(u8),
}

/// An event of `ep0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event(pub EventKind);

impl Event {
    /// Bytes of an event.
    pub const BYTES: usize = 12;

    /// Reads an event: eight bytes of a setup packet, then the kind.
    #[must_use]
    pub fn decode(block: &[u8; Self::BYTES]) -> Self {
        let mut setup = [0; 8];
        setup.copy_from_slice(&block[..8]);
        Self(match block[8] {
            2 => EventKind::Enable,
            1 | 3 => EventKind::Disable,
            4 => EventKind::Setup(Setup::decode(setup)),
            other => EventKind::Other(other),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::journal::Journal;
    use crate::usb::Function;
    use crate::{Probe, ProbeSettings};

    #[test]
    fn blobs_are_laid_out_as_the_kernel_reads_them() {
        let blob = descriptors(|speed| {
            let settings = ProbeSettings { size: (64, 48), speed, ..ProbeSettings::default() };
            Probe::new(settings, Journal::silent()).unwrap().descriptors()
        });
        let word = |at: usize| u32::from_le_bytes(blob[at..at + 4].try_into().unwrap());
        assert_eq!([word(0), word(4), word(8)], [3, blob.len() as u32, 6]);
        // High speed: interface and endpoint; super speed: interface, endpoint and companion.
        assert_eq!([word(12), word(16)], [2, 3]);
        assert_eq!(blob.len(), 20 + (9 + 7) + (9 + 7 + 6));
        let text = strings();
        assert_eq!(u32::from_le_bytes(text[4..8].try_into().unwrap()) as usize, text.len());
    }

    #[test]
    fn events_are_read() {
        let mut block = [0xc1, 1, 0, 0, 0, 0, 64, 0, 4, 0, 0, 0];
        let Event(EventKind::Setup(setup)) = Event::decode(&block) else { unreachable!() };
        assert_eq!((setup.request, setup.length, setup.is_in()), (1, 64, true));
        for (kind, expected) in [(2, EventKind::Enable), (3, EventKind::Disable), (6, EventKind::Other(6))] {
            block[8] = kind;
            assert_eq!(Event::decode(&block), Event(expected));
        }
    }
}
