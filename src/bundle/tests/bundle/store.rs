//! The store: installing, refusing, falling back, going back.

use std::cell::Cell;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ushydra_bundle::{
    Bundle, BundleError, Clock, Disk, FileSystem, Request, SIGNATURE_FILE, SecretKey, Signature, Slot, Store,
    TrustedKeys,
};

use crate::stock::{Stock, clock, day, picture_of};

fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn slots_alternate_and_the_old_one_is_kept() {
    let stock = Stock::new();
    let mut kept = None;
    for (version, slot) in [("1.0.0", Slot::A), ("1.1.0", Slot::B), ("2.0.0-rc.1", Slot::A), ("2.0.0", Slot::B)] {
        let stick = stock.signed(version);
        let offer = stock.store.examine(&stock.request(&stick)).unwrap();
        assert_eq!((offer.version.as_str(), offer.active.as_deref()), (version, kept.as_deref()));
        assert!(offer.bytes > 0 && offer.files == 9, "{offer:?}");
        let installed = stock.install(&stick).unwrap();
        assert_eq!((installed.slot, installed.version.as_str(), installed.kept), (slot, version, kept));
        kept = Some(version.to_owned());
        assert_eq!(stock.version().as_deref(), Some(version));
        assert_eq!(Bundle::open(&stock.store.link("tiny")).unwrap().manifest().version, version, "through the link");
        let names = fs::read_dir(stock.store.root().join(".slots/tiny")).unwrap().count();
        assert!(names <= 3, "two slots and the record, nothing is left lying");
    }
    let back = stock.store.roll_back(&FileSystem, "tiny", &stock.keys, |_| Ok::<_, BundleError>(())).unwrap();
    assert_eq!((back.version.as_str(), back.kept.as_deref()), ("2.0.0-rc.1", Some("2.0.0")));
    assert_eq!(stock.version().as_deref(), Some("2.0.0-rc.1"));
    let error = stock.install(&stock.signed("1.9.9")).unwrap_err();
    assert!(
        matches!(&error, BundleError::Older { highest, .. } if highest == "2.0.0"),
        "going back lowers nothing: {error}"
    );
    assert_eq!(stock.install(&stock.signed("2.0.0")).unwrap().version, "2.0.0");
}

