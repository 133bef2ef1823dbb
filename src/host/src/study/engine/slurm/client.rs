//! Slurm's programs.

use std::path::PathBuf;
use std::process::{Command, Output};

use super::config::SlurmConfig;
use super::parse::{self, TaskReport};
use crate::error::{HostError, Result};

/// Calls Slurm's programs.
pub(super) struct Client {
    programs: Option<PathBuf>,
}

impl Client {
    pub(super) fn new(config: &SlurmConfig) -> Self {
        Self { programs: config.programs.clone() }
    }

    /// Submits a script and returns the number of its job.
    ///
    /// # Errors
    /// [`HostError::Cluster`] with what sbatch says.
    pub(super) fn submit(&self, script: &std::path::Path) -> Result<u64> {
        let output = self.call("sbatch", &["--parsable".as_ref(), script.as_os_str()])?;
        let text = String::from_utf8_lossy(&output.stdout);
        // `12` or `12;cluster`; a site's wrapper may print lines before it.
        let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        let id = last.split(';').next().and_then(|id| id.trim().parse().ok());
        match id.filter(|_| output.status.success()) {
            Some(id) => Ok(id),
            None => Err(HostError::Cluster(format!(
                "sbatch refused {}: {}; correct [slurm] of the study's configuration",
                script.display(),
                said(&output)
            ))),
        }
    }

    /// What is known of the tasks of `jobs`: the controller's word, and the accounting's for what it has forgotten.
    ///
    /// # Errors
    /// [`HostError::Cluster`] where Slurm does not answer, which may pass.
    pub(super) fn tasks(&self, jobs: &[u64]) -> Result<Vec<TaskReport>> {
        let mut reports = Vec::new();
        for job in jobs {
            let id = job.to_string();
            let output = self.call("scontrol", &["show".as_ref(), "job".as_ref(), "-o".as_ref(), id.as_ref()])?;
            let found = parse::scontrol(&String::from_utf8_lossy(&output.stdout));
            let said = said(&output);
            // A job that has ended some minutes ago is an error for scontrol, and none for us.
            if !output.status.success() && found.is_empty() && !said.contains("Invalid job id") {
                return Err(HostError::Cluster(format!("scontrol: {said}")));
            }
            reports.extend(found);
        }
        let list = jobs.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        let arguments = ["-n", "-X", "--parsable2", "--format=JobID,State,ExitCode,Reason", "-j", list.as_str()];
        // Many clusters have no accounting; then the controller's word has to do.
        if let Ok(output) = self.call("sacct", &arguments.map(AsRef::as_ref))
            && output.status.success()
        {
            let known: std::collections::BTreeSet<(u64, u32)> = reports.iter().map(|r| (r.job, r.task)).collect();
            let found = parse::sacct(&String::from_utf8_lossy(&output.stdout));
            reports.extend(found.into_iter().filter(|r| !known.contains(&(r.job, r.task))));
        }
        Ok(reports)
    }

    /// Ends jobs.
    ///
    /// # Errors
    /// [`HostError::Cluster`] with what scancel says.
    pub(super) fn cancel(&self, jobs: &[u64]) -> Result<()> {
        let ids: Vec<String> = jobs.iter().map(u64::to_string).collect();
        let arguments: Vec<&std::ffi::OsStr> = ids.iter().map(AsRef::as_ref).collect();
        let output = self.call("scancel", &arguments)?;
        if output.status.success() { Ok(()) } else { Err(HostError::Cluster(format!("scancel: {}", said(&output)))) }
    }

    fn call(&self, program: &str, arguments: &[&std::ffi::OsStr]) -> Result<Output> {
        let path = self.programs.as_ref().map_or_else(|| PathBuf::from(program), |folder| folder.join(program));
        Command::new(&path).args(arguments).env("LC_ALL", "C").output().map_err(|e| {
            HostError::Cluster(format!(
                "{} cannot be run ({e}); install Slurm's programs on this machine, or name their folder as slurm.programs",
                path.display()
            ))
        })
    }
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let text = text.trim();
    if text.is_empty() { format!("no message, {}", output.status) } else { text.replace('\n', " ") }
}
