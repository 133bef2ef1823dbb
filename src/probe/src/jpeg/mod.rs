//! JPEG pictures: the frames of Motion-JPEG, the fragments of DICOM, and picture files.

mod decode;
mod header;
mod tables;

pub(crate) use decode::{Colour, decode};
pub(crate) use header::{Header, Process};
