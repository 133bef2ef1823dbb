//! `bundle.sig`: who vouches for a bundle, and until when it may be installed.
//!
//! Signed are the manifest's bytes, which hold the SHA-256 of every other file. The message is
//!
//! ```text
//! "USHydra bundle signature, version 1" NUL | key number, 16 bytes | last day, 10 bytes | bytes of bundle.toml
//! ```
//!
//! with ten NUL bytes where there is no last day. All fields before the manifest have fixed lengths, so no two bundles share a
//! message, and the first one keeps signatures of other programs with the same key from being taken for ours.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::bundle::Bundle;
use crate::day::{DAY_BYTES, Day};
use crate::error::BundleError;
use crate::files;
use crate::keys::{KeyId, PublicKey, SecretKey};
use crate::manifest::{MANIFEST_FILE, SCHEMA_VERSION};
use crate::parcel::Parcel;
use crate::store::FileSystem;

/// Name of the signature in a bundle's folder.
pub const SIGNATURE_FILE: &str = "bundle.sig";
/// First bytes of every signed message.
const DOMAIN: &[u8] = b"USHydra bundle signature, version 1\0";

/// The 64 bytes of an ed25519 signature, in base64.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bytes(ed25519_dalek::Signature);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.0.to_bytes()))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(|e| de::Error::custom(format!("not base64: {e}")))?;
        ed25519_dalek::Signature::from_slice(&bytes)
            .map(Self)
            .map_err(|_| de::Error::custom(format!("{} bytes are no ed25519 signature of 64", bytes.len())))
    }
}

/// The signature file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    schema_version: u32,
    key_id: KeyId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_after: Option<Day>,
    signature: Bytes,
}

impl Signature {
    /// Signs `manifest`, the bytes of a `bundle.toml`.
    #[must_use]
    pub fn new(manifest: &[u8], key: &SecretKey, not_after: Option<Day>) -> Self {
        let key_id = key.public().id();
        let signature = Bytes(key.signing().sign(&message(manifest, key_id, not_after)));
        Self { schema_version: SCHEMA_VERSION, key_id, not_after, signature }
    }

    /// Reads the signature of the bundle in the folder `dir`; none where the bundle is unsigned.
    ///
    /// # Errors
    /// The errors of a TOML document.
    pub fn read(dir: &Path) -> Result<Option<Self>, BundleError> {
        match files::read_document(&dir.join(SIGNATURE_FILE)) {
            Ok(signature) => Ok(Some(signature)),
            Err(BundleError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Signs the bundle in the folder `dir` and writes the signature into it.
    ///
    /// # Errors
    /// Where the manifest cannot be read or the signature not written.
    pub fn write(dir: &Path, key: &SecretKey, not_after: Option<Day>) -> Result<Self, BundleError> {
        let signature = Self::new(&files::read_bytes(&dir.join(MANIFEST_FILE))?, key, not_after);
        files::write_document(&dir.join(SIGNATURE_FILE), &signature)?;
        Ok(signature)
    }

    /// The key that signed.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Last day on which the bundle may be installed.
    #[must_use]
    pub fn not_after(&self) -> Option<Day> {
        self.not_after
    }

    /// Whether `key` signed exactly these bytes of a manifest, this key number and this last day.
    #[must_use]
    pub fn fits(&self, manifest: &[u8], key: &PublicKey) -> bool {
        let message = message(manifest, self.key_id, self.not_after);
        self.key_id == key.id() && key.verifying().verify_strict(&message, &self.signature.0).is_ok()
    }
}

/// Writes a signed copy of the bundle in `dir` into the new folder `out`, statistics included, as it goes onto a stick. The bundle
/// is verified before and the copy after; where anything fails nothing stays.
///
/// # Errors
/// The errors of [`Bundle::open`] and [`Parcel::copy`], and [`BundleError::Io`] where `out` exists already.
pub fn sign_copy(dir: &Path, out: &Path, key: &SecretKey, not_after: Option<Day>) -> Result<Bundle, BundleError> {
    Bundle::open(dir)?;
    let parcel = Parcel::of(dir, false)?;
    std::fs::create_dir(out).map_err(|source| BundleError::Io { file: out.to_owned(), source })?;
    let copied = parcel
        .copy(&FileSystem, out)
        .and_then(|()| Signature::write(out, key, not_after))
        .and_then(|_| Bundle::open(out));
    if copied.is_err() {
        // The cause is what the operator needs to know.
        let _ = std::fs::remove_dir_all(out);
    }
    copied
}

fn message(manifest: &[u8], key: KeyId, not_after: Option<Day>) -> Vec<u8> {
    let day = not_after.map_or_else(|| "\0".repeat(DAY_BYTES), |day| day.to_string());
    [DOMAIN, key.as_bytes(), day.as_bytes(), manifest].concat()
}
