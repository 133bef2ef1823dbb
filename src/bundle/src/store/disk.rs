//! The few operations with which a store is changed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Changes of a file system, one call each, so that a test can stop between any two and take back what was not synced.
///
/// A change of a folder's entries (`make_dir`, `write`, `rename`, `link`, `remove_*`) outlives a power cut only once that folder was
/// synced, the bytes of a file only once the file was. `rename` replaces its target at once or not at all; both paths lie in one
/// folder.
pub trait Disk {
    /// Bytes that this user may still write to the file system of `folder`.
    ///
    /// # Errors
    /// Whatever the system says.
    fn free(&self, folder: &Path) -> io::Result<u64>;
    /// Makes one folder whose parent exists.
    ///
    /// # Errors
    /// Whatever the system says.
    fn make_dir(&self, path: &Path) -> io::Result<()>;
    /// Writes a file that does not exist yet and returns its length.
    ///
    /// # Errors
    /// Whatever reading or writing gives.
    fn write(&self, path: &Path, from: &mut dyn Read) -> io::Result<u64>;
    /// Makes the bytes of a file durable.
    ///
    /// # Errors
    /// Whatever the system says.
    fn sync_file(&self, path: &Path) -> io::Result<()>;
    /// Makes the entries of a folder durable.
    ///
    /// # Errors
    /// Whatever the system says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Renames within one folder.
    ///
    /// # Errors
    /// Whatever the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes a symbolic link at `path` that says `target`.
    ///
    /// # Errors
    /// Whatever the system says.
    fn link(&self, target: &Path, path: &Path) -> io::Result<()>;
    /// Removes a file or a link.
    ///
    /// # Errors
    /// Whatever the system says.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    ///
    /// # Errors
    /// Whatever the system says.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
}

/// The machine's own file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileSystem;

impl Disk for FileSystem {
    fn free(&self, folder: &Path) -> io::Result<u64> {
        let room = rustix::fs::statvfs(folder)?;
        Ok(room.f_bavail.saturating_mul(room.f_frsize))
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn write(&self, path: &Path, from: &mut dyn Read) -> io::Result<u64> {
        io::copy(from, &mut File::options().write(true).create_new(true).open(path)?)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, target: &Path, path: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }
}

/// Makes `path` and what is missing above it, each made durable in its parent.
pub(crate) fn make_dirs(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    // The parent of a bare name is the working folder.
    let parent = path.parent().map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
    if let Some(parent) = parent {
        make_dirs(disk, parent)?;
        match disk.make_dir(path) {
            // Another installation was as quick.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            made => made?,
        }
        return disk.sync_dir(parent);
    }
    disk.make_dir(path)
}

/// Removes whatever is at `path`; links are removed, never followed. Nothing there is no error.
pub(crate) fn remove(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !kind.is_dir() {
        return disk.remove_file(path);
    }
    let mut entries = fs::read_dir(path)?.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    entries.iter().try_for_each(|entry| remove(disk, entry))?;
    disk.remove_dir(path)
}
