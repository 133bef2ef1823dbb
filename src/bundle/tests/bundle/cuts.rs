//! Power cuts: after every operation of an installation the store holds a bundle that works, whatever was not yet synced.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use ushydra_bundle::{Bundle, BundleError, Disk, Store};

use crate::model_disk::{ModelDisk, Snapshot};
use crate::stock::Stock;

/// Of the random outcomes.
const SEED: u64 = 2026;
/// Outcomes tried at random for every cut, beside "nothing more reached the disk" and "everything did".
const RANDOM_OUTCOMES: usize = 3;

/// xorshift64*, seeded: the same cuts in every run.
struct Draw(u64);

impl Draw {
    fn up_to(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize) % (most + 1)
    }
}

/// Writes every outcome of a power cut into a folder of its own and calls `look` with it.
fn outcomes(cut: &Snapshot, draw: &mut Draw, mut look: impl FnMut(&Path)) {
    for outcome in 0..RANDOM_OUTCOMES + 2 {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("store");
        cut.write(&root, &mut |most| match outcome {
            0 => 0,
            1 => most,
            _ => draw.up_to(most),
        });
        look(&root);
    }
}

/// Installs `versions` into the stock's store.
fn prepare(stock: &Stock, versions: &[&str]) {
    fs::create_dir_all(stock.store.root().join(".slots")).unwrap();
    // The lock is taken without the disk.
    fs::write(stock.store.root().join(".slots/.lock"), "").unwrap();
    for version in versions {
        stock.install(&stock.signed(version)).unwrap();
    }
}

/// Version in the active slot itself, without any help of the other one; none before the first installation.
fn active_version(stock: &Stock, root: &Path) -> Option<String> {
    let store = Store::new(root);
    let slot = store.active("tiny").unwrap()?;
    let bundle = Bundle::open(&store.slot("tiny", slot)).unwrap();
    stock.keys.require(bundle.root()).unwrap();
    Some(bundle.manifest().version.clone())
}

struct Case {
    installed: &'static [&'static str],
    new: &'static str,
}

const CASES: [Case; 3] = [
    Case { installed: &[], new: "1.0.0" },
    Case { installed: &["1.0.0"], new: "1.1.0" },
    Case { installed: &["1.0.0", "1.1.0"], new: "1.2.0" },
];

#[test]
fn every_cut_of_an_installation_leaves_a_working_slot() {
    let mut draw = Draw(SEED);
    for case in &CASES {
        let stock = Stock::new();
        prepare(&stock, case.installed);
        let stick = stock.signed(case.new);
        let old = case.installed.last().map(|version| (*version).to_owned());
        let new = Some(case.new.to_owned());
        let disk = ModelDisk::new(stock.store.root(), usize::MAX);
        stock.install_on(&disk, &stock.request(&stick)).unwrap();
        let cuts = disk.history();
        let (mut before, mut after) = (0, 0);
        for (operations, cut) in cuts.iter().enumerate() {
            outcomes(cut, &mut draw, |root| {
                let version = active_version(&stock, root);
                assert!(version == old || version == new, "after {operations} operations: {version:?}");
                if version == new {
                    after += 1
                } else {
                    before += 1
                }
                // The next installation needs no help and ends in the new version.
                if version != new {
                    let (store, disk) = (Store::new(root), ModelDisk::new(root, usize::MAX));
                    store.install(&disk, &stock.request(&stick), |_| Ok::<_, BundleError>(())).unwrap();
                    assert_eq!(active_version(&stock, root), new, "after {operations} operations");
                }
            });
        }
        eprintln!(
            "{} to {}: {} operations, {before} outcomes old, {after} new",
            case.installed.len(),
            case.new,
            cuts.len() - 1
        );
        assert!(cuts.len() > 30 && before > 0 && after > 0, "{} operations, {before} old, {after} new", cuts.len());
        // What was reported as installed is durable.
        outcomes(&cuts[cuts.len() - 1], &mut draw, |root| assert_eq!(active_version(&stock, root), new));
    }
}

