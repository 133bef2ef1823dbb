//! The command, from a bundle to a bundle.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use ushydra_bundle::Bundle;
use ushydra_engine::{Backend, EngineOptions, Models, Precision};
use ushydra_host::HostError;
use ushydra_host::phantoms::{self, PhantomSet};
use ushydra_host::progress::Progress;
use ushydra_host::quantise::run::{Request, run};
use ushydra_host::segment::SegmentRecipe;
use ushydra_onnx::Network;

/// The shipped recipe, shrunk; `width` decides whether decoders are large enough to shrink.
fn recipe(width: usize) -> SegmentRecipe {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/cardiac-lv.toml");
    let mut recipe = SegmentRecipe::read(&shipped).unwrap();
    recipe.name = "miniature".into();
    (recipe.network.width, recipe.network.depth) = (width, 2);
    (recipe.input.width, recipe.input.height) = (48, 32);
    recipe.split = ushydra_host::segment::recipe::SplitConfig { train: 0.6, validation: 0.2, test: 0.2 };
    let training = &mut recipe.training;
    (training.batch, training.epoch_pictures) = (4, 48);
    (training.shared.epochs, training.decoders.epochs, training.routed.epochs) = (10, 1, 1);
    training.shared.learning_rate = 0.005;
    recipe.calibration.entries = recipe.network.features();
    recipe.calibration.components = 4;
    recipe.calibration.folds = 2;
    recipe.resamples = 20;
    recipe
}

fn program(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ushydra-host"));
    command.arg("--quiet").args(arguments).current_dir(folder).output().unwrap()
}

