//! A finished bundle and a small folder of new images -> a bundle with one domain more, through the program's command line;
//! what is refused, and that the old bundle stays as it is.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use ushydra_bundle::Bundle;
use ushydra_core::MAX_DOMAINS;
use ushydra_host::phantoms::{self, PhantomSet};
use ushydra_host::progress::Progress;

const BUNDLE: &str = "out/models/miniature";
/// Domain of [`common::draw`] that no bundle was trained on.
const SITE: usize = 3;

struct World(tempfile::TempDir);

impl World {
    /// A folder with the miniature bundle.
    fn trained() -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        common::pictures(&world.path(""), 12);
        common::weights(&world.path("weights.safetensors"));
        common::recipe(&world.path(""));
        world.ok(&["import", "--config", "recipe.toml", "--weights", "weights.safetensors", "--out", "encoder.onnx"]);
        let train = ["--config", "recipe.toml", "--data", "data.csv", "--encoder", "encoder.onnx", "--out", "run"];
        world.ok(&[&["train", "--views", "1"], &train[..]].concat());
        world.ok(&["calibrate", "--run", "run"]);
        world.ok(&["export", "--run", "run", "--to", "out"]);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Draws `patients` with one image per class into `folder/<label>/`.
    fn site(&self, folder: &str, patients: usize) {
        for (class, label) in common::CLASSES.iter().enumerate() {
            std::fs::create_dir_all(self.path(folder).join(label)).unwrap();
            for patient in 0..patients {
                let file = self.path(folder).join(label).join(format!("s{patient}_{label}.png"));
                common::draw(class, SITE, (5000 + patient * 10 + class) as u64).save(file).unwrap();
            }
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ushydra-host"));
        command.arg("--quiet").args(arguments).current_dir(self.0.path()).stdin(Stdio::null()).output().unwrap()
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exit code and message of an adaptation that must not succeed.
    fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(&[&["adapt"], arguments].concat());
        assert!(!output.status.success(), "{arguments:?} succeeded");
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Every file below `folder` with its bytes.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry)
            } else {
                found.push((entry.clone(), std::fs::read(&entry).unwrap()))
            }
        }
    }
    found.sort();
    found
}

fn number(json: &Value, path: &str) -> f64 {
    json.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| unreachable!("{path} in {json}"))
}

const FEW: &str = "folds = 3\nrepeats = 1\nresamples = 200\niterations = 40\npulls = [0.05, 0.5]\n";

#[test]
fn a_new_site_gets_a_domain_and_a_decoder() {
    let world = World::trained();
    world.site("site", 8);
    std::fs::write(world.path("site/disc/broken_1.png"), b"\x89PNG\r\n\x1a\nbroken").unwrap();
    std::fs::create_dir_all(world.path("site/none")).unwrap();
    common::draw(9, SITE, 7).save(world.path("site/none/s0_none.png")).unwrap();
    std::fs::write(world.path("adapt.toml"), FEW).unwrap();
    let before = content(&world.path("out"));
    let arguments =
        ["adapt", "--from", BUNDLE, "--images", "site", "--name", "district-hospital", "--patient-prefix", "_"];
    let arguments = [&arguments[..], &["--unknown", "none", "--config", "adapt.toml"]].concat();

    // Without a terminal nothing is written, and the figures are kept.
    let output = world.run(&arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && error.contains("--yes"), "{error}");
    assert!(error.contains("broken_1.png is left out"), "{error}");
    assert!(!world.path("work/adapt-district-hospital/models").exists());
    let text = std::fs::read_to_string(world.path("work/adapt-district-hospital/adaptation.md")).unwrap();
    assert!(text.contains("Expected gain: +") && text.contains("1 left out"), "{text}");

    let json: Value = serde_json::from_str(&world.ok(&[&arguments[..], &["--json", "--yes"]].concat())).unwrap();
    assert_eq!(json["outcome"], "gain", "{json}");
    assert_eq!((number(&json, "/images/pictures"), number(&json, "/images/patients")), (33.0, 8.0));
    assert!(number(&json, "/gain/low") > 0.0 && number(&json, "/detected") > 0.8, "{json}");
    assert!(number(&json, "/after/accuracy/mean") > number(&json, "/before/accuracy/mean") + 0.2, "{json}");
    assert!(json["after"]["unknown_withheld"].is_number(), "{json}");
    assert_eq!(content(&world.path("out")), before, "the old bundle is untouched");

    let folder = world.path("work/adapt-district-hospital/models/miniature");
    let bundle = Bundle::open(&folder).unwrap();
    assert_eq!(bundle.id(), "miniature@1.1.0");
    assert_eq!(bundle.manifest().domains, ["low", "medium", "high", "district-hospital"]);
    assert!(bundle.statistics_path().starts_with(&folder), "a bundle that can be copied by itself");
    let card = std::fs::read_to_string(bundle.card_path()).unwrap();
    assert!(card.starts_with("# miniature@1.1.0\n") && card.contains("## Adaptation to `district-hospital`"), "{card}");
    assert!(card.contains("| accuracy % |") && card.contains("What stays approximate"), "{card}");
    assert_eq!(std::fs::read_dir(folder.parent().unwrap()).unwrap().count(), 1, "nothing else is left");

    // The figures hold on images that were never shown: the expected gain is real.
    let mut csv = "file,label,domain,patient\n".to_owned();
    for patient in 0..6 {
        for (class, label) in common::CLASSES.iter().enumerate() {
            let name = format!("p/new{patient}-{label}.png");
            common::draw(class, SITE, (9000 + patient * 10 + class) as u64).save(world.path(&name)).unwrap();
            csv.push_str(&format!("{name},{label},district-hospital,n{patient}\n"));
        }
    }
    std::fs::write(world.path("new.csv"), csv).unwrap();
    let adapted = folder.to_str().unwrap();
    world.ok(&["evaluate", "--bundle", adapted, "--data", "new.csv", "--out", "judged"]);
    let judged: Value = serde_json::from_slice(&std::fs::read(world.path("judged/evaluation.json")).unwrap()).unwrap();
    assert!(number(&judged, "/summary/systems/0/accuracy/mean") > 0.75, "{judged}");
    assert!(number(&judged, "/summary/routing/0/domain/mean") > 0.75, "{judged}");

    // A second site on top of the first; the same images twice give the same bytes.
    for out in ["second", "again"] {
        let mut second = arguments.clone();
        (second[2], second[6]) = (adapted, "second-site");
        world.ok(&[&second[..], &["--yes", "--bundle-name", "miniature-2", "--out", out]].concat());
    }
    let second = Bundle::open(&world.path("second")).unwrap();
    assert_eq!((second.id(), second.manifest().domains.len()), ("miniature-2@1.2.0".into(), 5));
    for file in ["decoders/second-site.onnx", "calibration/miniature-2.toml", "golden/expected.toml"] {
        let read = |folder: &str| std::fs::read(world.path(folder).join(file)).unwrap();
        assert!(read("second") == read("again"), "{file}");
    }
}

