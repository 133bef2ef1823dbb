//! `engine build|list|clean` and `--precision` end to end on a miniature bundle with int8 decoders.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;

use std::ffi::OsString;
use std::fs;

use common::{Answer, Scene, finish, program};
use ushydra_bundle::{FileSpec, Manifest};
use ushydra_tests::miniature;
use ushydra_tests::pictures::{LOW, TILT, plane};

fn quantised() -> Scene {
    let scene = Scene::new();
    miniature::quantise(&scene.miniature.folder()).unwrap();
    scene
}

/// The program with a cache of the test's own.
fn ushydra(scene: &Scene, arguments: Vec<OsString>) -> Answer {
    let cache = scene.miniature.scratch().join("cache");
    finish(program().env("USHYDRA_CACHE", cache).args(arguments).arg("--bundle").arg(scene.miniature.folder()))
}

/// Puts the decoder of the other domain into an int8 file, so that its answers differ.
fn mix_up(scene: &Scene, form: &str) {
    let folder = scene.miniature.folder();
    let mut manifest = Manifest::read(&folder).unwrap();
    fs::copy(folder.join("decoders/high.onnx"), folder.join(format!("decoders/low.{form}.onnx"))).unwrap();
    let int8 = manifest.decoders[0].int8.as_mut().unwrap();
    let spec = if form == "qop" { &mut int8.qop } else { &mut int8.qdq };
    *spec = FileSpec::of(&folder, &spec.file).unwrap();
    manifest.write(&folder).unwrap();
}

#[test]
fn building_judges_and_times_int8_decoders_and_cleaning_forgets() {
    let scene = quantised();
    let picture = scene.save("more.png", &plane(LOW, TILT, 9));
    let built = ushydra(&scene, arguments!["engine", "build", "--json", "--backend", "tract"]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    let record = &built.json()[0];
    assert_eq!((&record["backend"], &record["bundle"]), (&"tract".into(), &miniature::ID.into()));
    let few = record["parity"]["pictures"].as_u64().unwrap();
    assert_eq!(record["parity"]["agreement"], 1.0);
    let decoders = record["decoders"].as_array().unwrap();
    assert_eq!(decoders.len(), miniature::DOMAINS.len());
    for decoder in decoders {
        assert!(decoder["f32_us"].as_f64().unwrap() > 0.0 && decoder["int8_us"].as_f64().unwrap() > 0.0);
        assert!(decoder["chosen"] == "f32" || decoder["chosen"] == "int8");
    }

    let more = ushydra(&scene, arguments!["engine", "build", "--json", "--backend", "tract", "--calibration", picture]);
    assert_eq!(more.json()[0]["parity"]["pictures"].as_u64().unwrap(), few + 1);

    let text = ushydra(&scene, arguments!["engine", "build", "--backend", "tract"]);
    for word in ["miniature@0.1.0 on tract", "against the CPU engine", "decoder low", "is used"] {
        assert!(text.stdout.contains(word), "{word}: {}", text.stdout);
    }
    let cleaned = ushydra(&scene, arguments!["engine", "clean", "--json"]);
    assert_eq!(cleaned.json()[0]["files"], 1, "{}", cleaned.stdout);
    assert_eq!(ushydra(&scene, arguments!["engine", "clean", "--json"]).json()[0]["files"], 0);
}

#[test]
fn the_precision_asked_for_is_the_file_that_runs() {
    let scene = quantised();
    mix_up(&scene, "qop");
    let picture = scene.save("low.png", &plane(LOW, TILT, 3));
    let probabilities = |precision: &str| {
        let answer =
            ushydra(&scene, arguments!["infer", picture, "--json", "--precision", precision, "--backend", "tract"]);
        (answer.code, answer.stdout.lines().next().map(str::to_owned))
    };
    let (code, line) = probabilities("f32");
    assert_eq!(code, 0);
    let value: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
    assert_eq!((&value["backend"], &value["routing"]["decoder"]), (&"tract".into(), &"low".into()));
    assert_eq!(probabilities("auto").0, 0, "nothing was measured here, so it is f32");
    // The decoder in the int8 file is another domain's, which the golden values find out.
    assert_eq!(probabilities("int8").0, 4);
    assert_eq!(probabilities("f16").0, 5);
    assert_eq!(probabilities("fp8").0, 2);
}

#[test]
fn decoders_that_differ_too_much_are_refused_with_the_figures() {
    let scene = quantised();
    mix_up(&scene, "qop");
    let built = ushydra(&scene, arguments!["engine", "build", "--json", "--backend", "tract"]);
    assert_eq!(built.code, 5, "{}", built.stderr);
    for word in ["parity gate", "is the limit", "pictures"] {
        assert!(built.stderr.contains(word), "{word}: {}", built.stderr);
    }
    assert_eq!(ushydra(&scene, arguments!["engine", "clean", "--json"]).json()[0]["files"], 0, "nothing was kept");
}

#[test]
fn pictures_that_cannot_be_read_are_named_after_the_work() {
    let scene = quantised();
    let line = arguments!["engine", "build", "--json", "--backend", "tract", "--calibration", "/nonexistent/a.png"];
    let answer = ushydra(&scene, line);
    assert_eq!(answer.code, 3, "{}", answer.stderr);
    assert!(answer.stderr.contains("/nonexistent/a.png"), "{}", answer.stderr);
}

#[test]
fn int8_files_are_listed_with_the_bundle() {
    let scene = quantised();
    let answer = ushydra(&scene, arguments!["bundle", "inspect", "--json"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    for file in ["low.qdq.onnx", "high.qop.onnx", "-int8.toml"] {
        assert!(answer.stdout.contains(file), "{file}: {}", answer.stdout);
    }
}
