//! One picture of a Motion-JPEG stream.

use crate::error::Fault;
use crate::frame::Frame;
use crate::jpeg;
use crate::limits::Limits;
use crate::samples;

const FORMAT: &str = "MJPEG";

/// Decodes the JPEG picture at the beginning of `bytes` into `frame`. What stands behind its end marker is left alone: cameras
/// pad their buffers. `scratch` holds the picture while it is prepared for the decoder.
///
/// # Errors
/// [`Fault::LivePicture`] where it is damaged, cut, no JPEG, or not of `size`.
pub(crate) fn decode(bytes: &[u8], size: (u16, u16), scratch: &mut Vec<u8>, frame: &mut Frame) -> Result<(), Fault> {
    picture(bytes, size, scratch, frame).map_err(|fault| match fault {
        Fault::Damaged { detail, .. } | Fault::Cut { detail, .. } => broken(detail),
        other => broken(other.to_string()),
    })
}

fn picture(bytes: &[u8], size: (u16, u16), scratch: &mut Vec<u8>, frame: &mut Frame) -> Result<(), Fault> {
    let header = jpeg::Header::parse(bytes)?;
    if (header.width, header.height) != size {
        let detail = format!("it has {}x{} pixels instead of {}x{}", header.width, header.height, size.0, size.1);
        return Err(broken(detail));
    }
    let Some(end) = header.end(bytes) else {
        return Err(broken("its end marker is missing".to_owned()));
    };
    scratch.clear();
    scratch.extend_from_slice(&bytes[..end]);
    // The size is known to be right, so that only the pixels of a frame bound the memory.
    jpeg::decode(&header, scratch, jpeg::Colour::YCbCr, &Limits::default(), frame)?;
    samples::collapse_grey(frame)
}

fn broken(detail: String) -> Fault {
    Fault::LivePicture { format: FORMAT, detail }
}
