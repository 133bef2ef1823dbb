//! `run`, `bundle`, `engine`, `bench`, `doctor` and `selftest` end to end on the miniature bundle.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use common::{Scene, answer, finish, program};
use ushydra_tests::data::demo_cine;
use ushydra_tests::miniature::{DOMAINS, ID};
use ushydra_tests::pictures::{HIGH, LOW, TILT, plane};

fn source() -> String {
    format!("file:{}", demo_cine().display())
}

#[test]
fn a_fast_run_judges_every_frame_in_order() {
    let scene = Scene::new();
    let answer = scene.ushydra(arguments!["run", "--replay", "fast", "--json", "--source", source()]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let records = answer.json();
    let sequence: Vec<_> = records.iter().map(|r| r["live"]["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequence, (0..30).collect::<Vec<_>>());
    assert!(records.iter().all(|r| r["live"]["dropped"] == 0 && r["routing"]["in_domain"] == false));
    for word in ["captured 30 frames, judged 30, dropped 0", "p50", "p95", "p99", "decoders:", "peak memory"] {
        assert!(answer.stderr.contains(word), "{word}: {}", answer.stderr);
    }
    let answer = scene.ushydra(arguments![
        "run",
        "--replay",
        "fast",
        "--json",
        "--loop",
        "--frames",
        "70",
        "--source",
        source()
    ]);
    assert_eq!((answer.code, answer.json().len()), (0, 70));
    let text = scene.ushydra(arguments!["run", "--replay", "fast", "--source", source()]);
    assert_eq!(text.code, 0);
    let said = text.stdout.lines().filter(|line| line.contains("outside the known domains")).count();
    assert!((1..30).contains(&said), "text says only what changed: {}", text.stdout);
}

#[test]
fn hysteresis_holds_the_decoder_over_a_cine() {
    // A cine of pictures does not exist as a file here, so the demo cine stands in: its decoder may not flicker.
    let scene = Scene::new();
    let answer = scene.ushydra(arguments!["infer", "--json", demo_cine()]);
    let decoders: Vec<_> = answer.json().iter().map(|r| r["routing"]["decoder"].as_str().unwrap().to_owned()).collect();
    let switches = decoders.windows(2).filter(|w| w[0] != w[1]).count();
    assert!(switches <= decoders.len() / 3, "{decoders:?}");
}

#[test]
fn a_recorded_run_takes_its_time_and_says_how_it_goes() {
    let scene = Scene::new();
    let begin = std::time::Instant::now();
    let answer = scene.ushydra(arguments!["run", "--loop", "--frames", "60", "--json", "--source", source()]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    // 30 frames per second; the first is due at once.
    assert!(begin.elapsed().as_secs_f64() > 1.9, "{:?}", begin.elapsed());
    assert!(answer.stderr.contains("fps"), "{}", answer.stderr);
    let records = answer.json();
    assert_eq!(records.len(), 60);
    let sequence: Vec<_> = records.iter().map(|r| r["live"]["sequence"].as_u64().unwrap()).collect();
    assert!(sequence.windows(2).all(|w| w[0] < w[1]), "never an older frame after a newer one");
    for record in records {
        let live = &record["live"];
        assert!(live["latency_us"].as_u64().unwrap() > 0);
        assert_eq!(live["verdict"], "out-of-domain");
    }
}

#[test]
fn late_results_are_withheld_as_stale() {
    let scene = Scene::new();
    scene.save("a.png", &plane(LOW, TILT, 1));
    scene.save("b.png", &plane(HIGH, TILT, 2));
    // No result can be made in no time.
    let config = scene.write("late.toml", b"[gate]\nmax_age_ms = 0\n");
    let source = format!("file:{}", scene.pictures.join("a.png").display());
    let answer =
        scene.ushydra(arguments!["--config", config, "run", "--json", "--loop", "--frames", "20", "--source", source]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let records = answer.json();
    let stale: Vec<_> = records.iter().filter(|r| r["live"]["verdict"] == "stale").collect();
    assert!(stale.iter().all(|r| r["result"]["abstained"] == true));
    assert!(
        records.iter().all(|r| r["live"]["latency_us"].as_u64().unwrap() < 1000 || r["live"]["verdict"] == "stale")
    );
}

#[test]
fn run_reports_bad_sources() {
    let scene = Scene::new();
    let answer = scene.ushydra(arguments!["run", "--json", "--source", "file:/nonexistent/cine.dcm"]);
    assert_eq!(answer.code, 3, "{}{}", answer.stdout, answer.stderr);
    assert!(answer.stdout.contains("/nonexistent/cine.dcm"), "{}", answer.stdout);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_run_with_a_summary() {
    let scene = Scene::new();
    for signal in ["-INT", "-TERM"] {
        let mut child = program()
            .args(arguments!["run", "--loop", "--json", "--source", source(), "--bundle", scene.miniature.folder()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().contains("\"live\""));
        let reader = std::thread::spawn(move || lines.count());
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let answer = answer(child);
        assert_eq!(answer.code, 0, "{signal}: {}", answer.stderr);
        assert!(answer.stderr.contains("captured"), "{signal}: {}", answer.stderr);
        reader.join().unwrap();
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let scene = Scene::new();
    for i in 0..40 {
        scene.save(&format!("{i}.png"), &plane(LOW, TILT, i));
    }
    let mut child = program()
        .args(arguments!["infer", "--json", scene.pictures, "--bundle", scene.miniature.folder()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let answer = answer(child);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
}

#[test]
fn bundles_are_listed_inspected_and_verified() {
    let scene = Scene::new();
    let list = finish(program().env("USHYDRA_MODELS", scene.miniature.models()).args(["bundle", "list", "--json"]));
    assert_eq!(list.code, 0, "{}", list.stderr);
    let listed = list.json();
    let found = listed.iter().find(|b| b["bundle"] == ID).unwrap();
    assert_eq!((&found["task"], found["domains"].as_array().unwrap().len()), (&"classify".into(), DOMAINS.len()));
    let text = finish(program().env("USHYDRA_MODELS", scene.miniature.models()).args(["bundle", "list"])).stdout;
    assert!(text.contains(ID) && text.contains("/usr/share/ushydra/models"), "{text}");

    // A bare name is searched for.
    let named =
        finish(program().env("USHYDRA_MODELS", scene.miniature.models()).args(["bundle", "verify", "miniature"]));
    assert_eq!(named.code, 0, "{}{}", named.stdout, named.stderr);
    assert_eq!(named.stdout.matches("PASS").count(), 3, "{}", named.stdout);

    let inspection = &scene.ushydra(arguments!["bundle", "inspect", "--json"]).json()[0];
    assert_eq!(inspection["bundle"], ID);
    assert_eq!(inspection["manifest"]["labels"], serde_json::json!(["brain", "femur"]));
    assert_eq!(inspection["statistics"]["domains"].as_array().unwrap().len(), 2);
    let files = inspection["files"].as_array().unwrap();
    assert_eq!(files.len(), 7);
    assert!(files.iter().all(|f| f["bytes"].as_u64().unwrap() > 0 && f["sha256"].as_str().unwrap().len() == 64));
    let text = scene.ushydra(arguments!["bundle", "inspect"]).stdout;
    assert!(text.contains("decoders/high.onnx") && text.contains("thresholds"), "{text}");

    let verified = &scene.ushydra(arguments!["bundle", "verify", "--json"]).json()[0];
    assert_eq!((&verified["passed"], &verified["bundle"]), (&true.into(), &ID.into()));
}

#[test]
fn the_machine_examines_itself() {
    let scene = Scene::new();
    let selftest = scene.ushydra(arguments!["selftest"]);
    assert_eq!(selftest.code, 0, "{}{}", selftest.stdout, selftest.stderr);
    assert!(selftest.stdout.matches("PASS").count() >= 7 && !selftest.stdout.contains("FAIL"), "{}", selftest.stdout);
    let json = &scene.ushydra(arguments!["selftest", "--json"]).json()[0];
    assert_eq!(json["passed"], true);

    let doctor = scene.ushydra(arguments!["doctor"]);
    assert_eq!(doctor.code, 0, "{}{}", doctor.stdout, doctor.stderr);
    for word in ["cores", "MiB", "tract", "tensorrt", "miniature"] {
        assert!(doctor.stdout.contains(word), "{word}: {}", doctor.stdout);
    }
    assert!(scene.ushydra(arguments!["doctor", "--json"]).json()[0]["machine"]["cores"].as_u64().unwrap() >= 1);

    let engines = scene.ushydra(arguments!["engine", "list", "--json"]).json();
    let state = |name: &str| engines.iter().find(|e| e["backend"] == name).unwrap()["usable"].as_bool().unwrap();
    assert!(state("tract"));
    assert!(!state("tensorrt"), "there is no such library here, or it is not in this build");
}

#[test]
fn a_machine_too_slow_for_live_use_is_told_what_helps() {
    let scene = Scene::new();
    let config = scene.write("hurry.toml", b"[gate]\nmax_age_ms = 0\n");
    let answer = scene.ushydra(arguments!["selftest", "--config", config]);
    assert_eq!(answer.code, 70, "{}{}", answer.stdout, answer.stderr);
    let failed: Vec<&str> = answer.stdout.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert!(failed.len() == 1 && failed[0].contains("--precision int8"), "{}", answer.stdout);
    assert!(!answer.stdout.contains("report it"), "the program has no defect: {}", answer.stdout);
}

#[test]
fn bench_reports_every_stage() {
    let scene = Scene::new();
    let answer = scene.ushydra(arguments!["bench", "--frames", "5", "--json", "--source", source()]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let report = &answer.json()[0];
    assert_eq!((&report["frames"], &report["width"]), (&5.into(), &320.into()));
    for stage in ["decode_input", "preprocess", "encode", "route", "decode", "own_code", "total"] {
        let spread = &report["stages_us"][stage];
        assert!(spread["median"].as_f64().unwrap() <= spread["p95"].as_f64().unwrap(), "{stage}: {spread}");
    }
    let text = scene.ushydra(arguments!["bench", "--frames", "3", "--source", source()]).stdout;
    assert!(text.contains("preprocess") && text.contains("median"), "{text}");
}
