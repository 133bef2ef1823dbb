//! The engine against Slurm's programs played by shell scripts: a plan says how each task of each job ends.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;

use super::state::State;
use super::*;
use crate::error::HostError;
use crate::study::engine::CellState;

/// `plan` holds lines `JOB SLUG STATE EXIT`; what it does not name ends well and leaves a record. `LOST` ends well without one.
const SBATCH: &str = r#"#!/bin/bash
d=$(dirname "$0"); script=$2
n=$(( $(cat "$d/count" 2>/dev/null || echo 0) + 1 )); echo $n >"$d/count"
if [ -e "$d/refuse" ]; then echo 'sbatch: error: invalid partition specified' >&2; exit 1; fi
cp "$script" "$d/script-$n"
list=$(sed -n "s/^cell=.* '\(.*\)')$/\1/p" "$script")
task=0
while read -r slug; do
  set -- $(sed -n "s/^$n $slug //p" "$d/plan") COMPLETED 0:0
  if [ "$1" = COMPLETED ]; then touch "$d/records/$slug"; fi
  echo "JobId=$((n * 100 + task)) ArrayJobId=$n ArrayTaskId=$task JobState=${1/LOST/COMPLETED} Reason=None ExitCode=$2" >>"$d/jobs-$n"
  echo "log of $slug" >"$(sed -n 's/^#SBATCH --output="\(.*\)\/%A_%a.log"$/\1/p' "$script")/${n}_$task.log"
  task=$((task + 1))
done <"$list"
echo 'a line of the site'
echo "$n;cluster"
"#;
const SCONTROL: &str = r#"#!/bin/bash
d=$(dirname "$0")
if [ -e "$d/down" ]; then rm "$d/down"; echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1; fi
if [ -e "$d/jobs-$4" ]; then cat "$d/jobs-$4"; else echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1; fi
"#;
const SACCT: &str = r#"#!/bin/bash
d=$(dirname "$0")
if [ -e "$d/accounting" ]; then cat "$d/accounting"; else echo 'Slurm accounting storage is disabled' >&2; exit 1; fi
"#;
const SCANCEL: &str = "#!/bin/bash\necho \"$@\" >>\"$(dirname \"$0\")/cancelled\"\n";

struct Cluster(tempfile::TempDir);