#[test]
fn every_cut_of_going_back_leaves_a_working_slot() {
    let mut draw = Draw(SEED);
    let stock = Stock::new();
    prepare(&stock, &["1.0.0", "1.1.0"]);
    let disk = ModelDisk::new(stock.store.root(), usize::MAX);
    stock.store.roll_back(&disk, "tiny", &stock.keys, |_| Ok::<_, BundleError>(())).unwrap();
    let cuts = disk.history();
    for cut in &cuts {
        outcomes(cut, &mut draw, |root| {
            let version = active_version(&stock, root).unwrap();
            assert!(["1.0.0", "1.1.0"].contains(&version.as_str()), "{version}");
        });
    }
    outcomes(&cuts[cuts.len() - 1], &mut draw, |root| {
        assert_eq!(active_version(&stock, root).as_deref(), Some("1.0.0"));
    });
}

/// A disk that fails and stays up: the installation reports it, the old bundle works on, and the next try succeeds.
#[test]
fn every_failed_operation_leaves_a_working_slot() {
    for case in &CASES {
        let stock = Stock::new();
        prepare(&stock, case.installed);
        let stick = stock.signed(case.new);
        let start = ModelDisk::new(stock.store.root(), usize::MAX).history().remove(0);
        for budget in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().join("store");
            start.write(&root, &mut |most| most);
            let (store, disk) = (Store::new(&root), ModelDisk::new(&root, budget));
            let outcome = store.install(&disk, &stock.request(&stick), |_| Ok::<_, BundleError>(()));
            let version = active_version(&stock, &root);
            match outcome {
                Ok(_) => {
                    assert!(budget > 30 && version.as_deref() == Some(case.new));
                    break;
                }
                Err(error) => {
                    assert!(error.to_string().contains("the power failed"), "{error}");
                    assert!(
                        version.as_deref() == case.installed.last().copied() || version.as_deref() == Some(case.new)
                    );
                    let disk = ModelDisk::new(&root, usize::MAX);
                    match store.install(&disk, &stock.request(&stick), |_| Ok::<_, BundleError>(())) {
                        Ok(_) | Err(BundleError::AlreadyActive { .. }) => {}
                        Err(error) => panic!("after {budget} operations: {error}"),
                    }
                    assert_eq!(active_version(&stock, &root).as_deref(), Some(case.new));
                }
            }
        }
    }
}

/// The model is worth nothing if it forgives: without syncing files, or without syncing folders, a cut must be able to destroy the
/// active slot.
#[test]
fn the_model_finds_a_missing_sync() {
    for (files, folders) in [(false, true), (true, false)] {
        let stock = Stock::new();
        prepare(&stock, &["1.0.0"]);
        let stick = stock.signed("1.1.0");
        let disk = Forgetful { disk: ModelDisk::new(stock.store.root(), usize::MAX), files, folders };
        stock.install_on(&disk, &stock.request(&stick)).unwrap();
        let mut draw = Draw(SEED);
        let mut broken = 0;
        for cut in &disk.disk.history() {
            outcomes(cut, &mut draw, |root| {
                let store = Store::new(root);
                let slot = store.active("tiny").unwrap().unwrap();
                broken += usize::from(Bundle::open(&store.slot("tiny", slot)).is_err());
            });
        }
        assert!(broken > 0, "an installation with syncs of files {files}, of folders {folders} must be found out");
    }
}

/// Syncs files, folders, or neither.
struct Forgetful {
    disk: ModelDisk,
    files: bool,
    folders: bool,
}

impl Disk for Forgetful {
    fn free(&self, folder: &Path) -> io::Result<u64> {
        self.disk.free(folder)
    }
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.make_dir(path)
    }
    fn write(&self, path: &Path, from: &mut dyn Read) -> io::Result<u64> {
        self.disk.write(path, from)
    }
    fn sync_file(&self, path: &Path) -> io::Result<()> {
        if self.files { self.disk.sync_file(path) } else { Ok(()) }
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        if self.folders { self.disk.sync_dir(path) } else { Ok(()) }
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn link(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.disk.link(target, path)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_file(path)
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_dir(path)
    }
}
