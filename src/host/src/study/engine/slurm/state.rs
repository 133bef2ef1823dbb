//! Which task is at which cell, kept on disk so that a stopped program goes on following.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::parse::Cause;
use crate::error::{HostError, Result};
use crate::files;

const STATE: &str = "state.json";

/// A task of an array job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct TaskId {
    pub(super) job: u64,
    pub(super) task: u32,
}

/// What is known of one cell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// The task that is at it.
    pub(super) task: Option<TaskId>,
    /// How often it was submitted since the operator last asked for it.
    pub(super) attempts: u32,
    /// How often it ran out of memory.
    pub(super) short_of_memory: u32,
    /// What ended the last attempt.
    pub(super) cause: Option<Cause>,
}

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// By slug.
    pub(super) cells: BTreeMap<String, Note>,
}

impl State {
    /// Reads the state; none yet is an empty one.
    ///
    /// # Errors
    /// [`HostError::Io`]; [`HostError::Damaged`], because jobs may be running that nobody would follow.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = file(folder);
        if !path.exists() {
            return Ok(Self::default());
        }
        files::read_json(&path).map_err(|error| match error {
            HostError::Damaged { path, problem } => HostError::Cluster(format!(
                "{} is damaged ({problem}), so that running jobs cannot be told; see them with `squeue --name={}`, cancel them or \
                 wait for their end, delete the file and run the same command again",
                path.display(),
                super::script::JOB_NAME
            )),
            other => other,
        })
    }

    /// Writes the state.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        files::write_json(&file(folder), self)
    }

    /// Jobs that are at some cell.
    pub(super) fn jobs(&self) -> Vec<u64> {
        let mut jobs: Vec<u64> = self.cells.values().filter_map(|note| note.task).map(|task| task.job).collect();
        jobs.sort_unstable();
        jobs.dedup();
        jobs
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join(STATE)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn kept_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(State::read(dir.path()).unwrap(), State::default());
        let mut state = State::default();
        let task = |job, task| Some(TaskId { job, task });
        state.cells.insert("a".into(), Note { task: task(7, 1), attempts: 1, ..Note::default() });
        state.cells.insert("b".into(), Note { task: task(5, 0), cause: Some(Cause::Memory), ..Note::default() });
        state.cells.insert("c".into(), Note { task: task(7, 0), ..Note::default() });
        state.write(dir.path()).unwrap();
        assert_eq!(State::read(dir.path()).unwrap(), state);
        assert_eq!(state.jobs(), [5, 7]);
        std::fs::write(dir.path().join(STATE), "{").unwrap();
        let error = State::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("squeue --name=ushydra-study"), "{error}");
    }
}
