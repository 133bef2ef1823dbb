//! Submitting cells, following their tasks, and submitting again what failed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::client::Client;
use super::config::SlurmConfig;
use super::parse::{Cause, Phase, TaskReport};
use super::script::Array;
use super::state::{Note, State, TaskId};
use crate::error::{HostError, Result};
use crate::files;
use crate::progress::{Bar, Progress};
use crate::study::engine::{Failure, Job};
use crate::study::record::CellKey;

/// Looks in a row at a Slurm that does not answer, before the program gives up following.
const PATIENCE: u32 = 30;
/// Between two questions whether to stop.
const BLINK: Duration = Duration::from_millis(100);
/// Bytes at the end of a log that the last line is looked for in.
const TAIL: usize = 4096;

/// Follows the cells of one call.
pub(super) struct Follower<'a> {
    config: &'a SlurmConfig,
    job: &'a Job<'a>,
    client: Client,
    folder: PathBuf,
    state: State,
    /// Cells that have neither a record nor failed for good, by slug.
    open: BTreeMap<String, CellKey>,
    failures: Vec<Failure>,
    /// Since when a task is missing what it should have: its record, or Slurm's knowledge of it.
    missing: BTreeMap<TaskId, Instant>,
}

impl<'a> Follower<'a> {
    pub(super) fn new(config: &'a SlurmConfig, job: &'a Job<'a>, cells: &[CellKey]) -> Result<Self> {
        config.check().map_err(HostError::Cluster)?;
        // Tasks run in another folder, on other machines.
        let out = std::path::absolute(job.out).map_err(HostError::io("find", job.out))?;
        let folder = out.join("slurm");
        let mut state = State::read(&folder)?;
        for note in state.cells.values_mut().filter(|note| note.task.is_none()) {
            // The operator asks again, perhaps after having repaired something.
            note.attempts = 0;
        }
        let open = cells.iter().map(|key| (key.slug(), key.clone())).collect();
        let client = Client::new(config);
        Ok(Self { config, job, client, folder, state, open, failures: Vec::new(), missing: BTreeMap::new() })
    }

    pub(super) fn run(mut self, progress: &Progress) -> Result<Vec<Failure>> {
        let bar = progress.bar("cells on Slurm", self.open.len());
        let mut silent = 0;
        self.collect(&bar)?;
        let jobs = self.state.jobs();
        if !jobs.is_empty() && !self.open.is_empty() {
            log::info!("following the jobs {jobs:?} of an earlier call");
        }
        while !self.open.is_empty() {
            match self.look() {
                Ok(()) => silent = 0,
                Err(error @ HostError::Cluster(_)) if silent < PATIENCE => {
                    if silent == 0 {
                        log::warn!("{error}; looking again in {} s", self.config.poll_seconds);
                    }
                    silent += 1;
                }
                Err(error) => return Err(error),
            }
            self.collect(&bar)?;
            if silent == 0 {
                self.submit()?;
            }
            if !self.open.is_empty() {
                self.wait(progress)?;
            }
        }
        bar.done();
        self.failures.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(self.failures)
    }

    /// Takes finished cells off the list.
    fn collect(&mut self, bar: &Bar) -> Result<()> {
        let mut finished = Vec::new();
        for (slug, key) in &self.open {
            if (self.job.finished)(key)? {
                finished.push(slug.clone());
            }
        }
        for slug in &finished {
            self.open.remove(slug);
            self.state.cells.remove(slug);
            // A stop is heeded while waiting, where the jobs are told of.
            let _ = bar.step();
        }
        if !finished.is_empty() {
            self.state.write(&self.folder)?;
        }
        Ok(())
    }

    /// Asks Slurm about every task and settles those that ended.
    fn look(&mut self) -> Result<()> {
        let tasks: Vec<(String, TaskId)> =
            self.open.keys().filter_map(|slug| Some((slug.clone(), self.state.cells.get(slug)?.task?))).collect();
        if tasks.is_empty() {
            return Ok(());
        }
        let reports = self.client.tasks(&self.state.jobs())?;
        let mut changed = false;
        for (slug, id) in tasks {
            let report = reports.iter().find(|r| r.job == id.job && r.task == id.task);
            let cause = match report.map(|r| &r.phase) {
                Some(Phase::Waiting | Phase::Running) => {
                    self.missing.remove(&id);
                    continue;
                }
                Some(Phase::Failed(cause)) => cause.clone(),
                // The shared storage shows a record later than Slurm the end of its task, and accounting a new job later than
                // sbatch its number.
                Some(Phase::Done) if self.overdue(id) => Cause::NoRecord,
                None if self.overdue(id) => Cause::Forgotten,
                Some(Phase::Done) | None => continue,
            };
            let key = self.open.get(&slug);
            if key.is_some_and(|key| (self.job.finished)(key).unwrap_or(false)) {
                continue;
            }
            self.settle(&slug, id, &cause, report);
            changed = true;
        }
        if changed { self.state.write(&self.folder) } else { Ok(()) }
    }

    fn overdue(&mut self, id: TaskId) -> bool {
        let since = self.missing.entry(id).or_insert_with(Instant::now);
        since.elapsed() >= Duration::from_secs(self.config.grace_seconds)
    }

