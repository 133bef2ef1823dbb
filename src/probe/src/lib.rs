//! Frame sources: everything that delivers ultrasound frames to the pipeline, behind one trait, [`FrameSource`].
//!
//! [`FileSource`] replays files: pictures (PNG, JPEG, BMP, TIFF), folders of them, DICOM cines, AVI with Motion-JPEG and
//! volumes (NIfTI, MetaImage), at the recorded rate or as fast as possible. [`Volume`] also gives the labels of label maps.
//! [`PhantomSource`] simulates a cine. [`LiveChoice`] opens what is plugged in: a probe that speaks the open USB protocol
//! (`docs/probe-protocol.md`), or a camera, grabber or UVC probe; such a source survives every unplugging. Every source delivers [`Frame`]s of 8-bit grey or RGB samples into a buffer that the
//! caller keeps, so that a running pipeline allocates no frame memory of its own.
//!
//! Files come from outside and are not trusted: sizes are checked against the file and against [`Limits`] before memory
//! is taken for them, and a damaged file is an error that names the file, the cause and the remedy. The next call goes
//! on with the next file.
//!
//! ```no_run
//! use std::{path::PathBuf, time::Duration};
//! use ushydra_probe::{FileSource, Frame, FrameSource, Next, Pace};
//!
//! # fn main() -> Result<(), ushydra_probe::ProbeError> {
//! let mut source = FileSource::open(&[PathBuf::from("cine.dcm")], Pace::AsFastAsPossible, false)?;
//! let mut frame = Frame::new();
//! loop {
//!     match source.next(&mut frame, Duration::from_secs(1)) {
//!         Ok(Next::Frame) => println!("{} #{}: {:?}", frame.source, frame.index, frame.geometry),
//!         Ok(Next::End) => break,
//!         Ok(Next::Timeout | Next::Lost) => {}
//!         Err(error) => eprintln!("{error}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod avi;
mod camera;
mod convert;
mod dicom;
mod error;
mod file;
mod frame;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod jpeg;
mod kind;
mod limits;
mod live;
mod media;
mod mhd;
mod nifti;
mod picture;
mod samples;
mod select;
mod simulated;
mod stream;
mod usb;
mod volume;

pub use camera::{CameraFormat, CameraSettings, Range, Rect};
pub use error::{Fault, ProbeError};
pub use file::{FALLBACK_INTERVAL, FileOptions, FileSource, Pace};
pub use frame::{Frame, FrameSource, Next};
pub use kind::Kind;
pub use limits::Limits;
pub use select::{Candidate, CandidateKind, LiveChoice, candidates};
pub use simulated::{Domain, PhantomSource, Simulation};
pub use usb::UsbSettings;
pub use ushydra_wire::LinkCounters;
pub use volume::{Volume, VolumeGeometry};
