//! Installing into the slot that is not in use, and going back to the other one.

use std::path::{Path, PathBuf};

use semver::Version;

use super::disk::{make_dirs, remove};
use super::{Disk, SLOTS, Slot, Store, record};
use crate::bundle::Bundle;
use crate::day::Clock;
use crate::error::BundleError;
use crate::manifest::{MANIFEST_FILE, Manifest};
use crate::parcel::{Parcel, refuse_link};
use crate::signature::SIGNATURE_FILE;
use crate::trust::{Signer, TrustedKeys};

/// A copy that is not yet proven.
const INCOMING: &str = "incoming";
/// A slot that was replaced.
const DISCARDED: &str = "discarded";
/// Room per file beside its bytes: a block that is not full, an inode, its part of a folder.
const FILE_OVERHEAD: u64 = 8 << 10;

/// What shall be installed, and by which rules.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Folder of the bundle.
    pub source: &'a Path,
    /// Whose bundles are taken.
    pub keys: &'a TrustedKeys,
    /// Judges the last day.
    pub clock: Clock,
    /// Also a version below the highest that was ever active.
    pub allow_older: bool,
}

/// What an operator should know before it is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Name of the bundle.
    pub name: String,
    /// Version offered.
    pub version: String,
    /// Who signed it.
    pub signer: Signer,
    /// Number of files.
    pub files: usize,
    /// Bytes of all files.
    pub bytes: u64,
    /// Version in use now.
    pub active: Option<String>,
    /// Highest version that was ever active.
    pub highest: Option<String>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Name of the bundle.
    pub name: String,
    /// Version that is active now.
    pub version: String,
    /// The slot that is active now.
    pub slot: Slot,
    /// Version in the other slot, to which [`Store::roll_back`] leads.
    pub kept: Option<String>,
}

/// How the slots of one bundle stand.
struct Standing {
    /// What the link says.
    link: Option<Slot>,
    /// The slot whose bundle would be used now, with its version.
    working: Option<(Slot, Version)>,
    highest: Option<Version>,
}

impl Standing {
    /// The slot that nothing uses.
    fn free(&self) -> Slot {
        self.working.as_ref().map(|(slot, _)| *slot).or(self.link).map_or(Slot::A, Slot::other)
    }
}

impl Store {
    /// Checks everything about the bundle that can be checked where it lies, and changes nothing.
    ///
    /// # Errors
    /// [`BundleError::Unsigned`], [`BundleError::ForeignKey`], [`BundleError::Signature`], [`BundleError::Expired`],
    /// [`BundleError::Clock`], the errors of [`Bundle::open`] and [`Parcel::of`], [`BundleError::AlreadyActive`],
    /// [`BundleError::Older`], [`BundleError::Record`], [`BundleError::NotOurs`].
    pub fn examine(&self, request: &Request<'_>) -> Result<Offer, BundleError> {
        self.look(request).map(|(offer, ..)| offer)
    }

    fn look(&self, request: &Request<'_>) -> Result<(Offer, Parcel, Standing), BundleError> {
        // Nothing on a stick is read through a link.
        for file in [MANIFEST_FILE, SIGNATURE_FILE] {
            refuse_link(&request.source.join(file))?;
        }
        let signer = request.keys.require(request.source)?;
        signer.check_day(request.source, request.clock)?;
        let parcel = Parcel::of(request.source, true)?;
        let bundle = Bundle::open(request.source)?;
        let manifest = bundle.manifest();
        let offered = version(manifest, request.source)?;
        let standing = self.standing(&manifest.name, request)?;
        let active = standing.working.as_ref().map(|(_, version)| version);
        let (name, text) = (manifest.name.clone(), manifest.version.clone());
        if active.is_some_and(|active| active.cmp_precedence(&offered).is_eq()) {
            return Err(BundleError::AlreadyActive { name, version: text });
        }
        if let Some(highest) = &standing.highest
            && offered.cmp_precedence(highest).is_lt()
            && !request.allow_older
        {
            return Err(BundleError::Older { name, version: text, highest: highest.to_string() });
        }
        let offer = Offer {
            name,
            version: text,
            signer,
            files: parcel.files(),
            bytes: parcel.bytes(),
            active: active.map(Version::to_string),
            highest: standing.highest.as_ref().map(Version::to_string),
        };
        Ok((offer, parcel, standing))
    }

