//! Files of a published set.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{HostError, Result};

/// Deepest folder that is looked into: archives unpack to a folder or two above the data.
const DEPTH: usize = 4;

/// All files in `root` and its subfolders, sorted by path. Hidden entries and links to folders are left out.
pub(super) fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    walk(root, DEPTH, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(HostError::io("list", folder))? {
        let entry = entry.map_err(HostError::io("list", folder))?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let kind = entry.file_type().map_err(HostError::io("list", folder))?;
        if kind.is_dir() && depth > 0 {
            walk(&entry.path(), depth - 1, found)?;
        } else if !kind.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Name of a file, empty where it is not UTF-8.
pub(super) fn name(path: &Path) -> &str {
    path.file_name().and_then(|n| n.to_str()).unwrap_or_default()
}

/// Name of the folder that a file lies in.
pub(super) fn parent_name(path: &Path) -> &str {
    path.parent().map_or("", name)
}

/// The path as messages name it: below the root of its set.
pub(super) fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