#[test]
fn images_without_labels_and_what_is_refused() {
    let world = World::trained();
    world.site("site", 4);
    std::fs::write(world.path("adapt.toml"), FEW).unwrap();
    std::fs::create_dir_all(world.path("flat")).unwrap();
    for (class, label) in common::CLASSES.iter().enumerate() {
        std::fs::copy(
            world.path("site").join(label).join(format!("s0_{label}.png")),
            world.path("flat").join(format!("{class}.png")),
        )
        .unwrap();
    }
    let base = ["--from", BUNDLE, "--config", "adapt.toml", "--name", "new"];
    let with = |more: &[&'static str]| -> Vec<&'static str> { [&base[..], more].concat() };

    // Without labels: figures, and with the operator's word a domain with the closest decoder's weights.
    let shown = world.ok(&[&["adapt"], &with(&["--images", "flat", "--report"])[..]].concat());
    assert!(shown.contains("Expected gain: unknown") && shown.contains("in domain %"), "{shown}");
    assert!(!world.path("work/adapt-new/models").exists());
    world.ok(&[&["adapt"], &with(&["--images", "flat", "--yes"])[..]].concat());
    let copy = Bundle::open(&world.path("work/adapt-new/models/miniature")).unwrap();
    let card = std::fs::read_to_string(copy.card_path()).unwrap();
    assert!(card.contains("**a copy of that of `") && card.contains("No label says"), "{card}");
    let decoders: Vec<_> = copy.manifest().decoders.iter().map(|d| d.sha256).collect();
    assert!(decoders[..3].contains(&decoders[3]), "the decoder is one of the old ones");
    assert_eq!(copy.statistics().thresholds, Bundle::open(&world.path(BUNDLE)).unwrap().statistics().thresholds);

    std::fs::create_dir_all(world.path("empty")).unwrap();
    std::fs::create_dir_all(world.path("heart/heart")).unwrap();
    std::fs::create_dir_all(world.path("one/disc")).unwrap();
    std::fs::copy(world.path("flat/0.png"), world.path("one/disc/a.png")).unwrap();
    std::fs::copy(world.path("flat/1.png"), world.path("one/disc/b.png")).unwrap();
    std::fs::create_dir_all(world.path("broken")).unwrap();
    std::fs::write(world.path("broken/a.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    std::fs::write(world.path("patient.csv"), "file,label,patient\nflat/0.png,disc,p\nflat/1.png,bar,p\n").unwrap();
    std::fs::write(world.path("bad.toml"), "folds = 1").unwrap();
    // A bundle whose table is full, and one that was altered.
    let copied = |to: &str| {
        for (file, bytes) in content(&world.path("work/adapt-new/models/miniature")) {
            let to = world.path(to).join(file.strip_prefix(world.path("work/adapt-new/models/miniature")).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::write(to, bytes).unwrap();
        }
    };
    let mut full = "work/adapt-new/models/miniature".to_owned();
    for index in 4..MAX_DOMAINS {
        let (name, out) = (format!("d{index}"), format!("full{index}"));
        world.ok(&["adapt", "--from", &full, "--images", "flat", "--name", &name, "--out", &out, "--yes"]);
        full = out;
    }
    copied("altered");
    let decoder = world.path("altered/decoders/low.onnx");
    let mut bytes = std::fs::read(&decoder).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(decoder, bytes).unwrap();

    struct Case {
        arguments: Vec<&'static str>,
        code: i32,
        says: &'static str,
    }
    let from = |bundle: &'static str, name: &'static str| {
        vec!["--from", bundle, "--images", "site", "--name", name, "--config", "adapt.toml", "--yes"]
    };
    let cases = [
        Case { arguments: with(&["--images", "empty"]), code: 3, says: "no images" },
        Case { arguments: with(&["--images", "nowhere"]), code: 3, says: "nowhere" },
        Case { arguments: with(&["--images", "heart"]), code: 3, says: "`heart` is no label of the bundle" },
        Case { arguments: with(&["--images", "one"]), code: 3, says: "only `disc` was found" },
        Case { arguments: with(&["--images", "broken"]), code: 3, says: "none of the 1 images can be read" },
        Case { arguments: with(&["--labels", "patient.csv"]), code: 3, says: "all images belong to one patient" },
        Case { arguments: with(&[]), code: 2, says: "--images" },
        Case { arguments: with(&["--images", "site", "--config", "bad.toml"]), code: 2, says: "folds = 1" },
        Case { arguments: from(BUNDLE, "low"), code: 2, says: "has a domain `low` already" },
        Case { arguments: from(BUNDLE, "Upper Case"), code: 2, says: "is no name of a domain" },
        Case { arguments: from("full7", "ninth"), code: 2, says: "the device's table holds 8" },
        Case { arguments: from("altered", "x"), code: 4, says: "low.onnx" },
        Case { arguments: from("nothing-here", "x"), code: 2, says: "bundle.toml is missing" },
    ];
    for case in cases {
        // A later option of the same name would be refused as given twice.
        let mut arguments = case.arguments;
        if arguments.iter().filter(|a| **a == "--config").count() == 2 {
            let first = arguments.iter().position(|a| *a == "--config").unwrap();
            arguments.drain(first..first + 2);
        }
        let (code, error) = world.fails(&arguments);
        assert!(code == case.code && error.contains(case.says), "{arguments:?}: {code} {error}");
    }
    // What is there is not overwritten.
    let (code, error) = world.fails(&with(&["--images", "flat", "--yes"]));
    assert!(code == 2 && error.contains("exists already"), "{code} {error}");
    let (code, error) = world.fails(&with(&["--images", "flat", "--yes", "--out", "flat"]));
    assert!(code == 2 && error.contains("exists already"), "{code} {error}");
}

#[test]
fn segmentation_with_and_without_masks() {
    let world = World(tempfile::tempdir().unwrap());
    let set = PhantomSet { view: "a4c".into(), domains: vec!["low".into()], patients: 5, frames: 1, seed: 3 };
    phantoms::write(&set, &world.path("phantoms"), 2, &Progress::silent()).unwrap();
    let table = std::fs::read_to_string(world.path("phantoms").join(phantoms::TABLE)).unwrap();
    let pictures: Vec<&str> = table.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    std::fs::create_dir_all(world.path("flat")).unwrap();
    for (index, picture) in pictures.iter().enumerate() {
        std::fs::copy(world.path("phantoms").join(picture), world.path("flat").join(format!("{index}.png"))).unwrap();
    }
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/cardiac-lv");
    let shipped = shipped.to_str().unwrap();
    let csv = format!("phantoms/{}", phantoms::TABLE);
    let json: Value = serde_json::from_str(&world.ok(&[
        "adapt", "--from", shipped, "--labels", &csv, "--name", "clinic", "--out", "masked", "--yes", "--json",
        "--force",
    ]))
    .unwrap();
    assert!(number(&json, "/masks/before/mean") > 0.6 && number(&json, "/masks/after/mean") > 0.6, "{json}");
    let bundle = Bundle::open(&world.path("masked")).unwrap();
    assert_eq!(bundle.manifest().domains.len(), 3);
    // The older decoders keep their int8 forms, the new one has none.
    assert!(bundle.int8_paths(0).is_some() && bundle.int8_paths(2).is_none());
    let shown = world.ok(&["adapt", "--from", shipped, "--images", "flat", "--name", "clinic", "--report"]);
    assert!(shown.contains("routed to") && shown.contains("Expected gain: unknown"), "{shown}");
    world.ok(&["adapt", "--from", shipped, "--images", "flat", "--name", "clinic", "--out", "copied", "--yes"]);
    assert!(Bundle::open(&world.path("copied")).is_ok());
    let bad = table.replacen(".png", ".gone", 1);
    std::fs::write(world.path("phantoms/bad.csv"), bad).unwrap();
    let output = world.run(&["adapt", "--from", shipped, "--labels", "phantoms/bad.csv", "--name", "c", "--report"]);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stderr).contains("is left out"));
}
