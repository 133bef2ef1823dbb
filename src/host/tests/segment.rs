//! Phantoms -> train -> calibrate -> evaluate -> export -> the bundle opens, through the program's command line; stop and
//! resume; what is refused.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ushydra_bundle::{Bundle, Task};
use ushydra_engine::{Backend, EngineOptions, Models};
use ushydra_host::HostError;
use ushydra_host::phantoms::{self, PhantomSet};
use ushydra_host::progress::Progress;
use ushydra_host::segment::{ComputeDevice, SegmentRecipe, SegmentRun};

/// The shipped recipe, shrunk.
fn recipe() -> SegmentRecipe {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/cardiac-lv.toml");
    let mut recipe = SegmentRecipe::read(&shipped).unwrap();
    recipe.name = "miniature".into();
    recipe.network.width = 3;
    recipe.network.depth = 2;
    recipe.input.width = 48;
    recipe.input.height = 32;
    recipe.split = ushydra_host::segment::recipe::SplitConfig { train: 0.6, validation: 0.2, test: 0.2 };
    let training = &mut recipe.training;
    training.batch = 4;
    training.epoch_pictures = 16;
    (training.shared.epochs, training.decoders.epochs, training.routed.epochs) = (3, 1, 1);
    (training.shared.average, training.decoders.average) = (0.9, 0.5);
    recipe.calibration.entries = recipe.network.features();
    recipe.calibration.components = 4;
    recipe.calibration.folds = 2;
    recipe.resamples = 50;
    recipe
}

/// A folder with phantoms and the recipe.
fn world(patients: usize) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let set =
        PhantomSet { view: "a4c".into(), domains: vec!["low".into(), "high".into()], patients, frames: 1, seed: 3 };
    phantoms::write(&set, &folder.path().join("phantoms"), 2, &Progress::silent()).unwrap();
    recipe().write(&folder.path().join("recipe.toml")).unwrap();
    let csv = folder.path().join("phantoms").join(phantoms::TABLE);
    (folder, csv)
}

fn program(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ushydra-host"));
    command.arg("--quiet").args(arguments).current_dir(folder).output().unwrap()
}

