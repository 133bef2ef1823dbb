//! Messages between a host controller and a device: a header of 48 bytes, big endian, and data.
//!
//! | bytes | CMD_SUBMIT (1) | CMD_UNLINK (2) | RET_SUBMIT (3) | RET_UNLINK (4) |
//! |---|---|---|---|---|
//! | 0..4 | command | command | command | command |
//! | 4..8 | number | number | number | number |
//! | 8..12 | device | device | | |
//! | 12..16 | direction, 1 is IN | | | |
//! | 16..20 | endpoint number | | | |
//! | 20..24 | transfer flags | number of the URB to unlink | status | status |
//! | 24..28 | buffer length | | actual length | |
//! | 28..32 | start frame | | start frame | |
//! | 32..36 | packets, of isochronous URBs | | packets | |
//! | 36..40 | interval | | errors | |
//! | 40..48 | setup packet | | | |
//!
//! Data follow a CMD_SUBMIT that goes OUT (buffer length) and a RET_SUBMIT of an IN (actual length).

use std::io::{self, Read};

use crate::usb::Setup;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 48;
/// Most bytes that a host may send in one OUT transfer; no request of the devices here needs more than a few.
pub const MAX_OUT: usize = 1 << 16;

/// Error numbers of Linux, as they stand in a status, negated.
pub mod errno {
    /// No such endpoint or request: a stall.
    pub const EPIPE: i32 = 32;
    /// A packet was larger than the rest of the buffer: babble.
    pub const EOVERFLOW: i32 = 75;
    /// Unlinked.
    pub const ECONNRESET: i32 = 104;
}

const SUBMIT: u32 = 1;
const UNLINK: u32 = 2;
const SUBMITTED: u32 = 3;
const UNLINKED: u32 = 4;
const DIRECTION_IN: u32 = 1;

/// What a host controller asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A transfer.
    Submit {
        /// Its number.
        number: u32,
        /// Number of the endpoint, without direction.
        endpoint: u8,
        /// Whether data come from the device.
        is_in: bool,
        /// Length of the buffer.
        length: u32,
        /// Setup packet, of meaning for endpoint 0.
        setup: Setup,
        /// Data for the device.
        data: Vec<u8>,
    },
    /// Gives up a transfer.
    Unlink {
        /// Number of the request.
        number: u32,
        /// Number of the transfer.
        victim: u32,
    },
}

fn word(header: &[u8; HEADER_BYTES], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&header[at..at + 4]);
    u32::from_be_bytes(bytes)
}

fn put(header: &mut [u8; HEADER_BYTES], words: &[(usize, u32)]) {
    for (at, value) in words {
        header[*at..*at + 4].copy_from_slice(&value.to_be_bytes());
    }
}

