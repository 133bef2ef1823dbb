//! One opened file of any kind.

use std::path::Path;
use std::time::Duration;

use crate::avi::Avi;
use crate::dicom::Dicom;
use crate::error::Fault;
use crate::frame::Frame;
use crate::kind::{Kind, describe_unknown};
use crate::limits::Limits;
use crate::mhd;
use crate::picture::Picture;
use crate::stream::Stream;
use crate::volume::{Shape, Volume, VolumeFrames};

/// Buffers that all files of a source share.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Encoded bytes of one frame.
    pub(crate) encoded: Vec<u8>,
    /// Decoded samples that still need a conversion.
    pub(crate) samples: Vec<u8>,
}

/// An opened file.
pub(crate) enum Media {
    Picture(Picture),
    Dicom(Box<Dicom>),
    Avi(Avi),
    Volume(Box<VolumeFrames>),
    /// A picture with the header of a volume whose samples are missing.
    StandIn(Picture, Shape),
}

impl Media {
    /// Reads as much of the file as is needed to know what it holds; no pixels yet, except of volumes, whose grey levels
    /// depend on all their samples. `folder` is where other files lie that a header names.
    pub(crate) fn open(mut stream: Stream, folder: Option<&Path>, limits: &Limits) -> Result<Self, Fault> {
        let head = stream.head()?;
        match Kind::detect(&head) {
            Some(Kind::Dicom) => Ok(Self::Dicom(Box::new(Dicom::open(stream, limits)?))),
            Some(Kind::Avi) => Ok(Self::Avi(Avi::open(stream, limits)?)),
            Some(kind @ (Kind::Nifti | Kind::MetaImage)) => {
                if kind == Kind::MetaImage
                    && let Some((path, shape)) = mhd::stand_in(&mut stream, folder, limits)
                {
                    return Ok(Self::StandIn(Picture::new(Kind::Png, Stream::open(&path)?), shape));
                }
                let volume = Volume::load(kind, stream, folder, limits)?;
                Ok(Self::Volume(Box::new(VolumeFrames::new(volume))))
            }
            Some(kind) => Ok(Self::Picture(Picture::new(kind, stream))),
            None => Err(Fault::UnknownType { found: describe_unknown(&head) }),
        }
    }

    /// Decodes the next frame into `frame`, with its index, recorded time and spacing; `false` at the end.
    pub(crate) fn next(&mut self, frame: &mut Frame, scratch: &mut Scratch, limits: &Limits) -> Result<bool, Fault> {
        match self {
            Self::Picture(picture) => {
                frame.index = 0;
                frame.recorded = None;
                frame.spacing_mm = None;
                picture.next(frame, scratch, limits)
            }
            Self::Dicom(dicom) => dicom.next(frame, scratch, limits),
            Self::Avi(avi) => avi.next(frame, scratch, limits),
            Self::Volume(volume) => volume.next(frame),
            Self::StandIn(picture, shape) => {
                frame.index = 0;
                frame.recorded = None;
                if !picture.next(frame, scratch, limits)? {
                    return Ok(false);
                }
                let [width, height, _] = shape.size;
                if (frame.geometry.width, frame.geometry.height) != (width, height) {
                    let detail = format!(
                        "its samples are missing, and the picture in their place is {}x{} instead of {width}x{height}",
                        frame.geometry.width, frame.geometry.height
                    );
                    return Err(Fault::damaged(Kind::MetaImage.name(), detail));
                }
                frame.spacing_mm = shape.spacing_mm;
                Ok(true)
            }
        }
    }

    /// Time from the start of the recording to its frame `index`, or `None` where the file has no times. The time of the
    /// frame behind the last is the length of the recording.
    pub(crate) fn time_of(&self, index: u32) -> Option<Duration> {
        match self {
            Self::Picture(_) | Self::StandIn(..) | Self::Volume(_) => None,
            Self::Dicom(dicom) => dicom.time_of(index),
            Self::Avi(avi) => avi.time_of(index),
        }
    }

    /// Index of the frame that [`Self::next`] delivers next.
    pub(crate) fn position(&self) -> u32 {
        match self {
            Self::Picture(picture) | Self::StandIn(picture, _) => picture.position(),
            Self::Dicom(dicom) => dicom.position(),
            Self::Avi(avi) => avi.position(),
            Self::Volume(volume) => volume.position(),
        }
    }
}
