//! What is asked of the operating system, as a trait: the real one is [`Linux`](crate::Linux), tests have a fake one.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::abi;
use crate::identity::UsbPlace;

/// One ioctl with its argument. The variant decides number and type together, so that they cannot disagree.
#[derive(Debug)]
pub enum Call<'a> {
    /// What the node can do.
    QueryCap(&'a mut abi::Capability),
    /// The pixel format with this index.
    EnumFmt(&'a mut abi::FmtDesc),
    /// The frame size with this index.
    EnumFrameSizes(&'a mut abi::FrmSizeEnum),
    /// The frame interval with this index.
    EnumFrameIntervals(&'a mut abi::FrmIvalEnum),
    /// The format in force.
    GetFormat(&'a mut abi::Format),
    /// Asks for a format; the driver writes the one it took.
    SetFormat(&'a mut abi::Format),
    /// Asks for a frame rate; the driver writes the one it took.
    SetParm(&'a mut abi::StreamParm),
    /// Allocates or, with a count of 0, frees the buffers.
    RequestBuffers(&'a mut abi::RequestBuffers),
    /// Length and offset of a buffer.
    QueryBuffer(&'a mut abi::BufferDesc),
    /// Gives a buffer to the driver.
    Queue(&'a mut abi::BufferDesc),
    /// Takes a filled buffer from the driver.
    Dequeue(&'a mut abi::BufferDesc),
    /// Starts streaming.
    StreamOn(&'a mut i32),
    /// Stops streaming; all buffers belong to the process again.
    StreamOff(&'a mut i32),
}

impl Call<'_> {
    /// The ioctl's number.
    #[must_use]
    pub const fn request(&self) -> u32 {
        match self {
            Self::QueryCap(_) => abi::QUERYCAP,
            Self::EnumFmt(_) => abi::ENUM_FMT,
            Self::EnumFrameSizes(_) => abi::ENUM_FRAMESIZES,
            Self::EnumFrameIntervals(_) => abi::ENUM_FRAMEINTERVALS,
            Self::GetFormat(_) => abi::G_FMT,
            Self::SetFormat(_) => abi::S_FMT,
            Self::SetParm(_) => abi::S_PARM,
            Self::RequestBuffers(_) => abi::REQBUFS,
            Self::QueryBuffer(_) => abi::QUERYBUF,
            Self::Queue(_) => abi::QBUF,
            Self::Dequeue(_) => abi::DQBUF,
            Self::StreamOn(_) => abi::STREAMON,
            Self::StreamOff(_) => abi::STREAMOFF,
        }
    }

    /// What the call does, for messages: "cannot ...".
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::QueryCap(_) => "ask the camera what it can do",
            Self::EnumFmt(_) => "list the camera's formats",
            Self::EnumFrameSizes(_) => "list the camera's picture sizes",
            Self::EnumFrameIntervals(_) => "list the camera's frame rates",
            Self::GetFormat(_) => "read the camera's format",
            Self::SetFormat(_) => "set the camera's format",
            Self::SetParm(_) => "set the camera's frame rate",
            Self::RequestBuffers(_) => "allocate frame buffers",
            Self::QueryBuffer(_) => "look up a frame buffer",
            Self::Queue(_) => "hand a buffer to the driver",
            Self::Dequeue(_) => "take a frame from the driver",
            Self::StreamOn(_) => "start the stream",
            Self::StreamOff(_) => "stop the stream",
        }
    }
}

/// What `poll` reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// A buffer can be taken (`POLLIN`).
    pub readable: bool,
    /// The stream has failed or the device is gone (`POLLERR`, `POLLHUP`, `POLLNVAL`).
    pub failed: bool,
}

/// An opened device node. The node is closed when the value is dropped.
pub trait Kernel: Send {
    /// A mapped buffer.
    type Memory: Memory;

    /// One ioctl, once; interrupted calls are repeated by the caller.
    ///
    /// # Errors
    /// The system's error number.
    fn call(&self, call: &mut Call<'_>) -> io::Result<()>;

    /// Waits until the node has something to say, at most `timeout`. `None` where nothing happened.
    ///
    /// # Errors
    /// The system's error number.
    fn poll(&self, timeout: Duration) -> io::Result<Option<Readiness>>;

    /// Maps `length` bytes of the node, beginning at `offset`, for reading.
    ///
    /// # Errors
    /// The system's error number.
    fn map(&self, offset: u32, length: usize) -> io::Result<Self::Memory>;

    /// Time on the clock of buffer timestamps, `CLOCK_MONOTONIC`.
    fn now(&self) -> Duration;
}

/// A mapped buffer, unmapped when dropped.
pub trait Memory: Send {
    /// The bytes of the buffer.
    ///
    /// # Safety
    /// While the slice lives, the buffer must not be in the driver's hands: it was dequeued, or never queued, and is not
    /// queued before the slice is gone.
    #[allow(unsafe_code, reason = "the driver writes to queued buffers behind the compiler's back")]
    unsafe fn bytes(&self) -> &[u8];

    /// Length of the mapping.
    fn length(&self) -> usize;
}

/// Where device nodes are found and opened.
pub trait System: Send + Sync {
    /// An opened node.
    type Kernel: Kernel;

    /// The device nodes of video devices, in the order of their numbers.
    ///
    /// # Errors
    /// The system's error number.
    fn nodes(&self) -> io::Result<Vec<PathBuf>>;

    /// Opens a node for reading and writing, without ever blocking.
    ///
    /// # Errors
    /// The system's error number.
    fn open(&self, path: &Path) -> io::Result<Self::Kernel>;

    /// The node behind a path, which may be a link such as those in `/dev/v4l/by-id`.
    ///
    /// # Errors
    /// The system's error number, for example where the link's target is gone.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf>;

    /// Name of the node as the system knows it without opening it.
    fn name(&self, node: &Path) -> Option<String>;

    /// The USB device behind a node; `None` for other buses, or where the system does not say.
    fn usb(&self, node: &Path) -> Option<UsbPlace>;
}
