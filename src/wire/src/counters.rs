//! What happened on a link.

use core::fmt;
use core::ops::{Add, AddAssign};

/// Counts of one link since its session began. Sums of sessions are sums of counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LinkCounters {
    /// Whole frames with a correct checksum.
    pub received: u64,
    /// Bytes of their payloads.
    pub received_bytes: u64,
    /// Frames that ended before their payload did.
    pub short: u64,
    /// Frames whose payload does not have the checksum of the header.
    pub crc_failed: u64,
    /// Headers that cannot be any, or that announce more than the host has room for.
    pub bad_header: u64,
    /// Bytes that belong to no whole frame: damaged frames and what stood between frames.
    pub skipped_bytes: u64,
    /// Frames whose sequence number was there before.
    pub out_of_sequence: u64,
    /// Sequence numbers that were left out, whether the probe had no time for them or the link lost them.
    pub dropped: u64,
    /// Frames that were older than their deadline when they came.
    pub late: u64,
}

impl LinkCounters {
    /// Nothing happened yet.
    pub(crate) const NONE: Self = Self {
        received: 0,
        received_bytes: 0,
        short: 0,
        crc_failed: 0,
        bad_header: 0,
        skipped_bytes: 0,
        out_of_sequence: 0,
        dropped: 0,
        late: 0,
    };

    /// Whether everything that the probe captured arrived whole, in order and in time.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.short == 0
            && self.crc_failed == 0
            && self.bad_header == 0
            && self.skipped_bytes == 0
            && self.out_of_sequence == 0
            && self.dropped == 0
            && self.late == 0
    }

    /// Counts one frame that was older than its deadline when it came. The parser cannot know; who maps the probe's clock can.
    pub const fn count_late(&mut self) {
        self.late += 1;
    }
}

impl fmt::Display for LinkCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "received {} short {} crc {} bad headers {} out of sequence {} dropped {} late {}",
            self.received, self.short, self.crc_failed, self.bad_header, self.out_of_sequence, self.dropped, self.late
        )
    }
}

impl Add for LinkCounters {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            received_bytes: self.received_bytes + other.received_bytes,
            short: self.short + other.short,
            crc_failed: self.crc_failed + other.crc_failed,
            bad_header: self.bad_header + other.bad_header,
            skipped_bytes: self.skipped_bytes + other.skipped_bytes,
            out_of_sequence: self.out_of_sequence + other.out_of_sequence,
            dropped: self.dropped + other.dropped,
            late: self.late + other.late,
        }
    }
}

impl AddAssign for LinkCounters {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Follows the sequence numbers of a link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence {
    expected: u32,
}

impl Sequence {
    /// After a start the first frame has number 0.
    pub(crate) const FIRST: Self = Self { expected: 0 };

    /// Counts the whole frame `sequence`. With d = `sequence` - expected modulo 2^32, read as a signed number: 0 is the frame
    /// that was due, d > 0 leaves out d frames, d < 0 was there before. Counting goes on from the number that came, so that
    /// a probe that began anew is out of sequence once.
    pub(crate) const fn count(&mut self, sequence: u32, counters: &mut LinkCounters) {
        let ahead = sequence.wrapping_sub(self.expected).cast_signed();
        if ahead > 0 {
            counters.dropped += ahead.unsigned_abs() as u64;
        } else if ahead < 0 {
            counters.out_of_sequence += 1;
        }
        self.expected = sequence.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_followed() {
        struct Case {
            numbers: &'static [u32],
            dropped: u64,
            out_of_sequence: u64,
        }
        let cases = [
            Case { numbers: &[0, 1, 2, 3], dropped: 0, out_of_sequence: 0 },
            Case { numbers: &[2, 3, 7], dropped: 5, out_of_sequence: 0 },
            Case { numbers: &[0, 1, 1, 2], dropped: 0, out_of_sequence: 1 },
            Case { numbers: &[0, 1, 2, 0, 1, 2], dropped: 0, out_of_sequence: 1 },
            Case { numbers: &[0x7fff_ffff, 0xffff_fffe, u32::MAX, 0, 1], dropped: 0xffff_fffe - 1, out_of_sequence: 0 },
        ];
        for case in cases {
            let (mut sequence, mut counters) = (Sequence::FIRST, LinkCounters::NONE);
            for number in case.numbers {
                sequence.count(*number, &mut counters);
            }
            let found = (counters.dropped, counters.out_of_sequence);
            assert_eq!(found, (case.dropped, case.out_of_sequence), "{:?}", case.numbers);
        }
    }

    #[test]
    fn sums_take_every_counter() {
        let one = LinkCounters {
            received: 1,
            received_bytes: 2,
            short: 3,
            crc_failed: 4,
            bad_header: 5,
            skipped_bytes: 6,
            out_of_sequence: 7,
            dropped: 8,
            late: 9,
        };
        let mut sum = one;
        sum += one;
        sum.count_late();
        let expected = LinkCounters {
            received: 2,
            received_bytes: 4,
            short: 6,
            crc_failed: 8,
            bad_header: 10,
            skipped_bytes: 12,
            out_of_sequence: 14,
            dropped: 16,
            late: 19,
        };
        assert_eq!(sum, expected);
        assert!(!one.is_clean());
        assert!(LinkCounters { received: 1, received_bytes: 9, ..LinkCounters::default() }.is_clean());
    }
}
