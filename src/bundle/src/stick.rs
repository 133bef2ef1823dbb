//! Looking for bundles on a stick.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use crate::error::BundleError;
use crate::manifest::MANIFEST_FILE;

/// How deep below the root of a stick bundles are looked for.
pub const MAX_STICK_DEPTH: usize = 4;
/// Entries looked at, at most: a stick with updates is no archive.
const MAX_ENTRIES: usize = 10_000;

/// The folders in `root`, itself included, that hold a manifest, nearest first and sorted. Symbolic links are not followed, nothing
/// inside a bundle is looked at, and names with control characters are passed over: a terminal would obey them.
///
/// # Errors
/// [`BundleError::Io`] where `root` cannot be read, [`BundleError::Crowded`] for more than 10,000 entries. Folders below
/// `root` that cannot be read are passed over.
pub fn find_bundles(root: &Path) -> Result<Vec<PathBuf>, BundleError> {
    let mut found = Vec::new();
    let mut waiting = VecDeque::from([(root.to_owned(), 0)]);
    let mut seen = 0;
    while let Some((folder, depth)) = waiting.pop_front() {
        if is_regular(&folder.join(MANIFEST_FILE)) {
            found.push(folder);
            continue;
        }
        if depth == MAX_STICK_DEPTH {
            continue;
        }
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(source) if depth == 0 => return Err(BundleError::Io { file: folder, source }),
            Err(_) => continue,
        };
        let mut inner = Vec::new();
        for entry in entries.flatten() {
            seen += 1;
            if seen > MAX_ENTRIES {
                return Err(BundleError::Crowded { folder: root.to_owned(), limit: MAX_ENTRIES });
            }
            // The entry's own type: a link to a folder is none.
            let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if folder && !entry.file_name().to_string_lossy().contains(char::is_control) {
                inner.push(entry.path());
            }
        }
        inner.sort();
        waiting.extend(inner.into_iter().map(|folder| (folder, depth + 1)));
    }
    Ok(found)
}

fn is_regular(file: &Path) -> bool {
    std::fs::symlink_metadata(file).is_ok_and(|metadata| metadata.is_file())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use std::fs;

    #[test]
    fn bundles_are_found_near_and_never_through_links() {
        let stick = tempfile::tempdir().unwrap();
        let make = |folder: &str| {
            let folder = stick.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(MANIFEST_FILE), "").unwrap();
            folder
        };
        assert!(find_bundles(stick.path()).unwrap().is_empty());
        let deep = make("b/c/d/e");
        make("b/c/d/too/deep");
        let head = make("head");
        make("head/inside");
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join(MANIFEST_FILE), "").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), stick.path().join("linked")).unwrap();
        std::os::unix::fs::symlink(stick.path(), stick.path().join("b/loop")).unwrap();
        fs::create_dir(stick.path().join("link")).unwrap();
        std::os::unix::fs::symlink(head.join(MANIFEST_FILE), stick.path().join("link").join(MANIFEST_FILE)).unwrap();
        make("bell\u{7}");
        assert_eq!(find_bundles(stick.path()).unwrap(), [head.clone(), deep]);
        assert_eq!(find_bundles(&head).unwrap(), [head]);
        assert!(matches!(find_bundles(&stick.path().join("absent")), Err(BundleError::Io { .. })));
    }

    #[test]
    fn a_crowded_stick_is_refused() {
        let stick = tempfile::tempdir().unwrap();
        for index in 0..=MAX_ENTRIES {
            fs::write(stick.path().join(index.to_string()), "").unwrap();
        }
        assert!(matches!(find_bundles(stick.path()), Err(BundleError::Crowded { limit: MAX_ENTRIES, .. })));
    }
}
