//! A miniature study, end to end through the program's command line; what resumes, what is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use ushydra_host::files;
use ushydra_host::phantoms::{self, PhantomSet};
use ushydra_host::progress::Progress;
use ushydra_host::report::{Collected, Images, write};
use ushydra_host::segment::SegmentRecipe;
use ushydra_host::segment::recipe::SplitConfig;
use ushydra_host::study::CellRecord;
use ushydra_host::study::explain::{Detail, Explained, Method};

const CLASSIFY: &str = r#"
[classify]
recipe = "recipe.toml"
data = ["data.csv"]
weights = "weights.safetensors"
systems = ["vit", "ushydra-vit", "resnet18"]
splits = [{ name = "split-0" }]
printed = { low = "African", medium = "European", high = "Macao" }
[classify.networks]
width = 32
height = 32
common = { epochs = 2, batch = 8, learning_rate = 0.003, width = 4 }
"#;

const SEGMENT: &str = r#"
[segment]
recipe = "segment.toml"
data = ["phantoms/phantoms.csv"]
systems = ["unet", "ushydra-unet", "fcn"]
splits = [{ name = "split-0" }]
printed = { low = "Camus", high = "EchoNet" }
[segment.networks]
width = 48
height = 32
common = { epochs = 1, batch = 4, learning_rate = 0.003, width = 4, backbone = "resnet18", output_stride = 32 }
"#;

const ABLATIONS: &str = r#"
[ablations.classify]
routing = true
std_weights = [1.0, 20.0]
quality = true
int8 = true
other_domains = [0.0, 1.0]
without_devices = ["dev1"]
domains.two = { low = "poor", medium = "good", high = "good" }
domains.devices = { by = "device" }
degrade = { noise = [0.2], blur = [0.05], gain = [0.5] }
[ablations.segment]
routing = true
quality = true
int8 = true
degrade = { noise = [0.2] }
"#;

struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// Pictures, weights, phantoms, recipes and the configuration `study.toml` with these parts.
    fn new(parts: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        common::pictures(at, 36);
        common::weights(&at.join("weights.safetensors"));
        common::recipe(at);
        if parts.contains(&SEGMENT) {
            let domains = vec!["low".to_owned(), "high".to_owned()];
            let set = PhantomSet { view: "a4c".into(), domains, patients: 12, frames: 1, seed: 3 };
            phantoms::write(&set, &at.join("phantoms"), 2, &Progress::silent()).unwrap();
            segment_recipe().write(&at.join("segment.toml")).unwrap();
        }
        let world = Self { folder };
        world.configure(parts);
        world
    }

    fn configure(&self, parts: &[&str]) {
        let text = format!("name = \"miniature\"\nresamples = 100\n{}", parts.concat());
        std::fs::write(self.path("study.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ushydra-host"));
        command.args(["--quiet", "compare", "--config", "study.toml", "--out", "out"]).args(arguments);
        command.current_dir(self.folder.path());
        command
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", error(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?} succeeded");
        (output.status.code().unwrap(), error(&output))
    }

    fn record(&self, slug: &str) -> CellRecord {
        serde_json::from_slice(&std::fs::read(self.path(&format!("out/cells/{slug}/cell.json"))).unwrap()).unwrap()
    }

    fn written(&self, slug: &str) -> SystemTime {
        std::fs::metadata(self.path(&format!("out/cells/{slug}/cell.json"))).unwrap().modified().unwrap()
    }
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn segment_recipe() -> SegmentRecipe {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/cardiac-lv.toml");
    let mut recipe = SegmentRecipe::read(&shipped).unwrap();
    recipe.name = "miniature".into();
    recipe.network.width = 3;
    recipe.network.depth = 2;
    (recipe.input.width, recipe.input.height) = (48, 32);
    recipe.split = SplitConfig { train: 0.6, validation: 0.2, test: 0.2 };
    recipe.training.batch = 4;
    recipe.training.epoch_pictures = 8;
    (recipe.training.shared.epochs, recipe.training.decoders.epochs, recipe.training.routed.epochs) = (2, 1, 1);
    recipe.calibration.entries = recipe.network.features();
    recipe.calibration.components = 4;
    recipe.calibration.folds = 2;
    recipe
}

