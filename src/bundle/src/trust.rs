//! Whom a device trusts: a folder of public keys.

use std::path::{Path, PathBuf};

use crate::day::{Clock, Day};
use crate::error::BundleError;
use crate::files;
use crate::keys::{KeyId, PUBLIC_ENDING, PublicKey};
use crate::manifest::MANIFEST_FILE;
use crate::signature::{SIGNATURE_FILE, Signature};

/// Key files that are read at most; a device trusts a handful.
const MAX_KEYS: usize = 256;

/// The keys whose bundles are installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKeys {
    folder: PathBuf,
    keys: Vec<PublicKey>,
}

/// What a bundle's signature says on this device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// There is none.
    No,
    /// By a key that is not among the trusted ones, so nobody can say whether the signature is right.
    Unknown {
        /// The key's number.
        key: KeyId,
        /// The last day that it states.
        not_after: Option<Day>,
    },
    /// By a trusted key, and the signature is right.
    By(Signer),
}

/// Who signed a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Name of the key's holder.
    pub name: String,
    /// The key's number.
    pub key: KeyId,
    /// Last day on which the bundle may be installed.
    pub not_after: Option<Day>,
}

impl TrustedKeys {
    /// Reads every `*.pub` file of `folder`. One damaged key refuses all of them, for it may be the one that was meant.
    ///
    /// # Errors
    /// [`BundleError::NoKeys`] without such a folder, [`BundleError::Crowded`] for more than 256 keys, and the errors of
    /// [`PublicKey::read`].
    pub fn read(folder: &Path) -> Result<Self, BundleError> {
        let io_error = |source| BundleError::Io { file: folder.to_owned(), source };
        if !folder.is_dir() {
            return Err(BundleError::NoKeys { folder: folder.to_owned() });
        }
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(io_error)? {
            let path = entry.map_err(io_error)?.path();
            if path.extension().is_some_and(|ending| ending == PUBLIC_ENDING) {
                names.push(path);
            }
            if names.len() > MAX_KEYS {
                return Err(BundleError::Crowded { folder: folder.to_owned(), limit: MAX_KEYS });
            }
        }
        names.sort();
        let keys = names.iter().map(|file| PublicKey::read(file)).collect::<Result<_, _>>()?;
        Ok(Self { folder: folder.to_owned(), keys })
    }

    /// Nobody is trusted; `folder` is where keys would have been.
    #[must_use]
    pub fn none(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), keys: Vec::new() }
    }

    /// The folder of the keys.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The keys, in the order of their files' names.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// What the signature of the bundle in the folder `dir` says. The bundle's other files are not looked at: that is
    /// [`crate::Bundle::open`]'s part.
    ///
    /// # Errors
    /// [`BundleError::Signature`] where a trusted key's signature is not right, and the errors of reading the two files.
    pub fn judge(&self, dir: &Path) -> Result<Signed, BundleError> {
        let Some(signature) = Signature::read(dir)? else { return Ok(Signed::No) };
        let (key_id, not_after) = (signature.key_id(), signature.not_after());
        let Some(key) = self.keys.iter().find(|key| key.id() == key_id) else {
            return Ok(Signed::Unknown { key: key_id, not_after });
        };
        let (name, key_id) = (key.name().to_owned(), key.id());
        if signature.fits(&files::read_bytes(&dir.join(MANIFEST_FILE))?, key) {
            Ok(Signed::By(Signer { name, key: key_id, not_after }))
        } else {
            Err(BundleError::Signature { file: dir.join(SIGNATURE_FILE), signer: name, key: key_id })
        }
    }

    /// [`Self::judge`] where only a trusted signer will do.
    ///
    /// # Errors
    /// As [`Self::judge`], [`BundleError::Unsigned`] and [`BundleError::ForeignKey`].
    pub fn require(&self, dir: &Path) -> Result<Signer, BundleError> {
        match self.judge(dir)? {
            Signed::By(signer) => Ok(signer),
            Signed::No => Err(BundleError::Unsigned { folder: dir.to_owned() }),
            Signed::Unknown { key, .. } => {
                let trusted =
                    self.keys.iter().map(|key| format!("{:?} ({})", key.name(), key.id())).collect::<Vec<_>>();
                Err(BundleError::ForeignKey {
                    file: dir.join(SIGNATURE_FILE),
                    key,
                    trusted: if trusted.is_empty() { "none".to_owned() } else { trusted.join(", ") },
                    keys: self.folder.clone(),
                })
            }
        }
    }
}

impl Signer {
    /// Whether the bundle in `dir` may still be installed. A clock that is certainly wrong judges nothing: a bundle with a last
    /// day is refused then.
    ///
    /// # Errors
    /// [`BundleError::Expired`] or [`BundleError::Clock`].
    pub fn check_day(&self, dir: &Path, clock: Clock) -> Result<(), BundleError> {
        let Some(not_after) = self.not_after else { return Ok(()) };
        let (file, Clock { today, earliest }) = (dir.join(SIGNATURE_FILE), clock);
        if today < earliest {
            Err(BundleError::Clock { file, not_after, today, earliest })
        } else if today > not_after {
            Err(BundleError::Expired { file, not_after, today })
        } else {
            Ok(())
        }
    }
}