    fn standing(&self, name: &str, request: &Request<'_>) -> Result<Standing, BundleError> {
        let link = self.active(name)?;
        let working = match self.open(name, request.keys) {
            Ok(opened) => Some((opened.slot, version(opened.bundle.manifest(), opened.bundle.root())?)),
            // Nothing there can be used, so nothing there needs to be spared.
            Err(_) => None,
        };
        let recorded = match record::read(&self.slots(name)) {
            Err(_) if request.allow_older => None,
            recorded => recorded?,
        };
        // The power may have failed between the switch and the record.
        let active = working.as_ref().map(|(_, version)| version.clone());
        let highest = recorded.into_iter().chain(active).max_by(Version::cmp_precedence);
        Ok(Standing { link, working, highest })
    }

    /// Installs the bundle: copies it, proves the copy by signature, hashes and `self_test`, and only then makes it active. The slot
    /// in use is not touched; every failure leaves it active.
    ///
    /// # Errors
    /// As [`Self::examine`] and whatever `self_test` says of the copy, [`BundleError::NoSpace`], [`BundleError::Busy`],
    /// [`BundleError::Io`].
    pub fn install<E: From<BundleError>>(
        &self,
        disk: &dyn Disk,
        request: &Request<'_>,
        self_test: impl FnOnce(&Bundle) -> Result<(), E>,
    ) -> Result<Installed, E> {
        // A bundle that is refused leaves not even an empty folder.
        self.examine(request)?;
        let root = self.root().join(SLOTS);
        make_dirs(disk, &root).map_err(|source| io_error(&root, source))?;
        let _lock = self.lock()?;
        let (offer, parcel, standing) = self.look(request)?;
        let slots = self.slots(&offer.name);
        self.clear(disk, &slots)?;
        let needed = parcel.bytes().saturating_add(FILE_OVERHEAD.saturating_mul(parcel.files() as u64));
        let free = disk.free(&root).map_err(|source| io_error(&root, source))?;
        if free < needed {
            return Err(BundleError::NoSpace { folder: self.root().to_owned(), needed, free }.into());
        }
        let incoming = slots.join(INCOMING);
        let proven = self.prove(disk, request, &offer, &parcel, &incoming).map_err(E::from);
        let proven = proven.and_then(|bundle| self_test(&bundle).map(|()| bundle));
        let bundle = match proven {
            Ok(bundle) => bundle,
            Err(error) => {
                // The refusal is what matters; the next installation clears what cannot be removed now.
                let _ = remove(disk, &incoming);
                return Err(error);
            }
        };
        let version = version(bundle.manifest(), bundle.root())?;
        let slot = standing.free();
        self.place(disk, &offer.name, &incoming, slot)?;
        self.switch(disk, &offer.name, slot)?;
        let highest = standing.highest.into_iter().chain([version]).max_by(Version::cmp_precedence);
        if let Some(highest) = highest {
            record::write(disk, &slots, &highest)?;
        }
        self.clear(disk, &slots)?;
        let kept = standing.working.map(|(_, version)| version.to_string());
        Ok(Installed { name: offer.name, version: offer.version, slot, kept })
    }

    /// Copies and checks the copy, not the medium: that may deliver other bytes each time it is read.
    fn prove(
        &self,
        disk: &dyn Disk,
        request: &Request<'_>,
        offer: &Offer,
        parcel: &Parcel,
        incoming: &Path,
    ) -> Result<Bundle, BundleError> {
        make_dirs(disk, incoming).map_err(|source| io_error(incoming, source))?;
        parcel.copy(disk, incoming)?;
        let signer = request.keys.require(incoming)?;
        signer.check_day(incoming, request.clock)?;
        let bundle = Bundle::open(incoming)?;
        let manifest = bundle.manifest();
        if (&signer, &manifest.name, &manifest.version) == (&offer.signer, &offer.name, &offer.version) {
            return Ok(bundle);
        }
        let problem = format!("{} was copied, {}@{} was asked for", bundle.id(), offer.name, offer.version);
        Err(BundleError::Value { file: request.source.to_owned(), field: "name".to_owned(), problem })
    }

