//! Files that are whole or absent: atomic writes, hashes.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::error::{HostError, Result};

/// Bytes hashed at a time.
const HASH_BLOCK: usize = 1 << 16;

/// Writes `bytes` to `path` so that a reader sees the old file or the new one, never a part: the data goes to a
/// neighbour, reaches the disk and is renamed over `path`. Parent folders are made.
///
/// # Errors
/// [`HostError::Io`]; a full disk surfaces here and leaves `path` as it was.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(HostError::io("create the folder", parent))?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // The process id keeps two programs on one cache from writing into each other's neighbour.
    name.push(format!(".{}.part", std::process::id()));
    let part: PathBuf = path.with_file_name(name);
    let written = File::create(&part)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&part, path));
    written.map_err(|source| {
        // The part is of no use to anybody; failing to remove it changes nothing about the error to report.
        let _ = fs::remove_file(&part);
        HostError::Io { action: "write", path: path.to_owned(), source }
    })
}

/// Reads a whole file.
///
/// # Errors
/// [`HostError::Io`] with the path.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(HostError::io("read", path))
}

/// Writes `value` as indented JSON, atomically.
///
/// # Errors
/// [`HostError::Io`].
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let mut text = serde_json::to_string_pretty(value).map_err(|e| HostError::damaged(path, e))?;
    text.push('\n');
    write_atomic(path, text.as_bytes())
}

/// Reads JSON.
///
/// # Errors
/// [`HostError::Io`] or [`HostError::Damaged`].
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_slice(&read(path)?).map_err(|e| HostError::damaged(path, e))
}

/// Reads a TOML file.
///
/// # Errors
/// [`HostError::Io`], or [`HostError::Config`] for a file that is no TOML of this shape.
pub fn read_toml<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = String::from_utf8(read(path)?).map_err(|e| HostError::config(path, e))?;
    toml::from_str(&text).map_err(|e| HostError::config(path, e))
}

/// Writes `value` as TOML, atomically.
///
/// # Errors
/// [`HostError::Io`] or [`HostError::Config`].
pub fn write_toml<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let text = toml::to_string_pretty(value).map_err(|e| HostError::config(path, e))?;
    write_atomic(path, text.as_bytes())
}

/// SHA-256 of `bytes` in lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file in lower-case hexadecimal.
///
/// # Errors
/// [`HostError::Io`].
pub fn sha256_file(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(HostError::io("read", path))?;
    let mut hash = Sha256::new();
    let mut block = vec![0; HASH_BLOCK];
    loop {
        let n = file.read(&mut block).map_err(HostError::io("read", path))?;
        if n == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&block[..n]);
    }
}

/// Hash over labelled parts; the length of every part is hashed too, so that no two lists of parts collide.
#[must_use]
pub fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn atomic_write_replaces_and_leaves_no_neighbour() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/c.txt");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn write_error_names_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let blocked = dir.path().join("file");
        fs::write(&blocked, b"").unwrap();
        let error = write_atomic(&blocked.join("below"), b"x").unwrap_err().to_string();
        assert!(error.contains("file"), "{error}");
    }

    #[test]
    fn hashes() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
    }
}
