//! What can be wrong with a source, with cause and remedy.

use std::io;
use std::sync::Arc;

use thiserror::Error;
use ushydra_core::FrameError;

/// A fault and the file or device that has it.
#[derive(Debug, Error)]
#[error("{}{fault}", prefix(.source_name))]
pub struct ProbeError {
    source_name: Arc<str>,
    fault: Fault,
}

fn prefix(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("{name}: ") }
}

impl ProbeError {
    pub(crate) fn new(source_name: Arc<str>, fault: Fault) -> Self {
        Self { source_name, fault }
    }

    /// Path or name of the file or device; empty where the fault concerns none in particular.
    #[must_use]
    pub fn source_name(&self) -> &str {
        &self.source_name
    }

    /// What is wrong.
    #[must_use]
    pub fn fault(&self) -> &Fault {
        &self.fault
    }
}

/// What is wrong with a source.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing to read was named.
    #[error("no input was given; name at least one picture, DICOM, AVI, NIfTI or MetaImage file, or a folder")]
    NoInputs,
    /// The operating system refused.
    #[error("cannot {action}: {error}; check that the path exists and that you may read it")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The system's answer.
        error: io::Error,
    },
    /// A folder without a single frame file.
    #[error(
        "the folder holds no frame file ({skipped} other files were skipped); put PNG, JPEG, BMP, TIFF, DICOM, \
         AVI, NIfTI or MetaImage files into it or name another folder"
    )]
    EmptyFolder {
        /// Files of other types in it and below.
        skipped: usize,
    },
    /// Neither a file nor a folder.
    #[error("this is neither a file nor a folder; name a picture, a DICOM file, an AVI file or a folder of them")]
    NotAFile,
    /// Content of an unknown type.
    #[error(
        "{found} is not a type that can be read; convert the file to PNG, JPEG, BMP, TIFF, DICOM, Motion-JPEG AVI, NIfTI \
         or MetaImage"
    )]
    UnknownType {
        /// What the first bytes look like.
        found: &'static str,
    },
    /// More pixels than allowed.
    #[error(
        "{width}x{height} pixels are more than the limit of {limit} pixels; scale the picture down or raise the limit"
    )]
    TooManyPixels {
        /// Pixels per row.
        width: u32,
        /// Rows.
        height: u32,
        /// Greatest number of pixels.
        limit: u64,
    },
    /// More encoded bytes than allowed.
    #[error("{bytes} bytes for one picture are more than the limit of {limit} bytes; scale it down or raise the limit")]
    TooManyBytes {
        /// Bytes found.
        bytes: u64,
        /// Greatest number of bytes.
        limit: u64,
    },
    /// Content that contradicts its own format.
    #[error("the {format} data is damaged: {detail}; export the file again or copy it again from its origin")]
    Damaged {
        /// Format of the data.
        format: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// A file that ends too early. Frames before the cut have been delivered.
    #[error("the {format} file is cut: {detail}; copy it again from its origin")]
    Cut {
        /// Format of the data.
        format: &'static str,
        /// Where it ends.
        detail: String,
    },
    /// A feature of the format that this reader does not have.
    #[error("{what} is not supported; {remedy}")]
    Unsupported {
        /// The feature.
        what: String,
        /// How to get rid of it.
        remedy: &'static str,
    },
    /// A DICOM file without an image.
    #[error("the DICOM file has no pixel data (it may be a report or a measurement); name an image or a cine")]
    NoPixels,
    /// The simulator refuses its settings.
    #[error("the simulation cannot start: {0}; choose another seed or view")]
    Simulation(String),
    /// A frame that the pipeline cannot take.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The system does not let this user at the device.
    #[error(
        "permission denied for {device}; install board/70-ushydra.rules into /etc/udev/rules.d, add your user to the group \
         `video`, log in again and plug the device in again"
    )]
    Permission {
        /// Device node or name.
        device: String,
    },
    /// Another program has the device.
    #[error("{device} is in use by another program; close that program, or name another device")]
    Busy {
        /// Device node or name.
        device: String,
    },
    /// The device went away, or the link to it broke.
    #[error("the probe is gone: {detail}; plug it in again, or check the cable")]
    Gone {
        /// What the system reports.
        detail: String,
    },
    /// The device is there and says nothing.
    #[error(
        "no frame for {seconds:.1} s; the probe hangs and is started anew, unplug it and plug it in again if that does not help"
    )]
    Silent {
        /// Seconds without a frame.
        seconds: f32,
    },
    /// A request that the device refuses or does not answer.
    #[error("the probe does not {action}: {detail}; unplug it and plug it in again, then update its firmware")]
    Refused {
        /// What was asked of it.
        action: &'static str,
        /// Its answer.
        detail: String,
    },
    /// A format that the device does not have.
    #[error("the device has no format {wanted}; it has {offered}")]
    NoFormat {
        /// The format asked for.
        wanted: String,
        /// The formats it has.
        offered: String,
    },
    /// A camera that cannot be used.
    #[error(transparent)]
    Camera(#[from] ushydra_v4l2::V4l2Error),
    /// A control or geometry block that cannot be understood.
    #[error(transparent)]
    Block(#[from] ushydra_wire::BlockError),
    /// A frame of a live device that is no picture.
    #[error(
        "a {format} frame of the device is damaged: {detail}; check cable and connectors, then update the device's firmware"
    )]
    LivePicture {
        /// Format of the frame.
        format: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// A decoder gave up in a way that only its author foresaw.
    #[error("the {format} decoder failed on this data; the file is damaged, export it again")]
    Decoder {
        /// Format of the data.
        format: &'static str,
    },
}

impl Fault {
    pub(crate) fn damaged(format: &'static str, detail: impl Into<String>) -> Self {
        Self::Damaged { format, detail: detail.into() }
    }

    pub(crate) fn cut(format: &'static str, detail: impl Into<String>) -> Self {
        Self::Cut { format, detail: detail.into() }
    }
}
