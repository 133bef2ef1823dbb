//! What Slurm's programs print about tasks, told from text that has been the same since Slurm 17: `scontrol show job -o`
//! and `sacct --parsable2`. Their JSON has changed its shape between releases and needs a plugin, so it is not read.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a task ended without success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The program failed by itself, or a signal ended it (0 for none).
    Exit {
        /// Exit code.
        code: i32,
        /// Signal.
        signal: i32,
    },
    /// It needed more memory than it was given.
    Memory,
    /// It needed more time than it was given.
    Time,
    /// Its node failed or did not boot.
    Node,
    /// Somebody cancelled it.
    Cancelled,
    /// A more urgent job took its place.
    Preempted,
    /// Its time limit cannot be kept, or it can never start.
    Deadline,
    /// It ended, but there is no record of its cell.
    NoRecord,
    /// Neither Slurm's controller nor its accounting knows it any more.
    Forgotten,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit { code, signal: 0 } => write!(f, "it ended with exit code {code}"),
            Self::Exit { signal, .. } => write!(f, "signal {signal} ended it"),
            Self::Memory => f.write_str("it ran out of memory"),
            Self::Time => f.write_str("it ran out of time"),
            Self::Node => f.write_str("its node failed"),
            Self::Cancelled => f.write_str("it was cancelled"),
            Self::Preempted => f.write_str("a more urgent job took its place"),
            Self::Deadline => f.write_str("its deadline cannot be kept"),
            Self::NoRecord => f.write_str("it ended well but left no record"),
            Self::Forgotten => f.write_str("Slurm no longer knows it"),
        }
    }
}

/// Where a task stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not started yet.
    Waiting,
    /// At work, or on its way in or out.
    Running,
    /// Ended well.
    Done,
    /// Ended otherwise.
    Failed(Cause),
}

/// One task of an array job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskReport {
    /// Array job.
    pub job: u64,
    /// Index in the array.
    pub task: u32,
    /// Where it stands.
    pub phase: Phase,
    /// Why it waits or failed, in Slurm's words; may be empty.
    pub reason: String,
}

/// Tasks in the output of `scontrol show job -o JOB`: one line of `Key=value` pairs per task, tasks that wait together on one
/// line. What is no such line is passed over.
#[must_use]
pub(super) fn scontrol(text: &str) -> Vec<TaskReport> {
    let mut reports = Vec::new();
    for line in text.lines() {
        let field = |key: &str| line.split_whitespace().find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
        let job = field("ArrayJobId").or_else(|| field("JobId")).and_then(|id| id.parse().ok());
        let (Some(job), Some(state)) = (job, field("JobState")) else { continue };
        let tasks = field("ArrayTaskId").map_or_else(|| vec![0], indices);
        let phase = phase(state, field("ExitCode").unwrap_or_default());
        let reason = field("Reason").filter(|r| *r != "None").unwrap_or_default();
        reports.extend(report(job, tasks, &phase, reason));
    }
    reports
}

/// Tasks in the output of `sacct -n -X --parsable2 --format=JobID,State,ExitCode,Reason`. Steps and what is no such line are
/// passed over.
#[must_use]
pub(super) fn sacct(text: &str) -> Vec<TaskReport> {
    let mut reports = Vec::new();
    for line in text.lines() {
        let mut fields = line.split('|');
        let (Some(id), Some(state)) = (fields.next(), fields.next()) else { continue };
        let (exit, reason) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let (job, tasks) = match id.split_once('_') {
            Some((job, tasks)) => (job, indices(tasks.trim_start_matches('[').trim_end_matches(']'))),
            None => (id, vec![0]),
        };
        let Ok(job) = job.parse() else { continue };
        let reason = if reason == "None" { "" } else { reason };
        reports.extend(report(job, tasks, &phase(state, exit), reason));
    }
    reports
}

fn report(job: u64, tasks: Vec<u32>, phase: &Phase, reason: &str) -> impl Iterator<Item = TaskReport> {
    let (phase, reason) = (phase.clone(), reason.to_owned());
    tasks.into_iter().map(move |task| TaskReport { job, task, phase: phase.clone(), reason: reason.clone() })
}

/// Largest index that is believed; Slurm allows 4 million.
const MAX_INDEX: u32 = 4_000_000;

