//! Drawn pictures -> import -> train -> calibrate -> evaluate -> export -> the bundle opens and judges, through the
//! program's command line.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ushydra_bundle::Bundle;
use ushydra_core::Metric;

struct World {
    folder: tempfile::TempDir,
    data: PathBuf,
    recipe: PathBuf,
}

impl World {
    fn new(patients: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = common::pictures(folder.path(), patients);
        common::weights(&folder.path().join("weights.safetensors"));
        let recipe = common::recipe(folder.path());
        Self { data, recipe, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ushydra-host"));
        command.arg("--quiet").args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exit code and message of a command that must fail.
    fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded");
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn import(&self) {
        self.ok(&["import", "--config", "recipe.toml", "--weights", "weights.safetensors", "--out", "encoder.onnx"]);
    }
}

const TRAIN: [&str; 9] =
    ["train", "--config", "recipe.toml", "--data", "data.csv", "--encoder", "encoder.onnx", "--out", "run"];

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found: Vec<(PathBuf, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(&path).unwrap()))
        .collect();
    found.sort();
    found
}

#[test]
fn from_pictures_to_a_bundle_that_judges() {
    let world = World::new(18);
    let stats = world.ok(&["dataset", "stats", "--data", "data.csv"]);
    assert!(stats.contains("medium") && stats.contains("75"), "{stats}");
    assert!(world.ok(&["dataset", "check", "--data", "data.csv"]).contains("0 errors"));
    world.import();
    world.ok(&TRAIN);
    world.ok(&["calibrate", "--run", "run"]);
    let report = world.ok(&["evaluate", "--run", "run", "--devices"]);
    assert!(report.contains("routed vector") && report.contains("Leave one device out"), "{report}");
    assert!(report.contains("routed vector int8") && report.contains("int8 minus f32 decoders"), "{report}");
    assert!(world.path("run/evaluation.json").exists() && world.path("run/evaluation.md").exists());
    let exported = world.ok(&["export", "--run", "run", "--to", "out"]);
    assert!(exported.contains("self-test"), "{exported}");

    let bundle = Bundle::open(&world.path("out/models/miniature")).unwrap();
    assert_eq!(bundle.id(), "miniature@1.0.0");
    for metric in [Metric::Vector, Metric::Paper, Metric::Released] {
        bundle.router(metric).unwrap();
    }
    let card = std::fs::read_to_string(bundle.card_path()).unwrap();
    assert!(card.contains("Not a medical device") && card.contains("| routed vector |"), "{card}");

    let judged = world.ok(&[
        "evaluate",
        "--bundle",
        "out/models/miniature",
        "--data",
        "data.csv",
        "--out",
        "judged",
        "--strangers",
        "p/0-none.png",
    ]);
    assert!(judged.contains("0-none.png"), "{judged}");
    let text = std::fs::read_to_string(world.path("judged/evaluation.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let accuracy = json["summary"]["systems"][0]["accuracy"]["mean"].as_f64().unwrap();
    assert!(accuracy > 0.9, "the bundle knows its own training pictures: {accuracy}");
    let domain = json["summary"]["routing"][0]["domain"]["mean"].as_f64().unwrap();
    assert!(domain > 0.9, "{domain}");

    // The miniature's decoders are smaller than the names in their files: in int8 they miss the gate of size, and say so.
    let quantize = |evaluation: &str| {
        let bundle = "out/models/miniature";
        let arguments = ["--config", "recipe.toml", "--data", "data.csv", "--evaluation", evaluation];
        world.run(&[&["quantize", "--bundle", bundle], &arguments[..]].concat())
    };
    let output = quantize("run/evaluation.json");
    let (table, warning) =
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success() && warning.contains("stays in f32"), "{warning}");
    assert!(table.contains("cross-validation on") && table.contains("int8 minus f32"), "{table}");
    assert!(Bundle::open(&world.path("out/models/miniature")).unwrap().quantisation().is_none());
    let output = quantize("judged/evaluation.json");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && error.contains("no cross-validated int8 figures"), "{error}");
}

#[test]
fn a_stopped_training_goes_on_to_the_same_result() {
    let world = World::new(9);
    world.import();
    world.ok(&TRAIN);
    let whole = files(&world.path("run/heads"));
    let report = std::fs::read(world.path("run/training.json")).unwrap();
    // What a kill in the middle leaves: some features, some checkpoints, one of them cut, no result.
    std::fs::remove_dir_all(world.path("run/heads")).unwrap();
    std::fs::remove_file(world.path("run/training.json")).unwrap();
    for (index, folder) in std::fs::read_dir(world.path("features")).unwrap().enumerate() {
        if index % 2 == 0 {
            std::fs::remove_dir_all(folder.unwrap().path()).unwrap();
        }
    }
    let (cached, bytes) = std::fs::read_dir(world.path("features"))
        .unwrap()
        .flat_map(|folder| files(&folder.unwrap().path()))
        .next()
        .unwrap();
    std::fs::write(cached, &bytes[..bytes.len() / 2]).unwrap();
    std::fs::remove_dir_all(world.path("run/checkpoints/train/final/1")).unwrap();
    std::fs::write(world.path("run/checkpoints/train/final/0/low.safetensors"), b"cut").unwrap();
    world.ok(&TRAIN);
    assert_eq!(files(&world.path("run/heads")), whole);
    assert_eq!(std::fs::read(world.path("run/training.json")).unwrap(), report);
}