    /// Puts the proven copy into `slot`, which nothing uses.
    fn place(&self, disk: &dyn Disk, name: &str, incoming: &Path, slot: Slot) -> Result<(), BundleError> {
        let (slots, target) = (self.slots(name), self.slot(name, slot));
        let discarded = slots.join(DISCARDED);
        let occupied = target.symlink_metadata().is_ok();
        let moved = if occupied { disk.rename(&target, &discarded) } else { Ok(()) };
        let placed = moved.and_then(|()| disk.rename(incoming, &target));
        if placed.is_err() && occupied {
            // Back to two slots, as far as the disk still obeys.
            let _ = disk.rename(&discarded, &target);
        }
        placed.and_then(|()| disk.sync_dir(&slots)).map_err(|source| io_error(&target, source))
    }

    /// Makes `slot` the active one.
    fn switch(&self, disk: &dyn Disk, name: &str, slot: Slot) -> Result<(), BundleError> {
        let link = self.link(name);
        let draft = self.draft(name);
        remove(disk, &draft)
            .and_then(|()| disk.link(&Self::target(name, slot), &draft))
            .and_then(|()| disk.rename(&draft, &link))
            .and_then(|()| disk.sync_dir(self.root()))
            .map_err(|source| io_error(&link, source))
    }

    /// Where the link is made before it takes its place; in the same folder, so that the rename touches one folder only.
    fn draft(&self, name: &str) -> PathBuf {
        self.root().join(format!(".{name}.next"))
    }

    /// Removes what an interrupted installation left.
    fn clear(&self, disk: &dyn Disk, slots: &Path) -> Result<(), BundleError> {
        for folder in [INCOMING, DISCARDED].map(|folder| slots.join(folder)) {
            remove(disk, &folder).map_err(|source| io_error(&folder, source))?;
        }
        Ok(())
    }

    /// Makes the other slot active again, after its signature, its hashes and `self_test` were found right. The highest version
    /// stays recorded.
    ///
    /// # Errors
    /// [`BundleError::NotInstalled`], [`BundleError::Busy`], and whatever keeps the other slot from being used.
    pub fn roll_back<E: From<BundleError>>(
        &self,
        disk: &dyn Disk,
        name: &str,
        keys: &TrustedKeys,
        self_test: impl FnOnce(&Bundle) -> Result<(), E>,
    ) -> Result<Installed, E> {
        let none = || BundleError::NotInstalled { name: name.to_owned(), store: self.root().to_owned() };
        if self.active(name)?.is_none() {
            return Err(none().into());
        }
        let _lock = self.lock()?;
        let active = self.active(name)?.ok_or_else(none)?;
        let slot = active.other();
        keys.require(&self.slot(name, slot))?;
        let bundle = self.open_slot(name, slot, keys)?;
        self_test(&bundle)?;
        self.switch(disk, name, slot)?;
        let kept = self.open_slot(name, active, keys).ok().map(|bundle| bundle.manifest().version.clone());
        Ok(Installed { name: name.to_owned(), version: bundle.manifest().version.clone(), slot, kept })
    }
}

fn version(manifest: &Manifest, dir: &Path) -> Result<Version, BundleError> {
    Version::parse(&manifest.version).map_err(|error| BundleError::Value {
        file: dir.to_owned(),
        field: "version".to_owned(),
        problem: format!("{:?} is no semantic version: {error}", manifest.version),
    })
}

fn io_error(file: &Path, source: std::io::Error) -> BundleError {
    BundleError::Io { file: file.to_owned(), source }
}
