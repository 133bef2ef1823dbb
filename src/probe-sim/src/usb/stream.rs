//! The bulk IN pipe: transfers of a device spread over the buffers of a host.

use std::time::Duration;

use super::{Function, Pull};

/// Bytes for one buffer of the host.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<'a> {
    /// The buffer is done: full, or ended by a short packet.
    Data(&'a [u8]),
    /// The next packet is larger than what is left of the buffer; it is lost, as on a wire.
    Overflow(&'a [u8]),
    /// The endpoint is halted.
    Halted,
    /// Nothing to send before this time, or before the host asks for something.
    Wait(Option<Duration>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between two transfers.
    Idle,
    /// Within one.
    Data,
    /// A transfer filled its last packet and the host's buffer: a packet of no bytes says that it ended.
    Zero,
}

/// The pipe of one device.
#[derive(Debug)]
pub struct Stream {
    packet: usize,
    data: Vec<u8>,
    at: usize,
    state: State,
    halted: bool,
}

impl Stream {
    /// An empty pipe with packets of `packet` bytes.
    #[must_use]
    pub fn new(packet: usize) -> Self {
        Self { packet, data: Vec::new(), at: 0, state: State::Idle, halted: false }
    }

    /// Whether the endpoint is halted.
    #[must_use]
    pub fn halted(&self) -> bool {
        self.halted
    }

    /// Halts the endpoint, or lets it go on; what was under way is gone.
    pub fn halt(&mut self, halted: bool) {
        self.halted = halted;
        self.flush();
    }

    /// Throws away what was under way.
    pub fn flush(&mut self) {
        self.state = State::Idle;
    }

    /// Whether a transfer is under way.
    #[must_use]
    pub fn busy(&self) -> bool {
        self.state != State::Idle
    }

    /// Bytes for a buffer of `length` bytes.
    pub fn take(&mut self, function: &mut dyn Function, now: Duration, length: usize) -> Taken<'_> {
        if self.halted {
            return Taken::Halted;
        }
        match self.state {
            State::Zero => {
                self.state = State::Idle;
                return Taken::Data(&[]);
            }
            State::Idle => {
                self.data.clear();
                match function.next(now, &mut self.data) {
                    Pull::Ready => (self.at, self.state) = (0, State::Data),
                    Pull::Wait(until) => return Taken::Wait(until),
                    Pull::Halt => {
                        self.halted = true;
                        return Taken::Halted;
                    }
                }
            }
            State::Data => {}
        }
        let (begin, rest) = (self.at, self.data.len() - self.at);
        if rest > length {
            let whole = length / self.packet * self.packet;
            self.at += whole;
            if whole == length {
                return Taken::Data(&self.data[begin..self.at]);
            }
            self.at = (self.at + self.packet).min(self.data.len());
            return Taken::Overflow(&self.data[begin..begin + whole]);
        }
        self.at = self.data.len();
        let fills_packets = self.data.len().is_multiple_of(self.packet);
        self.state = if fills_packets && rest == length && rest > 0 { State::Zero } else { State::Idle };
        Taken::Data(&self.data[begin..])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::usb::{Descriptors, Outcome, Setup};

    /// Sends transfers of given lengths.
    struct Lengths(Vec<usize>);

    impl Function for Lengths {
        fn descriptors(&self) -> Descriptors {
            Descriptors::new(crate::usb::Speed::High, [0; 3], (1, ""), "", 0, &[])
        }
        fn control_in(&mut self, _: &Setup, _: Duration) -> Option<Vec<u8>> {
            None
        }
        fn control_out(&mut self, _: &Setup, _: &[u8], _: Duration) -> Outcome {
            Outcome::Stalled
        }
        fn reset(&mut self) {}
        fn next(&mut self, _: Duration, out: &mut Vec<u8>) -> Pull {
            if self.0.is_empty() {
                return Pull::Wait(None);
            }
            let length = self.0.remove(0);
            out.extend((0..length).map(|n| n as u8));
            Pull::Ready
        }
        fn frames(&self) -> u64 {
            0
        }
        fn inject(&mut self, _: &crate::script::Fault, _: Duration) {}
        fn unplugged(&mut self, _: bool) {}
    }

    #[test]
    fn buffers_end_as_on_a_wire() {
        struct Case {
            transfers: &'static [usize],
            buffer: usize,
            expected: &'static [usize],
        }
        let cases = [
            Case { transfers: &[100, 7], buffer: 512, expected: &[100, 7] },
            Case { transfers: &[512], buffer: 512, expected: &[512, 0] },
            Case { transfers: &[512, 3], buffer: 1024, expected: &[512, 3] },
            Case { transfers: &[1024, 5], buffer: 512, expected: &[512, 512, 0, 5] },
            Case { transfers: &[1300], buffer: 512, expected: &[512, 512, 276] },
            Case { transfers: &[0, 4], buffer: 512, expected: &[0, 4] },
            // A buffer of exactly a short transfer needs no packet of no bytes.
            Case { transfers: &[300, 300], buffer: 300, expected: &[300, 300] },
        ];
        for case in cases {
            let mut function = Lengths(case.transfers.to_vec());
            let mut stream = Stream::new(512);
            let mut lengths = Vec::new();
            while let Taken::Data(data) = stream.take(&mut function, Duration::ZERO, case.buffer) {
                lengths.push(data.len());
            }
            assert_eq!(lengths, case.expected, "{:?} in {}", case.transfers, case.buffer);
        }
    }

    #[test]
    fn a_packet_that_does_not_fit_is_an_overflow() {
        let mut function = Lengths(vec![2000]);
        let mut stream = Stream::new(512);
        assert!(matches!(stream.take(&mut function, Duration::ZERO, 700), Taken::Overflow(d) if d.len() == 512));
        assert!(matches!(stream.take(&mut function, Duration::ZERO, 4096), Taken::Data(d) if d.len() == 2000 - 1024));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_added(lengths in prop::collection::vec(0usize..5000, 1..20), packets in 1usize..12) {
            let mut function = Lengths(lengths.clone());
            let mut stream = Stream::new(512);
            let (mut whole, mut under_way) = (Vec::new(), 0);
            while let Taken::Data(data) = stream.take(&mut function, Duration::ZERO, packets * 512) {
                under_way += data.len();
                if data.len() < packets * 512 {
                    whole.push(std::mem::take(&mut under_way));
                }
            }
            prop_assert_eq!(whole, lengths);
        }
    }
}
