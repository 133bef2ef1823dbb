//! Checkpoints of a training that goes by epochs: a stop at any moment leaves a state that fits together.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{HostError, Result};
use crate::files;

const STATE: &str = "state.json";

/// How far a training came; `E` holds the figures of one epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State<E> {
    /// Hash over everything that the training depends on.
    pub(crate) fingerprint: String,
    /// Finished epochs.
    pub(crate) epochs: Vec<E>,
    /// Index of the best epoch.
    pub(crate) best: usize,
    /// Whether no epoch follows.
    pub(crate) finished: bool,
}

impl<E> State<E> {
    /// Nothing done yet.
    pub(crate) const fn new(fingerprint: String) -> Self {
        Self { fingerprint, epochs: Vec::new(), best: 0, finished: false }
    }
}

/// Files of one training. Weights carry their epoch in the name, and `state.json`, written last, says which of them count.
pub(crate) struct Keeper {
    folder: PathBuf,
}

impl Keeper {
    /// In `folder`, which is made when the first file is written.
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The state of an earlier run; none where there is none, it belongs to other settings, or is damaged.
    pub(crate) fn state<E: DeserializeOwned>(&self, fingerprint: &str) -> Result<Option<State<E>>> {
        let path = self.folder.join(STATE);
        if !path.exists() {
            return Ok(None);
        }
        match files::read_json::<State<E>>(&path) {
            Ok(state) if state.fingerprint == fingerprint && !state.epochs.is_empty() => Ok(Some(state)),
            Ok(_) => Ok(None),
            Err(error @ HostError::Damaged { .. }) => {
                log::warn!("{error}; training again from the start");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The network of a finished training, in the shape of `module`.
    pub(crate) fn best<M: Module, E: DeserializeOwned>(&self, module: M) -> Result<M> {
        let path = self.folder.join(STATE);
        let missing = |remedy: &str| HostError::Missing { path: path.clone(), remedy: remedy.to_owned() };
        if !path.exists() {
            return Err(missing("train the network first"));
        }
        let state = files::read_json::<State<E>>(&path)?;
        if !state.finished {
            return Err(missing("the training was stopped; run the same command again until it is finished"));
        }
        self.load(&format!("best-{}", state.best + 1), module)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.bpk"))
    }

    /// Writes the weights called `name`.
    pub(crate) fn save<M: Module>(&self, name: &str, module: &M) -> Result<()> {
        save(&self.file(name), module)
    }

    /// Reads the weights called `name` into a module of the same shape.
    pub(crate) fn load<M: Module>(&self, name: &str, module: M) -> Result<M> {
        load(&self.file(name), module)
    }

    /// Writes the moments of the optimiser after `epoch` epochs.
    pub(crate) fn save_optimiser(&self, epoch: usize, optimiser: &ModuleOptimizer) -> Result<()> {
        let path = self.file(&format!("optimiser-{epoch}"));
        let bytes = optimiser.to_record().into_bytes().map_err(|e| HostError::damaged(&path, e))?;
        files::write_atomic(&path, &bytes)
    }

    /// Reads them.
    pub(crate) fn load_optimiser(&self, epoch: usize, optimiser: ModuleOptimizer) -> Result<ModuleOptimizer> {
        let path = self.file(&format!("optimiser-{epoch}"));
        let bytes = Bytes::from_bytes_vec(files::read(&path)?);
        let record = OptimizerRecord::from_bytes(bytes).map_err(|e| HostError::damaged(&path, e))?;
        Ok(optimiser.load_record(record))
    }

    /// Makes `state` the one that counts and removes files that no longer do.
    pub(crate) fn commit<E: Serialize>(&self, state: &State<E>) -> Result<()> {
        files::write_json(&self.folder.join(STATE), state)?;
        let epoch = state.epochs.len();
        let keep = [
            format!("module-{epoch}"),
            format!("mean-{epoch}"),
            format!("optimiser-{epoch}"),
            format!("best-{}", state.best + 1),
        ]
        .map(|n| self.file(&n));
        let entries = std::fs::read_dir(&self.folder).map_err(HostError::io("list", &self.folder))?;
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.extension().is_some_and(|e| e == "bpk") && !keep.contains(&path) {
                std::fs::remove_file(&path).map_err(HostError::io("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// A copy that shares nothing: a plain clone of a batch normalisation keeps its running statistics in common with the
/// original, so that training the one would change the other.
pub(crate) fn independent<M: Module>(module: &M) -> M {
    module.valid().train()
}

/// Writes a module's weights.
///
/// # Errors
/// [`HostError::Io`].
pub(crate) fn save<M: Module>(path: &Path, module: &M) -> Result<()> {
    // Only in evaluation mode do running statistics hold the last batch.
    let bytes = module.valid().into_record().into_bytes().map_err(|e| HostError::damaged(path, e))?;
    files::write_atomic(path, &bytes)
}

/// Reads weights into a module of the same shape.
///
/// # Errors
/// [`HostError::Io`] or [`HostError::Damaged`].
pub(crate) fn load<M: Module>(path: &Path, module: M) -> Result<M> {
    let bytes = Bytes::from_bytes_vec(files::read(path)?);
    let record = ModuleRecord::from_bytes(bytes).map_err(|e| HostError::damaged(path, e))?;
    module.try_load_record(record).map_err(|e| HostError::damaged(path, e))
}
