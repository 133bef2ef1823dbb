//! `ushydra probe` and live sources, on a machine that may have neither probe nor camera.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;

use common::Scene;

#[test]
fn the_list_is_text_or_one_object_a_line() {
    let scene = Scene::new();
    let text = scene.ushydra(arguments!["probe", "list"]);
    assert_eq!(text.code, 0, "{}", text.stderr);
    let json = scene.ushydra(arguments!["probe", "list", "--json"]);
    assert_eq!(json.code, 0, "{}", json.stderr);
    let found = json.json();
    assert!(found.iter().all(|c| c["source"].is_string() && c["formats"].is_array()), "{}", json.stdout);
    if found.is_empty() {
        assert!(text.stdout.contains("no probe and no camera is plugged in"), "{}", text.stdout);
    }
}

#[test]
fn a_test_of_a_simulated_patient_counts_what_it_sees() {
    let scene = Scene::new();
    let dump = scene.write("frames.pnm", b"");
    let answer = scene.ushydra(arguments![
        "probe",
        "test",
        "--json",
        "--source",
        "phantom:a4c:low:3",
        "--frames",
        "5",
        "--dump",
        &dump
    ]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let outcome = &answer.json()[0];
    assert_eq!(outcome["frames"], 5);
    let intervals: u64 = outcome["jitter"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!(intervals, 4);
    let samples: u64 = outcome["grey"]["histogram"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum();
    let written = std::fs::read(&dump).unwrap();
    assert!(written.starts_with(b"P5\n") && written.len() as u64 > samples, "{} bytes", written.len());
    let text = scene.ushydra(arguments!["probe", "test", "--source", "phantom:a4c:low:3", "--frames", "3"]);
    for word in ["3 of ", "Hz", "interval", "latency", "grey", "losses    0"] {
        assert!(text.stdout.contains(word), "{word}: {}", text.stdout);
    }
}

#[test]
fn a_probe_that_is_not_there_ends_with_its_own_code() {
    let scene = Scene::new();
    for source in ["usb:NOT-THERE", "v4l:/dev/video-not-there"] {
        let answer = scene.ushydra(arguments!["probe", "test", "--source", source, "--wait", "0.3"]);
        assert_eq!(answer.code, 6, "{source}: {}", answer.stderr);
        assert!(answer.stderr.contains("plug"), "{source}: {}", answer.stderr);
    }
}

#[test]
fn wrong_sources_are_refused_with_the_right_ones_named() {
    let scene = Scene::new();
    for (source, words) in [
        ("usb?format=png", "grey8|lines8"),
        ("usb:", "serial number"),
        ("v4l:", "/dev/video"),
        ("hdmi:0", "usb[:SERIAL]"),
        ("v4l:/dev/video0?crop=1", "crop"),
    ] {
        let answer = scene.ushydra(arguments!["run", "--source", source]);
        assert_eq!(answer.code, 2, "{source}: {}", answer.stderr);
        assert!(answer.stderr.contains(words), "{source}: {}", answer.stderr);
    }
}
