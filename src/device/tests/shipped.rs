//! The program as a newcomer meets it: the shipped bundles, the demo cine, real pictures. Skipped with a line that says so
//! where the bundle or the data are absent.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;

use std::process::Command;
use std::time::Duration;

use common::{finish, program};
use ushydra_tests::{data, patience};

/// Peak memory of `run` with one bundle on the CPU, in MiB.
const MEMORY_LIMIT: u64 = 350;

/// The shipped bundles.
const BUNDLES: [&str; 3] = ["fetal-planes", "fetal-head", "cardiac-lv"];

/// The program in the root of the repository with the shipped bundles, where `bundle` is one of them.
fn at_home(bundle: &str, who: &str) -> Option<Command> {
    let folder = data::bundle(bundle, who)?;
    let mut command = program();
    command.current_dir(data::repository()).env("USHYDRA_MODELS", folder.parent().unwrap());
    Some(command)
}

/// Peak memory that a run reports, in MiB.
fn peak(stderr: &str) -> u64 {
    let peak = stderr.lines().find_map(|l| l.strip_prefix("peak memory: ")?.strip_suffix(" MiB")?.parse().ok());
    peak.unwrap_or_else(|| panic!("no peak memory in {stderr}"))
}

#[test]
fn the_first_command_finds_the_ventricle() {
    /// Part of the frames with a ventricle, and the part of the picture that it covers.
    const FOUND: f64 = 0.8;
    const COVERS: std::ops::Range<f64> = 0.01..0.3;
    let Some(mut command) = at_home("cardiac-lv", "the_first_command_finds_the_ventricle") else { return };
    let answer = finish(command.args(["run", "--replay", "fast", "--json"]));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let records = answer.json();
    assert_eq!(records.len(), 30);
    let found = records.iter().filter(|record| {
        assert!(record["bundle"].as_str().unwrap().starts_with("cardiac-lv@"), "{record}");
        COVERS.contains(&record["result"]["fraction"].as_f64().unwrap())
    });
    assert!(found.count() as f64 >= FOUND * records.len() as f64, "{}", answer.stdout);
    assert!(records[29]["cine"]["frames"] == 30 && records[29]["cine"]["quality"].is_string(), "{}", records[29]);
    assert!(peak(&answer.stderr) <= MEMORY_LIMIT, "{}", answer.stderr);
}

#[test]
fn fetal_planes_refuses_the_demo_cine() {
    let Some(mut command) = at_home("fetal-planes", "fetal_planes_refuses_the_demo_cine") else { return };
    let answer = finish(command.args(["run", "--replay", "fast", "--json", "--bundle", "fetal-planes"]));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let records = answer.json();
    assert_eq!(records.len(), 30);
    for record in records {
        assert_eq!(record["routing"]["in_domain"], false, "a heart is no fetal plane: {record}");
        assert_eq!(record["result"]["abstained"], true, "{record}");
    }
    assert!(peak(&answer.stderr) <= MEMORY_LIMIT, "{}", answer.stderr);
}

#[test]
fn a_live_replay_drops_what_it_cannot_judge() {
    let Some(mut command) = at_home("fetal-planes", "a_live_replay_drops_what_it_cannot_judge") else { return };
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
fn the_shipped_bundles_pass_their_own_tests() {
    const WHO: &str = "the_shipped_bundles_pass_their_own_tests";
    let scratch = tempfile::tempdir().unwrap();
    let config = scratch.path().join("config.toml");
    // The bundle's own gate, but for an emulated processor: how fast that is, is not the question here.
    let emulated = patience(1) > Duration::from_secs(1);
    std::fs::write(&config, if emulated { "[gate]\nmax_age_ms = 600000\n" } else { "" }).unwrap();
    for bundle in BUNDLES {
        for command in [&["selftest"][..], &["bundle", "verify"], &["doctor"]] {
            let Some(mut program) = at_home(bundle, WHO) else { continue };
            let answer = finish(program.args(command).args(["--bundle", bundle, "--config"]).arg(&config));
            assert_eq!(answer.code, 0, "{bundle}, {command:?}: {}{}", answer.stdout, answer.stderr);
        }
    }
}

#[test]
fn real_planes_give_valid_records_and_overlays() {
    const WHO: &str = "real_planes_give_valid_records_and_overlays";
    /// Pictures of each source.
    const FEW: usize = 4;
    let Some(images) = data::real("fetal-planes", WHO) else { return };
    let Some(mut command) = at_home("fetal-planes", WHO) else { return };
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

#[test]
fn real_heads_are_measured() {
    const WHO: &str = "real_heads_are_measured";
    /// Pictures with a known circumference that are looked at: one in so many, and how many.
    const STRIDE: usize = 40;
    const FEW: usize = 8;
    /// Median error of the circumference in mm, and smallest median overlap of the masks.
    const CIRCUMFERENCE_MM: f64 = 3.0;
    const DICE: f64 = 0.95;
    let Some(table) = data::real("fetal-head.csv", WHO) else { return };
    let Some(mut command) = at_home("fetal-head", WHO) else { return };
    let root = table.parent().unwrap();
    // Columns: image, mask, domain, patient, pixel size, circumference.
    let text = std::fs::read_to_string(&table).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let known: Vec<_> = rows.iter().filter(|row| !row[5].is_empty()).step_by(STRIDE).take(FEW).collect();
    let scratch = tempfile::tempdir().unwrap();
    command.args(["infer", "--json", "--bundle", "fetal-head", "--masks"]).arg(scratch.path());
    command.arg("--spacing-csv").arg(&table).args(known.iter().map(|row| root.join(row[0])));
    let answer = finish(&mut command);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let (mut errors, mut overlaps) = (Vec::new(), Vec::new());
    for (record, row) in answer.json().iter().zip(&known) {
        let measured = &record["result"]["measurements"];
        let published: f64 = row[5].parse().unwrap();
        errors.push((measured["hc_mm"].as_f64().unwrap_or(0.0) - published).abs());
        let read = |path: &std::path::Path| image::open(path).unwrap().to_luma8();
        let (found, truth) = (read(record["result"]["mask"].as_str().unwrap().as_ref()), read(&root.join(row[1])));
        assert_eq!(found.dimensions(), truth.dimensions());
        let pairs = found.as_raw().iter().zip(truth.as_raw()).map(|(&a, &b)| (a > 0, b > 0));
        let (both, sum) =
            pairs.fold((0, 0), |(both, sum), (a, b)| (both + u32::from(a && b), sum + u32::from(a) + u32::from(b)));
        overlaps.push(f64::from(2 * both) / f64::from(sum));
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        values[values.len() / 2]
    };
    assert!(median(&mut errors) <= CIRCUMFERENCE_MM, "mm: {errors:?}");
    assert!(median(&mut overlaps) >= DICE, "Dice: {overlaps:?}");
}
