//! What is kept on this machine so that it need not be made again: TensorRT plans, parity figures, measured choices.
//!
//! A plan takes minutes to build and fits one GPU, one version of TensorRT and one model, so its name is a hash over all of
//! these and nothing has to be invalidated. Every file is written beside its name and renamed; what does not read back whole
//! counts as absent. A folder that cannot be written costs time at the next start, nothing else.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ushydra_bundle::Digest;

use crate::precision::Precision;

/// Environment variable with the folder of the cache.
pub const CACHE_VARIABLE: &str = "USHYDRA_CACHE";
/// Hexadecimal digits of a name's hash: 64 bits.
const NAME_DIGITS: usize = 16;
/// Largest record that is read.
const MAX_RECORD: u64 = 1 << 20;
const PLAN: &str = "plan";
const RECORD: &str = "toml";

/// Everything that a TensorRT plan depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanKey {
    /// SHA-256 of the ONNX file.
    pub model: Digest,
    /// Precision that was allowed.
    pub precision: Precision,
    /// Shapes of the optimisation profile; `static` where the model fixes them all.
    pub profile: String,
    /// Core of the deep learning accelerator, where it is used.
    pub dla: Option<u32>,
    /// Version of the shim between this program and TensorRT.
    pub shim_abi: u32,
    /// Flavour, version and build of TensorRT.
    pub library: String,
    /// Name of the GPU.
    pub gpu: String,
    /// Its compute capability, such as `8.7`.
    pub compute_capability: String,
}

impl PlanKey {
    /// Name of the plan's files.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(&format!("{self:?}"))
    }
}

/// What the plan of the same name is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRecord {
    /// The model's file, as `<bundle>/<file>`.
    pub source: String,
    /// SHA-256 of the plan.
    pub plan_sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// How long it took to build.
    pub seconds: f64,
    /// What it depends on.
    pub key: PlanKey,
}

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
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn key() -> PlanKey {
        PlanKey {
            model: Digest::of(b"model"),
            precision: Precision::F16,
            profile: "static".to_owned(),
            dla: None,
            shim_abi: 1,
            library: "TensorRT 10.3.0.30".to_owned(),
            gpu: "Orin".to_owned(),
            compute_capability: "8.7".to_owned(),
        }
    }

    #[test]
    fn every_part_of_the_key_names_another_plan() {
        let changes: [fn(&mut PlanKey); 8] = [
            |k| k.model = Digest::of(b"other"),
            |k| k.precision = Precision::Int8,
            |k| k.profile = "1x3x8x8".to_owned(),
            |k| k.dla = Some(0),
            |k| k.shim_abi = 2,
            |k| k.library = "TensorRT 10.3.0.31".to_owned(),
            |k| k.gpu = "Xavier".to_owned(),
            |k| k.compute_capability = "7.2".to_owned(),
        ];
        let mut names = vec![key().name()];
        for change in changes {
            let mut changed = key();
            change(&mut changed);
            names.push(changed.name());
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), changes.len() + 1);
    }

    #[test]
    fn a_plan_comes_back_whole_or_not_at_all() {
        struct Case {
            name: &'static str,
            damage: fn(&Path, &str),
            found: bool,
        }
        let cases = [
            Case { name: "whole", damage: |_, _| {}, found: true },
            Case { name: "cut", damage: |f, n| fs::write(f.join(format!("{n}.plan")), "pl").unwrap(), found: false },
            Case {
                name: "no record",
                damage: |f, n| fs::remove_file(f.join(format!("{n}.toml"))).unwrap(),
                found: false,
            },
            Case {
                name: "torn record",
                damage: |f, n| fs::write(f.join(format!("{n}.toml")), "sour").unwrap(),
                found: false,
            },
            Case {
                name: "no plan",
                damage: |f, n| fs::remove_file(f.join(format!("{n}.plan"))).unwrap(),
                found: false,
            },
        ];
        for case in cases {
            let folder = tempfile::tempdir().unwrap();
            let cache = EngineCache::in_folder(folder.path().join("engines"));
            assert_eq!(cache.plan(&key()), None);
            cache.store_plan(&key(), "tiny/encoder.onnx", b"plan", Duration::from_secs(90));
            (case.damage)(&folder.path().join("engines"), &key().name());
            assert_eq!(cache.plan(&key()).is_some_and(|plan| plan == b"plan"), case.found, "{}", case.name);
        }
    }

    #[test]
    fn entries_are_listed_and_cleaned() {
        let folder = tempfile::tempdir().unwrap();
        let cache = EngineCache::in_folder(folder.path().join("engines"));
        assert_eq!(cache.entries().unwrap(), []);
        cache.store_plan(&key(), "tiny/encoder.onnx", b"plan", Duration::from_secs(90));
        cache.write("gpu", TIMING, b"times");
        fs::write(folder.path().join("engines/notes.txt"), "the operator's own").unwrap();
        let entries = cache.entries().unwrap();
        let plans = entries.iter().filter_map(|entry| entry.plan.as_ref()).collect::<Vec<_>>();
        assert!(plans.len() == 1 && plans[0].seconds == 90.0 && plans[0].key == key());
        assert_eq!(cache.clean().unwrap().0, 3);
        assert_eq!(cache.entries().unwrap().len(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_written_loses_nothing_but_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a file");
        fs::write(&file, "").unwrap();
        let cache = EngineCache::in_folder(file.join("below"));
        cache.store_plan(&key(), "tiny/encoder.onnx", b"plan", Duration::from_secs(1));
        assert_eq!(cache.plan(&key()), None);
    }
}