/// `3`, `0-4`, `1,3,5-7`, `0-10:2`, each perhaps with `%2` at the end; none for anything else.
fn indices(text: &str) -> Vec<u32> {
    let text = text.split_once('%').map_or(text, |(before, _)| before);
    let range = |part: &str| -> Option<Vec<u32>> {
        let (range, step) = part.split_once(':').unwrap_or((part, "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last, step): (u32, u32, usize) = (first.parse().ok()?, last.parse().ok()?, step.parse().ok()?);
        (last <= MAX_INDEX && step > 0).then(|| (first..=last).step_by(step).collect())
    };
    text.split(',').filter_map(range).flatten().collect()
}

/// Slurm's name of a state, perhaps with words behind it (`CANCELLED by 1000`) or `+` at its end, and an exit code `1:0`.
fn phase(state: &str, exit: &str) -> Phase {
    let state = state.split_whitespace().next().unwrap_or_default().trim_end_matches('+').to_ascii_uppercase();
    let (code, signal) = exit.split_once(':').unwrap_or((exit, "0"));
    let (code, signal) = (code.parse().unwrap_or(0), signal.parse().unwrap_or(0));
    match state.as_str() {
        "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" | "RESV_DEL_HOLD" => Phase::Waiting,
        "COMPLETED" => Phase::Done,
        "FAILED" => Phase::Failed(Cause::Exit { code, signal }),
        "OUT_OF_MEMORY" => Phase::Failed(Cause::Memory),
        "TIMEOUT" => Phase::Failed(Cause::Time),
        "NODE_FAIL" | "BOOT_FAIL" => Phase::Failed(Cause::Node),
        "CANCELLED" | "REVOKED" => Phase::Failed(Cause::Cancelled),
        "PREEMPTED" => Phase::Failed(Cause::Preempted),
        "DEADLINE" => Phase::Failed(Cause::Deadline),
        // RUNNING, COMPLETING, CONFIGURING, SUSPENDED, STOPPED, SIGNALING, STAGE_OUT, RESIZING, and whatever comes next.
        _ => Phase::Running,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn array_indices() {
        for (text, expected) in [
            ("3", vec![3]),
            ("0-3", vec![0, 1, 2, 3]),
            ("1,3,5-7%2", vec![1, 3, 5, 6, 7]),
            ("0-6:3", vec![0, 3, 6]),
            ("N/A", vec![]),
            ("0-4000000000", vec![]),
            ("5-2", vec![]),
            ("1-2:0", vec![]),
        ] {
            assert_eq!(indices(text), expected, "{text}");
        }
    }

    #[test]
    fn output_of_scontrol() {
        let text = "JobId=12 ArrayJobId=10 ArrayTaskId=1 JobName=ushydra UserId=root(0) JobState=RUNNING Reason=None \
                    Dependency=(null) ExitCode=0:0 NodeList=n1\n\
                    JobId=10 ArrayJobId=10 ArrayTaskId=3-4%2 JobName=ushydra JobState=PENDING Reason=Resources ExitCode=0:0\n\
                    JobId=11 ArrayJobId=10 ArrayTaskId=0 JobName=ushydra JobState=FAILED Reason=NonZeroExitCode ExitCode=3:0\n\
                    JobId=13 ArrayJobId=10 ArrayTaskId=2 JobState=OUT_OF_MEMORY Reason=OutOfMemory ExitCode=0:125\n\
                    slurm_load_jobs error: Invalid job id specified\n\nJobId=x JobState=RUNNING\n";
        let found = scontrol(text);
        let of = |task| found.iter().find(|r| r.task == task).map(|r| (r.job, r.phase.clone(), r.reason.as_str()));
        assert_eq!(found.len(), 5);
        assert_eq!(of(0), Some((10, Phase::Failed(Cause::Exit { code: 3, signal: 0 }), "NonZeroExitCode")));
        assert_eq!(of(1), Some((10, Phase::Running, "")));
        assert_eq!(of(2), Some((10, Phase::Failed(Cause::Memory), "OutOfMemory")));
        assert_eq!(of(4), Some((10, Phase::Waiting, "Resources")));
    }

    #[test]
    fn output_of_sacct() {
        let text = "10_0|COMPLETED|0:0|None\n10_1|CANCELLED by 1000|0:0|None\n10_2|TIMEOUT|0:0|\n10_3|NODE_FAIL|1:0|NodeDown\n\
                    10_[5-6%2]|PENDING|0:0|Priority\n10_4|FAILED|0:9|None\n10_0.batch|COMPLETED|0:0|\n7|RUNNING|0:0|\n\
                    10_7|DEADLINE|0:0|None\n10_8|PREEMPTED|0:0|\n|||\nSlurm accounting storage is disabled\n";
        let found = sacct(text);
        let of = |job, task| found.iter().find(|r| r.job == job && r.task == task).map(|r| r.phase.clone());
        let expected = [
            (10, 0, Phase::Done),
            (10, 1, Phase::Failed(Cause::Cancelled)),
            (10, 2, Phase::Failed(Cause::Time)),
            (10, 3, Phase::Failed(Cause::Node)),
            (10, 4, Phase::Failed(Cause::Exit { code: 0, signal: 9 })),
            (10, 5, Phase::Waiting),
            (10, 6, Phase::Waiting),
            (10, 7, Phase::Failed(Cause::Deadline)),
            (10, 8, Phase::Failed(Cause::Preempted)),
            (7, 0, Phase::Running),
        ];
        for (job, task, phase) in expected {
            assert_eq!(of(job, task), Some(phase), "{job}_{task}");
        }
        assert_eq!(found.len(), 10);
        assert_eq!(Cause::Exit { code: 0, signal: 9 }.to_string(), "signal 9 ended it");
    }
}
