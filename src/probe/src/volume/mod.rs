//! Volumes: stacks of slices or frames with samples of any number type, and label maps.
//!
//! Both formats ([`nifti`](crate::nifti), [`mhd`](crate::mhd)) store the first axis fastest, and slices are delivered as
//! they are stored: the first axis runs along a row, the second from row to row. Direction matrices are not applied.
//! That is the display order of ultrasound sets: CAMUS writes 549x778 voxels of 0.308x0.154 mm for a sector that is
//! wider (169 mm) than deep (120 mm); the picture only looks transposed to programs that index `array[x][y]`, as nibabel
//! does.

mod data;
mod sample;

use std::path::Path;
use std::sync::Arc;

pub(crate) use data::{fault, read_exactly};
pub(crate) use sample::SampleType;

use crate::error::{Fault, ProbeError};
use crate::frame::Frame;
use crate::kind::Kind;
use crate::limits::Limits;
use crate::mhd;
use crate::nifti;
use crate::stream::Stream;
use ushydra_core::PixelFormat;

/// What the header of a volume says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shape {
    /// Samples per row, rows, slices (all further axes multiplied).
    pub(crate) size: [u32; 3],
    pub(crate) spacing_mm: Option<[f32; 2]>,
    pub(crate) sample: SampleType,
    pub(crate) big_endian: bool,
    /// `value = slope * stored + intercept`.
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
}

impl Shape {
    /// Builds a shape from what a header claims: `axes` are the sizes of all axes.
    pub(crate) fn new(format: &'static str, axes: &[i64], sample: SampleType, limits: &Limits) -> Result<Self, Fault> {
        let damaged = |detail| Fault::damaged(format, detail);
        let [width, height, rest @ ..] = axes else {
            return Err(damaged(format!("it has {} axes, a picture needs two", axes.len())));
        };
        let axis = |size: i64| {
            let wrong = || damaged(format!("an axis of {size} samples is announced (axes {axes:?})"));
            u32::try_from(size).ok().filter(|&n| n > 0).ok_or_else(wrong)
        };
        let (width, height) = (axis(*width)?, axis(*height)?);
        limits.check_pixels(width, height)?;
        let mut slices = 1_u32;
        for &size in rest {
            let product = slices.checked_mul(axis(size)?);
            slices = product.ok_or_else(|| damaged(format!("the axes {axes:?} are more than 2^32 slices")))?;
        }
        let shape = Self {
            size: [width, height, slices],
            spacing_mm: None,
            sample,
            big_endian: false,
            slope: 1.0,
            intercept: 0.0,
        };
        limits.check_encoded(shape.bytes())?;
        Ok(shape)
    }

    /// Bytes of all samples; saturates.
    pub(crate) fn bytes(&self) -> u64 {
        let [width, height, slices] = self.size.map(u64::from);
        (width * height).saturating_mul(slices).saturating_mul(self.sample.bytes() as u64)
    }

    fn slice_bytes(&self) -> usize {
        self.size[0] as usize * self.size[1] as usize * self.sample.bytes()
    }
}

/// Spacing as headers give it; none where it is not credible.
///
/// Exactly 1x1 is what writers put where they know nothing; no ultrasound picture has pixels of a millimetre. Believing
/// it would turn pixels into wrong millimetres.
pub(crate) fn credible_spacing(x: f64, y: f64) -> Option<[f32; 2]> {
    let set = [x, y].iter().all(|v| v.is_finite() && *v > 0.0 && *v < 1e3) && (x, y) != (1.0, 1.0);
    let spacing = [x as f32, y as f32];
    (set && spacing.iter().all(|v| *v > 0.0)).then_some(spacing)
}

/// A volume in memory: NIfTI-1 (`.nii`, `.nii.gz`) or MetaImage (`.mhd` with `.raw` or `.zraw`, `.mha`).
#[derive(Debug)]
pub struct Volume {
    name: Arc<str>,
    shape: Shape,
    data: Vec<u8>,
    grey: data::Grey,
}

/// Size and spacing of a volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VolumeGeometry {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Slices, or frames.
    pub slices: u32,
    /// Distance between neighbouring pixels in mm: `[along a row, between rows]`.
    pub spacing_mm: Option<[f32; 2]>,
}

impl From<&Shape> for VolumeGeometry {
    fn from(shape: &Shape) -> Self {
        let [width, height, slices] = shape.size;
        Self { width, height, slices, spacing_mm: shape.spacing_mm }
    }
}

