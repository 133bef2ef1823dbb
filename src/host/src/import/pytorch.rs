//! Files of `torch.save`: `.pth`, `.pt`, `.bin`.
//!
//! PyTorch keeps tensors in a ZIP archive (since 1.6), one after the other behind a pickle (0.1.10 to 1.5) or in a TAR archive (before);
//! names, shapes and places stand in a pickle. A pickle is a program: Python would call whatever it names. `pytorch-reader`
//! interprets only what builds dictionaries and tensors and calls nothing; it bounds nesting, copies and lengths.

use std::collections::BTreeMap;
use std::path::Path;

use pytorch_reader::{DType, PytorchReader};

use super::weights::{Entry, Kind, Place};

/// Marks of the first bytes: ZIP, pickle of protocol 2 or later, and that of a TAR archive with its place.
const ZIP: &[u8] = b"PK";
const PICKLE: u8 = 0x80;
const TAR: (usize, &[u8]) = (257, b"ustar");

/// Whether a file begins like one of PyTorch's.
pub(super) fn is_checkpoint(head: &[u8]) -> bool {
    let (at, tar) = TAR;
    head.starts_with(ZIP)
        || head.first() == Some(&PICKLE)
        || head.get(at..at + tar.len()).is_some_and(|found| found == tar)
}

/// Tensors of the file of `size` bytes by their place in its dictionaries (`state_dict.conv1.weight`); cause and remedy where
/// it is none.
pub(super) fn index(path: &Path, size: u64) -> Result<BTreeMap<String, Entry>, String> {
    let reader = PytorchReader::new(path).map_err(|e| {
        format!(
            "it cannot be read as safetensors or as a file of torch.save ({e}); download it again, or save the state dict \
             alone: torch.save(model.state_dict(), \"weights.pth\")"
        )
    })?;
    let mut found = BTreeMap::new();
    for (name, tensor) in reader.into_tensors() {
        // A view can repeat one number as often as it says, so the file does not bound what it unfolds to.
        if tensor.byte_len() as u64 > size {
            return Err(format!(
                "`{name}` of shape {:?} would take {} bytes, the file has {size}; save a contiguous copy of it",
                tensor.shape(),
                tensor.byte_len()
            ));
        }
        let kind = match tensor.dtype() {
            DType::F64 => Kind::F64,
            DType::F32 => Kind::F32,
            DType::F16 => Kind::F16,
            DType::BF16 => Kind::Bf16,
            other => Kind::Other(format!("{other:?}")),
        };
        let entry = Entry { shape: tensor.shape().to_vec(), kind, place: Place::Checkpoint(Box::new(tensor)) };
        found.insert(name, entry);
    }
    if found.is_empty() {
        return Err(
            "it holds no tensor; save the state dict: torch.save(model.state_dict(), \"weights.pth\")".to_owned()
        );
    }
    Ok(found)
}
