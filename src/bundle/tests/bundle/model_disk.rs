//! A file system that forgets at a power cut what was not synced.
//!
//! The model is more pessimistic than any journalling file system: of the changes of a folder's entries since it was last synced
//! any first part may have reached the disk, folder by folder, and of a file that was not synced all, half or none of its bytes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::{fs, ptr};

use ushydra_bundle::{Disk, FileSystem};

type Id = usize;

/// What stands behind an entry of a folder.
#[derive(Clone)]
enum Node {
    File { bytes: Vec<u8>, synced: bool },
    Link(PathBuf),
    Folder { durable: BTreeMap<OsString, Id>, pending: Vec<Change> },
}

/// One change of the entries of one folder.
#[derive(Clone)]
enum Change {
    Add(OsString, Id),
    Remove(OsString),
    Rename(OsString, OsString),
}

impl Change {
    fn apply(&self, entries: &mut BTreeMap<OsString, Id>) {
        match self {
            Self::Add(name, id) => {
                entries.insert(name.clone(), *id);
            }
            Self::Remove(name) => {
                entries.remove(name);
            }
            Self::Rename(from, to) => {
                if let Some(id) = entries.remove(from) {
                    entries.insert(to.clone(), id);
                }
            }
        }
    }
}

/// The state of a disk: what is durable and what is not yet.
#[derive(Clone)]
pub(crate) struct Snapshot {
    nodes: Vec<Node>,
}

const ROOT: Id = 0;

impl Snapshot {
    /// Everything in the folder `path` as durable.
    fn of(path: &Path) -> Self {
        let mut snapshot = Self { nodes: Vec::new() };
        snapshot.read(path);
        snapshot
    }

    fn read(&mut self, path: &Path) -> Id {
        let id = self.nodes.len();
        let metadata = fs::symlink_metadata(path).unwrap();
        if metadata.is_symlink() {
            self.nodes.push(Node::Link(fs::read_link(path).unwrap()));
        } else if metadata.is_file() {
            self.nodes.push(Node::File { bytes: fs::read(path).unwrap(), synced: true });
        } else {
            self.nodes.push(Node::Folder { durable: BTreeMap::new(), pending: Vec::new() });
            let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect::<BTreeSet<_>>();
            let entries = entries.iter().map(|e| (e.file_name().unwrap().to_owned(), self.read(e))).collect();
            self.nodes[id] = Node::Folder { durable: entries, pending: Vec::new() };
        }
        id
    }

    fn entries(&self, id: Id) -> BTreeMap<OsString, Id> {
        let Node::Folder { durable, pending } = &self.nodes[id] else { panic!("a folder") };
        let mut entries = durable.clone();
        pending.iter().for_each(|change| change.apply(&mut entries));
        entries
    }

    fn find(&self, path: &Path) -> Id {
        path.iter().fold(ROOT, |id, name| self.entries(id)[name])
    }

    fn change(&mut self, path: &Path, change: impl FnOnce(OsString) -> Change) {
        let id = self.find(path.parent().unwrap());
        let name = path.file_name().unwrap().to_owned();
        let Node::Folder { pending, .. } = &mut self.nodes[id] else { panic!("a folder") };
        pending.push(change(name));
    }

    fn add(&mut self, path: &Path, node: Node) {
        let id = self.nodes.len();
        self.nodes.push(node);
        self.change(path, |name| Change::Add(name, id));
    }

    /// What is on the disk after a power cut, written into the folder `to`. `chance(n)` draws from `0..=n`: how many of `n` pending
    /// changes, and how many halves of a file's bytes, have reached the disk.
    pub(crate) fn write(&self, to: &Path, chance: &mut dyn FnMut(usize) -> usize) {
        self.write_node(ROOT, to, chance);
    }

    fn write_node(&self, id: Id, to: &Path, chance: &mut dyn FnMut(usize) -> usize) {
        match &self.nodes[id] {
            Node::Link(target) => std::os::unix::fs::symlink(target, to).unwrap(),
            Node::File { bytes, synced: true } => fs::write(to, bytes).unwrap(),
            Node::File { bytes, synced: false } => fs::write(to, &bytes[..bytes.len() * chance(2) / 2]).unwrap(),
            Node::Folder { durable, pending } => {
                fs::create_dir(to).unwrap();
                let mut entries = durable.clone();
                let reached = chance(pending.len());
                pending[..reached].iter().for_each(|change| change.apply(&mut entries));
                for (name, &id) in &entries {
                    self.write_node(id, &to.join(name), chance);
                }
            }
        }
    }
}

/// Does everything on the real file system but syncing, and keeps the state after every operation.
pub(crate) struct ModelDisk {
    root: PathBuf,
    history: RefCell<Vec<Snapshot>>,
    /// Operations after which the power fails; all later ones fail.
    budget: usize,
}

impl ModelDisk {
    /// The disk below the folder `root`; what is there now is durable.
    pub(crate) fn new(root: &Path, budget: usize) -> Self {
        Self { root: root.to_owned(), history: RefCell::new(vec![Snapshot::of(root)]), budget }
    }

    /// The state before the first operation and after every one.
    pub(crate) fn history(&self) -> Vec<Snapshot> {
        self.history.borrow().clone()
    }

    fn step(&self, real: impl FnOnce() -> io::Result<()>, model: impl FnOnce(&mut Snapshot)) -> io::Result<()> {
        let mut history = self.history.borrow_mut();
        if history.len() > self.budget {
            return Err(io::Error::other("the power failed"));
        }
        real()?;
        let mut next = history.last().unwrap().clone();
        model(&mut next);
        history.push(next);
        Ok(())
    }

    fn inside<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap()
    }
}

impl Disk for ModelDisk {
    fn free(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        let folder = Node::Folder { durable: BTreeMap::new(), pending: Vec::new() };
        self.step(|| FileSystem.make_dir(path), |disk| disk.add(self.inside(path), folder))
    }

    fn write(&self, path: &Path, from: &mut dyn Read) -> io::Result<u64> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        let length = bytes.len() as u64;
        let real = bytes.clone();
        let file = Node::File { bytes, synced: false };
        self.step(|| FileSystem.write(path, &mut &real[..]).map(|_| ()), |disk| disk.add(self.inside(path), file))?;
        Ok(length)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.step(
            || fs::metadata(path).map(|_| ()),
            |disk| {
                let id = disk.find(self.inside(path));
                let Node::File { synced, .. } = &mut disk.nodes[id] else { panic!("a file") };
                *synced = true;
            },
        )
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step(
            || fs::metadata(path).map(|_| ()),
            |disk| {
                let id = disk.find(self.inside(path));
                let entries = disk.entries(id);
                disk.nodes[id] = Node::Folder { durable: entries, pending: Vec::new() };
            },
        )
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        assert!(ptr::eq(from, to) || from.parent() == to.parent(), "renames stay in one folder");
        let target = to.file_name().unwrap().to_owned();
        self.step(
            || FileSystem.rename(from, to),
            |disk| disk.change(self.inside(from), |name| Change::Rename(name, target)),
        )
    }

    fn link(&self, target: &Path, path: &Path) -> io::Result<()> {
        let link = Node::Link(target.to_owned());
        self.step(|| FileSystem.link(target, path), |disk| disk.add(self.inside(path), link))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step(|| FileSystem.remove_file(path), |disk| disk.change(self.inside(path), Change::Remove))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.step(|| FileSystem.remove_dir(path), |disk| disk.change(self.inside(path), Change::Remove))
    }
}
