//! From the encoded bytes of one frame to grey or RGB, as the image attributes say (PS3.3 C.7.6.3).

use ushydra_core::PixelFormat;

use super::colour::{self, Palette};
use super::grey::Grey;
use super::header::Attributes;
use super::syntax::Coding;
use super::{FORMAT, lossless, rle};
use crate::error::Fault;
use crate::frame::Frame;
use crate::jpeg;
use crate::limits::Limits;
use crate::media::Scratch;

const EXPORT: &str = "export the image as 8-bit grey or RGB";

/// What the samples mean.
#[derive(Debug)]
enum Meaning {
    Grey(Grey),
    Palette(Box<Palette>),
    Rgb,
    /// Luminance and chrominance, full range.
    Ybr,
    /// The same with half as many chrominances per row, as uncompressed pixels: Y1 Y2 Cb Cr.
    Ybr422,
}

/// How samples lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Interleaved,
    /// One channel after the other.
    Planar,
}

/// Layout and meaning of the pixels, the same for all frames.
#[derive(Debug)]
pub(super) struct Image {
    columns: u32,
    rows: u32,
    coding: Coding,
    /// 1 or 2.
    sample_bytes: usize,
    order: Order,
    meaning: Meaning,
}

impl Image {
    /// Checks that the attributes describe something that can be decoded.
    pub(super) fn new(attributes: &Attributes, limits: &Limits) -> Result<Self, Fault> {
        let missing = |name| move || Fault::damaged(FORMAT, format!("its attribute {name} is missing"));
        let columns = u32::from(attributes.columns.ok_or_else(missing("Columns"))?);
        let rows = u32::from(attributes.rows.ok_or_else(missing("Rows"))?);
        limits.check_pixels(columns, rows)?;
        if columns == 0 || rows == 0 {
            return Err(Fault::damaged(FORMAT, format!("its size is {columns}x{rows}")));
        }
        let allocated = attributes.allocated.ok_or_else(missing("BitsAllocated"))?;
        let sample_bytes = match allocated {
            8 => 1,
            16 => 2,
            _ => {
                return Err(Fault::Unsupported {
                    what: format!("DICOM with {allocated} bits allocated per sample"),
                    remedy: EXPORT,
                });
            }
        };
        let meaning = Meaning::new(attributes, allocated)?;
        let samples = attributes.samples.unwrap_or(meaning.samples());
        if samples != meaning.samples() {
            let detail = format!("{samples} samples per pixel do not make `{}`", attributes.photometric);
            return Err(Fault::damaged(FORMAT, detail));
        }
        if meaning.samples() == 3 && sample_bytes != 1 {
            return Err(Fault::Unsupported { what: "DICOM colour with 16 bits per sample".to_owned(), remedy: EXPORT });
        }
        let coding = attributes.syntax.coding;
        let order = if attributes.planar || coding == Coding::Rle { Order::Planar } else { Order::Interleaved };
        let image = Self { columns, rows, coding, sample_bytes, order, meaning };
        if matches!(image.meaning, Meaning::Ybr422) && coding != Coding::Jpeg && columns % 2 != 0 {
            return Err(Fault::damaged(
                FORMAT,
                format!("a row of {columns} pixels cannot share chrominances in pairs"),
            ));
        }
        Ok(image)
    }

    pub(super) fn columns(&self) -> u32 {
        self.columns
    }

    pub(super) fn rows(&self) -> u32 {
        self.rows
    }

    /// Bytes of one frame without compression.
    pub(super) fn native_bytes(&self) -> u64 {
        let pixels = u64::from(self.columns) * u64::from(self.rows);
        match self.meaning {
            Meaning::Grey(_) | Meaning::Palette(_) => pixels * self.sample_bytes as u64,
            Meaning::Rgb | Meaning::Ybr => pixels * 3,
            Meaning::Ybr422 => pixels * 2,
        }
    }

    /// Decodes `scratch.encoded` into `frame`.
    pub(super) fn decode(&self, scratch: &mut Scratch, frame: &mut Frame, limits: &Limits) -> Result<(), Fault> {
        let Scratch { encoded, samples } = scratch;
        match self.coding {
            Coding::Native | Coding::EncapsulatedNative => self.convert(encoded, self.sample_bytes, self.order, frame),
            Coding::Rle => {
                let planes = usize::from(self.meaning.samples());
                let pixels = self.columns as usize * self.rows as usize;
                rle::decode(encoded, planes, self.sample_bytes, pixels, samples)?;
                self.convert(samples, self.sample_bytes, self.order, frame)
            }
            Coding::Jpeg => self.decode_jpeg(encoded, frame, limits),
        }
    }

