//! From what the user named to a list of files.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::order::natural;
use crate::error::Fault;
use crate::kind::{HEAD_BYTES, Kind};

/// Where the bytes of an input are.
pub(super) enum Origin {
    Path(PathBuf),
    Memory(Arc<[u8]>),
    /// Already known to be unusable; the fault is reported when its turn comes.
    Faulty(Option<Fault>),
}

/// One input.
pub(super) struct Input {
    pub(super) name: Arc<str>,
    pub(super) origin: Origin,
    /// It failed before: a looping replay reports it once.
    pub(super) failed: bool,
}

impl Input {
    pub(super) fn new(name: &str, origin: Origin) -> Self {
        Self { name: Arc::from(name), origin, failed: false }
    }

    fn at(path: &Path, origin: Origin) -> Self {
        Self::new(&path.to_string_lossy(), origin)
    }
}

/// Expands folders. Files stay in the order in which they were named.
///
/// Folders are searched with their subfolders; files and subfolders of one folder come in natural order of their names.
/// Hidden entries (`.name`) and links to folders are left out, and so are files whose name and first bytes are of no
/// known type. A folder without any frame file is a faulty input.
pub(super) fn expand(paths: &[PathBuf]) -> Vec<Input> {
    let mut inputs = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = inputs.len();
            let mut skipped = 0;
            search(path, &mut inputs, &mut skipped);
            if skipped > 0 {
                log::info!("{}: {skipped} files of other types were skipped", path.display());
            }
            if inputs.len() == before {
                inputs.push(Input::at(path, Origin::Faulty(Some(Fault::EmptyFolder { skipped }))));
            }
        } else {
            // A missing file is reported in its turn, like a damaged one.
            inputs.push(Input::at(path, Origin::Path(path.clone())));
        }
    }
    inputs
}

fn search(folder: &Path, inputs: &mut Vec<Input>, skipped: &mut usize) {
    let mut entries = match fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) => {
            let fault = Fault::Io { action: "list the folder", error };
            inputs.push(Input::at(folder, Origin::Faulty(Some(fault))));
            return;
        }
    };
    entries.sort_by(|a, b| natural(&a.file_name().to_string_lossy(), &b.file_name().to_string_lossy()));
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let path = entry.path();
        // The type of the entry itself: a link to a folder could lead in circles.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            search(&path, inputs, skipped);
        } else if path.is_file() {
            if Kind::from_name(&path).is_some() || looks_readable(&path) {
                inputs.push(Input::at(&path, Origin::Path(path.clone())));
            } else {
                log::debug!("{}: skipped, its type is unknown", path.display());
                *skipped += 1;
            }
        }
    }
}

/// Whether the first bytes are of a known type: DICOM files often have no ending.
fn looks_readable(path: &Path) -> bool {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let read = fs::File::open(path).and_then(|file| file.take(HEAD_BYTES as u64).read_to_end(&mut head));
    read.is_ok() && Kind::detect(&head).is_some()
}
