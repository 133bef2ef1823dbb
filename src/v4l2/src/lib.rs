//! Video capture on Linux: Video4Linux2 by its ioctls, without generated bindings.
//!
//! [`list`] names the cameras with their formats and with what keeps them from being opened. [`Device`] negotiates a
//! format, [`Capture`] streams from buffers that the kernel shares with the process: a frame is borrowed where the driver
//! put it and goes back when the borrow ends.
//!
//! What the driver says is not trusted: buffer numbers, lengths and offsets are checked before memory is read.
//!
//! `unsafe` is confined to the ioctl, poll and mmap calls of [`Linux`] and to the one place that reads a mapping. Between
//! them and everything else stands the trait [`Kernel`], so that every fault of a driver can be tested without hardware
//! (feature `fake`).
//!
//! ```no_run
//! use std::{path::Path, time::Duration};
//! use ushydra_v4l2::{Device, FourCc, Linux, Wanted};
//!
//! # fn main() -> Result<(), ushydra_v4l2::V4l2Error> {
//! let mut device = Device::open(&Linux::default(), Path::new("/dev/video0"))?;
//! let format = device.set_format(Wanted { fourcc: FourCc::GREY, size: Some((640, 480)) })?;
//! let mut capture = device.stream(format, 4)?;
//! while let Some(buffer) = capture.newest(Duration::from_secs(1))? {
//!     println!("frame {}: {} bytes", buffer.sequence(), buffer.bytes().len());
//! }
//! # Ok(())
//! # }
//! ```

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the structures of `abi` are laid out for 64-bit kernels");

pub mod abi;
mod capture;
mod device;
mod error;
#[cfg(feature = "fake")]
pub mod fake;
mod format;
mod identity;
mod kernel;
mod linux;
mod list;
mod sysfs;

pub use capture::{Buffer, Capture};
pub use device::{Capabilities, Device};
pub use error::V4l2Error;
pub use format::{FourCc, Fraction, ImageFormat, Intervals, PixelLayout, Quantization, Sizes, Wanted};
pub use identity::{Identity, Likeness, UsbPlace};
pub use kernel::{Call, Kernel, Memory, Readiness, System};
pub use linux::{Linux, Mapping, Node};
pub use list::{Candidate, FormatInfo, SizeInfo, list};