    /// Notes why a task ended without a record; after the last attempt the cell has failed.
    fn settle(&mut self, slug: &str, id: TaskId, cause: &Cause, report: Option<&TaskReport>) {
        let note = self.state.cells.entry(slug.to_owned()).or_default();
        note.task = None;
        note.cause = Some(cause.clone());
        note.short_of_memory += u32::from(*cause == Cause::Memory);
        let attempts = (note.attempts, self.config.retries.saturating_add(1));
        let reason = report.map(|r| r.reason.as_str()).filter(|r| !r.is_empty());
        let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        let log = self.folder.join("logs").join(format!("{}_{}.log", id.job, id.task));
        let last = last_line(&log).map_or_else(String::new, |line| format!(": {line}"));
        let problem = format!(
            "{cause}{reason}, task {}_{}, attempt {} of {}; log {}{last}",
            id.job,
            id.task,
            attempts.0,
            attempts.1,
            log.display()
        );
        if attempts.0 < attempts.1 {
            log::warn!("{slug}: {problem}; it is submitted again");
        } else if let Some(key) = self.open.remove(slug) {
            log::error!("{slug}: {problem}");
            self.failures.push(Failure { key, problem: format!("{problem}{}", remedy(cause)) });
        }
    }

    /// Submits every open cell that no task is at.
    fn submit(&mut self) -> Result<()> {
        let mut groups: BTreeMap<(bool, Option<u64>), Vec<String>> = BTreeMap::new();
        for slug in self.open.keys() {
            let note = self.state.cells.get(slug).cloned().unwrap_or_default();
            if note.task.is_none() {
                let memory = self.config.memory_mb.map(|mb| mb.saturating_mul(1 << note.short_of_memory.min(16)));
                groups.entry((note.attempts > 0, memory)).or_default().push(slug.clone());
            }
        }
        for (group, slugs) in groups {
            for chunk in slugs.chunks(self.config.array) {
                self.submit_array(chunk, group)?;
            }
        }
        Ok(())
    }

    fn submit_array(&mut self, slugs: &[String], (again, memory_mb): (bool, Option<u64>)) -> Result<()> {
        let logs = self.folder.join("logs");
        std::fs::create_dir_all(&logs).map_err(HostError::io("create the folder", &logs))?;
        let stem = self.stem();
        let list = self.folder.join(format!("{stem}.cells"));
        files::write_atomic(&list, format!("{}\n", slugs.join("\n")).as_bytes())?;
        let array = Array {
            config: self.config,
            command: &self.job.command,
            list: &list,
            logs: &logs,
            cells: slugs.len(),
            memory_mb,
            again,
        };
        let script = self.folder.join(format!("{stem}.sh"));
        files::write_atomic(&script, array.text()?.as_bytes())?;
        let job = self.client.submit(&script)?;
        for (task, slug) in slugs.iter().enumerate() {
            let note: &mut Note = self.state.cells.entry(slug.clone()).or_default();
            note.task = Some(TaskId { job, task: task as u32 });
            note.attempts += 1;
        }
        self.state.write(&self.folder)?;
        log::info!("{} cells submitted as job {job}", slugs.len());
        Ok(())
    }

    /// A name for a script that no earlier call has used: a task reads its list when it starts.
    fn stem(&self) -> String {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let free = |n: &u32| !self.folder.join(format!("array-{seconds}-{n}.cells")).exists();
        let n = (0..u32::MAX).find(free).unwrap_or(0);
        format!("array-{seconds}-{n}")
    }

    fn wait(&self, progress: &Progress) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(self.config.poll_seconds);
        loop {
            if progress.check().is_err() {
                return Err(self.stopped());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(BLINK));
        }
    }

    /// What happens to the jobs when the program is stopped.
    fn stopped(&self) -> HostError {
        let jobs = self.state.jobs();
        let ids = jobs.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
        if jobs.is_empty() {
            return HostError::Stopped;
        }
        if self.config.cancel_on_stop {
            match self.client.cancel(&jobs) {
                Ok(()) => log::warn!("jobs {ids} were cancelled; the same command submits their cells again"),
                Err(error) => log::error!("{error}; end the jobs with `scancel {ids}`"),
            }
        } else {
            log::warn!(
                "jobs {ids} go on without this program: the same command follows them again, `scancel {ids}` ends them"
            );
        }
        HostError::Stopped
    }
}

/// What the operator can do about a cell that failed for good.
fn remedy(cause: &Cause) -> &'static str {
    match cause {
        Cause::Memory => "; raise slurm.memory_mb",
        Cause::Time => "; raise slurm.time, or run the same command again to go on from the checkpoints",
        Cause::Node | Cause::Preempted | Cause::Cancelled | Cause::Forgotten => "; run the same command again",
        Cause::Deadline => "; remove the deadline from slurm.options",
        Cause::Exit { .. } => "; the log tells why; afterwards run the same command again",
        Cause::NoRecord => "; make sure that the nodes see the same folder, or raise slurm.grace_seconds",
    }
}

/// The last line of a log that says something.
fn last_line(log: &Path) -> Option<String> {
    let bytes = std::fs::read(log).ok()?;
    let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
    let text = String::from_utf8_lossy(tail);
    text.lines().rfind(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned())
}
