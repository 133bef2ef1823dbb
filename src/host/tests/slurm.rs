//! The engine `slurm` on a real cluster: `tests/slurm.sh` starts one and sets `USHYDRA_SLURM`; without it there is nothing to
//! see here.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ushydra_host::HostError;
use ushydra_host::progress::Progress;
use ushydra_host::study::CellKey;
use ushydra_host::study::engine::{CellState, Engine, Failure, Job, Slurm, SlurmConfig};

/// Leaves `cells/SLUG/cell.json`. Cell 1 fails at its first attempt, cell 2 waits to be killed at its first, cell 3 fails
/// always.
const CELL: &str = r#"#!/bin/bash
while [ "$1" != --cell ]; do shift; done
slug=$2; folder=$(dirname "$0")/cells/$slug; mkdir -p "$folder"
attempt=$(( $(cat "$folder/attempts" 2>/dev/null || echo 0) + 1 )); echo $attempt >"$folder/attempts"
case $slug/$attempt in
  *.1/1) echo 'the first attempt fails' >&2; exit 3 ;;
  *.2/1) touch "$folder/waiting"; sleep 600 ;;
  *.3/*) echo 'this cell cannot be computed' >&2; exit 3 ;;
esac
echo "{\"task\": \"$SLURM_JOB_ID\"}" >"$folder/cell.json"
"#;

const STUDY: &str = r#"
name = "miniature"
resamples = 100
[slurm]
poll_seconds = 1
retry_seconds = 0
grace_seconds = 20
cpus = 1
[classify]
recipe = "recipe.toml"
data = ["data.csv"]
weights = "weights.safetensors"
systems = ["vit", "ushydra-vit"]
splits = [{ name = "split-0" }]
printed = { low = "African", medium = "European", high = "Macao" }
"#;

/// Whether there is a cluster to test on.
fn cluster() -> bool {
    let there = std::env::var_os("USHYDRA_SLURM").is_some();
    if !there {
        eprintln!("skipped: USHYDRA_SLURM is not set; tests/slurm.sh starts a cluster and sets it");
    }
    there
}

fn cells(count: u64) -> Vec<CellKey> {
    let key = |seed| CellKey { system: "s".into(), split: "p".into(), seed, variant: String::new() };
    (0..count).map(key).collect()
}

fn run(out: &Path, cells: &[CellKey], progress: &Progress) -> ushydra_host::Result<Vec<Failure>> {
    let config = SlurmConfig {
        poll_seconds: 1,
        grace_seconds: 10,
        retries: 1,
        retry_seconds: 0,
        time: Some("00:05:00".into()),
        ..SlurmConfig::default()
    };
    let job = Job {
        out,
        command: ["bash", out.join("cell.sh").to_str().unwrap(), "compare", "it's"].map(OsString::from).to_vec(),
        finished: &|key| Ok(out.join("cells").join(key.slug()).join("cell.json").exists()),
        run: &|_| Ok(CellState::Finished),
    };
    Slurm { config }.run(&job, cells, progress)
}

#[test]
fn on_a_real_cluster() {
    if !cluster() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    std::fs::write(out.join("cell.sh"), CELL).unwrap();
    let waiting = out.join("cells/s.p.2/waiting");

    // The program is stopped while cell 2 is at work; its job goes on.
    let stop = Arc::new(AtomicBool::new(false));
    let (flag, watched) = (Arc::clone(&stop), waiting.clone());
    let watcher = std::thread::spawn(move || {
        while !watched.exists() {
            std::thread::sleep(Duration::from_millis(50));
        }
        flag.store(true, Ordering::Relaxed);
    });
    assert!(matches!(run(out, &cells(5), &Progress::quiet(stop)), Err(HostError::Stopped)));
    watcher.join().unwrap();

    // Somebody kills the cell's task while the program follows again: the cell is submitted once more.
    let state = std::fs::read_to_string(out.join("slurm/state.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let task = &state["cells"]["s.p.2"]["task"];
    let target = format!("{}_{}", task["job"], task["task"]);
    let killer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2));
        let status = Command::new("scancel").args(["--signal=KILL", "--full", &target]).status().unwrap();
        assert!(status.success());
    });
    let failures = run(out, &cells(5), &Progress::silent()).unwrap();
    killer.join().unwrap();
    assert_eq!(failures.len(), 1, "{failures:?}");
    let problem = &failures[0].problem;
    assert!(
        failures[0].key.seed == 3 && problem.contains("exit code 3") && problem.contains("attempt 2 of 2"),
        "{problem}"
    );
    assert!(problem.contains("this cell cannot be computed"), "{problem}");
    let attempts = |cell: u64| {
        std::fs::read_to_string(out.join(format!("cells/s.p.{cell}/attempts"))).unwrap().trim().parse::<u32>().unwrap()
    };
    assert_eq!([0, 1, 2, 3, 4].map(attempts), [1, 2, 2, 2, 1]);
    for cell in [0, 1, 2, 4] {
        assert!(out.join(format!("cells/s.p.{cell}/cell.json")).exists());
    }
    // Everything that can be computed is: the same command submits only what failed.
    assert_eq!(run(out, &cells(3), &Progress::silent()).unwrap(), []);
    assert_eq!(attempts(0), 1);
}

/// What a cell answered: its record without the time it took.
fn answers(record: &Path) -> serde_json::Value {
    let mut record: serde_json::Value = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
    record.as_object_mut().unwrap().remove("training_seconds");
    record
}

#[test]
fn a_study_gives_the_same_answers_on_both_engines() {
    if !cluster() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    common::pictures(at, 36);
    common::weights(&at.join("weights.safetensors"));
    common::recipe(at);
    std::fs::write(at.join("study.toml"), STUDY).unwrap();
    let compare = |engine: &str, out: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ushydra-host"));
        let arguments = ["-q", "compare", "--config", "study.toml", "--out", out, "--engine", engine];
        command.args(arguments).current_dir(at).output().unwrap()
    };
    let local = compare("local", "local");
    assert!(local.status.success(), "{}", String::from_utf8_lossy(&local.stderr));
    // The first task of the study that runs is killed.
    let done = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&done);
    let killer = std::thread::spawn(move || {
        while !ended.load(Ordering::Relaxed) {
            let list = Command::new("squeue")
                .args(["-h", "-r", "-t", "R", "-n", "ushydra-study", "-o", "%i %o"])
                .output()
                .unwrap();
            let list = String::from_utf8_lossy(&list.stdout).into_owned();
            let study = |line: &&str| line.contains("/slurm-out/");
            if let Some(task) = list.lines().find(study).and_then(|line| line.split(' ').next()) {
                return Command::new("scancel").args(["--signal=KILL", "--full", task]).status().unwrap().success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    });
    let slurm = compare("slurm", "slurm-out");
    done.store(true, Ordering::Relaxed);
    let killed = killer.join().unwrap();
    let error = String::from_utf8_lossy(&slurm.stderr).into_owned();
    assert!(slurm.status.success(), "{error}");
    assert!(killed && error.contains("submitted again"), "{error}");
    let mut count = 0;
    for cell in std::fs::read_dir(at.join("local/cells")).unwrap() {
        let cell = cell.unwrap().file_name();
        let record = |out: &str| answers(&at.join(out).join("cells").join(&cell).join("cell.json"));
        assert_eq!(record("local"), record("slurm-out"), "{cell:?}");
        count += 1;
    }
    assert_eq!(count, 2);
    assert_eq!(local.stdout, slurm.stdout, "the same tables");
}
