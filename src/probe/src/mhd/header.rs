//! The text header of a MetaImage.

use super::FORMAT;
use crate::error::Fault;
use crate::limits::Limits;
use crate::stream::Stream;
use crate::volume::{SampleType, Shape, credible_spacing};

/// Longest header that is read; real ones have a few hundred bytes.
const MAX_BYTES: usize = 64 << 10;
/// Greatest number of axes, as in NIfTI.
const MAX_AXES: usize = 7;

/// Where the samples are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DataFile {
    /// Behind the header.
    Local,
    /// In a file of this name.
    Beside(String),
}

/// What a header says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) shape: Shape,
    pub(super) data: DataFile,
    pub(super) compressed: bool,
    /// Bytes before the samples; none if the samples are the end of the file.
    pub(super) skip: Option<u64>,
}

/// Whether `head` begins like a MetaImage header.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    let first = head.split(|&b| b == b'\n').next().unwrap_or_default();
    let Some(at) = first.iter().position(|&b| b == b'=') else { return false };
    let key = first[..at].trim_ascii();
    key == b"ObjectType" || key == b"NDims"
}

/// Keys and values in order.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn get(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.0.iter().find(|(k, _)| k.eq_ignore_ascii_case(key))).map(|(_, v)| &**v)
    }

    fn flag(&self, keys: &[&str]) -> bool {
        self.get(keys).is_some_and(|v| v.eq_ignore_ascii_case("true") || v == "1")
    }

    fn numbers<T: std::str::FromStr>(&self, keys: &[&str]) -> Result<Option<Vec<T>>, Fault> {
        let Some(text) = self.get(keys) else { return Ok(None) };
        let values: Result<Vec<T>, _> = text.split_whitespace().map(str::parse).collect();
        values.map(Some).map_err(|_| Fault::damaged(FORMAT, format!("{} = {text} are no numbers", keys[0])))
    }
}

impl Header {
    /// Reads the header; leaves `stream` behind it.
    pub(super) fn read(stream: &mut Stream, limits: &Limits) -> Result<Self, Fault> {
        let fields = lines(stream)?;
        let damaged = |detail: String| Fault::damaged(FORMAT, detail);
        if let Some(kind) = fields.get(&["ObjectType"]).filter(|kind| !kind.eq_ignore_ascii_case("Image")) {
            return Err(damaged(format!("ObjectType = {kind}, not Image")));
        }
        let axes: Vec<i64> = fields.numbers(&["DimSize"])?.ok_or_else(|| damaged("DimSize is missing".to_owned()))?;
        let count: Option<Vec<usize>> = fields.numbers(&["NDims"])?;
        if axes.len() > MAX_AXES || count.as_ref().is_some_and(|n| n[..] != [axes.len()]) {
            return Err(damaged(format!(
                "NDims = {}, but DimSize has {} numbers; they must agree, at most {MAX_AXES}",
                fields.get(&["NDims"]).unwrap_or("missing"),
                axes.len()
            )));
        }
        let channels: Option<Vec<u32>> = fields.numbers(&["ElementNumberOfChannels"])?;
        if channels.as_ref().is_some_and(|n| n[..] != [1]) {
            return Err(Fault::Unsupported {
                what: format!("MetaImage with {} channels", fields.get(&["ElementNumberOfChannels"]).unwrap_or("no")),
                remedy: "convert it to one channel of grey",
            });
        }
        if fields.get(&["BinaryData"]).is_some() && !fields.flag(&["BinaryData"]) {
            return Err(Fault::Unsupported {
                what: "MetaImage with samples as text".into(),
                remedy: "write it with BinaryData = True",
            });
        }
        let mut shape = Shape::new(FORMAT, &axes, sample_type(fields.get(&["ElementType"]).unwrap_or(""))?, limits)?;
        shape.big_endian = fields.flag(&["BinaryDataByteOrderMSB", "ElementByteOrderMSB"]);
        let spacing: Option<Vec<f64>> = fields.numbers(&["ElementSpacing", "ElementSize"])?;
        shape.spacing_mm = match spacing.as_deref() {
            Some([x, y, ..]) => credible_spacing(*x, *y),
            _ => None,
        };
        let skip: Option<Vec<i64>> = fields.numbers(&["HeaderSize"])?;
        let skip = match skip.as_deref() {
            None => Some(0),
            Some([-1]) => None,
            Some([n]) if *n >= 0 => Some(n.unsigned_abs()),
            Some(other) => return Err(damaged(format!("HeaderSize = {other:?}"))),
        };
        let data = match fields.get(&["ElementDataFile"]) {
            Some("LOCAL" | "Local" | "local") => DataFile::Local,
            Some(name) if name.starts_with("LIST") || name.contains('%') => {
                return Err(Fault::Unsupported {
                    what: format!("MetaImage with one file per slice (ElementDataFile = {name})"),
                    remedy: "write all slices into one .raw file",
                });
            }
            Some(name) if !name.is_empty() => DataFile::Beside(name.to_owned()),
            _ => return Err(damaged("ElementDataFile is empty".to_owned())),
        };
        Ok(Self { shape, data, compressed: fields.flag(&["CompressedData"]), skip })
    }
}

/// Reads `key = value` lines up to `ElementDataFile`, which is the last by definition.
fn lines(stream: &mut Stream) -> Result<Fields, Fault> {
    stream.seek(0)?;
    let mut fields = Vec::new();
    let mut line = Vec::new();
    for _ in 0..MAX_BYTES {
        let end = stream.remaining() == 0;
        if !end {
            let [byte] = stream.array(FORMAT)?;
            if byte != b'\n' {
                line.push(byte);
                continue;
            }
        }
        if let Some((key, value)) = String::from_utf8_lossy(&line).split_once('=') {
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            let last = key.eq_ignore_ascii_case("ElementDataFile");
            fields.push((key, value));
            if last {
                return Ok(Fields(fields));
            }
        }
        line.clear();
        if end {
            return Err(Fault::cut(FORMAT, "its header ends without ElementDataFile"));
        }
    }
    Err(Fault::damaged(FORMAT, format!("its header has no ElementDataFile within {MAX_BYTES} bytes")))
}

fn sample_type(name: &str) -> Result<SampleType, Fault> {
    Ok(match name {
        "MET_UCHAR" => SampleType::U8,
        "MET_CHAR" => SampleType::I8,
        "MET_USHORT" => SampleType::U16,
        "MET_SHORT" => SampleType::I16,
        "MET_UINT" => SampleType::U32,
        "MET_INT" => SampleType::I32,
        "MET_FLOAT" => SampleType::F32,
        "MET_DOUBLE" => SampleType::F64,
        other => {
            return Err(Fault::Unsupported {
                what: format!("ElementType = {other}"),
                remedy: "convert the volume to MET_UCHAR, MET_SHORT, MET_USHORT or MET_FLOAT",
            });
        }
    })
}
