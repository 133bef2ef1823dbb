//! What can go wrong with a camera, with cause and remedy.

use std::io;

use thiserror::Error;

use crate::format::FourCc;

/// A fault of a camera. The messages leave out the path of the device: who opened it knows it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum V4l2Error {
    /// `ENOENT` and the like: no such node.
    #[error("there is no such device; plug the camera in, and look with `ls /dev/video*` for the node that it got")]
    Missing,
    /// `EACCES`, `EPERM`.
    #[error(
        "permission to open the camera is denied; add your user to the group of the node (`sudo usermod -aG video $USER`, \
         then log in again) or install a udev rule that grants access"
    )]
    Permission,
    /// The node exists but does not answer as a video device.
    #[error("this is not a video device; name a node such as /dev/video0")]
    NotVideo,
    /// A video device that does not stream pictures: metadata, output, codec.
    #[error(
        "`{card}` does not stream pictures through this node (capabilities {capabilities:#010x}); a camera often has several \
         nodes, name another one"
    )]
    NotCapture {
        /// Name of the device.
        card: String,
        /// Its capabilities.
        capabilities: u32,
    },
    /// `EBUSY`.
    #[error("cannot {action}: another program uses the camera; close that program (`fuser -v /dev/video*` names it)")]
    Busy {
        /// What was tried.
        action: &'static str,
    },
    /// `ENOSPC` when the stream starts.
    #[error(
        "the USB bus has not enough bandwidth left for this stream; choose a smaller picture, a lower rate or MJPEG, or \
         plug the camera into a port of another bus"
    )]
    Bandwidth,
    /// `ENODEV`: pulled out, or reset by its hub.
    #[error("the camera is gone (found when trying to {action}); plug it in again")]
    Gone {
        /// What was tried.
        action: &'static str,
    },
    /// The stream ended though the camera is there.
    #[error("the driver stopped the stream; it has to be started again")]
    Stopped,
    /// The driver put another format in place of the one that was asked for.
    #[error(
        "the camera was asked for {wanted_fourcc} {wanted_width}x{wanted_height} but gave {found_fourcc} \
         {found_width}x{found_height}; choose a format and a size that it lists"
    )]
    Substituted {
        /// Format asked for.
        wanted_fourcc: FourCc,
        /// Pixels per row asked for.
        wanted_width: u32,
        /// Rows asked for.
        wanted_height: u32,
        /// Format given.
        found_fourcc: FourCc,
        /// Pixels per row given.
        found_width: u32,
        /// Rows given.
        found_height: u32,
    },
    /// Only every other row in one buffer.
    #[error(
        "the camera delivers single fields of an interlaced picture (field order {field}); set its source to progressive"
    )]
    Fields {
        /// `enum v4l2_field`.
        field: u32,
    },
    /// Rows or pictures whose bytes do not add up.
    #[error(
        "the driver describes an impossible picture: {detail}; choose another size or format, or update the driver"
    )]
    Geometry {
        /// What does not add up.
        detail: String,
    },
    /// Fewer buffers than streaming needs.
    #[error("the driver gave {found} buffers, but streaming needs {least}; choose a smaller picture")]
    Buffers {
        /// Buffers given.
        found: u32,
        /// Buffers needed.
        least: u32,
    },
    /// A buffer that cannot be right. The stream cannot be trusted any more.
    #[error("the driver returned an impossible buffer: {detail}; the stream has to be started again")]
    BadBuffer {
        /// What is wrong.
        detail: String,
    },
    /// A buffer whose data are said to be longer than its memory. The buffer was given back.
    #[error("the driver says that {used} bytes are in a buffer of {length}; the frame was left out")]
    Overrun {
        /// Bytes said to be used.
        used: u32,
        /// Bytes mapped.
        length: usize,
    },
    /// Any other answer of the system.
    #[error("cannot {action}: {error}; plug the camera in again, and look into the kernel's log with `dmesg`")]
    System {
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        error: io::Error,
    },
}

impl V4l2Error {
    /// What a failed system call means.
    pub(crate) fn from_call(action: &'static str, error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENODEV | libc::ENXIO | libc::ESHUTDOWN) => Self::Gone { action },
            Some(libc::EBUSY) => Self::Busy { action },
            _ => Self::System { action, error },
        }
    }

    /// What a failed open means.
    pub(crate) fn from_open(error: io::Error) -> Self {
        match error.raw_os_error() {
            // A node that was left behind by a pulled device, before udev removed it, answers ENODEV or ENXIO.
            Some(libc::ENOENT | libc::ENODEV | libc::ENXIO | libc::ENOTDIR) => Self::Missing,
            Some(libc::EACCES | libc::EPERM) => Self::Permission,
            Some(libc::EBUSY) => Self::Busy { action: "open the camera" },
            Some(libc::EISDIR) => Self::NotVideo,
            _ => Self::System { action: "open the camera", error },
        }
    }

    /// Whether only one frame was lost and the stream goes on.
    #[must_use]
    pub fn is_one_frame(&self) -> bool {
        matches!(self, Self::Overrun { .. })
    }
}
