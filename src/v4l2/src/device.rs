//! An opened camera before it streams.

use std::io;
use std::path::Path;

use crate::abi;
use crate::capture::Capture;
use crate::error::V4l2Error;
use crate::format::{FourCc, Fraction, ImageFormat, Intervals, Sizes, Wanted};
use crate::kernel::{Call, Kernel, System};

/// Most entries that are read of any list. A driver that never ends its list must not keep us for ever.
const MAX_ENTRIES: u32 = 128;

/// What a node says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Name of the driver, such as `uvcvideo`.
    pub driver: String,
    /// Name of the camera.
    pub card: String,
    /// Where it is connected.
    pub bus: String,
    /// `V4L2_CAP_*` of this node.
    pub flags: u32,
}

impl Capabilities {
    /// Whether the node streams pictures in single-planar mapped buffers.
    #[must_use]
    pub fn is_capture(&self) -> bool {
        const NEEDED: u32 = abi::CAP_VIDEO_CAPTURE | abi::CAP_STREAMING;
        self.flags & NEEDED == NEEDED
    }

    fn read<K: Kernel>(kernel: &K) -> Result<Self, V4l2Error> {
        let mut answer = abi::Capability::default();
        call(kernel, Call::QueryCap(&mut answer)).map_err(|error| match error {
            V4l2Error::System { error, .. } if error.raw_os_error() == Some(libc::ENOTTY) => V4l2Error::NotVideo,
            other => other,
        })?;
        // The device as a whole may do more than this node.
        let own = answer.capabilities & abi::CAP_DEVICE_CAPS != 0;
        Ok(Self {
            driver: text(&answer.driver),
            card: text(&answer.card),
            bus: text(&answer.bus_info),
            flags: if own { answer.device_caps } else { answer.capabilities },
        })
    }
}

/// An opened camera.
#[derive(Debug)]
pub struct Device<K: Kernel> {
    kernel: K,
    capabilities: Capabilities,
}

impl<K: Kernel> Device<K> {
    /// Opens the camera at `path`.
    ///
    /// # Errors
    /// [`V4l2Error::Missing`], [`V4l2Error::Permission`], [`V4l2Error::Busy`] as the system says, and the errors of
    /// [`Self::new`].
    pub fn open<S: System<Kernel = K>>(system: &S, path: &Path) -> Result<Self, V4l2Error> {
        Self::new(retry(|| system.open(path)).map_err(V4l2Error::from_open)?)
    }

    /// Asks an opened node what it is.
    ///
    /// # Errors
    /// [`V4l2Error::NotVideo`] for nodes of other drivers and for files, [`V4l2Error::NotCapture`] for video nodes that do
    /// not deliver pictures, [`V4l2Error::Gone`] for a device that was pulled out meanwhile.
    pub fn new(kernel: K) -> Result<Self, V4l2Error> {
        let capabilities = Capabilities::read(&kernel)?;
        if !capabilities.is_capture() {
            return Err(V4l2Error::NotCapture { card: capabilities.card, capabilities: capabilities.flags });
        }
        Ok(Self { kernel, capabilities })
    }

    /// What the node says about itself.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Pixel formats in the driver's order, each with its description and whether it is compressed.
    ///
    /// # Errors
    /// [`V4l2Error::Gone`] or [`V4l2Error::System`].
    pub fn formats(&self) -> Result<Vec<(FourCc, String, bool)>, V4l2Error> {
        self.entries(|index| {
            let mut entry = abi::FmtDesc { index, kind: abi::BUF_TYPE_VIDEO_CAPTURE, ..Default::default() };
            call(&self.kernel, Call::EnumFmt(&mut entry))?;
            let compressed = entry.flags & abi::FMT_FLAG_COMPRESSED != 0;
            Ok((FourCc::from_code(entry.pixelformat), text(&entry.description), compressed))
        })
    }

    /// Picture sizes of a format; empty where the driver does not list them.
    ///
    /// # Errors
    /// [`V4l2Error::Gone`] or [`V4l2Error::System`].
    pub fn sizes(&self, fourcc: FourCc) -> Result<Vec<Sizes>, V4l2Error> {
        self.entries(|index| {
            let mut entry = abi::FrmSizeEnum { index, pixel_format: fourcc.code(), ..Default::default() };
            call(&self.kernel, Call::EnumFrameSizes(&mut entry)).map(|()| entry.into())
        })
    }

    /// Frame intervals of a size; empty where the driver does not list them.
    ///
    /// # Errors
    /// [`V4l2Error::Gone`] or [`V4l2Error::System`].
    pub fn intervals(&self, fourcc: FourCc, width: u32, height: u32) -> Result<Vec<Intervals>, V4l2Error> {
        self.entries(|index| {
            let mut entry =
                abi::FrmIvalEnum { index, pixel_format: fourcc.code(), width, height, ..Default::default() };
            call(&self.kernel, Call::EnumFrameIntervals(&mut entry)).map(|()| entry.into())
        })
    }