    fn decode_jpeg(&self, encoded: &mut Vec<u8>, frame: &mut Frame, limits: &Limits) -> Result<(), Fault> {
        let header = jpeg::Header::parse(encoded)?;
        if (u32::from(header.width), u32::from(header.height)) != (self.columns, self.rows)
            || u16::from(header.components) != self.meaning.samples()
        {
            let detail = format!(
                "its JPEG is {}x{} with {} components where {}x{} with {} are announced",
                header.width,
                header.height,
                header.components,
                self.columns,
                self.rows,
                self.meaning.samples()
            );
            return Err(Fault::damaged(FORMAT, detail));
        }
        if header.process == jpeg::Process::Lossless {
            let (samples, sample_bytes) = lossless::decode(&header, encoded)?;
            return self.convert(&samples, sample_bytes, Order::Interleaved, frame);
        }
        let assumed = if matches!(self.meaning, Meaning::Rgb) { jpeg::Colour::Rgb } else { jpeg::Colour::YCbCr };
        jpeg::decode(&header, encoded, assumed, limits, frame)?;
        match &self.meaning {
            Meaning::Grey(grey) => grey.apply_in_place(&mut frame.data),
            Meaning::Palette(palette) => {
                let indices = std::mem::take(&mut frame.data);
                self.shape(frame, PixelFormat::Rgb8)?;
                palette.apply(&indices, 1, &mut frame.data);
            }
            Meaning::Rgb | Meaning::Ybr | Meaning::Ybr422 => {}
        }
        Ok(())
    }

    /// Converts decompressed samples.
    fn convert(&self, samples: &[u8], sample_bytes: usize, order: Order, frame: &mut Frame) -> Result<(), Fault> {
        let pixels = self.columns as usize * self.rows as usize;
        let expected = match self.meaning {
            Meaning::Grey(_) | Meaning::Palette(_) => pixels * sample_bytes,
            Meaning::Ybr422 if self.coding != Coding::Jpeg => pixels * 2,
            _ => pixels * 3,
        };
        // A fragment may be padded to an even length.
        let samples = samples.get(..expected).ok_or_else(|| {
            Fault::damaged(FORMAT, format!("a frame has {} bytes where it needs {expected}", samples.len()))
        })?;
        let format = if matches!(self.meaning, Meaning::Grey(_)) { PixelFormat::Grey8 } else { PixelFormat::Rgb8 };
        let out = self.shape(frame, format)?;
        match (&self.meaning, order) {
            (Meaning::Grey(grey), _) => grey.apply(samples, sample_bytes, out),
            (Meaning::Palette(palette), _) => palette.apply(samples, sample_bytes, out),
            (Meaning::Rgb, Order::Interleaved) => out.copy_from_slice(samples),
            (Meaning::Rgb, Order::Planar) => colour::interleave(samples, out),
            (Meaning::Ybr422, _) if self.coding != Coding::Jpeg => colour::ybr_422_to_rgb(samples, out),
            (Meaning::Ybr | Meaning::Ybr422, order) => {
                match order {
                    Order::Interleaved => out.copy_from_slice(samples),
                    Order::Planar => colour::interleave(samples, out),
                }
                colour::ybr_to_rgb(out);
            }
        }
        Ok(())
    }

    fn shape<'f>(&self, frame: &'f mut Frame, format: PixelFormat) -> Result<&'f mut [u8], Fault> {
        frame.shape(self.columns, self.rows, format)
    }
}

impl Meaning {
    fn new(attributes: &Attributes, allocated: u16) -> Result<Self, Fault> {
        match attributes.photometric.as_str() {
            "MONOCHROME1" => Ok(Self::Grey(Grey::new(attributes, allocated, true)?)),
            "MONOCHROME2" => Ok(Self::Grey(Grey::new(attributes, allocated, false)?)),
            "PALETTE COLOR" => Ok(Self::Palette(Box::new(Palette::new(&attributes.palette)?))),
            "RGB" => Ok(Self::Rgb),
            "YBR_FULL" => Ok(Self::Ybr),
            // Run lengths and JPEG carry whole channels whatever the name says.
            "YBR_FULL_422" if attributes.syntax.coding == Coding::Rle => Ok(Self::Ybr),
            "YBR_FULL_422" => Ok(Self::Ybr422),
            "" => Err(Fault::damaged(FORMAT, "its attribute PhotometricInterpretation is missing")),
            other => Err(Fault::Unsupported {
                what: format!("the DICOM photometric interpretation `{other}`"),
                remedy: EXPORT,
            }),
        }
    }

    fn samples(&self) -> u16 {
        match self {
            Self::Grey(_) | Self::Palette(_) => 1,
            Self::Rgb | Self::Ybr | Self::Ybr422 => 3,
        }
    }
}
