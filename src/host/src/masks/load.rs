//! From files to a grey frame and a mask of the same size.

use std::path::Path;
use std::time::Duration;

use ushydra_core::PixelFormat;
use ushydra_probe::{FileSource, Frame, FrameSource, Limits, Next, Pace, Volume};

use super::{MaskSample, MaskSource, fill, picture};
use crate::error::Result;

/// Wait for a frame of a file; files are always ready.
const FILE_TIMEOUT: Duration = Duration::from_secs(10);

/// A frame and its mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedSample {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Grey levels, row-major; colour frames as BT.601 luma.
    pub image: Vec<u8>,
    /// 1 within the structure, else 0; as long as `image`.
    pub mask: Vec<u8>,
}

/// Grey levels with their size.
pub(crate) struct Grey {
    /// Columns.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    /// Row by row.
    pub(crate) pixels: Vec<u8>,
}

impl MaskSample {
    /// Reads the frame and its mask.
    ///
    /// # Errors
    /// [`crate::HostError::Probe`] for a file that cannot be decoded; [`crate::HostError::Picture`] naming the file for
    /// a frame that it lacks, a mask of another size than the frame, with more than two values, or empty.
    pub fn load(&self) -> Result<LoadedSample> {
        let image = frame(&self.image, self.frame)?;
        let (width, height) = (image.width, image.height);
        let mask = match &self.mask {
            MaskSource::Picture(file) => binary(file, of_size(file, frame(file, 0)?, &image)?)?,
            MaskSource::Outline(file) => {
                let outline = binary(file, of_size(file, frame(file, 0)?, &image)?)?;
                fill::outline(&outline, width, height).ok_or_else(|| {
                    picture(file, "the outline is open, it encloses nothing; close it or remove the picture")
                })?
            }
            MaskSource::Volume { file, slice, label } => {
                let volume = Volume::open(file, &Limits::default())?;
                let geometry = volume.geometry();
                let labels = volume.labels(*slice)?;
                let mask = Grey { width: geometry.width, height: geometry.height, pixels: labels };
                let labels = of_size(file, mask, &image)?;
                labels.iter().map(|found| u8::from(found == label)).collect()
            }
            MaskSource::Polygon(corners) => fill::polygon(corners, width, height),
        };
        if !mask.contains(&1) {
            let (file, what) = match &self.mask {
                MaskSource::Picture(file) | MaskSource::Outline(file) => (file, "the mask is empty".to_owned()),
                MaskSource::Volume { file, slice, label } => {
                    (file, format!("the mask is empty: slice {slice} has no pixel of label {label}"))
                }
                MaskSource::Polygon(corners) => {
                    (&self.image, format!("the mask of frame {} is empty: {} corners", self.frame, corners.len()))
                }
            };
            return Err(picture(file, format!("{what}; correct it or remove the picture from the set")));
        }
        Ok(LoadedSample { width, height, image: image.pixels, mask })
    }
}

/// Frame `index` of a file in grey levels.
pub(crate) fn frame(path: &Path, index: u32) -> Result<Grey> {
    let mut source = FileSource::open(&[path.to_owned()], Pace::AsFastAsPossible, false)?;
    let mut frame = Frame::new();
    let mut seen = 0_u32;
    loop {
        match source.next(&mut frame, FILE_TIMEOUT)? {
            Next::Frame if frame.index == index => break,
            Next::Frame => seen += 1,
            Next::End | Next::Timeout | Next::Lost => {
                return Err(picture(
                    path,
                    format!("it has {seen} frames, but frame {index} is wanted; correct the set"),
                ));
            }
        }
    }
    let (width, height) = (frame.geometry.width, frame.geometry.height);
    let pixels = match frame.geometry.format {
        PixelFormat::Grey8 => frame.data,
        PixelFormat::Rgb8 => frame.data.as_chunks::<3>().0.iter().map(luma).collect(),
    };
    Ok(Grey { width, height, pixels })
}

/// BT.601 luma in 256ths, as the preprocessing of the device takes it.
fn luma([red, green, blue]: &[u8; 3]) -> u8 {
    ((77 * u32::from(*red) + 150 * u32::from(*green) + 29 * u32::from(*blue) + 128) >> 8) as u8
}

fn of_size(file: &Path, mask: Grey, image: &Grey) -> Result<Vec<u8>> {
    if (mask.width, mask.height) != (image.width, image.height) {
        return Err(picture(
            file,
            format!(
                "the mask is {}x{} but its picture {}x{}; both must show the same pixels",
                mask.width, mask.height, image.width, image.height
            ),
        ));
    }
    Ok(mask.pixels)
}

/// 0 and 1 of a picture with at most two values.
///
/// Masks come as 0/255, 0/1 and in other pairs: where there are two values, the greater one is the structure. A picture
/// of one value is all structure from 128 on, else empty.
fn binary(file: &Path, mut pixels: Vec<u8>) -> Result<Vec<u8>> {
    let mut seen = [false; 256];
    pixels.iter().for_each(|&v| seen[usize::from(v)] = true);
    let values: Vec<u8> = (0..=u8::MAX).filter(|&v| seen[usize::from(v)]).collect();
    let least = match values[..] {
        [] => 1,
        [only] => only.max(128),
        [_, greater] => greater,
        [_, second, ..] => {
            return Err(picture(
                file,
                format!(
                    "the mask has {} grey values, {second} among them; it must have two, 0 and 255: threshold it and \
                     save it as PNG (JPEG blurs edges)",
                    values.len()
                ),
            ));
        }
    };
    pixels.iter_mut().for_each(|v| *v = u8::from(*v >= least));
    Ok(pixels)
}