#[test]
fn a_study_from_pictures_to_tables() {
    let world = World::new(&[CLASSIFY, SEGMENT, ABLATIONS]);
    let listed = world.ok(&["--list"]);
    assert!(listed.contains("open      ushydra-vit.split-0.1.routing=fixed-low"), "{listed}");
    let printed = world.ok(&["--jobs", "2"]);
    assert!(!world.ok(&["--list"]).contains("open"), "everything is finished");

    let read = |name: &str| std::fs::read_to_string(world.path("out/tables").join(name)).unwrap();
    for name in ["table-3.md", "table-4.md", "table-5.md", "table-6.md", "cost-classify.md", "differences-segment.md"] {
        assert!(printed.contains(read(name).trim()), "{name} is printed");
        assert!(read(&name.replace(".md", ".csv")).lines().count() > 3, "{name}");
        serde_json::from_str::<serde_json::Value>(&read(&name.replace(".md", ".json"))).unwrap();
    }
    let table = read("table-3.md");
    for part in ["| ViT | low |", "*article: African*", "*73.02* (ab)", "USHydra-ViT | Mixture", "(c) In the article"] {
        assert!(table.contains(part), "{part} is missing in {table}");
    }
    for name in [
        "routing-classify",
        "std-classify",
        "quality-classify",
        "int8-classify",
        "others-classify",
        "domains-classify",
        "strangers-classify",
        "degraded-classify",
        "routing-segment",
        "quality-segment",
        "degraded-segment",
    ] {
        assert!(read(&format!("ablation-{name}.csv")).lines().count() > 3, "{name}");
    }

    // The drawn domains differ grossly: the router finds them, and the heads know the training pictures' kind.
    let routed = world.record("ushydra-vit.split-0.1");
    assert_eq!(routed.domains, common::DOMAINS);
    let own = routed.frames.iter().filter(|f| f.decoder == Some(f.domain)).count();
    assert!(own * 10 >= routed.frames.len() * 9, "{own} of {}", routed.frames.len());
    assert_eq!(routed.frames.iter().filter(|f| f.position.is_some()).count(), routed.frames.len());
    let single = world.record("vit.split-0.1");
    let names = |record: &CellRecord| record.frames.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&routed), names(&single));
    assert_eq!(names(&routed), names(&world.record("resnet18.split-0.1")));
    assert_eq!(names(&routed), names(&world.record("resnet18.split-0.1.noise=0_2")));
    assert!(routed.parameters > single.parameters && single.training_seconds > 0.0);
    assert_eq!(world.record("ushydra-vit.split-0.1.domains=devices").domains.len(), 6);
    let stranger = world.record("vit.without-dev1.1");
    assert!(stranger.frames.iter().all(|f| f.device == "dev1"));
    let drawn = world.record("fcn.split-0.1");
    assert_eq!(names(&drawn), names(&world.record("ushydra-unet.split-0.1")));
    assert!(!drawn.epochs.is_empty() && !world.record("unet.split-0.1").epochs.is_empty());

    explained_and_reported(&world);

    // Once more: nothing is made again.
    let before = world.written("resnet18.split-0.1");
    assert_eq!(world.ok(&[]), printed);
    assert_eq!(world.written("resnet18.split-0.1"), before);
}

