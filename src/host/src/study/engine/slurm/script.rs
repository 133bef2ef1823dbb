//! The job script of an array of cells.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::config::SlurmConfig;
use crate::error::{HostError, Result};

/// Name of the jobs.
pub(super) const JOB_NAME: &str = "ushydra-study";

/// What one array job needs to know.
pub(super) struct Array<'a> {
    pub(super) config: &'a SlurmConfig,
    /// Program and arguments; `--cell SLUG` is appended.
    pub(super) command: &'a [OsString],
    /// File with one slug per line, in the order of the tasks.
    pub(super) list: &'a Path,
    /// Folder of the logs.
    pub(super) logs: &'a Path,
    /// Number of cells.
    pub(super) cells: usize,
    /// `--mem` in MiB.
    pub(super) memory_mb: Option<u64>,
    /// Whether these cells failed before.
    pub(super) again: bool,
}

impl Array<'_> {
    /// The script.
    ///
    /// # Errors
    /// [`HostError::Cluster`] for a path or argument that cannot stand in a script.
    pub(super) fn text(&self) -> Result<String> {
        let config = self.config;
        let last = self.cells.saturating_sub(1);
        let parallel = config.parallel.map_or_else(String::new, |n| format!("%{n}"));
        let logs = plain(self.logs.as_os_str())?;
        if logs.contains('%') || logs.contains('\\') {
            return Err(HostError::Cluster(format!(
                "{logs}: Slurm reads `%` and `\\` in paths of logs; choose another --out"
            )));
        }
        let mut options = vec![
            format!("--job-name={JOB_NAME}"),
            format!("--array=0-{last}{parallel}"),
            // A failed task comes back here, where its cause is counted and shown.
            "--no-requeue".to_owned(),
            "--ntasks=1".to_owned(),
            format!("--cpus-per-task={}", config.cpus),
        ];
        let given = [("partition", &config.partition), ("account", &config.account), ("time", &config.time)];
        options.extend(given.iter().filter_map(|(name, value)| Some(format!("--{name}={}", (*value).as_ref()?))));
        options.extend(self.memory_mb.map(|mb| format!("--mem={mb}M")));
        if self.again && config.retry_seconds > 0 {
            options.push(format!("--begin=now+{}", config.retry_seconds));
        }
        options.extend(config.options.iter().cloned());
        let mut text = "#!/bin/bash\n".to_owned();
        options.iter().for_each(|option| text.push_str(&format!("#SBATCH {option}\n")));
        // sbatch splits these lines at blanks but for quotes.
        text.push_str(&format!("#SBATCH --output=\"{logs}/%A_%a.log\"\n\nset -eu\n"));
        config.setup.iter().for_each(|line| text.push_str(&format!("{line}\n")));
        let list = quoted(self.list.as_os_str())?;
        text.push_str(&format!("cell=$(sed -n \"$((SLURM_ARRAY_TASK_ID + 1))p\" {list})\n"));
        let words = self.command.iter().map(|word| quoted(word)).collect::<Result<Vec<_>>>()?;
        text.push_str(&format!("exec {} --cell \"$cell\"\n", words.join(" ")));
        Ok(text)
    }
}

fn plain(text: &OsStr) -> Result<&str> {
    let text = text.to_str().filter(|text| !text.contains(['\n', '\r', '\0', '"']));
    text.ok_or_else(|| {
        HostError::Cluster("a path with line breaks, quotes or no text cannot stand in a job script".to_owned())
    })
}

/// `text` as one word of the shell.
fn quoted(text: &OsStr) -> Result<String> {
    let text = text.to_str().filter(|text| !text.contains('\0'));
    let text =
        text.ok_or_else(|| HostError::Cluster("an argument that is no text cannot stand in a job script".to_owned()))?;
    Ok(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn script_runs_the_cell_of_its_task() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("it's the list");
        std::fs::write(&list, "a.split-0.1\nb.split-0.1\n").unwrap();
        let config = SlurmConfig {
            partition: Some("long".into()),
            time: Some("01:00:00".into()),
            parallel: Some(4),
            options: vec!["--gres=gpu:1".into()],
            setup: vec!["export GREETING=hello".into()],
            ..SlurmConfig::default()
        };
        let command = ["/bin/sh", "-c", "echo \"$GREETING $0 $1 $2\"", "it's"].map(OsString::from);
        let array = Array {
            config: &config,
            command: &command,
            list: &list,
            logs: dir.path(),
            cells: 2,
            memory_mb: Some(512),
            again: true,
        };
        let text = array.text().unwrap();
        for option in [
            "--array=0-1%4",
            "--partition=long",
            "--time=01:00:00",
            "--mem=512M",
            "--gres=gpu:1",
            "--cpus-per-task=1",
            "--no-requeue",
            "--begin=now+75",
        ] {
            assert!(text.contains(&format!("#SBATCH {option}\n")), "{option} in {text}");
        }
        assert!(!text.contains("account"), "{text}");
        let script = dir.path().join("script");
        std::fs::write(&script, text).unwrap();
        let output = std::process::Command::new("bash").arg(&script).env("SLURM_ARRAY_TASK_ID", "1").output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "hello it's --cell b.split-0.1\n");
    }

    #[test]
    fn paths_that_slurm_would_misread_are_refused() {
        let config = SlurmConfig::default();
        for logs in ["/a%b", "/a\"b", "/a\nb"] {
            let logs = Path::new(logs);
            let array =
                Array { config: &config, command: &[], list: logs, logs, cells: 1, memory_mb: None, again: false };
            assert!(array.text().is_err(), "{logs:?}");
        }
    }
}
