//! The program as a newcomer meets it: the shipped bundle, the demo cine, real pictures. Skipped with a line that says so
//! where the bundle or the data are absent.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;

use std::process::Command;

use common::{finish, program};
use ushydra_tests::data;

/// Peak memory of `run` with one bundle on the CPU, in MiB.
const MEMORY_LIMIT: u64 = 350;

/// The program in the root of the repository with the shipped bundles.
fn at_home(who: &str) -> Option<Command> {
    let folder = data::bundle("fetal-planes", who)?;
    let mut command = program();
    command.current_dir(data::repository()).env("USHYDRA_MODELS", folder.parent().unwrap());
    Some(command)
}

#[test]
fn the_first_command_judges_the_demo_cine() {
    let Some(mut command) = at_home("the_first_command_judges_the_demo_cine") else { return };
    let answer = finish(command.args(["run", "--replay", "fast", "--json"]));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let records = answer.json();
    assert_eq!(records.len(), 30);
    for record in records {
        assert_eq!(record["routing"]["in_domain"], false, "a heart is no fetal plane: {record}");
        assert_eq!(record["result"]["abstained"], true, "{record}");
    }
    let peak = answer.stderr.lines().find_map(|l| l.strip_prefix("peak memory: ")?.strip_suffix(" MiB")?.parse().ok());
    let peak: u64 = peak.unwrap_or_else(|| panic!("no peak memory in {}", answer.stderr));
    assert!(peak <= MEMORY_LIMIT, "{peak} MiB");
}

#[test]
fn a_live_replay_drops_what_it_cannot_judge() {
    let Some(mut command) = at_home("a_live_replay_drops_what_it_cannot_judge") else { return };
    let answer = finish(command.args(["run", "--json", "--threads", "1", "--loop", "--frames", "10"]));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let records = answer.json();
    for (judged, record) in records.iter().enumerate() {
        let live = |field: &str| record["live"][field].as_u64().unwrap();
        let skipped = live("sequence") - judged as u64;
        assert!(live("dropped") >= skipped, "every skipped frame is counted as dropped: {record}");
    }
}

#[test]
fn the_shipped_bundle_passes_its_own_tests() {
    const WHO: &str = "the_shipped_bundle_passes_its_own_tests";
    for command in [&["selftest"][..], &["bundle", "verify"], &["doctor"]] {
        let Some(mut program) = at_home(WHO) else { return };
        let answer = finish(program.args(command));
        assert_eq!(answer.code, 0, "{command:?}: {}{}", answer.stdout, answer.stderr);
    }
}

#[test]
fn real_planes_give_valid_records_and_overlays() {
    const WHO: &str = "real_planes_give_valid_records_and_overlays";
    /// Pictures of each source.
    const FEW: usize = 4;
    let Some(images) = data::real("fetal-planes", WHO) else { return };
    let Some(mut command) = at_home(WHO) else { return };
    let scratch = tempfile::tempdir().unwrap();
    let mut inputs = Vec::new();
    for source in ["africa", "barcelona"] {
        let mut files: Vec<_> = std::fs::read_dir(images.join(source)).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        inputs.extend(files.into_iter().take(FEW));
    }
    let answer = finish(command.args(["infer", "--json", "--overlay"]).arg(scratch.path()).args(&inputs));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let records = answer.json();
    assert_eq!(records.len(), inputs.len());
    for (record, input) in records.iter().zip(&inputs) {
        assert_eq!(record["source"], input.to_str().unwrap());
        let probability = record["result"]["probability"].as_f64().unwrap();
        let all = record["result"]["probabilities"].as_object().unwrap();
        let largest = all.values().map(|p| p.as_f64().unwrap()).fold(0.0, f64::max);
        assert!(probability == largest && (0.0..=1.0).contains(&probability), "{record}");
        let disparity = record["routing"]["disparity"].as_object().unwrap();
        assert!(disparity.values().all(|d| d.as_f64().unwrap() >= 0.0), "{record}");
        let overlay = scratch.path().join(input.with_extension("png").file_name().unwrap());
        let (drawn, original) = (image::image_dimensions(overlay).unwrap(), image::image_dimensions(input).unwrap());
        assert_eq!(drawn, original);
    }
}
