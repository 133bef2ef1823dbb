//! Installed bundles: two slots per bundle, one of them active.
//!
//! ```text
//! <store>/<name>                      symbolic link to .slots/<name>/a or b: the active slot
//! <store>/.slots/<name>/a, b          bundle folders
//! <store>/.slots/<name>/state.toml    the highest version that was ever active
//! <store>/.slots/<name>/incoming      a copy that is not yet proven
//! <store>/.slots/<name>/discarded     a slot that was replaced
//! <store>/.slots/.lock                held while something is installed
//! ```
//!
//! The link is replaced by a rename, so it names either the old slot or the new one, whatever happens in between. Nothing ever
//! writes into a slot that works and is named by the link.

mod disk;
mod install;
mod record;

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

pub use disk::{Disk, FileSystem};
pub use install::{Installed, Offer, Request};

use crate::bundle::Bundle;
use crate::error::BundleError;
use crate::manifest::MANIFEST_FILE;
use crate::trust::{Signed, TrustedKeys};
use crate::validate::is_bundle_name;

/// Folder of the slots in a store; no bundle's name starts with a dot.
const SLOTS: &str = ".slots";
/// Lock file in it.
const LOCK: &str = ".lock";

/// One of the two places of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// `a`.
    A,
    /// `b`.
    B,
}

impl Slot {
    const ALL: [Self; 2] = [Self::A, Self::B];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Its folder's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

/// A folder of installed bundles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
}

/// A bundle of the store that opened.
#[derive(Debug)]
pub struct Opened {
    /// The bundle, in its slot's own folder: a switch while its models are loaded does not mix two versions.
    pub bundle: Bundle,
    /// Where it lies.
    pub slot: Slot,
    /// What is wrong with the active slot, where the other one had to step in. Whoever uses the bundle must say so.
    pub instead_of: Option<BundleError>,
}

impl Store {
    /// The store in the folder `root`, which need not exist.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The store's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The store and the bundle's name, where `folder` is the link of an installed bundle. A link whose slot is gone counts too.
    #[must_use]
    pub fn holding(folder: &Path) -> Option<(Self, String)> {
        let name = folder.file_name()?.to_str()?;
        let store = Self::new(folder.parent()?);
        store.active(name).ok().flatten().map(|_| (store.clone(), name.to_owned()))
    }

    /// The link of a bundle.
    #[must_use]
    pub fn link(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Folder of one slot of a bundle.
    #[must_use]
    pub fn slot(&self, name: &str, slot: Slot) -> PathBuf {
        self.slots(name).join(slot.name())
    }

    fn slots(&self, name: &str) -> PathBuf {
        self.root.join(SLOTS).join(name)
    }

    /// What the link of a bundle says.
    fn target(name: &str, slot: Slot) -> PathBuf {
        [SLOTS, name, slot.name()].iter().collect()
    }

    /// The slot that the link names; none where nothing was installed.
    ///
    /// # Errors
    /// [`BundleError::NotOurs`] where something else has the link's place.
    pub fn active(&self, name: &str) -> Result<Option<Slot>, BundleError> {
        let path = self.link(name);
        if !is_bundle_name(name) || fs::symlink_metadata(&path).is_err() {
            return Ok(None);
        }
        let target = fs::read_link(&path).ok();
        let slot = Slot::ALL.into_iter().find(|&slot| target.as_deref() == Some(&Self::target(name, slot)));
        slot.map(Some).ok_or(BundleError::NotOurs { path })
    }

    /// Opens the bundle in the active slot, or else in the other one.
    ///
    /// A slot is used where every hash is right, it is signed, and no trusted key finds its signature wrong; that its key may have been
    /// withdrawn, and its last day be over, is no fault of a bundle that is installed.
    ///
    /// # Errors
    /// [`BundleError::NotInstalled`], or [`BundleError::NoSlot`] where neither slot can be used.
    pub fn open(&self, name: &str, keys: &TrustedKeys) -> Result<Opened, BundleError> {
        let Some(active) = self.active(name)? else {
            return Err(BundleError::NotInstalled { name: name.to_owned(), store: self.root.clone() });
        };
        let fault = match self.open_slot(name, active, keys) {
            Ok(bundle) => return Ok(Opened { bundle, slot: active, instead_of: None }),
            Err(fault) => fault,
        };
        match self.open_slot(name, active.other(), keys) {
            Ok(bundle) => Ok(Opened { bundle, slot: active.other(), instead_of: Some(fault) }),
            Err(other) => {
                Err(BundleError::NoSlot { name: name.to_owned(), active: Box::new(fault), other: Box::new(other) })
            }
        }
    }

    fn open_slot(&self, name: &str, slot: Slot, keys: &TrustedKeys) -> Result<Bundle, BundleError> {
        let folder = self.slot(name, slot);
        let bundle = Bundle::open(&folder)?;
        if keys.judge(&folder)? == Signed::No {
            return Err(BundleError::Unsigned { folder });
        }
        if bundle.manifest().name == name {
            return Ok(bundle);
        }
        let problem = format!("{:?} lies in the slot of {name:?}", bundle.manifest().name);
        Err(BundleError::Value { file: folder.join(MANIFEST_FILE), field: "name".to_owned(), problem })
    }

    /// Holds the store against other installations until the file is dropped, also by the end of the process.
    fn lock(&self) -> Result<File, BundleError> {
        let path = self.root.join(SLOTS).join(LOCK);
        let io_error = |source| BundleError::Io { file: path.clone(), source };
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io_error)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(BundleError::Busy { store: self.root.clone() }),
            Err(TryLockError::Error(source)) => Err(io_error(source)),
        }
    }
}