fn nonsense(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

impl Command {
    /// Reads the next command; none where the connection ended between two of them.
    ///
    /// # Errors
    /// What the connection says; `InvalidData` for a message that is none, or asks for what no device here has.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut header = [0; HEADER_BYTES];
        let mut have = 0;
        while have < HEADER_BYTES {
            match from.read(&mut header[have..]) {
                Ok(0) if have == 0 => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => have += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let number = word(&header, 4);
        match word(&header, 0) {
            UNLINK => Ok(Some(Self::Unlink { number, victim: word(&header, 20) })),
            SUBMIT => {
                let (is_in, length, packets) =
                    (word(&header, 12) == DIRECTION_IN, word(&header, 24), word(&header, 32));
                let endpoint = u8::try_from(word(&header, 16))
                    .ok()
                    .filter(|endpoint| *endpoint < 16)
                    .ok_or_else(|| nonsense(format!("endpoint {} does not exist in USB", word(&header, 16))))?;
                if packets != 0 && packets != u32::MAX {
                    return Err(nonsense(format!(
                        "{packets} isochronous packets for a device that has no such endpoint"
                    )));
                }
                let mut data = Vec::new();
                if !is_in {
                    if length as usize > MAX_OUT {
                        return Err(nonsense(format!("{length} bytes for the device are more than {MAX_OUT}")));
                    }
                    data.resize(length as usize, 0);
                    from.read_exact(&mut data)?;
                }
                let mut setup = [0; 8];
                setup.copy_from_slice(&header[40..]);
                Ok(Some(Self::Submit { number, endpoint, is_in, length, setup: Setup::decode(setup), data }))
            }
            other => Err(nonsense(format!("{other} is no command of USB/IP"))),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut header = [0; HEADER_BYTES];
        match self {
            Self::Submit { number, endpoint, is_in, length, setup, data } => {
                let words =
                    [(0, SUBMIT), (4, *number), (8, 0x0001_0002), (12, (*is_in).into()), (16, (*endpoint).into())];
                put(&mut header, &words);
                put(&mut header, &[(24, *length), (32, u32::MAX)]);
                header[40..].copy_from_slice(&setup.encode());
                [&header, data.as_slice()].concat()
            }
            Self::Unlink { number, victim } => {
                put(&mut header, &[(0, UNLINK), (4, *number), (20, *victim)]);
                header.to_vec()
            }
        }
    }
}

/// The header of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A transfer is done.
    Submitted {
        /// Its number.
        number: u32,
        /// 0, or an error number negated.
        status: i32,
        /// Bytes transferred; those of an IN follow.
        length: u32,
    },
    /// A transfer was given up: `-ECONNRESET`, or 0 where it was done before.
    Unlinked {
        /// Number of the request.
        number: u32,
        /// What became of it.
        status: i32,
    },
}

impl Reply {
    /// Reads a header.
    ///
    /// # Errors
    /// `InvalidData` for another message.
    pub fn decode(header: &[u8; HEADER_BYTES]) -> io::Result<Self> {
        let (number, status) = (word(header, 4), word(header, 20).cast_signed());
        match word(header, 0) {
            SUBMITTED => Ok(Self::Submitted { number, status, length: word(header, 24) }),
            UNLINKED => Ok(Self::Unlinked { number, status }),
            other => Err(nonsense(format!("{other} is no answer of USB/IP"))),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        match *self {
            Self::Submitted { number, status, length } => {
                put(&mut header, &[(0, SUBMITTED), (4, number), (20, status.cast_unsigned()), (24, length)]);
            }
            Self::Unlinked { number, status } => {
                put(&mut header, &[(0, UNLINKED), (4, number), (20, status.cast_unsigned())]);
            }
        }
        header
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn commands_survive_the_way(
            number in any::<u32>(), endpoint in 0u8..16, is_in in any::<bool>(), length in 0u32..4096, setup in any::<[u8; 8]>(),
        ) {
            let data = if is_in { Vec::new() } else { vec![7; length as usize] };
            let submit = Command::Submit { number, endpoint, is_in, length, setup: Setup::decode(setup), data };
            let unlink = Command::Unlink { number, victim: length };
            let bytes = [submit.encode(), unlink.encode()].concat();
            let mut rest = bytes.as_slice();
            prop_assert_eq!(Command::read(&mut rest).unwrap(), Some(submit));
            prop_assert_eq!(Command::read(&mut rest).unwrap(), Some(unlink));
            prop_assert_eq!(Command::read(&mut rest).unwrap(), None);
        }

        #[test]
        fn answers_survive_the_way(number in any::<u32>(), status in any::<i32>(), length in any::<u32>()) {
            for reply in [Reply::Submitted { number, status, length }, Reply::Unlinked { number, status }] {
                prop_assert_eq!(Reply::decode(&reply.encode()).unwrap(), reply);
            }
        }

        #[test]
        fn hostile_bytes_are_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200), command in 0u8..5) {
            if let Some(first) = bytes.get_mut(..4) {
                first.copy_from_slice(&[0, 0, 0, command]);
            }
            let mut rest = bytes.as_slice();
            while let Ok(Some(_)) = Command::read(&mut rest) {}
        }
    }
}