impl Volume {
    /// Reads a whole volume; its format is told from its first bytes.
    ///
    /// # Errors
    /// [`ProbeError`] with the file and what is wrong with it.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, ProbeError> {
        Self::read(path, |kind, stream| Self::load(kind, stream, path.parent(), limits)).map(|volume| {
            let name = Arc::from(path.to_string_lossy());
            Self { name, ..volume }
        })
    }

    /// Reads only the header.
    ///
    /// # Errors
    /// [`ProbeError`] with the file and what is wrong with its header.
    pub fn geometry_of(path: &Path, limits: &Limits) -> Result<VolumeGeometry, ProbeError> {
        Self::read(path, |kind, stream| match kind {
            Kind::MetaImage => mhd::header(stream, limits).map(|shape| VolumeGeometry::from(&shape)),
            _ => nifti::header(stream, limits).map(|shape| VolumeGeometry::from(&shape)),
        })
    }

    fn read<T>(path: &Path, read: impl FnOnce(Kind, Stream) -> Result<T, Fault>) -> Result<T, ProbeError> {
        let attempt = || {
            let mut stream = Stream::open(path)?;
            let kind = Kind::detect(&stream.head()?).or_else(|| Kind::from_name(path));
            match kind {
                Some(kind @ (Kind::Nifti | Kind::MetaImage)) => read(kind, stream),
                _ => Err(Fault::Unsupported {
                    what: "this file as a volume".into(),
                    remedy: "name a NIfTI file (.nii, .nii.gz) or a MetaImage header (.mhd, .mha)",
                }),
            }
        };
        attempt().map_err(|fault| ProbeError::new(Arc::from(path.to_string_lossy()), fault))
    }

    /// Reads a volume of a known kind; `folder` holds the other files that a header names.
    pub(crate) fn load(kind: Kind, stream: Stream, folder: Option<&Path>, limits: &Limits) -> Result<Self, Fault> {
        let (shape, data) = match kind {
            Kind::MetaImage => mhd::read(stream, folder, limits)?,
            _ => nifti::read(stream, limits)?,
        };
        let grey = data::Grey::of(&shape, &data);
        Ok(Self { name: Arc::from(""), shape, data, grey })
    }

    /// Size and spacing.
    #[must_use]
    pub fn geometry(&self) -> VolumeGeometry {
        VolumeGeometry::from(&self.shape)
    }

    /// One slice of a label map, row-major: the stored whole numbers, without the header's scale.
    ///
    /// # Errors
    /// [`ProbeError`] for a slice beyond the last, or a value that is no whole number from 0 to 255.
    pub fn labels(&self, slice: u32) -> Result<Vec<u8>, ProbeError> {
        let attempt = || {
            let samples = self.slice(slice)?;
            let mut labels = Vec::with_capacity(self.shape.size[0] as usize * self.shape.size[1] as usize);
            let mut odd = None;
            self.shape.sample.each(samples, self.shape.big_endian, |value| {
                // `as` saturates and takes NaN to 0, which then differs.
                let label = value as u8;
                if f64::from(label) != value {
                    odd = Some(value);
                }
                labels.push(label);
            });
            match odd {
                None => Ok(labels),
                Some(value) => Err(Fault::Unsupported {
                    what: format!("the value {value} in a label map"),
                    remedy: "labels are whole numbers from 0 to 255; name the label map, not the picture",
                }),
            }
        };
        attempt().map_err(|fault| ProbeError::new(Arc::clone(&self.name), fault))
    }

    /// Fills `frame` with one slice in grey levels.
    pub(crate) fn frame(&self, slice: u32, frame: &mut Frame) -> Result<(), Fault> {
        let samples = self.slice(slice)?;
        let [width, height, _] = self.shape.size;
        let out = frame.shape(width, height, PixelFormat::Grey8)?;
        self.grey.map(&self.shape, samples, out);
        frame.spacing_mm = self.shape.spacing_mm;
        frame.index = slice;
        Ok(())
    }

    fn slice(&self, slice: u32) -> Result<&[u8], Fault> {
        let bytes = self.shape.slice_bytes();
        let start = (slice as usize).checked_mul(bytes);
        let samples = start.and_then(|start| self.data.get(start..start.checked_add(bytes)?));
        samples.ok_or_else(|| Fault::Unsupported {
            what: format!("slice {slice} of a volume with {} slices", self.shape.size[2]),
            remedy: "slices are counted from 0; name one that is there",
        })
    }
}

/// The slices of a volume as frames, read when the first is wanted.
pub(crate) struct VolumeFrames {
    volume: Volume,
    next: u32,
}

impl VolumeFrames {
    pub(crate) fn new(volume: Volume) -> Self {
        Self { volume, next: 0 }
    }

    pub(crate) fn position(&self) -> u32 {
        self.next
    }

    /// Fills `frame` with the next slice; `false` behind the last.
    pub(crate) fn next(&mut self, frame: &mut Frame) -> Result<bool, Fault> {
        if self.next >= self.volume.shape.size[2] {
            return Ok(false);
        }
        let slice = self.next;
        self.next += 1;
        self.volume.frame(slice, frame)?;
        frame.recorded = None;
        Ok(true)
    }
}
