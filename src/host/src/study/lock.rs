//! Which process works on a cell: a file that its owner keeps fresh, so that what a dead owner left is noticed.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{HostError, Result};

/// How often an owner says that it is alive.
const BEAT: Duration = Duration::from_secs(5);
/// An owner that was silent for so long is dead.
const DEAD: Duration = Duration::from_secs(60);
const LOCK: &str = "lock.json";

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Machine.
    pub host: String,
    /// Process on it.
    pub pid: u32,
    /// Which of the process's locks: threads of one process exclude each other, too.
    pub token: u64,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)
    }
}

/// A held lock; it is given back when it goes out of scope.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    owner: Owner,
    stop: Option<Sender<()>>,
    beat: Option<JoinHandle<()>>,
}

/// What asking for a lock gives.
#[derive(Debug)]
pub enum Asked {
    /// It is ours.
    Held(Lock),
    /// Somebody else has it.
    Taken(Owner),
}

/// Asks for the lock of `folder`, which is made where it is missing.
///
/// The lock is a file that only one process can create. Its owner touches it every few seconds; where its process is gone
/// from this machine, or it was silent for a minute by the file system's own clock, the lock is taken over.
///
/// # Errors
/// [`HostError::Io`].
pub fn ask(folder: &Path) -> Result<Asked> {
    fs::create_dir_all(folder).map_err(HostError::io("create the folder", folder))?;
    let path = folder.join(LOCK);
    let owner = Owner { host: host(), pid: std::process::id(), token: token() };
    // Twice: the second time after what a dead owner left was removed.
    for _ in 0..2 {
        if create(&path, &owner)? {
            return Ok(Asked::Held(Lock::beating(path, owner)));
        }
        let found = read(&path);
        if !stale(&path, found.as_ref(), &owner.host)? {
            let unknown = Owner { host: "an unknown machine".to_owned(), pid: 0, token: 0 };
            return Ok(Asked::Taken(found.unwrap_or(unknown)));
        }
        take_over(&path, &owner)?;
    }
    Ok(Asked::Taken(read(&path).unwrap_or(owner)))
}

/// Creates the lock; false where there is one.
fn create(path: &Path, owner: &Owner) -> Result<bool> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            let text = serde_json::to_vec(owner).map_err(|e| HostError::damaged(path, e))?;
            if let Err(source) = file.write_all(&text) {
                // A lock that nobody can read would block the cell until it is stale.
                let _ = fs::remove_file(path);
                return Err(HostError::io("write", path)(source));
            }
            Ok(true)
        }
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(HostError::io("create", path)(e)),
    }
}

/// None for a lock that is gone or not written yet.
fn read(path: &Path) -> Option<Owner> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn stale(path: &Path, found: Option<&Owner>, host: &str) -> Result<bool> {
    if let Some(owner) = found
        && owner.host == host
    {
        return Ok(!alive(owner.pid));
    }
    let Ok(touched) = fs::metadata(path).and_then(|m| m.modified()) else {
        return Ok(false);
    };
    // The file system's clock, not ours: on a shared folder they differ.
    let probe = path.with_extension(format!("probe-{}", std::process::id()));
    let now = File::create(&probe).and_then(|file| file.metadata()?.modified());
    let _ = fs::remove_file(&probe);
    let now = now.map_err(HostError::io("create", &probe))?;
    Ok(now.duration_since(touched).is_ok_and(|silence| silence > DEAD))
}

/// Whether a process of this machine lives.
fn alive(pid: u32) -> bool {
    !Path::new("/proc").is_dir() || Path::new(&format!("/proc/{pid}")).exists()
}

