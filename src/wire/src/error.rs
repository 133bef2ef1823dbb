//! What can be wrong with a block of bytes from the other side.

use thiserror::Error;

/// A frame header that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The magic number is missing.
    #[error("no frame begins here: {found:02x?} where \"USHF\" should be; the stream lost its place")]
    Magic {
        /// What was there.
        found: [u8; 4],
    },
    /// A version that is not spoken here.
    #[error(
        "the probe speaks version {found} of the protocol, this program version {}; update the older side",
        crate::VERSION
    )]
    Version {
        /// The probe's version.
        found: u8,
    },
    /// A pixel format without a meaning.
    #[error("pixel format {found:#04x} is unknown; update this program or choose another format on the probe")]
    Format {
        /// Its code.
        found: u8,
    },
    /// A side of no pixels or of too many.
    #[error("a frame of {width}x{height} is impossible; both sides are 1 to {}", crate::MAX_SIDE)]
    Size {
        /// Pixels per row.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// A payload length that contradicts format and size, or is too large.
    #[error(
        "a payload of {found} bytes contradicts format and size, which ask for {expected}; the probe's firmware is faulty"
    )]
    Length {
        /// Bytes announced.
        found: u32,
        /// Bytes that format and size ask for; the greatest number where they leave it open.
        expected: u32,
    },
}

/// A control block or a geometry block that cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BlockError {
    /// Fewer bytes than the block has.
    #[error(
        "the {block} block has {found} bytes where {needed} are needed; the probe's firmware is faulty or no USHydra probe"
    )]
    Short {
        /// Name of the block.
        block: &'static str,
        /// Bytes there.
        found: usize,
        /// Bytes needed.
        needed: usize,
    },
    /// The magic number is missing.
    #[error("the device does not answer as a probe of this protocol: {found:02x?} where \"USHI\" should be")]
    Magic {
        /// What was there.
        found: [u8; 4],
    },
    /// A version that is not spoken here.
    #[error(
        "the probe speaks version {found} of the protocol, this program version {}; update the older side",
        crate::VERSION
    )]
    Version {
        /// The probe's version.
        found: u8,
    },
    /// A value without a meaning.
    #[error("{field} of the {block} block is {value}; {allowed}")]
    Value {
        /// Name of the block.
        block: &'static str,
        /// Name of the field.
        field: &'static str,
        /// Its value, rounded to a whole number.
        value: i64,
        /// What it may be.
        allowed: &'static str,
    },
}
