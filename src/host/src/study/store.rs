//! The folder of one cell: its settings, its checkpoints, and the record once it is finished.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::record::{CellKey, CellRecord};
use crate::error::{HostError, Result};
use crate::files;

const RECORD: &str = "cell.json";
const SETTINGS: &str = "settings.json";
const SECONDS: &str = "seconds.json";

/// Everything a cell's result depends on, by name, each as a hash: what differs can be named without being understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Adds a setting.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), files::sha256(value.as_bytes()));
        self
    }

    /// One hash over all.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let parts: Vec<&[u8]> = self.0.iter().flat_map(|(name, hash)| [name.as_bytes(), hash.as_bytes()]).collect();
        files::fingerprint(&parts)
    }

    fn differing(&self, other: &BTreeMap<String, String>) -> Vec<String> {
        let names = self.0.keys().chain(other.keys());
        let mut found: Vec<String> = names.filter(|n| self.0.get(*n) != other.get(*n)).cloned().collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// One cell's folder.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Where it lies.
    pub path: PathBuf,
    settings: Settings,
}

impl Folder {
    /// The folder of `key` below the study's folder `out`.
    #[must_use]
    pub fn new(out: &Path, key: &CellKey, settings: Settings) -> Self {
        Self { path: out.join("cells").join(key.slug()), settings }
    }

    /// What the cell depends on.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The record, where the cell is finished. A damaged record counts as none: checkpoints beside it make it again in
    /// little time.
    ///
    /// # Errors
    /// [`HostError::Config`] for a cell of other settings, [`HostError::Io`].
    pub fn record(&self) -> Result<Option<CellRecord>> {
        self.check()?;
        read(&self.path)
    }

    /// Notes the settings before any work, so that what lies beside them is known to belong to them.
    ///
    /// # Errors
    /// [`HostError::Config`] for a cell of other settings, [`HostError::Io`].
    pub fn begin(&self) -> Result<()> {
        self.check()?;
        let path = self.path.join(SETTINGS);
        if path.exists() { Ok(()) } else { files::write_json(&path, &self.settings.0) }
    }

    /// Writes the record: from here on the cell is finished.
    ///
    /// # Errors
    /// [`HostError::Io`]; the checkpoints stay, and the same command goes on from them.
    pub fn finish(&self, record: &CellRecord) -> Result<()> {
        files::write_json(&self.path.join(RECORD), record)
    }

    /// Removes the cell where its settings are no longer those of the study. Returns whether there was one.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn renew(&self) -> Result<bool> {
        if self.check().is_ok() {
            return Ok(false);
        }
        std::fs::remove_dir_all(&self.path).map_err(HostError::io("remove", &self.path))?;
        Ok(true)
    }

    fn check(&self) -> Result<()> {
        let path = self.path.join(SETTINGS);
        if !path.exists() {
            return Ok(());
        }
        let found: BTreeMap<String, String> = match files::read_json(&path) {
            Ok(found) => found,
            Err(HostError::Damaged { problem, .. }) => {
                return Err(HostError::config(
                    &self.path,
                    format!(
                        "{SETTINGS} is damaged ({problem}), so that nobody can tell what the cell was made with; delete the folder or give --renew"
                    ),
                ));
            }
            Err(error) => return Err(error),
        };
        let differing = self.settings.differing(&found);
        if differing.is_empty() {
            return Ok(());
        }
        Err(HostError::config(
            &self.path,
            format!(
                "this cell was made with other settings ({} changed); choose another --out to keep it, or give --renew to make such cells again",
                differing.join(", ")
            ),
        ))
    }

    /// A watch that goes on where an interrupted one stood.
    #[must_use]
    pub fn stopwatch(&self) -> Stopwatch {
        let path = self.path.join(SECONDS);
        Stopwatch { before: files::read_json(&path).unwrap_or(0.0), start: Instant::now(), path }
    }
}

/// The record in a cell's folder; none where it is missing or damaged.
///
/// # Errors
/// [`HostError::Io`].
pub fn read(folder: &Path) -> Result<Option<CellRecord>> {
    let path = folder.join(RECORD);
    if !path.exists() {
        return Ok(None);
    }
    match files::read_json(&path) {
        Ok(record) => Ok(Some(record)),
        Err(error @ HostError::Damaged { .. }) => {
            log::warn!("{error}; making the cell again");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Seconds of work on a cell, over interruptions. A process that is killed loses those since its last note.
#[derive(Debug)]
pub struct Stopwatch {
    before: f64,
    start: Instant,
    path: PathBuf,
}

impl Stopwatch {
    /// Seconds so far.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.before + self.start.elapsed().as_secs_f64()
    }
}

impl Drop for Stopwatch {
    fn drop(&mut self) {
        if self.path.parent().is_some_and(Path::is_dir)
            && let Err(error) = files::write_json(&self.path, &self.seconds())
        {
            log::warn!("{error}; the time of this attempt is not counted");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::study::record::Task;

    fn record(key: &CellKey) -> CellRecord {
        CellRecord {
            key: key.clone(),
            task: Task::Classify,
            labels: vec!["a".into(), "b".into()],
            domains: vec!["low".into()],
            parameters: 3,
            pictures: [1, 1, 1],
            patients: [1, 1, 1],
            training_seconds: 0.5,
            versions: BTreeMap::new(),
            epochs: Vec::new(),
            domain_positions: Vec::new(),
            frames: Vec::new(),
        }
    }

    #[test]
    fn finished_changed_damaged_and_full() {
        let dir = tempfile::tempdir().unwrap();
        let key = CellKey { system: "vit".into(), split: "split-0".into(), seed: 1, variant: String::new() };
        let settings = |budget: &str| Settings::default().with("budget", budget).with("data", "d");
        let folder = |budget: &str| Folder::new(dir.path(), &key, settings(budget));
        let cell = folder("10 epochs");
        assert_eq!(cell.record().unwrap(), None);
        cell.begin().unwrap();
        // A record that cannot be written leaves what is there; the same command goes on.
        std::fs::create_dir(cell.path.join(RECORD)).unwrap();
        assert!(matches!(cell.finish(&record(&key)), Err(HostError::Io { .. })));
        std::fs::remove_dir(cell.path.join(RECORD)).unwrap();
        drop(cell.stopwatch());
        cell.finish(&record(&key)).unwrap();
        assert_eq!(cell.record().unwrap(), Some(record(&key)));
        assert!(cell.stopwatch().seconds() > 0.0);
        let error = folder("20 epochs").record().unwrap_err().to_string();
        assert!(error.contains("(budget changed)") && error.contains("--renew"), "{error}");
        std::fs::write(cell.path.join(RECORD), b"{\"key\":").unwrap();
        assert_eq!(cell.record().unwrap(), None);
        assert!(!cell.renew().unwrap() && folder("20 epochs").renew().unwrap());
        assert_eq!(folder("20 epochs").record().unwrap(), None);
        cell.begin().unwrap();
        std::fs::write(cell.path.join(SETTINGS), b"[").unwrap();
        assert!(cell.begin().unwrap_err().to_string().contains("damaged"));
    }
}
