//! MetaImage: a text header (`.mhd`) with samples in a file beside it (`.raw`, or `.zraw` compressed with zlib) or
//! behind it (`.mha`, `ElementDataFile = LOCAL`). The older layout of CAMUS, and of 3D Slicer and ITK.
//!
//! Source: the MetaIO documentation of ITK. Axis order: see [`crate::volume`].

mod header;

use std::path::{Component, Path, PathBuf};

use flate2::read::ZlibDecoder;

use crate::error::Fault;
use crate::limits::Limits;
use crate::stream::Stream;
use crate::volume::{Shape, read_exactly};
pub(crate) use header::looks_like;
use header::{DataFile, Header};

const FORMAT: &str = "MetaImage";

/// Reads only the header.
pub(crate) fn header(mut stream: Stream, limits: &Limits) -> Result<Shape, Fault> {
    Ok(Header::read(&mut stream, limits)?.shape)
}

/// Reads header and samples; `folder` is where the header lies, none for a header in memory.
pub(crate) fn read(mut stream: Stream, folder: Option<&Path>, limits: &Limits) -> Result<(Shape, Vec<u8>), Fault> {
    let header = Header::read(&mut stream, limits)?;
    let mut data = match &header.data {
        DataFile::Local => stream,
        DataFile::Beside(name) => {
            let path = beside(folder, name)?;
            Stream::open(&path).map_err(|fault| missing(name, fault))?
        }
    };
    let bytes = header.shape.bytes();
    let samples = if header.compressed {
        data.seek(data.position().saturating_add(header.skip.unwrap_or(0)))?;
        read_exactly(ZlibDecoder::new(data), bytes, FORMAT)?
    } else {
        // A skip of -1 means that the samples are the end of the file.
        let skip = header.skip.unwrap_or_else(|| data.remaining().saturating_sub(bytes));
        data.seek(data.position().saturating_add(skip))?;
        read_exactly(data, bytes, FORMAT)?
    };
    Ok((header.shape, samples))
}

/// A picture that stands in for the samples: VITAL and other exporters write `name.mhd` for its spacing beside
/// `name.png`, and no `.raw` at all. None where the samples are there, or no picture is.
pub(crate) fn stand_in(stream: &mut Stream, folder: Option<&Path>, limits: &Limits) -> Option<(PathBuf, Shape)> {
    let header = Header::read(stream, limits).ok()?;
    let DataFile::Beside(name) = &header.data else { return None };
    let path = beside(folder, name).ok()?;
    if path.exists() {
        return None;
    }
    let picture = path.with_extension("png");
    picture.is_file().then_some((picture, header.shape))
}

/// Path of a file that a header names. Only files in the header's folder or below it: a header from outside has no say
/// over the rest of the disk.
fn beside(folder: Option<&Path>, name: &str) -> Result<PathBuf, Fault> {
    let relative = Path::new(name);
    if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(Fault::Unsupported {
            what: format!("ElementDataFile = {name}"),
            remedy: "put the samples beside the header and write only their file name",
        });
    }
    match folder {
        Some(folder) => Ok(folder.join(relative)),
        None => Err(Fault::Unsupported {
            what: format!("a MetaImage header in memory whose samples are in the file {name}"),
            remedy: "name the .mhd file itself, or use .mha",
        }),
    }
}

fn missing(name: &str, fault: Fault) -> Fault {
    match fault {
        Fault::Io { error, .. } if error.kind() == std::io::ErrorKind::NotFound => {
            Fault::cut(FORMAT, format!("its samples are in the file {name}, which is not beside the header"))
        }
        other => other,
    }
}
