//! Keys of signers: ed25519, in clear TOML files with a name.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::digest::{Digest, from_hex};
use crate::error::BundleError;
use crate::files;
use crate::manifest::SCHEMA_VERSION;

/// How the name of a public key's file ends.
pub const PUBLIC_ENDING: &str = "pub";
/// Bytes of a key, secret or public.
const KEY_BYTES: usize = 32;
/// Bytes of a key's number: enough that no two keys share one by chance.
pub(crate) const KEY_ID_BYTES: usize = 16;
/// Longest name of a key in bytes.
const MAX_KEY_NAME: usize = 64;
/// Only the owner reads a secret.
const SECRET_MODE: u32 = 0o600;

const SECRET_HEADER: &str = "\
# SECRET key of USHydra bundles. Whoever holds this file can sign updates for every device that trusts its public key.
# Keep it off the devices and off the sticks.
";
const PUBLIC_HEADER: &str = "\
# Public key of USHydra bundles. Copy this file into /etc/ushydra/keys of every device that shall trust its holder.
";

/// The number of a key: the first 16 bytes of the SHA-256 of the public key, as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; KEY_ID_BYTES]);

impl KeyId {
    fn of(key: &VerifyingKey) -> Self {
        let mut id = [0; KEY_ID_BYTES];
        id.iter_mut().zip(Digest::of(key.as_bytes()).as_bytes()).for_each(|(to, from)| *to = *from);
        Self(id)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; KEY_ID_BYTES] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_hex(&text).map(Self).ok_or_else(|| de::Error::custom("a key's number is 32 lowercase hexadecimal digits"))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicFile {
    schema_version: u32,
    name: String,
    key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretFile {
    schema_version: u32,
    name: String,
    secret: String,
}

/// The public half of a key pair, with the name of its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    id: KeyId,
    key: VerifyingKey,
}

impl PublicKey {
    /// Reads a `.pub` file.
    ///
    /// # Errors
    /// The errors of a TOML document, and [`BundleError::Key`] where its text is no key.
    pub fn read(file: &Path) -> Result<Self, BundleError> {
        let found: PublicFile = files::read_document(file)?;
        let refuse = |problem: &str| key_error(file, format!("{problem}; copy the signer's .pub file again"));
        check_name(&found.name).map_err(|problem| refuse(&problem))?;
        let bytes = decode(&found.key).ok_or_else(|| refuse("`key` is no base64 of 32 bytes"))?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| refuse("`key` is no point of the curve"))?;
        if key.is_weak() {
            return Err(refuse("`key` is weak: anybody could sign for it"));
        }
        Ok(Self { name: found.name, id: KeyId::of(&key), key })
    }

    /// The holder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key's number.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn verifying(&self) -> &VerifyingKey {
        &self.key
    }

    fn text(&self, file: &Path) -> Result<String, BundleError> {
        let document = PublicFile {
            schema_version: SCHEMA_VERSION,
            name: self.name.clone(),
            key: STANDARD.encode(self.key.as_bytes()),
        };
        Ok(format!("{PUBLIC_HEADER}{}", files::document_text(file, &document)?))
    }
}

/// A key pair. Its debugging text shows the name and the number only.
pub struct SecretKey {
    name: String,
    key: SigningKey,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("name", &self.name).field("id", &self.public().id).finish_non_exhaustive()
    }
}

impl SecretKey {
    /// A new key pair from the system's random numbers, for the holder `name` (1 to 64 bytes without control characters).
    ///
    /// # Errors
    /// [`BundleError::Key`] for a name that is none, or where the system has no random numbers.
    pub fn generate(name: &str) -> Result<Self, BundleError> {
        let refuse = |problem| key_error(Path::new("new key"), problem);
        check_name(name).map_err(|problem| refuse(format!("{problem}; give another with --name")))?;
        let mut secret = [0; KEY_BYTES];
        getrandom::fill(&mut secret)
            .map_err(|e| refuse(format!("the system gives no random numbers ({e}); try again")))?;
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(&secret) })
    }

    /// Reads a secret key file.
    ///
    /// # Errors
    /// The errors of a TOML document, and [`BundleError::Key`] where its text is no key.
    pub fn read(file: &Path) -> Result<Self, BundleError> {
        let found: SecretFile = files::read_document(file)?;
        let refuse =
            |problem: &str| key_error(file, format!("{problem}; name the secret key file that `keygen` wrote"));
        check_name(&found.name).map_err(|problem| refuse(&problem))?;
        let bytes = decode(&found.secret).ok_or_else(|| refuse("`secret` is no base64 of 32 bytes"))?;
        Ok(Self { name: found.name, key: SigningKey::from_bytes(&bytes) })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let key = self.key.verifying_key();
        PublicKey { name: self.name.clone(), id: KeyId::of(&key), key }
    }

    pub(crate) fn signing(&self) -> &SigningKey {
        &self.key
    }

    /// Writes the secret to `file`, readable by its owner only, and the public half beside it as `<file>.pub`, whose path is
    /// returned. Neither file may exist.
    ///
    /// # Errors
    /// [`BundleError::Key`] where one of them exists, else [`BundleError::Io`].
    pub fn write_new(&self, file: &Path) -> Result<PathBuf, BundleError> {
        let mut public = file.as_os_str().to_owned();
        public.push(".");
        public.push(PUBLIC_ENDING);
        let public = PathBuf::from(public);
        if public.symlink_metadata().is_ok() {
            return Err(exists(&public));
        }
        let secret = SecretFile {
            schema_version: SCHEMA_VERSION,
            name: self.name.clone(),
            secret: STANDARD.encode(self.key.to_bytes()),
        };
        let secret = format!("{SECRET_HEADER}{}", files::document_text(file, &secret)?);
        create_new(file, SECRET_MODE, &secret)?;
        create_new(&public, 0o644, &self.public().text(&public)?)?;
        Ok(public)
    }
}

fn create_new(file: &Path, mode: u32, text: &str) -> Result<(), BundleError> {
    let written = File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(file)
        .and_then(|mut open| open.write_all(text.as_bytes()).and_then(|()| open.sync_all()));
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => exists(file),
        _ => BundleError::Io { file: file.to_owned(), source },
    })
}

fn exists(file: &Path) -> BundleError {
    key_error(file, "exists already, and a key is never overwritten; name another file".to_owned())
}

fn key_error(file: &Path, problem: String) -> BundleError {
    BundleError::Key { file: file.to_owned(), problem }
}

fn check_name(name: &str) -> Result<(), String> {
    if name.trim().is_empty() || name.len() > MAX_KEY_NAME || name.contains(char::is_control) {
        return Err(format!("{name:?} is no name of 1 to {MAX_KEY_NAME} bytes"));
    }
    Ok(())
}

fn decode(text: &str) -> Option<[u8; KEY_BYTES]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}
