//! A miniature study, end to end through the program's command line; what resumes, what is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;
mod explained;
mod world;

use std::process::Command;

use explained::explained_and_reported;
use ushydra_host::study::CellRecord;
use world::{ABLATIONS, CLASSIFY, SEGMENT, World, error};

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
