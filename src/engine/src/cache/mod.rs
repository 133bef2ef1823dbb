//! What is kept on this machine so that it need not be made again: TensorRT plans, parity figures, measured choices.
//!
//! A plan takes minutes to build and fits one GPU, one version of TensorRT and one model, so its name is a hash over all of
//! these and nothing has to be invalidated. Every file is written beside its name and renamed; what does not read back whole
//! counts as absent. A folder that cannot be written costs time at the next start, nothing else.

mod plan;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ushydra_bundle::Digest;

pub use plan::{PlanKey, PlanRecord};

/// Environment variable with the folder of the cache.
pub const CACHE_VARIABLE: &str = "USHYDRA_CACHE";
/// Hexadecimal digits of a name's hash: 64 bits.
const NAME_DIGITS: usize = 16;
/// Largest record that is read.
const MAX_RECORD: u64 = 1 << 20;
const PLAN: &str = "plan";
const RECORD: &str = "toml";

/// The cache of one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineCache {
    folder: Option<PathBuf>,
}

/// One file of the cache.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheEntry {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it is; none for parity figures, choices and files that nobody knows.
    pub plan: Option<PlanRecord>,
}

impl Default for EngineCache {
    /// `$USHYDRA_CACHE`, else `$XDG_CACHE_HOME/ushydra/engines`, else `~/.cache/ushydra/engines`; without any of them
    /// nothing is kept.
    fn default() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let below = |folder: PathBuf| folder.join("ushydra").join("engines");
        let folder = variable(CACHE_VARIABLE)
            .or_else(|| variable("XDG_CACHE_HOME").map(below))
            .or_else(|| variable("HOME").map(|home| below(home.join(".cache"))));
        Self { folder }
    }
}

impl EngineCache {
    /// A cache in `folder`, which is made when something is written.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder: Some(folder) }
    }

    /// The folder; none where nothing is kept.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The plan of `key`, where it is there and whole.
    #[must_use]
    pub fn plan(&self, key: &PlanKey) -> Option<Vec<u8>> {
        let file = self.file(&key.name(), PLAN)?;
        let record: PlanRecord = self.record(&key.name())?;
        let plan = fs::read(&file).ok()?;
        if record.key != *key || Digest::of(&plan) != record.plan_sha256 {
            log::warn!("{}: not the plan that was written; it is built again", file.display());
            return None;
        }
        Some(plan)
    }

    /// Keeps a plan. Where that fails, the plan is built again at the next start.
    pub fn store_plan(&self, key: &PlanKey, source: &str, plan: &[u8], time: Duration) {
        let record = PlanRecord {
            source: source.to_owned(),
            plan_sha256: Digest::of(plan),
            bytes: plan.len() as u64,
            seconds: time.as_secs_f64(),
            key: key.clone(),
        };
        // The record comes last: without it the plan does not count.
        self.write(&key.name(), PLAN, plan);
        self.store_record(&key.name(), &record);
    }

    /// Forgets the plan of `key`, which TensorRT refused.
    pub fn forget_plan(&self, key: &PlanKey) {
        for extension in [RECORD, PLAN] {
            if let Some(file) = self.file(&key.name(), extension) {
                // Absent is what is wanted; where it cannot be removed it is refused again and built again.
                let _ = fs::remove_file(file);
            }
        }
    }

    /// The document `name`, where it is there and reads back.
    #[must_use]
    pub fn record<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let file = self.file(name, RECORD)?;
        if fs::metadata(&file).ok()?.len() > MAX_RECORD {
            return None;
        }
        let text = fs::read_to_string(&file).ok()?;
        toml::from_str(&text).inspect_err(|error| log::warn!("{}: {error}; it is made again", file.display())).ok()
    }

    /// Keeps a document.
    pub fn store_record<T: Serialize>(&self, name: &str, record: &T) {
        match toml::to_string(record) {
            Ok(text) => self.write(name, RECORD, text.as_bytes()),
            Err(error) => log::warn!("the record {name} cannot be written: {error}"),
        }
    }

    /// Bytes kept under `name` with this extension, such as TensorRT's timing cache.
    #[must_use]
    pub fn bytes(&self, name: &str, extension: &str) -> Option<Vec<u8>> {
        fs::read(self.file(name, extension)?).ok()
    }

    /// Keeps bytes under `name` with this extension, or warns.
    pub fn write(&self, name: &str, extension: &str, bytes: &[u8]) {
        let Some(file) = self.file(name, extension) else { return };
        if let Err(error) = write_whole(&file, bytes) {
            log::warn!(
                "{} cannot be kept: {error}; it is made again at every start until {CACHE_VARIABLE} names a folder that can be written",
                file.display()
            );
        }
    }

    /// Everything in the cache, by name. A folder that is not there is empty.
    ///
    /// # Errors
    /// Whatever reading the folder gives.
    pub fn entries(&self) -> io::Result<Vec<CacheEntry>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        let files = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            files => files?,
        };
        let mut entries = Vec::new();
        for file in files {
            let path = file?.path();
            let metadata = fs::metadata(&path)?;
            if metadata.is_file() {
                let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
                let plan = path.extension().is_some_and(|e| e == PLAN).then(|| self.record(&name)).flatten();
                entries.push(CacheEntry { path, bytes: metadata.len(), plan });
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// Removes everything that this program put into the cache and tells how many files and bytes that were.
    ///
    /// # Errors
    /// Whatever reading the folder or removing a file gives; files before it are gone.
    pub fn clean(&self) -> io::Result<(usize, u64)> {
        let (mut files, mut bytes) = (0, 0);
        for entry in self.entries()? {
            let ours = entry.path.extension().is_some_and(|e| e == PLAN || e == RECORD || e == TIMING || e == DRAFT);
            if ours {
                fs::remove_file(&entry.path)?;
                files += 1;
                bytes += entry.bytes;
            }
        }
        Ok((files, bytes))
    }

    fn file(&self, name: &str, extension: &str) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(format!("{name}.{extension}")))
    }
}

/// Extension of TensorRT's timing cache, which belongs to a GPU and a version rather than to a model.
pub(crate) const TIMING: &str = "timing";
const DRAFT: &str = "draft";

/// A file name of fixed length for `text`.
pub(crate) fn name_of(text: &str) -> String {
    let mut name = Digest::of(text.as_bytes()).to_string();
    name.truncate(NAME_DIGITS);
    name
}

fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let draft = file.with_extension(format!("{}.{DRAFT}", std::process::id()));
    let mut open = File::create(&draft)?;
    open.write_all(bytes)?;
    open.sync_all()?;
    fs::rename(&draft, file)
}

#[cfg(test)]
mod tests;