/// Every refusal leaves the store as it was, byte by byte.
#[test]
fn what_is_refused_changes_nothing() {
    struct Case {
        name: &'static str,
        /// Spoils the stick with version 1.1.0.
        spoil: fn(&Stock, &Path),
        says: &'static str,
    }
    let cases = [
        Case {
            name: "unsigned",
            spoil: |_, stick| fs::remove_file(stick.join(SIGNATURE_FILE)).unwrap(),
            says: "unsigned",
        },
        Case {
            name: "foreign key",
            spoil: |_, stick| {
                Signature::write(stick, &SecretKey::generate("stranger").unwrap(), None).unwrap();
            },
            says: "trusted are: \"maker\"",
        },
        Case {
            name: "expired",
            spoil: |stock, stick| {
                Signature::write(stick, &stock.key, Some(day("2027-06-14"))).unwrap();
            },
            says: "until 2027-06-14, today is 2027-06-15",
        },
        Case { name: "damaged file", spoil: |_, stick| flip(&stick.join("decoders/high.onnx")), says: "sha256" },
        Case {
            name: "damaged statistics",
            spoil: |_, stick| flip(&stick.join("calibration/tiny.toml")),
            says: "sha256",
        },
        Case {
            name: "cut copy",
            spoil: |_, stick| fs::write(stick.join("encoder.onnx"), "the enc").unwrap(),
            says: "sha256",
        },
        Case {
            name: "missing file",
            spoil: |_, stick| fs::remove_file(stick.join("MODEL_CARD.md")).unwrap(),
            says: "not found",
        },
        Case {
            name: "changed manifest",
            spoil: |_, stick| replace(stick, "CC-BY-4.0", "CC0-1.0"),
            says: "does not fit",
        },
        Case {
            name: "future schema",
            spoil: |stock, stick| {
                replace(stick, "schema_version = 1", "schema_version = 2");
                Signature::write(stick, &stock.key, None).unwrap();
            },
            says: "update ushydra",
        },
        Case {
            name: "hostile path",
            spoil: |stock, stick| {
                replace(stick, "file = \"encoder.onnx\"", "file = \"../../keys/maker\"");
                Signature::write(stick, &stock.key, None).unwrap();
            },
            says: "stay inside the bundle",
        },
        Case {
            name: "the signature as a model",
            spoil: |stock, stick| {
                replace(stick, "file = \"encoder.onnx\"", "file = \"bundle.sig\"");
                Signature::write(stick, &stock.key, None).unwrap();
            },
            says: "`encoder.file`",
        },
        Case {
            name: "hostile name",
            spoil: |stock, stick| {
                replace(stick, "name = \"tiny\"", "name = \"../tiny\"");
                Signature::write(stick, &stock.key, None).unwrap();
            },
            says: "no name",
        },
        Case {
            name: "linked file",
            spoil: |_, stick| {
                fs::rename(stick.join("encoder.onnx"), stick.join("real")).unwrap();
                symlink("real", stick.join("encoder.onnx")).unwrap();
            },
            says: "symbolic link",
        },
        Case {
            name: "linked signature",
            spoil: |_, stick| {
                fs::rename(stick.join(SIGNATURE_FILE), stick.join("real")).unwrap();
                symlink("real", stick.join(SIGNATURE_FILE)).unwrap();
            },
            says: "symbolic link",
        },
        Case {
            name: "linked folder",
            spoil: |_, stick| {
                fs::rename(stick.join("decoders"), stick.join("real")).unwrap();
                symlink("real", stick.join("decoders")).unwrap();
            },
            says: "symbolic link",
        },
        Case {
            name: "pipe",
            spoil: |_, stick| {
                fs::remove_file(stick.join("encoder.onnx")).unwrap();
                let made = std::process::Command::new("mkfifo").arg(stick.join("encoder.onnx")).status().unwrap();
                assert!(made.success());
            },
            says: "not a regular file",
        },
        Case {
            name: "endless file",
            spoil: |_, stick| {
                fs::File::options().write(true).open(stick.join("MODEL_CARD.md")).unwrap().set_len(1 << 40).unwrap()
            },
            says: "at most 16777216",
        },
    ];
    let stock = Stock::new();
    stock.install(&stock.signed("1.0.0")).unwrap();
    let before = picture_of(stock.store.root());
    for case in cases {
        let stick = stock.signed("1.1.0");
        (case.spoil)(&stock, &stick);
        let error = stock.install(&stick).unwrap_err().to_string();
        assert!(error.contains(case.says), "{}: {error}", case.name);
        assert_eq!(picture_of(stock.store.root()), before, "{}", case.name);
    }
    for (version, says) in [("0.9.0", "give --allow-older"), ("1.0.0-rc.1", "older"), ("1.0.0", "active already")] {
        let error = stock.install(&stock.signed(version)).unwrap_err().to_string();
        assert!(error.contains(says), "{version}: {error}");
        assert_eq!(picture_of(stock.store.root()), before, "{version}");
    }
    let stick = stock.signed_by("1.1.0", &stock.key, Some(day("2030-01-01")));
    let early = Request { clock: Clock { today: day("1970-01-01"), ..clock() }, ..stock.request(&stick) };
    let error = stock.install_on(&FileSystem, &early).unwrap_err();
    assert!(matches!(error, BundleError::Clock { .. }), "{error}");
    let nobody = TrustedKeys::none(Path::new("/nowhere"));
    let error = stock.install_on(&FileSystem, &Request { keys: &nobody, ..stock.request(&stick) }).unwrap_err();
    assert!(error.to_string().contains("trusted are: none"), "{error}");
    assert_eq!(picture_of(stock.store.root()), before);
    assert_eq!(stock.install(&stick).unwrap().version, "1.1.0", "and the good one is still taken");
}