/// Every main cell left what stands behind its answers, and the report shows it.
fn explained_and_reported(world: &World) {
    let explained = |slug: &str| {
        let cell = world.path(&format!("out/cells/{slug}"));
        Explained::read(&cell, &world.record(slug)).unwrap().unwrap_or_else(|| panic!("{slug} is not explained"))
    };
    let heat = ["resnet18", "vit", "ushydra-vit"].map(|system| explained(&format!("{system}.split-0.1")));
    for (found, method) in heat.iter().zip([Method::GradCam, Method::AttentionRollout, Method::AttentionRollout]) {
        assert_eq!((found.method, found.means.len(), found.cases.len()), (method, 4, 6));
        // So short a training may leave a plane for which nothing speaks.
        assert!(found.means.iter().all(|mean| mean.pictures > 0));
        assert!(found.means.iter().any(|mean| mean.grid.values().iter().any(|v| *v > 0)));
    }
    // One encoder, one attention; the network looks elsewhere for another plane.
    assert_eq!(heat[1].means, heat[2].means);
    assert!(heat[0].means.iter().any(|mean| mean.grid != heat[0].means[0].grid));
    for system in ["unet", "ushydra-unet", "fcn"] {
        let found = explained(&format!("{system}.split-0.1"));
        assert_eq!((found.method, found.cases.len()), (Method::Outlines, found.cases.len().min(6)));
        for case in &found.cases {
            let Detail::Outlines { reference, .. } = &case.detail else { panic!("{system}: no outlines") };
            assert!(reference[0].doubled_area() > 0, "{system}: {}", case.name);
        }
    }
    assert!(!world.path("out/cells/resnet18.split-0.1.noise=0_2/explained.json").exists());

    // Cells from before: the same from what their training kept, without training.
    let file = |slug: &str| world.path(&format!("out/cells/{slug}/explained.json"));
    let slugs = ["resnet18.split-0.1", "ushydra-vit.split-0.1", "ushydra-unet.split-0.1", "fcn.split-0.1"];
    let before = slugs.map(|slug| std::fs::read(file(slug)).unwrap());
    slugs.iter().for_each(|slug| std::fs::remove_file(file(slug)).unwrap());
    let trained = world.written("resnet18.split-0.1");
    // Nor does it matter that another build trained one of them on another device.
    let settings = world.path("out/cells/fcn.split-0.1/settings.json");
    let kept = std::fs::read_to_string(&settings).unwrap();
    let mut other: BTreeMap<String, String> = serde_json::from_str(&kept).unwrap();
    other.insert("device".to_owned(), files::sha256(b"Tch"));
    files::write_json(&settings, &other).unwrap();
    let printed = world.ok(&["--explain"]);
    assert!(printed.contains("explained fcn.split-0.1") && printed.contains("4 cells explained, 2 were"), "{printed}");
    assert_eq!(slugs.map(|slug| std::fs::read(file(slug)).unwrap()), before);
    assert_eq!(world.written("resnet18.split-0.1"), trained);
    std::fs::write(&settings, kept).unwrap();

    let mut study = Collected::read(&world.path("out")).unwrap();
    study.draws.resamples = 20;
    let page = |images: Option<&Images>| {
        let written = write(&study, images, &world.path("report.html"), None).unwrap();
        assert!(written.problems.is_empty(), "{:?}", written.problems);
        std::fs::read_to_string(world.path("report.html")).unwrap()
    };
    let alone = page(None);
    for part in ["resnet18: Grad-CAM", "attention rollout of the encoder that they share", "fcn: worst and best cases"]
    {
        assert!(alone.contains(part), "{part}");
    }
    assert!(alone.contains("<polygon points=") && alone.contains("Accuracy: USHydra-ViT minus the others"));
    assert!(!alone.contains("<image"));
    // Frames of the phantoms' cines and pictures of the classes are found below the same root.
    let shown = page(Some(&Images::new(world.folder.path()).unwrap()));
    assert!(
        shown.matches("<image href=\"data:").count() == shown.matches("<image").count() && shown.contains("<image")
    );
    assert!(shown.contains("ushydra-vit: worst and best cases"));
}

#[test]
fn what_was_finished_stays_and_what_was_stopped_goes_on() {
    let world = World::new(&[CLASSIFY]);
    // A cell by name, then one that is damaged, one that is stopped between its checkpoints and its record.
    world.ok(&["--cell", "resnet18.split-0.1"]);
    world.ok(&[]);
    let whole = ["vit.split-0.1", "ushydra-vit.split-0.1", "resnet18.split-0.1"].map(|slug| world.record(slug));
    let cell = |slug: &str| world.path(&format!("out/cells/{slug}"));
    std::fs::write(cell("vit.split-0.1").join("cell.json"), b"{\"key\": {").unwrap();
    std::fs::remove_file(cell("resnet18.split-0.1").join("cell.json")).unwrap();
    let kept = world.written("ushydra-vit.split-0.1");
    let output = world.command(&[]).output().unwrap();
    assert!(output.status.success() && error(&output).contains("is damaged"), "{}", error(&output));
    assert_eq!(world.written("ushydra-vit.split-0.1"), kept);
    for (slug, before) in ["vit.split-0.1", "ushydra-vit.split-0.1", "resnet18.split-0.1"].iter().zip(&whole) {
        let after = world.record(slug);
        assert_eq!((&after.frames, &after.epochs), (&before.frames, &before.epochs), "{slug}");
    }

    // Other settings are refused, and only the cells that they concern are made again.
    world.configure(&[&CLASSIFY.replace("epochs = 2", "epochs = 1")]);
    let (code, message) = world.fails(&[]);
    assert!(code == 2 && message.contains("resnet18.split-0.1") && message.contains("(network changed)"), "{message}");
    world.ok(&["--renew"]);
    assert_eq!(world.record("resnet18.split-0.1").epochs.len(), 1);
    assert_eq!(world.written("ushydra-vit.split-0.1"), kept);
    let (code, message) = world.fails(&["--cell", "resnet18.split-7.1"]);
    assert!(code == 2 && message.contains("no cell `resnet18.split-7.1`"), "{code} {message}");
}