fn ok(folder: &Path, arguments: &[&str]) -> (String, String) {
    let output = program(folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {error}");
    (String::from_utf8(output.stdout).unwrap(), error)
}

/// A folder with phantoms, a recipe and the bundle that it makes.
fn world(width: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let domains = vec!["low".to_owned(), "high".to_owned()];
    let set = PhantomSet { view: "a4c".into(), domains, patients: 8, frames: 1, seed: 3 };
    phantoms::write(&set, &at.join("phantoms"), 2, &Progress::silent()).unwrap();
    recipe(width).write(&at.join("recipe.toml")).unwrap();
    ok(at, &["train", "--config", "recipe.toml", "--data", "phantoms/phantoms.csv", "--out", "run"]);
    ok(at, &["calibrate", "--run", "run"]);
    ok(at, &["export", "--run", "run", "--to", "."]);
    folder
}

const QUANTIZE: [&str; 7] =
    ["quantize", "--bundle", "models/miniature", "--config", "recipe.toml", "--data", "phantoms/phantoms.csv"];

/// Every file below `folder` with its bytes.
fn tree(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(tree(&path));
        } else {
            files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

#[test]
fn a_bundle_gets_int8_decoders() {
    let folder = world(16);
    let at = folder.path();
    let before = (tree(&at.join("models")), tree(&at.join("calibration")));
    let (copied, _) = ok(at, &[&QUANTIZE[..], &["--out", "copy"]].concat());
    assert!(copied.contains("f32 and int8"), "{copied}");
    assert!(before == (tree(&at.join("models")), tree(&at.join("calibration"))), "--out leaves the bundle as it is");

    // What a stop leaves: one decoder finished, the other one not.
    std::fs::remove_file(at.join("work/miniature-int8/decoders/high.json")).unwrap();
    std::fs::write(at.join("work/miniature-int8/decoders/low.json"), b"{").unwrap();
    ok(at, &QUANTIZE);
    let own = |root: &Path| {
        let files = [tree(&root.join("models/miniature")), tree(&root.join("calibration"))].concat();
        files.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>()
    };
    assert!(own(at) == own(&at.join("copy")), "the same bytes in place and in a copy, resumed or not");

    let bundle = Bundle::open(&at.join("models/miniature")).unwrap();
    let quantisation = bundle.quantisation().unwrap();
    assert_eq!(quantisation.decoders.len(), 2);
    for (index, decoder) in quantisation.decoders.iter().enumerate() {
        assert!(decoder.float_bytes as f64 / decoder.qop_bytes as f64 >= 3.5);
        assert!(decoder.test.as_ref().unwrap().pictures > 0 && !decoder.ranges.is_empty());
        assert!(bundle.int8_paths(index).unwrap().qdq.exists());
    }
    let options = EngineOptions { precision: Some(Precision::Int8), ..EngineOptions::default() };
    Models::load(&bundle, Backend::Tract, &options).unwrap();
    let card = std::fs::read_to_string(bundle.card_path()).unwrap();
    assert!(card.matches("## int8 decoders").count() == 1 && card.contains("| low |"), "{card}");

    // A stop before anything is written leaves the bundle whole.
    let whole = own(at);
    std::fs::remove_dir_all(at.join("work")).unwrap();
    let request = Request {
        bundle: at.join("models/miniature"),
        data: vec![at.join("phantoms/phantoms.csv")],
        recipe: Some(at.join("recipe.toml")),
        evaluation: None,
        work: at.join("work"),
        jobs: 1,
    };
    let stopped = run(&request, &Progress::quiet(Arc::new(AtomicBool::new(true))));
    assert!(matches!(stopped, Err(HostError::Stopped)), "{stopped:?}");
    assert!(own(at) == whole);
}

#[test]
fn what_does_not_pass_stays_in_f32() {
    let folder = world(3);
    let at = folder.path();
    // So few weights that names outweigh them: refused for its size, with figures, and no failure.
    let (table, warning) = ok(at, &QUANTIZE);
    assert!(warning.contains("decoder low stays in f32") && warning.contains("times smaller"), "{warning}");
    assert!(!table.contains("f32 and int8"), "{table}");
    let bundle = Bundle::open(&at.join("models/miniature")).unwrap();
    assert!(bundle.quantisation().is_none() && bundle.int8_paths(0).is_none());
    assert!(!at.join("models/miniature/decoders/low.qop.onnx").exists());

    // An operator that the quantiser does not know leaves that decoder alone.
    let path = at.join("models/miniature/decoders/low.onnx");
    let bytes = std::fs::read(&path).unwrap();
    let network = Network::read(&bytes).unwrap();
    let (mut graph, values) = network.begin(ushydra_onnx::Storage::F32).unwrap();
    let mut value = values["bottleneck"];
    value = graph.reduce_mean(value, &[1], true).unwrap();
    value = graph.resize(value, [4, 4], ushydra_onnx::ResizeMode::Bilinear).unwrap();
    for name in ["skip0", "skip1"] {
        let mean = graph.reduce_mean(values[name], &[1, 2, 3], true).unwrap();
        value = graph.add(value, mean).unwrap();
    }
    graph.output("logits", value).unwrap();
    graph.save(&path).unwrap();
    let mut manifest = bundle.manifest().clone();
    manifest.decoders[0].sha256 = ushydra_bundle::FileSpec::of(bundle.root(), "decoders/low.onnx").unwrap().sha256;
    manifest.write(bundle.root()).unwrap();
    let (_, warning) = ok(at, &QUANTIZE);
    assert!(warning.contains("cannot be quantised") && warning.contains("ReduceMean"), "{warning}");

    // Data and recipes of something else.
    let refused = |arguments: &[&str], says: &str| {
        let output = program(at, arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(says), "{arguments:?}: {error}");
        output.status.code().unwrap()
    };
    let table = std::fs::read_to_string(at.join("phantoms/phantoms.csv")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(at.join(name), text).unwrap();
    let lines = |keep: &dyn Fn(&str) -> bool| table.lines().filter(|l| keep(l)).collect::<Vec<_>>().join("\n");
    write("phantoms/low.csv", &lines(&|l| !l.contains(",high,")));
    write("phantoms/other.csv", &table.replace(",high,", ",best,"));
    write("labels.csv", "file,label,domain,patient\nx.png,brain,low,p\n");
    let with = |data: &'static str| [&QUANTIZE[..6], &[data]].concat();
    assert_eq!(refused(&with("phantoms/low.csv"), "no picture of domain `high`"), 3);
    assert_eq!(refused(&with("phantoms/other.csv"), "domain `best` is not in the recipe"), 3);
    assert_eq!(refused(&with("labels.csv"), "labels.csv"), 3);
    assert_eq!(
        refused(&["quantize", "--bundle", "models/miniature", "--data", "phantoms/phantoms.csv"], "--config"),
        2
    );
    let mut other = recipe(3);
    other.domains = vec!["low".into(), "best".into()];
    other.write(&at.join("other.toml")).unwrap();
    let config =
        ["quantize", "--bundle", "models/miniature", "--config", "other.toml", "--data", "phantoms/phantoms.csv"];
    assert_eq!(refused(&config, "its domains is not that of miniature@1.1.0"), 2);
    assert_eq!(refused(&["quantize", "--bundle", "nowhere", "--data", "phantoms/phantoms.csv"], "bundle.toml"), 4);
}
