//! `ushydra infer` end to end on the miniature bundle: records, verdicts, routing, overlays.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;

use std::path::Path;

use common::Scene;
use serde_json::Value;
use ushydra_tests::miniature::{DOMAINS, ID, LABELS};
use ushydra_tests::pictures::{HIGH, LOW, TILT, plane, stranger};

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// The order of fields is read from the text, because a parsed object may have another.
fn in_order(line: &str, fields: &[&str]) {
    let mut from = 0;
    for field in fields {
        let quoted = format!("\"{field}\":");
        let at = line[from..].find(&quoted).unwrap_or_else(|| panic!("{field} is missing or out of order in {line}"));
        from += at + quoted.len();
    }
}

#[test]
fn one_complete_record_per_picture() {
    let scene = Scene::new();
    let path = scene.save("a.png", &plane(LOW, TILT, 5));
    let answer = scene.ushydra(arguments!["infer", "--json", path]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let records = answer.json();
    let [record] = &records[..] else { panic!("{}", answer.stdout) };
    assert_eq!(keys(record), ["backend", "bundle", "frame", "quality", "result", "routing", "source", "timing_us"]);
    assert_eq!(record["source"], path.to_str().unwrap());
    assert_eq!(record["frame"], 0);
    assert_eq!(record["bundle"], ID);
    assert_eq!(record["backend"], "tract");
    assert_eq!(keys(&record["quality"]), ["feature_mean", "feature_std", "mean", "pixel_mean", "pixel_std", "std"]);
    let number = |value: &Value| value.as_f64().unwrap();
    let quality = &record["quality"];
    let sum = number(&quality["pixel_mean"]) + number(&quality["feature_mean"]);
    assert!((number(&quality["mean"]) - sum).abs() < 1e-12, "Eq. 9");
    let sum = number(&quality["pixel_std"]) + number(&quality["feature_std"]);
    assert!((number(&quality["std"]) - sum).abs() < 1e-12, "Eq. 10");
    let routing = &record["routing"];
    assert_eq!(keys(routing), ["decoder", "disparity", "in_domain", "margin", "mode"]);
    assert_eq!((&routing["mode"], &routing["decoder"]), (&Value::from("vector"), &Value::from("low")));
    let [low, high] = DOMAINS.map(|domain| number(&routing["disparity"][domain]));
    assert!(low < high && (number(&routing["margin"]) - (high - low)).abs() < 1e-9);
    assert_eq!(routing["in_domain"], true);
    let result = &record["result"];
    assert_eq!(keys(result), ["abstained", "kind", "label", "probabilities", "probability"]);
    assert_eq!((&result["kind"], &result["label"]), (&Value::from("class"), &Value::from("brain")));
    let probabilities = LABELS.map(|label| number(&result["probabilities"][label]));
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-6);
    assert_eq!(number(&result["probability"]), probabilities[0]);
    assert_eq!(result["abstained"], false);
    let timing = &record["timing_us"];
    assert_eq!(keys(timing), ["decode", "decode_input", "encode", "preprocess", "route", "total"]);
    let stages =
        ["decode_input", "preprocess", "encode", "route", "decode"].map(|stage| timing[stage].as_u64().unwrap());
    assert!(stages.iter().sum::<u64>() <= timing["total"].as_u64().unwrap());
    in_order(
        answer.stdout.trim_end(),
        &[
            "source",
            "frame",
            "bundle",
            "backend",
            "quality",
            "pixel_mean",
            "pixel_std",
            "feature_mean",
            "feature_std",
            "mean",
            "std",
            "routing",
            "mode",
            "decoder",
            "disparity",
            "low",
            "high",
            "margin",
            "in_domain",
            "result",
            "kind",
            "label",
            "probability",
            "probabilities",
            "brain",
            "femur",
            "abstained",
            "timing_us",
            "decode_input",
            "preprocess",
            "encode",
            "route",
            "decode",
            "total",
        ],
    );
}