fn replace(stick: &Path, from: &str, to: &str) {
    let file = stick.join("bundle.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_first_refusal_leaves_no_store_behind() {
    let stock = Stock::new();
    let stick = stock.signed("1.0.0");
    fs::remove_file(stick.join(SIGNATURE_FILE)).unwrap();
    assert!(stock.install(&stick).is_err());
    assert!(!stock.store.root().exists());
}

/// A disk with little room, on which some files come out differently.
struct BadDisk {
    free: u64,
    spoilt: Option<&'static str>,
}

impl Disk for BadDisk {
    fn free(&self, _: &Path) -> io::Result<u64> {
        Ok(self.free)
    }
    fn make_dir(&self, path: &Path) -> io::Result<()> {
        FileSystem.make_dir(path)
    }
    fn write(&self, path: &Path, from: &mut dyn Read) -> io::Result<u64> {
        let written = FileSystem.write(path, from)?;
        if self.spoilt.is_some_and(|name| path.ends_with(name)) {
            flip(path);
        }
        Ok(written)
    }
    fn sync_file(&self, path: &Path) -> io::Result<()> {
        FileSystem.sync_file(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        FileSystem.sync_dir(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        FileSystem.rename(from, to)
    }
    fn link(&self, target: &Path, path: &Path) -> io::Result<()> {
        FileSystem.link(target, path)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        FileSystem.remove_file(path)
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        FileSystem.remove_dir(path)
    }
}

#[test]
fn a_full_disk_a_bad_copy_and_a_failed_self_test_keep_both_slots() {
    let stock = Stock::new();
    stock.install(&stock.signed("1.0.0")).unwrap();
    stock.install(&stock.signed("1.1.0")).unwrap();
    let before = picture_of(&stock.store.root().join(".slots/tiny"));
    let stick = stock.signed("1.2.0");
    let bytes = stock.store.examine(&stock.request(&stick)).unwrap().bytes;
    let cases = [
        (BadDisk { free: bytes, spoilt: None }, "bytes are free"),
        (BadDisk { free: u64::MAX, spoilt: Some("decoders/low.onnx") }, "sha256"),
        (BadDisk { free: u64::MAX, spoilt: Some("bundle.toml") }, "does not fit the manifest"),
        (BadDisk { free: u64::MAX, spoilt: Some("bundle.sig") }, "bundle.sig"),
    ];
    for (disk, says) in cases {
        let error = stock.install_on(&disk, &stock.request(&stick)).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
        assert_eq!(picture_of(&stock.store.root().join(".slots/tiny")), before, "{says}");
    }
    let tested = Cell::new(0);
    let unfit = |bundle: &Bundle| {
        tested.set(tested.get() + 1);
        assert_eq!(bundle.manifest().version, "1.2.0");
        assert!(bundle.root().starts_with(stock.store.root()), "the copy is tested, not the stick");
        Err(BundleError::NotOurs { path: PathBuf::from("self-test") })
    };
    assert!(stock.store.install(&FileSystem, &stock.request(&stick), unfit).is_err());
    assert_eq!((tested.get(), picture_of(&stock.store.root().join(".slots/tiny"))), (1, before));
    let back =
        stock.store.roll_back(&FileSystem, "tiny", &stock.keys, |_| Err(BundleError::NotOurs { path: "x".into() }));
    assert!(back.is_err());
    assert_eq!(stock.version().as_deref(), Some("1.1.0"), "a failed self-test keeps the active slot");
}

#[test]
fn a_damaged_slot_gives_way_to_the_other_and_says_so() {
    let stock = Stock::new();
    stock.install(&stock.signed("1.0.0")).unwrap();
    stock.install(&stock.signed("1.1.0")).unwrap();
    let active = stock.store.slot("tiny", Slot::B);
    for damaged in ["encoder.onnx", "bundle.toml", "bundle.sig", "calibration/tiny.toml"] {
        let file = active.join(damaged);
        let whole = fs::read(&file).unwrap();
        flip(&file);
        let opened = stock.store.open("tiny", &stock.keys).unwrap();
        assert_eq!((opened.slot, opened.bundle.manifest().version.as_str()), (Slot::A, "1.0.0"), "{damaged}");
        let cause = opened.instead_of.unwrap().to_string();
        assert!(cause.contains("/b/"), "{damaged}: {cause}");
        fs::write(&file, whole).unwrap();
        assert!(stock.store.open("tiny", &stock.keys).unwrap().instead_of.is_none(), "{damaged}");
    }
    // Without its signature a slot is not what was installed.
    fs::remove_file(active.join(SIGNATURE_FILE)).unwrap();
    assert_eq!(stock.store.open("tiny", &stock.keys).unwrap().slot, Slot::A);
    // The version that is damaged may be installed again, over the damaged slot and not over the one that steps in.
    assert_eq!(stock.install(&stock.signed("1.1.0")).unwrap().slot, Slot::B);
    assert_eq!(stock.version().as_deref(), Some("1.1.0"));
    fs::remove_dir_all(&active).unwrap();
    assert_eq!(Store::holding(&stock.store.link("tiny")).unwrap().1, "tiny", "a link to nothing is still the bundle's");
    assert_eq!(stock.store.open("tiny", &stock.keys).unwrap().slot, Slot::A);
    fs::remove_dir_all(stock.store.slot("tiny", Slot::A)).unwrap();
    let error = stock.store.open("tiny", &stock.keys).unwrap_err();
    assert!(matches!(error, BundleError::NoSlot { .. }) && error.to_string().contains("Install"), "{error}");
    assert!(stock.install(&stock.signed("1.0.0")).is_err(), "the record outlives the slots");
    assert_eq!(stock.install(&stock.signed("1.1.0")).unwrap().version, "1.1.0");
}

#[test]
fn strange_stores() {
    let stock = Stock::new();
    let stick = stock.signed("1.0.0");
    let missing = stock.store.roll_back(&FileSystem, "tiny", &stock.keys, |_| Ok::<_, BundleError>(()));
    assert!(matches!(missing, Err(BundleError::NotInstalled { .. })));
    fs::create_dir_all(stock.store.link("tiny")).unwrap();
    let error = stock.install(&stick).unwrap_err();
    assert!(matches!(error, BundleError::NotOurs { .. }) && error.to_string().contains("move it away"), "{error}");
    fs::remove_dir(stock.store.link("tiny")).unwrap();
    symlink("/etc", stock.store.link("tiny")).unwrap();
    assert!(matches!(stock.install(&stick), Err(BundleError::NotOurs { .. })));
    assert!(Store::holding(&stock.store.link("tiny")).is_none());
    fs::remove_file(stock.store.link("tiny")).unwrap();
    // What a power cut may leave.
    let slots = stock.store.root().join(".slots/tiny");
    fs::create_dir_all(slots.join("incoming/decoders")).unwrap();
    fs::create_dir_all(slots.join("discarded")).unwrap();
    symlink("/etc/passwd", slots.join("incoming/encoder.onnx")).unwrap();
    symlink("nowhere", stock.store.root().join(".tiny.next")).unwrap();
    fs::write(slots.join("state.draft"), "half").unwrap();
    assert_eq!(stock.install(&stick).unwrap().slot, Slot::A);
    let back = stock.store.roll_back(&FileSystem, "tiny", &stock.keys, |_| Ok::<_, BundleError>(()));
    assert!(back.is_err(), "there is nothing to go back to");
    for name in ["", ".", "..", "../tiny", "tiny/", ".slots"] {
        let back = stock.store.roll_back(&FileSystem, name, &stock.keys, |_| Ok::<_, BundleError>(()));
        assert!(matches!(back, Err(BundleError::NotInstalled { .. })), "{name:?}");
    }
    // A damaged record protects by refusing.
    let newer = stock.signed("1.1.0");
    for text in ["", "highest = 3", "schema_version = 1\nhighest = \"new\"", "schema_version = 9\nhighest = \"1.0.0\""]
    {
        fs::write(slots.join("state.toml"), text).unwrap();
        let error = stock.install(&newer).unwrap_err();
        assert!(matches!(error, BundleError::Record { .. }) && error.to_string().contains("--allow-older"), "{error}");
    }
    let anyway = Request { allow_older: true, ..stock.request(&newer) };
    stock.install_on(&FileSystem, &anyway).unwrap();
    let older = stock.signed("0.1.0");
    assert!(matches!(stock.install(&older), Err(BundleError::Older { .. })), "the record was written anew");
    stock.install_on(&FileSystem, &Request { allow_older: true, ..stock.request(&older) }).unwrap();
    assert_eq!(stock.version().as_deref(), Some("0.1.0"));
    let between = stock.signed("1.0.5");
    assert!(matches!(stock.install(&between), Err(BundleError::Older { .. })), "the highest version stays");
}

#[test]
fn two_installations_at_once() {
    let stock = Stock::new();
    let (first, second) = (stock.signed("1.0.0"), stock.signed("1.1.0"));
    let outcome = stock.store.install(&FileSystem, &stock.request(&first), |_| {
        // While the first one is testing its copy.
        let error = stock.install(&second).unwrap_err();
        assert!(matches!(error, BundleError::Busy { .. }) && error.to_string().contains("wait"), "{error}");
        Ok::<_, BundleError>(())
    });
    assert_eq!(outcome.unwrap().version, "1.0.0");
    assert_eq!(stock.install(&second).unwrap().version, "1.1.0");
}
