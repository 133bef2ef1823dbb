//! A signer with a key, a miniature bundle in any version, and a device's store.

#![allow(dead_code, reason = "every test file uses its own part")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ushydra_bundle::{FileSpec, Manifest, SecretKey, Signature};
use ushydra_tests::miniature::{self, Miniature};

use super::common::{finish, program};

/// Name of the bundle.
pub(crate) const NAME: &str = miniature::NAME;

pub(crate) struct Workshop {
    pub(crate) miniature: Miniature,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        let workshop = Self { miniature: Miniature::new().unwrap() };
        let answer = finish(workshop.ushydra(["bundle", "keygen", "--out"]).arg(workshop.path("maker")));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        fs::create_dir(workshop.path("keys")).unwrap();
        fs::copy(workshop.path("maker.pub"), workshop.path("keys/maker.pub")).unwrap();
        workshop
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.miniature.scratch().join(name)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path("store")
    }

    pub(crate) fn key(&self) -> SecretKey {
        SecretKey::read(&self.path("maker")).unwrap()
    }

    /// The program on the device of this workshop.
    pub(crate) fn ushydra(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = program();
        command.env("USHYDRA_STORE", self.store()).env("USHYDRA_KEYS", self.path("keys")).args(arguments);
        command
    }

    /// A signed copy of the miniature in this version, in a new folder.
    pub(crate) fn sign(&self, version: &str) -> PathBuf {
        let mut manifest = Manifest::read(&self.miniature.folder()).unwrap();
        manifest.version = version.to_owned();
        manifest.write(&self.miniature.folder()).unwrap();
        let out = self.path(&format!("signed-{version}"));
        let mut command = self.ushydra(["bundle", "sign", "--key"]);
        command.arg(self.path("maker")).arg("--out").arg(&out).arg(self.miniature.folder());
        let answer = finish(&mut command);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        out
    }

    /// Gives the golden values of the bundle in `folder` their hash and signs it again.
    pub(crate) fn sign_again(&self, folder: &Path) {
        let mut manifest = Manifest::read(folder).unwrap();
        manifest.golden.expected = FileSpec::of(folder, &manifest.golden.expected.file).unwrap();
        manifest.write(folder).unwrap();
        Signature::write(folder, &self.key(), None).unwrap();
    }

    /// Everything in the store but the lock: paths, bytes, and what links say.
    pub(crate) fn stored(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut waiting = vec![self.store()];
        while let Some(path) = waiting.pop() {
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_symlink() {
                let target = fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
                found.push((path, target));
            } else if metadata.is_dir() {
                waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                found.push((path, Vec::new()));
            } else {
                let bytes = fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
        found.sort();
        found
    }
}
