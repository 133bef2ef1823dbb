//! Files of a bundle: path rules, size limits, hashes and versioned TOML documents.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Value;

use crate::digest::Digest;
use crate::error::BundleError;
use crate::manifest::{FileSpec, SCHEMA_VERSION};
use crate::strict::{self, Problem};

/// Largest manifest, model card, statistics or golden file.
pub(crate) const MAX_DOCUMENT: u64 = 16 << 20;
/// Largest ONNX file (the format ends at 2 GiB).
pub(crate) const MAX_MODEL: u64 = (1 << 31) - 1;
/// Longest path in a manifest.
const MAX_PATH: usize = 200;
/// Every document starts with this field.
const VERSION_FIELD: &str = "schema_version";

/// Whether `path` is relative, portable and without `.` or `..`, so that joining it cannot leave a folder.
pub(crate) fn is_plain_path(path: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    path.len() <= MAX_PATH && path.split('/').all(plain)
}

/// Metadata of a regular file within `limit` bytes.
fn examine(file: &Path, limit: u64) -> Result<(), BundleError> {
    let metadata = fs::metadata(file).map_err(|source| not_readable(file, source))?;
    if !metadata.is_file() {
        return Err(BundleError::NotAFile { file: file.to_owned() });
    }
    if metadata.len() > limit {
        return Err(BundleError::TooLarge { file: file.to_owned(), found: metadata.len(), limit });
    }
    Ok(())
}

fn not_readable(file: &Path, source: io::Error) -> BundleError {
    match source.kind() {
        io::ErrorKind::NotFound => {
            BundleError::Missing { file: file.to_owned(), remedy: "copy the whole bundle again, or correct the path" }
        }
        _ => BundleError::Io { file: file.to_owned(), source },
    }
}

/// Finds `spec.file` inside `root` (symbolic links may not lead out of it) and checks its size and hash.
pub(crate) fn verify(
    root: &Path,
    manifest: &Path,
    field: &str,
    spec: &FileSpec,
    limit: u64,
) -> Result<PathBuf, BundleError> {
    let outside =
        || BundleError::Outside { file: manifest.to_owned(), field: format!("{field}.file"), path: spec.file.clone() };
    if !is_plain_path(&spec.file) {
        return Err(outside());
    }
    let file = root.join(&spec.file);
    examine(&file, limit)?;
    let io_error = |source| BundleError::Io { file: file.clone(), source };
    let real_root = root.canonicalize().map_err(io_error)?;
    if !file.canonicalize().map_err(io_error)?.starts_with(real_root) {
        return Err(outside());
    }
    let found = Digest::of_file(&file).map_err(io_error)?;
    if found != spec.sha256 {
        return Err(BundleError::Hash { file, expected: spec.sha256, found });
    }
    Ok(file)
}

/// The whole of a small file.
pub(crate) fn read_bytes(file: &Path) -> Result<Vec<u8>, BundleError> {
    examine(file, MAX_DOCUMENT)?;
    let mut bytes = Vec::new();
    // The file may grow between the two calls: the limit holds for what is read, too.
    File::open(file)
        .and_then(|open| open.take(MAX_DOCUMENT).read_to_end(&mut bytes))
        .map_err(|source| not_readable(file, source))?;
    Ok(bytes)
}

/// Reads a versioned TOML document. A newer schema is recognised before its unknown fields are complained about.
pub(crate) fn read_document<T: DeserializeOwned>(file: &Path) -> Result<T, BundleError> {
    let bytes = read_bytes(file)?;
    parse_document(&bytes, file)
}

pub(crate) fn parse_document<T: DeserializeOwned>(bytes: &[u8], file: &Path) -> Result<T, BundleError> {
    let syntax = |offset: usize, message: String| BundleError::Syntax {
        file: file.to_owned(),
        line: 1 + bytes.iter().take(offset).filter(|&&byte| byte == b'\n').count(),
        message,
    };
    let text = std::str::from_utf8(bytes).map_err(|error| syntax(error.valid_up_to(), "not UTF-8 text".to_owned()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        syntax(error.span().map_or(0, |span| span.start), error.message().to_owned())
    })?;
    match table.get(VERSION_FIELD) {
        Some(Value::Integer(found)) if *found > i64::from(SCHEMA_VERSION) => {
            return Err(BundleError::NewerSchema { file: file.to_owned(), found: *found, supported: SCHEMA_VERSION });
        }
        Some(Value::Integer(found)) if *found < 1 => {
            return Err(BundleError::Value {
                file: file.to_owned(),
                field: VERSION_FIELD.to_owned(),
                problem: format!("{found} is no schema version; they start at 1"),
            });
        }
        // Absent or of another type: the typed reading below says so.
        _ => {}
    }
    strict::read(table).map_err(|error| {
        let (file, field) = (file.to_owned(), error.field);
        match error.problem {
            Problem::Unknown { known } => BundleError::UnknownField { file, field, known },
            Problem::Missing => BundleError::MissingField { file, field },
            Problem::Invalid { message } => BundleError::Value { file, field, problem: message },
        }
    })
}

/// Writes `document` as TOML to `file`, whole or not at all.
pub(crate) fn write_document<T: Serialize>(file: &Path, document: &T) -> Result<(), BundleError> {
    write_bytes(file, document_text(file, document)?.as_bytes())
}

/// `document` as TOML; `file` is where it will stand.
pub(crate) fn document_text<T: Serialize>(file: &Path, document: &T) -> Result<String, BundleError> {
    toml::to_string(document).map_err(|error| BundleError::Write { file: file.to_owned(), message: error.to_string() })
}

/// Writes `bytes` beside `file` and renames, so that a torn write never looks like a file of the bundle.
pub(crate) fn write_bytes(file: &Path, bytes: &[u8]) -> Result<(), BundleError> {
    let io_error = |source| BundleError::Io { file: file.to_owned(), source };
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(io_error)?;
    }
    let mut draft = file.as_os_str().to_owned();
    draft.push(".draft");
    let draft = PathBuf::from(draft);
    File::create(&draft)
        .and_then(|mut open| open.write_all(bytes).and_then(|()| open.sync_all()))
        .and_then(|()| fs::rename(&draft, file))
        .map_err(io_error)
}

impl FileSpec {
    /// Describes the file at `path` (relative to `root`) as it is now.
    ///
    /// # Errors
    /// [`BundleError::Missing`] or [`BundleError::Io`] where it cannot be read.
    pub fn of(root: &Path, path: &str) -> Result<Self, BundleError> {
        let file = root.join(path);
        let sha256 = Digest::of_file(&file).map_err(|source| not_readable(&file, source))?;
        Ok(Self { file: path.to_owned(), sha256 })
    }
}