    /// Reads a list until the driver says `EINVAL` (its end) or `ENOTTY` (it has no such list).
    fn entries<T>(&self, entry: impl Fn(u32) -> Result<T, V4l2Error>) -> Result<Vec<T>, V4l2Error> {
        let mut found = Vec::new();
        for index in 0..MAX_ENTRIES {
            match entry(index) {
                Ok(item) => found.push(item),
                Err(V4l2Error::System { error, .. })
                    if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOTTY)) =>
                {
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// The format in force.
    ///
    /// # Errors
    /// [`V4l2Error::Gone`] or [`V4l2Error::System`].
    pub fn format(&self) -> Result<ImageFormat, V4l2Error> {
        let mut answer = abi::Format::default();
        call(&self.kernel, Call::GetFormat(&mut answer))?;
        Ok(ImageFormat::from_driver(&answer.pix))
    }

    /// Sets the format. A driver answers a format or size that it does not have with another one, without an error; that
    /// is refused here, because the frames would be read wrongly.
    ///
    /// # Errors
    /// [`V4l2Error::Substituted`] as said, [`V4l2Error::Fields`] for single fields, [`V4l2Error::Geometry`] where the
    /// driver's numbers do not add up, [`V4l2Error::Busy`] where another program streams, [`V4l2Error::Gone`],
    /// [`V4l2Error::System`].
    pub fn set_format(&mut self, wanted: Wanted) -> Result<ImageFormat, V4l2Error> {
        let (width, height) = match wanted.size {
            Some(size) => size,
            None => self.format().map(|format| (format.width, format.height))?,
        };
        let mut request = abi::Format::default();
        request.pix.width = width;
        request.pix.height = height;
        request.pix.pixelformat = wanted.fourcc.code();
        request.pix.field = abi::FIELD_NONE;
        request.pix.private = abi::PIX_FMT_PRIV_MAGIC;
        call(&self.kernel, Call::SetFormat(&mut request))?;
        let found = ImageFormat::from_driver(&request.pix);
        let other_size = wanted.size.is_some_and(|size| size != (found.width, found.height));
        if found.fourcc != wanted.fourcc || other_size {
            return Err(V4l2Error::Substituted {
                wanted_fourcc: wanted.fourcc,
                wanted_width: width,
                wanted_height: height,
                found_fourcc: found.fourcc,
                found_width: found.width,
                found_height: found.height,
            });
        }
        if !matches!(request.pix.field, abi::FIELD_NONE | abi::FIELD_INTERLACED) {
            return Err(V4l2Error::Fields { field: request.pix.field });
        }
        if found.fourcc.bytes_per_pixel().is_some() {
            let layout = found.layout()?;
            if (found.image_bytes as usize) < layout.bytes {
                let detail = format!("{} needs {} bytes, not {}", found, layout.bytes, found.image_bytes);
                return Err(V4l2Error::Geometry { detail });
            }
        }
        Ok(found)
    }

    /// Asks for a frame interval. Returns the one that the driver took, which may be another; none where the camera has
    /// no say in it.
    ///
    /// # Errors
    /// [`V4l2Error::Busy`], [`V4l2Error::Gone`], [`V4l2Error::System`].
    pub fn set_interval(&mut self, interval: Fraction) -> Result<Option<Fraction>, V4l2Error> {
        let mut request = abi::StreamParm::default();
        request.capture.timeperframe = abi::Fract { numerator: interval.numerator, denominator: interval.denominator };
        match call(&self.kernel, Call::SetParm(&mut request)) {
            Ok(()) if request.capture.capability & abi::CAP_TIMEPERFRAME == 0 => Ok(None),
            Ok(()) => Ok(Some(request.capture.timeperframe.into())),
            Err(V4l2Error::System { error, .. })
                if matches!(error.raw_os_error(), Some(libc::ENOTTY | libc::EINVAL)) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Starts streaming into `buffers` buffers.
    ///
    /// # Errors
    /// The errors of [`Capture::start`].
    pub fn stream(self, format: ImageFormat, buffers: u32) -> Result<Capture<K>, V4l2Error> {
        Capture::start(self.kernel, format, buffers)
    }
}

/// One ioctl, repeated while signals interrupt it.
pub(crate) fn call<K: Kernel>(kernel: &K, mut call: Call<'_>) -> Result<(), V4l2Error> {
    retry(|| kernel.call(&mut call)).map_err(|error| V4l2Error::from_call(call.action(), error))
}

/// Repeats what a signal interrupted.
pub(crate) fn retry<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Text of the kernel: up to the first zero; what is no UTF-8, or would play with a terminal, is replaced.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]);
    text.trim().chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
