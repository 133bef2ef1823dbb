//! `[slurm]` of a study's configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of the cluster; what is left out is the cluster's own default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlurmConfig {
    /// `--partition`.
    pub partition: Option<String>,
    /// `--account`.
    pub account: Option<String>,
    /// `--time` of one cell, for example `04:00:00`. A cell that runs out of it goes on from its checkpoints when it is
    /// submitted again.
    pub time: Option<String>,
    /// `--mem` of one cell in MiB; doubled whenever the cell ran out of it.
    pub memory_mb: Option<u64>,
    /// `--cpus-per-task`.
    pub cpus: u32,
    /// Cells that run at the same time at most.
    pub parallel: Option<u32>,
    /// Tasks of one array job at most (`MaxArraySize` of the cluster minus one).
    pub array: usize,
    /// Further options of `sbatch`, one per entry, for example `--gres=gpu:1`.
    pub options: Vec<String>,
    /// Lines of the job script before the program, for example `module load libtorch`.
    pub setup: Vec<String>,
    /// How often a failed cell is submitted again.
    pub retries: u32,
    /// Seconds before a failed cell starts again: the lock of a process that died on another machine holds for a minute.
    pub retry_seconds: u64,
    /// Seconds between two looks.
    pub poll_seconds: u64,
    /// Seconds that a finished task's record may take to appear on the shared storage, and a new job to be known.
    pub grace_seconds: u64,
    /// Whether a stop of this program also ends the jobs.
    pub cancel_on_stop: bool,
    /// Folder of `sbatch`, `scontrol`, `sacct` and `scancel`; none looks in PATH.
    pub programs: Option<PathBuf>,
}

impl Default for SlurmConfig {
    fn default() -> Self {
        Self {
            partition: None,
            account: None,
            time: None,
            memory_mb: None,
            cpus: 1,
            parallel: None,
            array: 1000,
            options: Vec::new(),
            setup: Vec::new(),
            retries: 2,
            retry_seconds: 75,
            poll_seconds: 10,
            grace_seconds: 60,
            cancel_on_stop: false,
            programs: None,
        }
    }
}

impl SlurmConfig {
    /// The first value that cannot work.
    ///
    /// # Errors
    /// Cause and remedy.
    pub fn check(&self) -> std::result::Result<(), String> {
        for (name, value) in [("cpus", self.cpus as usize), ("array", self.array)] {
            if value == 0 {
                return Err(format!("slurm.{name} = 0; use at least 1"));
            }
        }
        let zero = [("parallel", self.parallel.map(u64::from)), ("memory_mb", self.memory_mb)];
        if let Some((name, _)) = zero.iter().find(|(_, value)| *value == Some(0)) {
            return Err(format!("slurm.{name} = 0; use at least 1, or leave it out"));
        }
        let texts = [&self.partition, &self.account, &self.time];
        let lines = texts.into_iter().flatten().chain(&self.options);
        for text in lines {
            if text.is_empty() || text.contains(['\n', '\r']) {
                return Err(format!("slurm: {text:?} is no option of sbatch; write one line"));
            }
        }
        match self.options.iter().find(|option| !option.starts_with('-')) {
            Some(option) => {
                Err(format!("slurm.options: `{option}`; an option begins with `-`, for example --gres=gpu:1"))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checked() {
        assert_eq!(SlurmConfig::default().check(), Ok(()));
        let change = |change: fn(&mut SlurmConfig)| {
            let mut config = SlurmConfig::default();
            change(&mut config);
            config.check().err().unwrap_or_default()
        };
        for (error, expected) in [
            (change(|c| c.cpus = 0), "slurm.cpus = 0"),
            (change(|c| c.parallel = Some(0)), "slurm.parallel = 0"),
            (change(|c| c.time = Some("1:00\nrm".into())), "write one line"),
            (change(|c| c.options.push("gres=gpu".into())), "begins with `-`"),
        ] {
            assert!(error.contains(expected), "{error}");
        }
    }
}