/// Removes a stale lock. Only one process at a time may, and it looks again: two that saw the same stale lock must not
/// remove the new one of the faster.
fn take_over(path: &Path, owner: &Owner) -> Result<()> {
    let gate = path.with_extension("takeover");
    if !create(&gate, owner)? {
        if stale(&gate, read(&gate).as_ref(), &owner.host)? {
            let _ = fs::remove_file(&gate);
        }
        return Ok(());
    }
    let found = read(path);
    let removed = match stale(path, found.as_ref(), &owner.host) {
        Ok(true) => {
            if let Some(dead) = &found {
                log::warn!("{dead} left {} without finishing; going on from there", path.display());
            }
            fs::remove_file(path).map_err(HostError::io("remove", path))
        }
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    let _ = fs::remove_file(&gate);
    removed
}

fn token() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Name of this machine; without one, an empty name that equals no other machine's.
fn host() -> String {
    let named = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    named.or_else(|| std::env::var("HOSTNAME").ok()).map(|name| name.trim().to_owned()).unwrap_or_default()
}

impl Lock {
    fn beating(path: PathBuf, owner: Owner) -> Self {
        let (stop, wait) = mpsc::channel();
        let (file, own) = (path.clone(), owner.clone());
        let beat = std::thread::spawn(move || {
            while wait.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                // A beat that fails is made up for by the next.
                if let Err(error) = touch(&file, &own) {
                    log::debug!("{}: {error}", file.display());
                }
            }
        });
        Self { path, owner, stop: Some(stop), beat: Some(beat) }
    }

    /// Who holds it: us.
    #[must_use]
    pub const fn owner(&self) -> &Owner {
        &self.owner
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(beat) = self.beat.take() {
            let _ = beat.join();
        }
        // A lock that was taken over belongs to somebody else.
        if read(&self.path).as_ref() == Some(&self.owner)
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::warn!("{}: {error}", self.path.display());
        }
    }
}

/// Writes a lock that is still ours once more over itself: the file system sets the time, by its own clock.
fn touch(path: &Path, owner: &Owner) -> std::io::Result<()> {
    if read(path).as_ref() != Some(owner) {
        return Ok(());
    }
    File::options().write(true).open(path)?.write_all(&serde_json::to_vec(owner)?)
}

/// The owner of `folder`'s lock, for messages; none where it is free.
#[must_use]
pub fn holder(folder: &Path) -> Option<Owner> {
    read(&folder.join(LOCK))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn one_holds_it_and_gives_it_back() {
        let dir = tempfile::tempdir().unwrap();
        let Asked::Held(lock) = ask(dir.path()).unwrap() else { panic!("free") };
        assert!(matches!(ask(dir.path()).unwrap(), Asked::Taken(owner) if owner == *lock.owner()));
        drop(lock);
        assert!(matches!(ask(dir.path()).unwrap(), Asked::Held(_)));
        assert_eq!(holder(dir.path()), None);
    }

    #[test]
    fn what_the_dead_leave_is_taken_over() {
        // A pid beyond the kernel's largest lives nowhere.
        let dead = |host: String| Owner { host, pid: u32::MAX, token: 1 };
        let fresh = SystemTime::now();
        let old = fresh - Duration::from_secs(600);
        struct Case {
            text: Vec<u8>,
            touched: SystemTime,
            free: bool,
        }
        let json = |owner: &Owner| serde_json::to_vec(owner).unwrap();
        let alive = Owner { host: host(), pid: std::process::id(), token: 999 };
        let cases = [
            Case { text: json(&dead(host())), touched: fresh, free: true },
            Case { text: json(&alive), touched: old, free: false },
            Case { text: json(&dead("elsewhere".into())), touched: fresh, free: false },
            Case { text: json(&dead("elsewhere".into())), touched: old, free: true },
            // Created a moment ago and not yet written, or cut by a crash long ago.
            Case { text: Vec::new(), touched: fresh, free: false },
            Case { text: b"{\"ho".to_vec(), touched: old, free: true },
        ];
        for Case { text, touched, free } in cases {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join(LOCK);
            fs::write(&path, &text).unwrap();
            File::options().append(true).open(&path).unwrap().set_modified(touched).unwrap();
            let asked = ask(dir.path()).unwrap();
            assert_eq!(matches!(asked, Asked::Held(_)), free, "{}", String::from_utf8_lossy(&text));
            drop(asked);
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), usize::from(!free), "nothing is left behind");
        }
    }

    #[test]
    fn of_many_that_ask_at_once_one_gets_it() {
        for dead in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            if dead {
                let owner = Owner { host: host(), pid: u32::MAX, token: 1 };
                fs::write(dir.path().join(LOCK), serde_json::to_vec(&owner).unwrap()).unwrap();
            }
            let asked: Vec<Asked> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| ask(dir.path()).unwrap())).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(asked.iter().filter(|a| matches!(a, Asked::Held(_))).count() <= 1);
            if !dead {
                assert_eq!(asked.iter().filter(|a| matches!(a, Asked::Held(_))).count(), 1);
            }
        }
    }
}