#[test]
fn two_processes_share_a_folder() {
    let world = World::new(&[&CLASSIFY.replace(", \"resnet18\"", "")]);
    let mut others: Vec<_> = (0..2).map(|_| world.command(&[]).spawn().unwrap()).collect();
    assert!(others.iter_mut().all(|other| other.wait().unwrap().success()));
    for slug in ["vit.split-0.1", "ushydra-vit.split-0.1"] {
        assert!(!world.record(slug).frames.is_empty());
        assert!(!world.path(&format!("out/cells/{slug}/lock.json")).exists());
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing() {
    let world = World::new(&[&CLASSIFY.replace("\"vit\", \"ushydra-vit\", ", "")]);
    // Files of more than this many blocks of 512 bytes cannot be written, as on a disk that is full.
    let program = env!("CARGO_BIN_EXE_ushydra-host");
    let full = |blocks: u32| {
        let script =
            format!("trap '' XFSZ; ulimit -f {blocks}; exec {program} --quiet compare --config study.toml --out out");
        Command::new("sh").args(["-c", &script]).current_dir(world.folder.path()).output().unwrap()
    };
    let output = full(8);
    let message = error(&output);
    assert!(!output.status.success() && message.contains("cannot write"), "{message}");
    assert!(!world.path("out/cells/resnet18.split-0.1/cell.json").exists());
    world.ok(&[]);
    assert_eq!(world.record("resnet18.split-0.1").epochs.len(), 2);
}

#[test]
fn what_cannot_be_compared_is_refused_before_any_work() {
    let world = World::new(&[CLASSIFY, SEGMENT]);
    let at = |name: &str| world.path(name);
    let table = std::fs::read_to_string(at("data.csv")).unwrap();
    let masks = std::fs::read_to_string(at("phantoms/phantoms.csv")).unwrap();
    let lines = |text: &str, keep: &dyn Fn(&str) -> bool| {
        let kept: Vec<&str> = text.lines().enumerate().filter(|(i, l)| *i == 0 || keep(l)).map(|(_, l)| l).collect();
        kept.join("\n")
    };
    struct Case {
        file: &'static str,
        text: String,
        says: &'static str,
    }
    let cases = [
        Case {
            file: "data.csv",
            text: lines(&table, &|l| l.contains(",patient3,")),
            says: "patients cannot be split into 3",
        },
        Case { file: "data.csv", text: table.replace(",ring,", ",rung,"), says: "label `rung` is not in the recipe" },
        Case { file: "data.csv", text: lines(&table, &|l| !l.contains(",ring,")), says: "has no training picture" },
        Case {
            file: "data.csv",
            text: lines(&table, &|l| !l.contains(",high,")),
            says: "domain `high` has no labelled training picture",
        },
        Case { file: "data.csv", text: table.replace("p/1-bar.png", "p/gone.png"), says: "gone.png" },
        Case {
            file: "phantoms/phantoms.csv",
            text: lines(&masks, &|l| l.contains("low-0")),
            says: "cannot be split into 3",
        },
    ];
    for Case { file, text, says } in cases {
        let before = std::fs::read(at(file)).unwrap();
        std::fs::write(at(file), text).unwrap();
        let (code, message) = world.fails(&[]);
        assert!(code == 3 && message.contains(says), "{code} {message}");
        std::fs::write(at(file), before).unwrap();
    }
    assert!(!at("out/cells").exists(), "no work was begun");

    // A label missing from one domain trains, with a warning that names both.
    std::fs::write(at("data.csv"), lines(&table, &|l| !l.contains(",ring,high,"))).unwrap();
    let output = world.command(&["--only", "ushydra-vit"]).output().unwrap();
    assert!(output.status.success(), "{}", error(&output));
    assert!(error(&output).contains("domain `high` has no training picture of `ring`"), "{}", error(&output));
    std::fs::write(at("data.csv"), &table).unwrap();

    // A mask of another size than its picture is named when its cell comes to it; the other cells are made.
    let mask = masks.lines().nth(1).unwrap().split(',').nth(1).unwrap();
    image::GrayImage::new(9, 9).save(at("phantoms").join(mask)).unwrap();
    let (_, message) = world.fails(&["--only", "unet"]);
    assert!(message.contains("9x9") && message.contains("both must show the same pixels"), "{message}");

    // Settings that cannot work.
    for (from, to, says) in [
        ("epochs = 2", "epoch = 2", "epoch"),
        ("batch = 8", "batch = 1", "batch = 1"),
        ("\"weights.safetensors\"", "\"gone.safetensors\"", "gone.safetensors"),
        ("recipe = \"recipe.toml\"", "recipe = \"gone.toml\"", "gone.toml"),
        ("printed", "painted", "painted"),
    ] {
        world.configure(&[&CLASSIFY.replace(from, to)]);
        let (_, message) = world.fails(&["--list"]);
        assert!(message.contains(says), "{message}");
    }
}