#[test]
fn a_killed_training_goes_on() {
    let world = World::new(9);
    world.import();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ushydra-host"));
    let mut child = child.arg("--quiet").args(TRAIN).current_dir(world.folder.path()).spawn().unwrap();
    while !world.path("features").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    world.ok(&TRAIN);
    assert!(world.path("run/heads/domain-low.safetensors").exists());
}

#[test]
fn bad_input_names_cause_and_remedy() {
    let world = World::new(9);
    let good = std::fs::read_to_string(&world.data).unwrap();
    let recipe = std::fs::read_to_string(&world.recipe).unwrap();
    let write = |name: &str, text: &str| std::fs::write(world.path(name), text).unwrap();

    let mut weights = std::fs::read(world.path("weights.safetensors")).unwrap();
    weights.truncate(1000);
    std::fs::write(world.path("cut.safetensors"), weights).unwrap();
    let (code, error) =
        world.fails(&["import", "--config", "recipe.toml", "--weights", "cut.safetensors", "--out", "x.onnx"]);
    assert!(code == 3 && error.contains("no intact safetensors file"), "{code} {error}");
    write("hf.toml", &recipe.replace("names = \"timm\"", "names = \"huggingface\""));
    let (code, error) =
        world.fails(&["import", "--config", "hf.toml", "--weights", "weights.safetensors", "--out", "x.onnx"]);
    assert!(
        code == 3 && error.contains("is missing among") && error.contains("check that encoder.names fits"),
        "{code} {error}"
    );
    let (code, error) = world.fails(&[
        "import",
        "--config",
        "recipe.toml",
        "--weights",
        "weights.safetensors",
        "--out",
        "data.csv/x.onnx",
    ]);
    assert!(code == 3 && error.contains("data.csv"), "{code} {error}");

    world.import();
    let train = |data: &str, recipe: &str| {
        world.fails(&["train", "--config", recipe, "--data", data, "--encoder", "encoder.onnx", "--out", "bad"])
    };
    struct Case {
        csv: String,
        code: i32,
        expected: &'static str,
    }
    let without = |part: &str| good.lines().filter(|l| !l.contains(part)).collect::<Vec<_>>().join("\n");
    let one_patient = |line: &str| {
        let mut fields: Vec<&str> = line.split(',').collect();
        fields[3] = if fields[3] == "patient" { "patient" } else { "only" };
        fields.join(",")
    };
    let one_patient = good.lines().map(one_patient).collect::<Vec<_>>().join("\n");
    let cases = [
        Case { csv: good.replacen("patient", "person", 1), code: 3, expected: "column patient is missing" },
        Case { csv: good.replacen("p/0-disc.png", "p/gone.png", 1), code: 3, expected: "gone.png" },
        Case { csv: one_patient, code: 3, expected: "1 patients cannot be split" },
        Case { csv: without(",disc,"), code: 3, expected: "no picture of `disc`" },
        Case { csv: without(",high,"), code: 3, expected: "no labelled picture of domain `high`" },
        Case { csv: good.replacen(",disc,", ",heart,", 1), code: 3, expected: "label `heart` is not in the recipe" },
        Case { csv: good.replacen(",low,", ",lower,", 1), code: 3, expected: "domain `lower` is not in the recipe" },
        Case { csv: "file,label,domain,patient\n".to_owned(), code: 3, expected: "no pictures are listed" },
    ];
    for case in cases {
        write("bad.csv", &case.csv);
        let (code, error) = train("bad.csv", "recipe.toml");
        assert!(code == case.code && error.contains(case.expected), "{code} {error}");
        assert!(error.contains("error: "), "{error}");
    }
    std::fs::write(world.path("p/0-bar.png"), b"\x89PNG\r\n\x1a\nbroken").unwrap();
    let (code, error) = train("data.csv", "recipe.toml");
    assert!(code == 3 && error.contains("0-bar.png"), "{code} {error}");

    for (from, to, expected) in [
        ("seed = 1", "seed = 1\nsurprise = 2", "unknown field `surprise`"),
        ("views = 3", "views = 0", "augmentation.views = 0"),
        ("quantile = 0.99", "quantile = 99.0", "use 0 to 1"),
        ("\"1.class\"", "\"1.klass\"", "block.pool"),
    ] {
        assert!(recipe.contains(from), "{from}");
        write("bad.toml", &recipe.replacen(from, to, 1));
        let (code, error) = train("data.csv", "bad.toml");
        assert!(code == 2 && error.contains(expected), "{code} {error}");
    }
    let (code, error) = world.fails(&["calibrate", "--run", "nowhere"]);
    assert!(code == 2 && error.contains("train first"), "{code} {error}");
}

#[test]
fn a_class_missing_from_one_domain_trains() {
    let world = World::new(9);
    let good = std::fs::read_to_string(&world.data).unwrap();
    let gap: Vec<&str> = good.lines().filter(|l| !l.contains(",disc,high,")).collect();
    std::fs::write(&world.data, gap.join("\n")).unwrap();
    world.import();
    assert!(world.ok(&["dataset", "check", "--data", "data.csv"]).contains("domain high has no picture of disc"));
    world.ok(&TRAIN);
}

#[test]
fn a_run_folder_is_not_mixed() {
    let world = World::new(9);
    world.import();
    world.ok(&TRAIN);
    let mut other = TRAIN.to_vec();
    other.extend(["--seed", "99"]);
    let (code, error) = world.fails(&other);
    assert!(code == 2 && error.contains("choose another --out"), "{code} {error}");
}