fn ok(folder: &Path, arguments: &[&str]) -> String {
    let output = program(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fails(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = program(folder, arguments);
    assert!(!output.status.success(), "{arguments:?} succeeded");
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn from_phantoms_to_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let made = ok(at, &["phantom", "--view", "a4c", "--patients", "8", "--frames", "2", "--out", "phantoms"]);
    assert!(made.contains("32 pictures"), "{made}");
    recipe().write(&at.join("recipe.toml")).unwrap();
    let check = ok(at, &["dataset", "check", "--data", "phantoms/phantoms.csv"]);
    assert!(check.contains("0 errors"), "{check}");
    ok(at, &["train", "--config", "recipe.toml", "--data", "phantoms/phantoms.csv", "--out", "run"]);
    ok(at, &["calibrate", "--run", "run"]);
    let report = ok(at, &["evaluate", "--run", "run"]);
    for part in ["routed vector", "routed paper", "routed released", "single decoder", "oracle routing"] {
        assert!(report.contains(part), "{part} is missing in {report}");
    }
    ok(at, &["export", "--run", "run", "--to", "."]);
    let bundle = Bundle::open(&at.join("models/miniature")).unwrap();
    assert_eq!(bundle.manifest().task, Task::Segment);
    let mut models = Models::load(&bundle, Backend::Tract, &EngineOptions::default()).unwrap();
    models.self_test(&bundle).unwrap();
    let card = std::fs::read_to_string(at.join("models/miniature/MODEL_CARD.md")).unwrap();
    assert!(card.contains("Not a medical device") && card.contains("single decoder"));
    let judged =
        ok(at, &["evaluate", "--bundle", "models/miniature", "--data", "phantoms/phantoms.csv", "--out", "judged"]);
    assert!(judged.contains("32 pictures of 16 patients"), "{judged}");
}

/// Every file below `folder` but the checkpoints and notes that hold paths.
fn models(folder: &Path) -> Vec<Vec<u8>> {
    let names = ["encoder.onnx", "decoders/low.onnx", "decoders/high.onnx", "control/decoder.onnx", "training.json"];
    names.iter().map(|name| std::fs::read(folder.join(name)).unwrap()).collect()
}

#[test]
fn a_stopped_training_ends_as_an_uninterrupted_one() {
    let (folder, csv) = world(6);
    let train = |out: &Path, progress: &Progress| {
        let run = SegmentRun::start(out, &recipe(), std::slice::from_ref(&csv), ComputeDevice::default(), &[]).unwrap();
        run.train(ComputeDevice::default(), progress)
    };
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    train(&whole, &Progress::silent()).unwrap();
    // Stopped after the first epoch of the warm start, then within stage (a).
    for state in ["stages/shared/state.json", "stages/decoder-low/state.json"] {
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, watched) = (Arc::clone(&stop), broken.join(state));
        let watcher = std::thread::spawn(move || {
            while !watched.exists() && !flag.load(Ordering::Relaxed) {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            flag.store(true, Ordering::Relaxed);
        });
        let result = train(&broken, &Progress::quiet(Arc::clone(&stop)));
        stop.store(true, Ordering::Relaxed);
        watcher.join().unwrap();
        assert!(matches!(result, Err(HostError::Stopped)), "{result:?}");
    }
    train(&broken, &Progress::silent()).unwrap();
    assert!(models(&whole) == models(&broken), "the same weights and figures");
}

#[test]
fn a_run_begins_with_the_weights_of_another() {
    let (folder, csv) = world(6);
    let train = |out: &str, from: &[&str]| {
        let out = folder.path().join(out);
        let from: Vec<PathBuf> = from.iter().map(|run| folder.path().join(run)).collect();
        let run = SegmentRun::start(&out, &recipe(), std::slice::from_ref(&csv), ComputeDevice::default(), &from);
        run.and_then(|run| run.train(ComputeDevice::default(), &Progress::silent()))
    };
    let missing = train("second", &["first"]).unwrap_err().to_string();
    assert!(missing.contains("shared.bpk is missing"), "{missing}");
    let first = train("first", &[]).unwrap();
    let second = train("second", &["first"]).unwrap();
    assert!(second.epochs[0].loss < first.epochs[0].loss, "it goes on where the first one ended");
    let other = train("second", &[]).unwrap_err().to_string();
    assert!(other.contains("another recipe, data or start"), "{other}");
    let third = train("third", &["first", "second"]).unwrap();
    assert!(third.epochs[0].loss < first.epochs[0].loss, "a mean of two runs is no worse a start");
    let same = train("same", &["first", "first"]).unwrap();
    assert_eq!(same.epochs[0].loss, second.epochs[0].loss, "the mean of equal weights");
    assert_ne!(third.epochs[0].loss, second.epochs[0].loss);
}

#[test]
fn a_damaged_checkpoint_is_named_or_trained_again() {
    let (folder, csv) = world(6);
    let out = folder.path().join("run");
    let train = || {
        let run =
            SegmentRun::start(&out, &recipe(), std::slice::from_ref(&csv), ComputeDevice::default(), &[]).unwrap();
        run.train(ComputeDevice::default(), &Progress::silent())
    };
    train().unwrap();
    let first = models(&out);
    std::fs::write(out.join("stages/control/state.json"), b"{").unwrap();
    train().unwrap();
    assert!(models(&out) == first, "a damaged state is trained again");
    let mut stage = std::fs::read_dir(out.join("stages/shared")).unwrap().map(|e| e.unwrap().path());
    let best = stage.find(|p| p.file_name().unwrap().to_string_lossy().starts_with("best")).unwrap();
    std::fs::write(&best, b"damaged").unwrap();
    let message = train().unwrap_err().to_string();
    assert!(message.contains("best-") && message.contains("damaged"), "{message}");
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let (folder, csv) = world(4);
    let at = folder.path();
    let train = |config: &str, data: &str| fails(at, &["train", "--config", config, "--data", data, "--out", "run"]);
    struct Case {
        change: fn(&mut SegmentRecipe),
        says: &'static str,
    }
    let cases = [
        Case { change: |r| r.input.width = 50, says: "multiple of 4" },
        Case { change: |r| r.network.width = 0, says: "network.width" },
        Case { change: |r| r.training.batch = 0, says: "training.batch" },
        Case { change: |r| r.labels.push("rv".into()), says: "exactly one structure" },
        Case { change: |r| r.split.test = 0.9, says: "sum to 1" },
        Case { change: |r| r.training.shared.learning_rate = -1.0, says: "learning_rate" },
        Case { change: |r| r.domains[1] = "low".into(), says: "twice" },
    ];
    for case in cases {
        let mut changed = recipe();
        (case.change)(&mut changed);
        changed.write(&at.join("bad.toml")).unwrap();
        let (code, message) = train("bad.toml", csv.to_str().unwrap());
        assert!(code == 2 && message.contains(case.says), "{code} {message}");
    }
    // One patient cannot be on three sides.
    let table = std::fs::read_to_string(&csv).unwrap();
    let one: Vec<&str> = table.lines().filter(|l| l.starts_with("image,") || l.contains("low-0")).collect();
    std::fs::write(csv.with_file_name("one.csv"), one.join("\n")).unwrap();
    let (code, message) = train("recipe.toml", "phantoms/one.csv");
    assert!(code == 3 && message.contains("patient"), "{code} {message}");
    // A domain that the recipe does not know.
    std::fs::write(csv.with_file_name("other.csv"), table.replace(",high,", ",medium,")).unwrap();
    let (code, message) = train("recipe.toml", "phantoms/other.csv");
    assert!(code == 3 && message.contains("`medium` is not in the recipe"), "{code} {message}");
    // A learning rate that leaves the numbers.
    let mut wild = recipe();
    wild.training.shared.learning_rate = 1e30;
    wild.write(&at.join("wild.toml")).unwrap();
    let (_, message) = train("wild.toml", csv.to_str().unwrap());
    assert!(message.contains("diverged"), "{message}");
}
