//! Tensors of a weights file as f32, with their shapes checked.
//!
//! The file is safetensors, or what PyTorch's `torch.save` wrote ([`super::pytorch`]); its first bytes tell which. Names that a
//! training program puts around those of the network are left out ([`super::wrapping`]).

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors};

use super::{pytorch, wrapping};
use crate::error::{HostError, Result};
use crate::files;

/// Largest file that is read: four times the largest network that is supported.
const LARGEST: u64 = 4 << 30;
/// Bytes that tell the kind of a file; the mark of a TAR archive stands at 257.
const HEAD: u64 = 512;
/// Names given in full before the rest is counted.
const NAMED: usize = 4;

/// An open weights file.
pub(crate) struct Weights {
    path: PathBuf,
    /// A safetensors file as a whole; empty for PyTorch's, whose tensors are read one by one.
    bytes: Vec<u8>,
    tensors: BTreeMap<String, Entry>,
    taken: RefCell<BTreeSet<String>>,
}

/// One tensor.
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

/// Where a tensor is found.
pub(super) struct Entry {
    pub(super) shape: Vec<usize>,
    pub(super) kind: Kind,
    pub(super) place: Place,
}

/// Type of the stored numbers.
pub(super) enum Kind {
    F64,
    F32,
    F16,
    Bf16,
    /// Another one, by its name.
    Other(String),
}

impl Kind {
    /// Values of little-endian bytes; none for another type.
    fn values(&self, bytes: &[u8]) -> Option<Vec<f32>> {
        Some(match self {
            // Training in f64 does not make the network need it.
            Self::F64 => bytes.as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
            Self::F32 => bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Self::F16 => bytes.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
            Self::Bf16 => bytes.as_chunks::<2>().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32()).collect(),
            Self::Other(_) => return None,
        })
    }
}

/// Where the numbers of a tensor lie.
pub(super) enum Place {
    /// In the bytes of the safetensors file.
    Bytes(Range<usize>),
    /// In a file that PyTorch wrote.
    Checkpoint(Box<pytorch_reader::Tensor>),
}

impl Weights {
    /// Reads the file's index and checks it.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let file =
            Self { path: path.to_owned(), bytes: Vec::new(), tensors: BTreeMap::new(), taken: RefCell::default() };
        let about = fs::metadata(path).map_err(HostError::io("read", path))?;
        if !about.is_file() {
            return Err(file.error("it is no file; name the file with the weights"));
        }
        if about.len() > LARGEST {
            return Err(file.error(format!(
                "it has {} bytes, at most {LARGEST} are read; save the weights alone, without the optimiser's state",
                about.len()
            )));
        }
        let mut head = Vec::new();
        let opened = File::open(path).and_then(|f| f.take(HEAD).read_to_end(&mut head));
        opened.map_err(HostError::io("read", path))?;
        let safetensors = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("safetensors"));
        if let Some(kind) = foreign(&head) {
            return Err(file.error(format!("it is {kind}; download the file with the weights itself")));
        }
        let (bytes, entries) = if is_safetensors(&head) || safetensors && !pytorch::is_checkpoint(&head) {
            let bytes = files::read(path)?;
            let entries = index(&bytes).map_err(|problem| file.error(problem))?;
            (bytes, entries)
        } else {
            (Vec::new(), pytorch::index(path, about.len()).map_err(|problem| file.error(problem))?)
        };
        let tensors = wrapping::unwrapped(entries).map_err(|problem| file.error(problem))?;
        Ok(Self { bytes, tensors, ..file })
    }

    pub(crate) fn error(&self, problem: impl Into<String>) -> HostError {
        HostError::Weights { path: self.path.clone(), problem: problem.into() }
    }

    /// Whether there is a tensor of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// All names in alphabetical order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Number of tensors that were asked for.
    pub(crate) fn taken(&self) -> usize {
        self.taken.borrow().len()
    }

    /// Names that nobody asked for, without the counters of batch normalisations, which only their training reads.
    pub(crate) fn left(&self) -> Vec<&str> {
        let taken = self.taken.borrow();
        self.names().filter(|name| !taken.contains(*name) && !name.ends_with("num_batches_tracked")).collect()
    }

    /// The tensor called `name`.
    pub(crate) fn any(&self, name: &str) -> Result<Tensor> {
        let Some(entry) = self.tensors.get(name) else {
            let names: Vec<&str> = self.names().collect();
            return Err(self.error(format!(
                "the tensor `{name}` is missing among {}; check that encoder.names fits the file",
                listed(&names)
            )));
        };
        let bytes = match &entry.place {
            Place::Bytes(range) => Cow::Borrowed(self.bytes.get(range.clone()).unwrap_or_default()),
            Place::Checkpoint(tensor) => {
                Cow::Owned(tensor.read().map_err(|e| self.error(format!("{e}; download it again")))?)
            }
        };
        let values = entry.kind.values(&bytes).ok_or_else(|| {
            let Kind::Other(kind) = &entry.kind else { return self.error(format!("`{name}` cannot be read")) };
            self.error(format!("`{name}` is stored as {kind}; convert it to f64, f32, f16 or bf16"))
        })?;
        let wanted = entry.shape.iter().product::<usize>();
        if values.len() != wanted {
            return Err(
                self.error(format!("`{name}` has {} values, its shape {wanted}; download it again", values.len()))
            );
        }
        if let Some(index) = values.iter().position(|v| !v.is_finite()) {
            return Err(self.error(format!("`{name}` holds {} at element {index}; download it again", values[index])));
        }
        self.taken.borrow_mut().insert(name.to_owned());
        Ok(Tensor { shape: entry.shape.clone(), values })
    }

    /// The values of the tensor called `name`, which must have `shape`.
    pub(crate) fn shaped(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let tensor = self.any(name)?;
        if tensor.shape != shape {
            return Err(self.error(format!("`{name}` has shape {:?}, expected {shape:?}", tensor.shape)));
        }
        Ok(tensor.values)
    }
}

