//! The 348 bytes at the beginning of a NIfTI-1 file.

use super::FORMAT;
use crate::error::Fault;
use crate::limits::Limits;
use crate::volume::{SampleType, Shape, credible_spacing};

/// Length of the header, and the number that it begins with.
pub(crate) const HEADER_BYTES: usize = 348;
/// The same number of NIfTI-2.
const HEADER_BYTES_2: u32 = 540;
/// Places of the fields (`nifti1.h`).
const DIM: usize = 40;
const DATATYPE: usize = 70;
const BITPIX: usize = 72;
const PIXDIM: usize = 76;
const VOX_OFFSET: usize = 108;
const SCL_SLOPE: usize = 112;
const SCL_INTER: usize = 116;
const XYZT_UNITS: usize = 123;
const MAGIC: usize = 344;
/// Greatest number of axes.
const MAX_AXES: i16 = 7;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) shape: Shape,
    /// Where the samples begin.
    pub(super) offset: u64,
}

/// Whether `head` begins like a NIfTI-1 header: by its length field, or by its magic if that is seen.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    let length = head.first_chunk::<4>().map(|bytes| [u32::from_le_bytes(*bytes), u32::from_be_bytes(*bytes)]);
    // The length alone could be anything; the number of axes comes with it.
    let axes = head.get(DIM..DIM + 2).map(|b| [i16::from_le_bytes([b[0], b[1]]), i16::from_be_bytes([b[0], b[1]])]);
    let by_length = length.zip(axes).is_some_and(|(length, axes)| {
        length.iter().zip(axes).any(|(&n, axes)| n as usize == HEADER_BYTES && (1..=MAX_AXES).contains(&axes))
    });
    by_length || matches!(head.get(MAGIC..MAGIC + 4), Some(b"n+1\0" | b"ni1\0"))
}

/// Numbers of a header in its byte order.
struct Fields<'a> {
    bytes: &'a [u8; HEADER_BYTES],
    big_endian: bool,
}

impl Fields<'_> {
    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut out: [u8; N] = self.bytes.get(at..).and_then(|tail| tail.first_chunk()).copied().unwrap_or([0; N]);
        if self.big_endian {
            out.reverse();
        }
        out
    }

    fn short(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.array(at))
    }

    fn float(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.array(at)))
    }
}

/// Reads and checks a header.
pub(super) fn parse(bytes: &[u8; HEADER_BYTES], limits: &Limits) -> Result<Header, Fault> {
    let damaged = |detail: String| Fault::damaged(FORMAT, detail);
    let length = Fields { bytes, big_endian: false }.array::<4>(0);
    let big_endian = match (u32::from_le_bytes(length), u32::from_be_bytes(length)) {
        (n, _) if n as usize == HEADER_BYTES => false,
        (_, n) if n as usize == HEADER_BYTES => true,
        (HEADER_BYTES_2, _) | (_, HEADER_BYTES_2) => {
            return Err(Fault::Unsupported {
                what: "NIfTI-2".into(),
                remedy: "convert it to NIfTI-1, for example with `nib-convert` or SimpleITK",
            });
        }
        (n, _) => return Err(damaged(format!("its header claims {n} bytes, NIfTI-1 has {HEADER_BYTES}"))),
    };
    let fields = Fields { bytes, big_endian };
    match &bytes[MAGIC..] {
        b"n+1\0" => {}
        b"ni1\0" => {
            return Err(Fault::Unsupported {
                what: "NIfTI as a pair of .hdr and .img".into(),
                remedy: "convert it to a single .nii or .nii.gz file",
            });
        }
        other => return Err(damaged(format!("its magic is {:?}, not \"n+1\"", String::from_utf8_lossy(other)))),
    }
    let count = fields.short(DIM);
    if !(2..=MAX_AXES).contains(&count) {
        return Err(damaged(format!("it claims {count} axes; 2 to {MAX_AXES} are possible")));
    }
    let axes: Vec<i64> = (1..=count as usize).map(|axis| i64::from(fields.short(DIM + 2 * axis))).collect();
    let sample = sample_type(fields.short(DATATYPE))?;
    let bits = fields.short(BITPIX);
    if usize::try_from(bits) != Ok(8 * sample.bytes()) {
        return Err(damaged(format!("it claims {bits} bits per sample, its data type has {}", 8 * sample.bytes())));
    }
    let mut shape = Shape::new(FORMAT, &axes, sample, limits)?;
    shape.big_endian = big_endian;
    shape.spacing_mm = spacing(&fields);
    // A slope of 0 means that values are as stored.
    let (slope, intercept) = (fields.float(SCL_SLOPE), fields.float(SCL_INTER));
    if slope != 0.0 && slope.is_finite() && intercept.is_finite() {
        (shape.slope, shape.intercept) = (slope, intercept);
    }
    let offset = fields.float(VOX_OFFSET);
    // Some writers leave 0 where the samples follow the header and its four extension bytes.
    let offset = if offset == 0.0 { (HEADER_BYTES + 4) as f64 } else { offset };
    if offset.fract() != 0.0 || !(offset >= HEADER_BYTES as f64 && offset <= limits.max_encoded_bytes as f64) {
        return Err(damaged(format!("its samples are said to begin at byte {offset}; {} is usual", HEADER_BYTES + 4)));
    }
    Ok(Header { shape, offset: offset as u64 })
}

fn sample_type(code: i16) -> Result<SampleType, Fault> {
    Ok(match code {
        2 => SampleType::U8,
        4 => SampleType::I16,
        8 => SampleType::I32,
        16 => SampleType::F32,
        64 => SampleType::F64,
        256 => SampleType::I8,
        512 => SampleType::U16,
        768 => SampleType::U32,
        1024 => SampleType::I64,
        1280 => SampleType::U64,
        other => {
            let name = match other {
                0 => "unknown",
                1 => "binary",
                32 | 1792 | 2048 => "complex",
                128 | 2304 => "RGB",
                1536 => "float128",
                _ => "invalid",
            };
            return Err(Fault::Unsupported {
                what: format!("NIfTI data type {other} ({name})"),
                remedy: "convert the volume to 8-bit or 16-bit grey, or to float32",
            });
        }
    })
}

/// Pixel distance in mm. Units that the header leaves open are taken for millimetres.
fn spacing(fields: &Fields<'_>) -> Option<[f32; 2]> {
    let unit = match fields.bytes[XYZT_UNITS] & 7 {
        0 | 2 => 1.0,
        1 => 1e3,
        3 => 1e-3,
        _ => return None,
    };
    // pixdim[0] is not a distance, and older writers made distances negative.
    let distance = |axis: usize| fields.float(PIXDIM + 4 * axis).abs();
    // What says 1x1 in any unit says nothing.
    credible_spacing(distance(1), distance(2))?;
    credible_spacing(distance(1) * unit, distance(2) * unit)
}
