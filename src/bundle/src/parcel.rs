//! A bundle as a list of files that can be carried elsewhere, statistics included.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::bundle::calibration_root;
use crate::error::BundleError;
use crate::files::{MAX_DOCUMENT, MAX_MODEL, is_plain_path};
use crate::manifest::{FileSpec, MANIFEST_FILE, Manifest};
use crate::signature::SIGNATURE_FILE;
use crate::store::Disk;

/// Bytes of a whole bundle at most. The largest vision transformer with eight decoders in three forms stays below.
pub const MAX_BUNDLE: u64 = 8 << 30;

/// A file that a manifest names.
struct Part {
    field: String,
    file: String,
    limit: u64,
}

/// Every file that the manifest names, in its order.
fn parts(manifest: &Manifest) -> Vec<Part> {
    let document =
        |field: &str, spec: &FileSpec| Part { field: field.to_owned(), file: spec.file.clone(), limit: MAX_DOCUMENT };
    let model = |field: String, file: &str| Part { field, file: file.to_owned(), limit: MAX_MODEL };
    let mut parts = vec![
        document("card", &manifest.card),
        document("golden.input", &manifest.golden.input),
        document("golden.expected", &manifest.golden.expected),
        document("statistics", &manifest.statistics),
        model("encoder".to_owned(), &manifest.encoder.file),
    ];
    for (index, decoder) in manifest.decoders.iter().enumerate() {
        parts.push(model(format!("decoders[{index}]"), &decoder.file));
        if let Some(int8) = &decoder.int8 {
            parts.push(model(format!("decoders[{index}].int8.qdq"), &int8.qdq.file));
            parts.push(model(format!("decoders[{index}].int8.qop"), &int8.qop.file));
        }
    }
    parts.extend(manifest.quantisation.as_ref().map(|spec| document("quantisation", spec)));
    parts
}

/// A file to carry.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Item {
    from: PathBuf,
    /// Path in the copy.
    file: String,
    limit: u64,
}

/// The files of one bundle with their sizes: regular files only, no symbolic link, every path plain, every size bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    items: Vec<Item>,
    bytes: u64,
}

impl Parcel {
    /// The manifest and what it names; hashes are not looked at, because what counts are those of the copy. With `signature`
    /// also the signature.
    ///
    /// # Errors
    /// [`BundleError::Outside`], [`BundleError::Link`], [`BundleError::NotAFile`], [`BundleError::TooLarge`],
    /// [`BundleError::Missing`] and the errors of the manifest.
    pub fn of(dir: &Path, signature: bool) -> Result<Self, BundleError> {
        let manifest = Manifest::read(dir)?;
        let own = |file: &str| Item { from: dir.join(file), file: file.to_owned(), limit: MAX_DOCUMENT };
        let mut items = vec![own(MANIFEST_FILE)];
        items.extend(signature.then(|| own(SIGNATURE_FILE)));
        let mut named = BTreeSet::new();
        for Part { field, file, limit } in parts(&manifest) {
            if !is_plain_path(&file) || [MANIFEST_FILE, SIGNATURE_FILE].contains(&file.as_str()) {
                let at = dir.join(MANIFEST_FILE);
                return Err(BundleError::Outside { file: at, field: format!("{field}.file"), path: file });
            }
            // Two decoders may share one file.
            if named.insert(file.clone()) {
                items.push(Item { from: calibration_root(dir, &file).join(&file), file, limit });
            }
        }
        let mut bytes = 0_u64;
        for item in &items {
            bytes = bytes.saturating_add(size(item)?);
        }
        if bytes > MAX_BUNDLE {
            return Err(BundleError::TooLarge { file: dir.to_owned(), found: bytes, limit: MAX_BUNDLE });
        }
        Ok(Self { items, bytes })
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Number of files.
    #[must_use]
    pub fn files(&self) -> usize {
        self.items.len()
    }

    /// Copies every file into the empty folder `to` and makes the copy durable: first the files, then the folders, the inner
    /// ones first. Sizes are limited again while bytes are read, because a medium may say one thing and deliver another.
    ///
    /// # Errors
    /// [`BundleError::Io`], and [`BundleError::TooLarge`] for a file that grew.
    pub fn copy(&self, disk: &dyn Disk, to: &Path) -> Result<(), BundleError> {
        let mut folders = BTreeSet::new();
        for item in &self.items {
            let target = to.join(&item.file);
            let inner = Path::new(&item.file).ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
            for folder in inner.collect::<Vec<_>>().into_iter().rev() {
                if folders.insert(folder.to_owned()) {
                    disk.make_dir(&to.join(folder)).map_err(|source| io_error(&to.join(folder), source))?;
                }
            }
            let open = open(&item.from)?;
            let copied =
                disk.write(&target, &mut open.take(item.limit + 1)).map_err(|source| io_error(&target, source))?;
            if copied > item.limit {
                return Err(BundleError::TooLarge { file: item.from.clone(), found: copied, limit: item.limit });
            }
            disk.sync_file(&target).map_err(|source| io_error(&target, source))?;
        }
        // `a` sorts before `a/b`.
        for folder in folders.iter().rev() {
            disk.sync_dir(&to.join(folder)).map_err(|source| io_error(&to.join(folder), source))?;
        }
        disk.sync_dir(to).map_err(|source| io_error(to, source))
    }
}

/// Bytes of a regular file that no symbolic link leads to: of its path, the components that the bundle itself chose are looked
/// at one by one.
fn size(item: &Item) -> Result<u64, BundleError> {
    let depth = Path::new(&item.file).components().count();
    let chosen = item.from.ancestors().take(depth).collect::<Vec<_>>();
    for path in chosen.into_iter().rev() {
        let metadata = fs::symlink_metadata(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => {
                BundleError::Missing { file: path.to_owned(), remedy: "copy the whole bundle again" }
            }
            _ => io_error(path, source),
        })?;
        if metadata.file_type().is_symlink() {
            return Err(BundleError::Link { file: path.to_owned() });
        }
        if path == item.from {
            if !metadata.is_file() {
                return Err(BundleError::NotAFile { file: path.to_owned() });
            }
            if metadata.len() > item.limit {
                return Err(BundleError::TooLarge { file: path.to_owned(), found: metadata.len(), limit: item.limit });
            }
            return Ok(metadata.len());
        }
    }
    Err(BundleError::NotAFile { file: item.from.clone() })
}

/// Refuses a symbolic link; that nothing is there is for others to say.
pub(crate) fn refuse_link(file: &Path) -> Result<(), BundleError> {
    match fs::symlink_metadata(file) {
        Ok(metadata) if metadata.is_symlink() => Err(BundleError::Link { file: file.to_owned() }),
        _ => Ok(()),
    }
}

/// Opens without following a link and without waiting for a pipe that was put there since.
fn open(file: &Path) -> Result<File, BundleError> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let open = File::options().read(true).custom_flags(flags).open(file).map_err(|source| io_error(file, source))?;
    if open.metadata().map_err(|source| io_error(file, source))?.is_file() {
        Ok(open)
    } else {
        Err(BundleError::NotAFile { file: file.to_owned() })
    }
}

fn io_error(file: &Path, source: std::io::Error) -> BundleError {
    BundleError::Io { file: file.to_owned(), source }
}
