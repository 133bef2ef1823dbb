//! Finished pieces of a long computation, so that a stopped run goes on where it was.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{HostError, Result};
use crate::files;
use crate::head::{Head, store};

/// Note of a head's file that holds the fingerprint.
const FINGERPRINT: &str = "fingerprint";

/// A folder of finished pieces. Each carries the fingerprint of everything it was computed from; a piece of another
/// fingerprint, or a damaged one, is computed again.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: Option<PathBuf>,
    fingerprint: String,
}

#[derive(Serialize, Deserialize)]
struct Piece<T> {
    fingerprint: String,
    value: T,
}

impl Checkpoints {
    /// Pieces in `folder`, computed from what `fingerprint` stands for.
    #[must_use]
    pub fn new(folder: &Path, fingerprint: String) -> Self {
        Self { folder: Some(folder.to_owned()), fingerprint }
    }

    /// Keeps nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self { folder: None, fingerprint: String::new() }
    }

    /// The head called `key`, from disk or by `compute`.
    ///
    /// # Errors
    /// Those of `compute`, and [`HostError::Io`] where the result cannot be written.
    pub fn head(&self, key: &str, compute: impl FnOnce() -> Result<Head>) -> Result<Head> {
        let Some(folder) = &self.folder else { return compute() };
        let path = folder.join(format!("{key}.safetensors"));
        if path.exists() {
            match store::load(&path) {
                Ok((head, notes)) if notes.get(FINGERPRINT) == Some(&self.fingerprint) => return Ok(head),
                Ok(_) => {}
                Err(error @ HostError::Damaged { .. }) => log::warn!("{error}; computing it again"),
                Err(error) => return Err(error),
            }
        }
        let head = compute()?;
        store::save(&path, &head, HashMap::from([(FINGERPRINT.to_owned(), self.fingerprint.clone())]))?;
        Ok(head)
    }

    /// The value called `key`, from disk or by `compute`.
    ///
    /// # Errors
    /// As [`Self::head`].
    pub fn value<T: Serialize + DeserializeOwned>(&self, key: &str, compute: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(folder) = &self.folder else { return compute() };
        let path = folder.join(format!("{key}.json"));
        if path.exists() {
            match files::read_json::<Piece<T>>(&path) {
                Ok(piece) if piece.fingerprint == self.fingerprint => return Ok(piece.value),
                Ok(_) => {}
                Err(error @ HostError::Damaged { .. }) => log::warn!("{error}; computing it again"),
                Err(error) => return Err(error),
            }
        }
        let piece = Piece { fingerprint: self.fingerprint.clone(), value: compute()? };
        files::write_json(&path, &piece)?;
        Ok(piece.value)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::head::Dense;

    #[test]
    fn pieces_are_reused_only_when_they_fit() {
        let dir = tempfile::tempdir().unwrap();
        let head = Head { layers: vec![Dense::zero(2, 2)] };
        let a = Checkpoints::new(dir.path(), "a".into());
        let count = std::cell::Cell::new(0);
        let compute = || {
            count.set(count.get() + 1);
            Ok(head.clone())
        };
        a.head("x", compute).unwrap();
        a.head("x", compute).unwrap();
        assert_eq!(count.get(), 1);
        Checkpoints::new(dir.path(), "b".into()).head("x", compute).unwrap();
        assert_eq!(count.get(), 2, "another fingerprint");
        std::fs::write(dir.path().join("x.safetensors"), b"damaged").unwrap();
        a.head("x", compute).unwrap();
        assert_eq!(count.get(), 3, "damaged");
        assert_eq!(a.value("v", || Ok(vec![1, 2])).unwrap(), a.value("v", || Ok(vec![3])).unwrap());
        assert!(a.head("y", || Err(HostError::Stopped)).is_err());
        assert!(!dir.path().join("y.safetensors").exists());
    }
}
