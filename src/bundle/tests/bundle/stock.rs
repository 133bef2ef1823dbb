//! Keys, signed bundles and a store to install them into.

use std::fs;
use std::path::{Path, PathBuf};

use ushydra_bundle::{
    Bundle, BundleError, Clock, Day, Disk, FileSystem, Installed, Request, SecretKey, Store, TrustedKeys, sign_copy,
};

use crate::fixture::Fixture;

pub(crate) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A clock that is right.
pub(crate) fn clock() -> Clock {
    Clock { today: day("2027-06-15"), earliest: day("2026-11-01") }
}

pub(crate) struct Stock {
    pub(crate) fixture: Fixture,
    pub(crate) key: SecretKey,
    pub(crate) keys: TrustedKeys,
    pub(crate) store: Store,
}

impl Stock {
    pub(crate) fn new() -> Self {
        let fixture = Fixture::new();
        let key = SecretKey::generate("maker").unwrap();
        let folder = fixture.folder.path().join("keys");
        fs::create_dir(&folder).unwrap();
        key.write_new(&folder.join("maker")).unwrap();
        let keys = TrustedKeys::read(&folder).unwrap();
        let store = Store::new(&fixture.folder.path().join("store"));
        Self { fixture, key, keys, store }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.fixture.folder.path().join(name)
    }

    /// A signed bundle of this version in the folder `stick-<version>`.
    pub(crate) fn signed(&self, version: &str) -> PathBuf {
        self.signed_by(version, &self.key, None)
    }

    pub(crate) fn signed_by(&self, version: &str, key: &SecretKey, not_after: Option<Day>) -> PathBuf {
        let mut manifest = self.fixture.manifest.clone();
        manifest.version = version.to_owned();
        manifest.write(&self.fixture.root()).unwrap();
        let out = self.path(&format!("stick-{version}"));
        let _ = fs::remove_dir_all(&out);
        sign_copy(&self.fixture.root(), &out, key, not_after).unwrap();
        out
    }

    pub(crate) fn request<'a>(&'a self, source: &'a Path) -> Request<'a> {
        Request { source, keys: &self.keys, clock: clock(), allow_older: false }
    }

    pub(crate) fn install(&self, source: &Path) -> Result<Installed, BundleError> {
        self.install_on(&FileSystem, &self.request(source))
    }

    pub(crate) fn install_on(&self, disk: &dyn Disk, request: &Request<'_>) -> Result<Installed, BundleError> {
        self.store.install(disk, request, |_: &Bundle| Ok(()))
    }

    /// Version that would be used now.
    pub(crate) fn version(&self) -> Option<String> {
        self.store.open("tiny", &self.keys).ok().map(|opened| opened.bundle.manifest().version.clone())
    }
}

/// Every path below `root` with its bytes, or with what a link says.
pub(crate) fn picture_of(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_symlink() {
            found.push((path.clone(), fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()));
        } else if metadata.is_dir() {
            found.push((path.clone(), Vec::new()));
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    found.sort();
    found
}