/// The first names of a list and how many more there are.
pub(crate) fn listed(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{}`", name.as_ref())).collect();
    match names.len().saturating_sub(NAMED) {
        0 if shown.is_empty() => "no tensor".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Index of a safetensors file; cause and remedy where it is none.
fn index(bytes: &[u8]) -> std::result::Result<BTreeMap<String, Entry>, String> {
    let problem = |e| format!("it is no intact safetensors file ({e}); download it again or convert it to safetensors");
    // Checks that every tensor lies within the file.
    SafeTensors::deserialize(bytes).map_err(problem)?;
    let (header, metadata) = SafeTensors::read_metadata(bytes).map_err(problem)?;
    let start = header + size_of::<u64>();
    let entry = |tensor: &safetensors::tensor::TensorInfo| {
        let (from, to) = tensor.data_offsets;
        let kind = match tensor.dtype {
            Dtype::F64 => Kind::F64,
            Dtype::F32 => Kind::F32,
            Dtype::F16 => Kind::F16,
            Dtype::BF16 => Kind::Bf16,
            other => Kind::Other(format!("{other:?}")),
        };
        Entry { shape: tensor.shape.clone(), kind, place: Place::Bytes(start + from..start + to) }
    };
    Ok(metadata.tensors().into_iter().map(|(name, tensor)| (name, entry(tensor))).collect())
}

/// Whether a file begins as safetensors do: the length of a JSON object, then the object.
fn is_safetensors(head: &[u8]) -> bool {
    head.first_chunk::<8>().is_some_and(|length| u64::from_le_bytes(*length) < LARGEST) && head.get(8) == Some(&b'{')
}

/// What a file is that is often found in the place of weights.
fn foreign(head: &[u8]) -> Option<&'static str> {
    let text = head.trim_ascii_start().to_ascii_lowercase();
    let known: [(&[u8], &str); 7] = [
        (b"<!doctype", "a web page"),
        (b"<html", "a web page"),
        (b"<?xml", "an error message of a server (XML)"),
        (b"version https://git-lfs", "a pointer of Git LFS"),
        (b"\x89hdf", "a file of Keras (HDF5)"),
        (b"\x93numpy", "a NumPy array"),
        (b"\x1f\x8b", "compressed with gzip"),
    ];
    if head.is_empty() {
        return Some("empty");
    }
    known.into_iter().find(|(start, _)| text.starts_with(start)).map(|(_, kind)| kind)
}