#[test]
fn verdicts_follow_the_picture() {
    struct Case {
        name: &'static str,
        picture: image::GrayImage,
        label: &'static str,
        decoder: &'static str,
        in_domain: bool,
        abstained: bool,
    }
    let case = |name, picture, label, decoder, in_domain, abstained| Case {
        name,
        picture,
        label,
        decoder,
        in_domain,
        abstained,
    };
    let cases = [
        case("left-dark.png", plane(LOW, TILT, 31), "brain", "low", true, false),
        case("right-dark.bmp", plane(LOW, -TILT, 32), "femur", "low", true, false),
        case("left-bright.tif", plane(HIGH, TILT, 33), "brain", "high", true, false),
        case("right-bright.jpg", plane(HIGH, -TILT, 34), "femur", "high", true, false),
        case("even.png", plane(LOW, 0.01, 35), "brain", "low", true, true),
        case("stripes.png", stranger(), "", "", false, true),
    ];
    let scene = Scene::new();
    for case in &cases {
        scene.save(case.name, &case.picture);
    }
    let answer = scene.ushydra(arguments!["infer", "--json", scene.pictures]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let records = answer.json();
    assert_eq!(records.len(), cases.len());
    for case in cases {
        let record = records.iter().find(|r| r["source"].as_str().unwrap().ends_with(case.name)).unwrap();
        assert_eq!(record["routing"]["in_domain"], case.in_domain, "{record}");
        assert_eq!(record["result"]["abstained"], case.abstained, "{record}");
        if case.in_domain {
            assert_eq!(record["result"]["label"], case.label, "{record}");
            assert_eq!(record["routing"]["decoder"], case.decoder, "{record}");
        }
    }
    let text = scene.ushydra(arguments!["infer", scene.pictures]).stdout;
    assert!(text.contains("outside the known domains") && text.contains("unsure"), "{text}");
    assert!(text.contains("6 frames") && text.contains("4 shown, 1 outside the known domains, 1 unsure"), "{text}");
}

#[test]
fn routing_modes_choose_the_decoder() {
    let scene = Scene::new();
    let dark = scene.save("dark.png", &plane(LOW, TILT, 41));
    let csv = scene.write("oracle.csv", b"patient,file,domain\n1,pictures/dark.png,high\n");
    let empty = scene.write("empty.csv", b"file,domain\nother.png,low\n");
    let strange = scene.write("strange.csv", b"file,domain\ndark.png,medium\n");
    let broken = scene.write("broken.csv", b"name,quality\ndark.png,low\n");
    let oracle = |csv: &Path| format!("oracle:{}", csv.display());
    struct Case {
        routing: String,
        code: i32,
        /// Mode and decoder, or what the refusal says.
        says: [&'static str; 2],
    }
    let cases = [
        Case { routing: "vector".into(), code: 0, says: ["vector", "low"] },
        Case { routing: "paper".into(), code: 0, says: ["paper", "low"] },
        Case { routing: "released".into(), code: 0, says: ["released", "low"] },
        Case { routing: "fixed:high".into(), code: 0, says: ["fixed", "high"] },
        Case { routing: oracle(&csv), code: 0, says: ["oracle", "high"] },
        Case { routing: oracle(&empty), code: 3, says: ["no row for", "dark.png"] },
        Case { routing: oracle(&strange), code: 3, says: ["medium", "low, high"] },
        Case { routing: oracle(&broken), code: 3, says: ["file", "domain"] },
        Case { routing: oracle(Path::new("absent.csv")), code: 3, says: ["absent.csv", "cannot be read"] },
        Case { routing: "fixed:medium".into(), code: 2, says: ["medium", "low, high"] },
        Case { routing: "nearest".into(), code: 2, says: ["nearest", "fixed:<domain>"] },
    ];
    for case in cases {
        let answer = scene.ushydra(arguments!["infer", "--json", dark, "--routing", case.routing]);
        assert_eq!(answer.code, case.code, "{}: {}{}", case.routing, answer.stdout, answer.stderr);
        if case.code == 0 {
            let record = &answer.json()[0];
            assert_eq!(record["routing"]["mode"], case.says[0]);
            assert_eq!(record["routing"]["decoder"], case.says[1]);
            assert_eq!(record["result"]["label"], "brain", "whichever decoder runs");
        } else {
            let said = answer.stdout + &answer.stderr;
            assert!(case.says.iter().all(|s| said.contains(s)), "{}: {said}", case.routing);
        }
    }
    // The label belongs to the decoder that ran: the two differ in their gain.
    let probability = |routing: &str| {
        let answer = scene.ushydra(arguments!["infer", "--json", dark, "--routing", routing]);
        answer.json()[0]["result"]["probability"].as_f64().unwrap()
    };
    assert!(probability("fixed:high") > probability("fixed:low"));
}

#[test]
fn pictures_do_not_influence_each_other() {
    let scene = Scene::new();
    for i in 0..8 {
        let brightness = if i % 2 == 0 { LOW } else { HIGH };
        scene.save(&format!("{i}.png"), &plane(brightness, TILT, i));
    }
    let answer = scene.ushydra(arguments!["infer", "--json", scene.pictures]);
    let decoders: Vec<_> = answer.json().iter().map(|r| r["routing"]["decoder"].as_str().unwrap().to_owned()).collect();
    assert_eq!(decoders, ["low", "high"].repeat(4), "a picture stands alone, hysteresis is for cines");
}

#[test]
fn overlays_have_unique_names_and_show_the_result() {
    let scene = Scene::new();
    let dark = plane(LOW, TILT, 51);
    let paths = [
        scene.save("a/x.png", &dark),
        scene.save("b/x.png", &plane(HIGH, -TILT, 52)),
        scene.save("stripes.png", &stranger()),
    ];
    let out = scene.miniature.scratch().join("new/overlays");
    let cine = ushydra_tests::data::demo_cine();
    let answer = scene.ushydra(arguments!["infer", "--json", "--overlay", out, paths[0], paths[1], paths[2], cine]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let mut names: Vec<_> =
        std::fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let mut expected = vec!["x.png".to_owned(), "b_x.png".to_owned(), "stripes.png".to_owned()];
    expected.extend((0..30).map(|frame| format!("sonosite-a4c_{frame}.png")));
    expected.sort();
    assert_eq!(names, expected);
    for name in ["x.png", "b_x.png", "stripes.png", "sonosite-a4c_0.png"] {
        let overlay = image::open(out.join(name)).unwrap().to_rgb8();
        assert!(overlay.width() >= 240, "large enough to read: {name} is {}", overlay.width());
        assert!(overlay.pixels().any(|p| p.0 != [p.0[0]; 3]), "{name} is drawn into");
    }
    let cine = image::open(out.join("sonosite-a4c_0.png")).unwrap();
    assert_eq!((cine.width(), cine.height()), (320, 240), "a picture that is large enough keeps its size");
    let red = |name: &str| {
        let overlay = image::open(out.join(name)).unwrap().to_rgb8();
        overlay.pixels().filter(|p| i32::from(p.0[0]) - i32::from(p.0[2]) > 100).count()
    };
    assert!(red("stripes.png") > 1000 && red("x.png") == 0, "the banner of an unknown picture is red");

    // Into the folder of the inputs: they are never overwritten, and a second run replaces only its own files.
    let before = std::fs::read(&paths[2]).unwrap();
    for _ in 0..2 {
        let answer = scene.ushydra(arguments!["infer", paths[2], "--overlay", scene.pictures]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
    }
    assert_eq!(std::fs::read(&paths[2]).unwrap(), before);
    assert!(scene.pictures.join("stripes-2.png").exists() || scene.pictures.join("pictures_stripes.png").exists());
}

#[test]
fn a_cine_gives_one_record_per_frame() {
    let scene = Scene::new();
    let answer = scene.ushydra(arguments!["infer", "--json", ushydra_tests::data::demo_cine()]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let frames: Vec<_> = answer.json().iter().map(|r| r["frame"].as_u64().unwrap()).collect();
    assert_eq!(frames, (0..30).collect::<Vec<_>>());
}