impl Cluster {
    fn new(plan: &str) -> Self {
        let cluster = Self(tempfile::tempdir().unwrap());
        for (name, text) in [("sbatch", SBATCH), ("scontrol", SCONTROL), ("sacct", SACCT), ("scancel", SCANCEL)] {
            cluster.write(name, text);
            let path = cluster.path(name);
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        std::fs::create_dir(cluster.path("records")).unwrap();
        cluster.write("plan", plan);
        cluster
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn run(&self, seeds: u64, change: fn(&mut SlurmConfig), progress: &Progress) -> Result<Vec<Failure>> {
        let mut config = SlurmConfig {
            poll_seconds: 0,
            grace_seconds: 0,
            memory_mb: Some(100),
            programs: Some(self.0.path().to_owned()),
            ..SlurmConfig::default()
        };
        change(&mut config);
        let out = self.path("out");
        let job = Job {
            out: &out,
            command: ["ushydra-host", "compare"].map(OsString::from).to_vec(),
            finished: &|key| Ok(self.path("records").join(key.slug()).exists()),
            run: &|_| Ok(CellState::Finished),
        };
        Slurm { config }.run(&job, &cells(seeds), progress)
    }
}

fn cells(seeds: u64) -> Vec<CellKey> {
    let key = |seed| CellKey { system: "s".into(), split: "p".into(), seed, variant: String::new() };
    (0..seeds).map(key).collect()
}

#[test]
fn causes_lead_to_new_attempts_and_at_last_to_a_failure() {
    struct Case {
        plan: &'static str,
        submissions: &'static str,
        failures: &'static [&'static str],
    }
    let cases = [
        Case { plan: "", submissions: "1\n", failures: &[] },
        Case { plan: "1 s.p.0 FAILED 0:9\n", submissions: "2\n", failures: &[] },
        Case { plan: "1 s.p.1 NODE_FAIL 1:0\n2 s.p.1 TIMEOUT 0:0\n", submissions: "3\n", failures: &[] },
        Case {
            plan: "1 s.p.1 FAILED 3:0\n2 s.p.1 FAILED 3:0\n3 s.p.1 FAILED 3:0\n",
            submissions: "3\n",
            failures: &["it ended with exit code 3, task 3_0, attempt 3 of 3", "log of s.p.1"],
        },
        Case {
            plan: "1 s.p.0 LOST 0:0\n2 s.p.0 CANCELLED 0:0\n3 s.p.0 OUT_OF_MEMORY 0:125\n",
            submissions: "3\n",
            failures: &["it ran out of memory", "raise slurm.memory_mb"],
        },
    ];
    for case in cases {
        let cluster = Cluster::new(case.plan);
        let failures = cluster.run(3, |_| (), &Progress::silent()).unwrap();
        assert_eq!(cluster.read("count"), case.submissions, "{}", case.plan);
        assert_eq!(failures.len(), usize::from(!case.failures.is_empty()), "{failures:?}");
        for part in case.failures {
            assert!(failures[0].problem.contains(part), "{part} in {failures:?}");
        }
    }
}

#[test]
fn memory_doubles_for_the_cell_that_lacked_it_and_arrays_have_a_limit() {
    let cluster = Cluster::new("1 s.p.1 OUT_OF_MEMORY 0:125\n2 s.p.2 FAILED 1:0\n");
    assert!(cluster.run(3, |c| c.array = 2, &Progress::silent()).unwrap().is_empty());
    let memory = |n: u32| cluster.read(&format!("script-{n}")).contains("--mem=200M");
    // The first two arrays hold two cells and one; the third again what failed in both, each with its own memory.
    assert_eq!(cluster.read("count"), "4\n");
    assert_eq!([1, 2, 3, 4].map(memory), [false, false, false, true]);
    assert!(cluster.read("script-1").contains("--array=0-1\n") && cluster.read("script-2").contains("--array=0-0\n"));
}

#[test]
fn a_stopped_program_follows_the_same_jobs_again() {
    let cluster = Cluster::new("1 s.p.0 RUNNING 0:0\n1 s.p.1 PENDING 0:0\n");
    let progress = Progress::silent();
    progress.stop_flag().store(true, Ordering::Relaxed);
    assert!(matches!(cluster.run(2, |_| (), &progress), Err(HostError::Stopped)));
    assert_eq!(cluster.read("cancelled"), "");
    let state = State::read(&cluster.path("out/slurm")).unwrap();
    assert_eq!(state.jobs(), [1]);
    // Meanwhile they end, and the controller forgets one of them that the accounting knows as failed.
    std::fs::write(cluster.path("records/s.p.0"), "").unwrap();
    std::fs::remove_file(cluster.path("jobs-1")).unwrap();
    cluster.write("accounting", "1_0|COMPLETED|0:0|None\n1_1|TIMEOUT|0:0|None\n");
    cluster.write("down", "");
    assert!(cluster.run(2, |_| (), &Progress::silent()).unwrap().is_empty());
    assert_eq!(cluster.read("count"), "2\n", "only what had failed was submitted again");
    assert!(State::read(&cluster.path("out/slurm")).unwrap().cells.is_empty());
    // Asked to, a stop ends the jobs.
    let cluster = Cluster::new("1 s.p.0 RUNNING 0:0\n");
    assert!(cluster.run(1, |c| c.cancel_on_stop = true, &progress).is_err());
    assert_eq!(cluster.read("cancelled"), "1\n");
}

#[test]
fn what_keeps_the_engine_from_working_is_named() {
    let cluster = Cluster::new("");
    cluster.write("refuse", "");
    let error = cluster.run(1, |_| (), &Progress::silent()).unwrap_err().to_string();
    assert!(error.contains("invalid partition specified") && error.contains("[slurm]"), "{error}");
    let error = cluster.run(1, |c| c.cpus = 0, &Progress::silent()).unwrap_err().to_string();
    assert!(error.contains("slurm.cpus = 0"), "{error}");
    let error = cluster.run(1, |c| c.programs = Some(Path::new("/nowhere").into()), &Progress::silent());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("/nowhere/sbatch cannot be run"), "{error}");
    // Nothing to do needs no cluster.
    std::fs::write(cluster.path("records/s.p.0"), "").unwrap();
    assert!(cluster.run(1, |_| (), &Progress::silent()).unwrap().is_empty());
}
