//! The engine `slurm` on a real cluster: `tests/slurm.sh` starts one and sets `USHYDRA_SLURM`; without it there is nothing to
//! see here.

#![allow(clippy::unwrap_used, reason = "tests")]

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
    if std::env::var_os("USHYDRA_SLURM").is_none() {
        eprintln!("skipped: USHYDRA_SLURM is not set; tests/slurm.sh starts a cluster and sets it");
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
