//! Features on disk: one small file per picture, whole or absent.
//!
//! Layout, little-endian: magic `USHF`, version u32, views u32, width u32; per view pixel mean f64, pixel standard
//! deviation f64, `width` features f32; at the end the SHA-256 of everything before it.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use ushydra_core::Moments;

use super::View;
use crate::error::{HostError, Result};
use crate::files;

const MAGIC: &[u8; 4] = b"USHF";
const VERSION: u32 = 1;
const HEADER: usize = 16;
const TRAILER: usize = 32;
/// Bytes of the two pixel moments.
const MOMENTS: usize = 16;
/// Characters of a key that name its folder.
const FOLDER: usize = 2;

/// A folder of cached features.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// A cache in `root`, which is made at the first write.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The file of `key`.
    #[must_use]
    pub fn path(&self, key: &str) -> PathBuf {
        let folder = key.get(..FOLDER).unwrap_or("00");
        self.root.join(folder).join(format!("{key}.features"))
    }

    /// Views stored under `key`, none where there is no such entry.
    ///
    /// # Errors
    /// [`HostError::Damaged`] for an entry that is cut or altered, [`HostError::Io`] where it cannot be read.
    pub fn get(&self, key: &str) -> Result<Option<Vec<View>>> {
        let path = self.path(key);
        match std::fs::read(&path) {
            Ok(bytes) => decode(&bytes).map(Some).map_err(|problem| HostError::damaged(&path, problem)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(HostError::io("read", &path)(e)),
        }
    }

    /// Stores `views` under `key`.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn put(&self, key: &str, views: &[View]) -> Result<()> {
        files::write_atomic(&self.path(key), &encode(views))
    }
}

fn encode(views: &[View]) -> Vec<u8> {
    let width = views.first().map_or(0, |v| v.features.len());
    let mut bytes = Vec::with_capacity(HEADER + views.len() * (MOMENTS + 4 * width) + TRAILER);
    bytes.extend_from_slice(MAGIC);
    for value in [VERSION, views.len() as u32, width as u32] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    for view in views {
        bytes.extend_from_slice(&view.pixel.mean.to_le_bytes());
        bytes.extend_from_slice(&view.pixel.std.to_le_bytes());
        view.features.iter().for_each(|f| bytes.extend_from_slice(&f.to_le_bytes()));
    }
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

fn decode(bytes: &[u8]) -> std::result::Result<Vec<View>, String> {
    let body = bytes.len().checked_sub(TRAILER).filter(|body| *body >= HEADER);
    let (body, digest) = bytes.split_at(body.ok_or("it is cut")?);
    if Sha256::digest(body).as_slice() != digest {
        return Err("its checksum is wrong".to_owned());
    }
    let (header, mut rest) = body.split_at(HEADER);
    let (words, _) = header.as_chunks::<4>();
    let [magic, version, views, width] = words else { return Err("it is cut".to_owned()) };
    if magic != MAGIC || u32::from_le_bytes(*version) != VERSION {
        return Err("it is of another version".to_owned());
    }
    let (views, width) = (u32::from_le_bytes(*views) as usize, u32::from_le_bytes(*width) as usize);
    // In u128, so that no header can wrap the product round to the length found.
    if rest.len() as u128 != views as u128 * (MOMENTS as u128 + 4 * width as u128) {
        return Err("its length does not fit its header".to_owned());
    }
    let mut out = Vec::with_capacity(views);
    for _ in 0..views {
        let (view, tail) = rest.split_at(MOMENTS + 4 * width);
        rest = tail;
        let (moments, features) = view.split_at(MOMENTS);
        let (moments, _) = moments.as_chunks::<8>();
        let [mean, std] = moments else { return Err("it is cut".to_owned()) };
        let (features, _) = features.as_chunks::<4>();
        out.push(View {
            pixel: Moments { mean: f64::from_le_bytes(*mean), std: f64::from_le_bytes(*std) },
            features: features.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        });
    }
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn views() -> Vec<View> {
        let view =
            |i: u8| View { pixel: Moments { mean: f64::from(i), std: 2.0 }, features: vec![f32::from(i), -1.5, 3.0] };
        vec![view(0), view(7)]
    }

    #[test]
    fn round_trip() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path());
        assert_eq!(cache.get("abcd").unwrap(), None);
        cache.put("abcd", &views()).unwrap();
        assert_eq!(cache.get("abcd").unwrap().unwrap(), views());
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path());
        cache.put("k1", &views()).unwrap();
        let bytes = std::fs::read(cache.path("k1")).unwrap();
        for cut in 0..bytes.len() {
            std::fs::write(cache.path("k1"), &bytes[..cut]).unwrap();
            assert!(matches!(cache.get("k1"), Err(HostError::Damaged { .. })), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            std::fs::write(cache.path("k1"), &wrong).unwrap();
            assert!(matches!(cache.get("k1"), Err(HostError::Damaged { .. })), "byte {at}");
        }
    }
}
