//! `run` on a hot board, with an empty battery, without sensors: what is given up, and that it is said.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use common::{Answer, Scene, answer, finish, program};
use serde_json::Value;
use ushydra_tests::data::demo_cine;
use ushydra_tests::miniature::{self, Segmenting};

fn source() -> String {
    format!("file:{}", demo_cine().display())
}

/// The tree of a board with one thermal zone and one battery.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        tree.write("proc/device-tree/model", "NVIDIA Jetson Orin Nano Developer Kit\0");
        tree.write("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n");
        tree
    }

    fn hot(milli: &str) -> Self {
        let tree = Self::new();
        tree.temperature(milli);
        tree
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // In one step, as the kernel does it: the program may be reading.
        let new = path.with_extension("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    fn temperature(&self, milli: &str) {
        self.write("sys/class/thermal/thermal_zone0/temp", milli);
    }

    fn command(&self, scene: &Scene, arguments: Vec<OsString>) -> Command {
        let mut command = program();
        command.env("USHYDRA_SYSROOT", self.0.path());
        command.args(["run", "--source"]).arg(source()).args(arguments).arg("--bundle").arg(scene.miniature.folder());
        command
    }

    fn run(&self, scene: &Scene, arguments: Vec<OsString>) -> Answer {
        finish(&mut self.command(scene, arguments))
    }
}

fn derating(record: &Value) -> &Value {
    &record["live"]["derating"]
}

#[test]
fn a_warm_board_gives_up_rate_and_every_record_says_so() {
    let scene = Scene::new();
    let tree = Tree::hot("81000");
    let begin = Instant::now();
    let run = tree.run(&scene, arguments!["--loop", "--json", "--frames", "20"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    // 19 intervals at 15 frames per second; the cine has 30.
    assert!(begin.elapsed().as_secs_f64() > 1.2, "{:?}", begin.elapsed());
    for record in run.json() {
        let found = derating(&record);
        assert_eq!((&found["step"], &found["max_fps"]), (&"reduced-rate".into(), &15.0.into()), "{record}");
        assert_eq!(
            (&found["causes"], &found["warnings"]),
            (&serde_json::json!(["temperature"]), &serde_json::json!([]))
        );
        assert_eq!(found["temperature_c"], 81.0);
        assert!(found.get("decoders").is_none());
    }
    assert!(run.stderr.contains("derating: reduced rate, at most 15 fps, 81 °C"), "{}", run.stderr);
    assert!(run.stderr.contains("on tract | reduced rate"), "the status line says it: {}", run.stderr);
}

#[test]
fn a_hot_board_falls_back_to_int8_decoders() {
    let scene = Scene::segmenting(&Segmenting::HEAD);
    miniature::quantise(&scene.miniature.folder()).unwrap();
    let tree = Tree::hot("90000");
    let config = scene.write("board.toml", b"[board]\ndwell_s = 1\n");
    let run = tree.run(&scene, arguments!["--config", config, "--loop", "--json", "--frames", "40", "-v"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("a hot board falls back to int8 decoders"), "{}", run.stderr);
    let records = run.json();
    assert_eq!(derating(&records[0])["step"], "reduced-rate", "step by step");
    let last = derating(records.last().unwrap());
    assert_eq!((&last["step"], &last["max_fps"], &last["decoders"]), (&"low-rate".into(), &8.0.into(), &"int8".into()));
    assert!(run.stderr.contains("int8 decoders, 90 °C"), "{}", run.stderr);
}

#[test]
fn without_int8_decoders_the_rate_alone_is_given_up() {
    let scene = Scene::new();
    let tree = Tree::hot("90000");
    let config = scene.write("board.toml", b"[board]\ndwell_s = 1\n");
    let run = tree.run(&scene, arguments!["--config", config, "--loop", "--json", "--frames", "30", "-v"]);
    assert!(run.stderr.contains("gives up frame rate alone"), "{}", run.stderr);
    let records = run.json();
    let last = derating(records.last().unwrap());
    assert_eq!((&last["step"], last.get("decoders")), (&"low-rate".into(), None));
}

#[test]
fn a_critical_board_pauses_and_goes_on_when_it_has_cooled_down() {
    let scene = Scene::new();
    let tree = Tree::hot("96000");
    let config = scene.write("board.toml", b"[board]\ndwell_s = 1\n");
    let mut command = tree.command(&scene, arguments!["--config", config, "--loop", "--json", "--frames", "60"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let paused: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!(paused["source"], "board");
    assert!(paused["error"].as_str().unwrap().contains("PAUSED"), "{paused}");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    tree.temperature("40000");
    let records = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap()).collect::<Vec<_>>();
    let ended = answer(child);
    assert_eq!((ended.code, records.len()), (0, 60), "{}", ended.stderr);
    let steps = records.iter().map(|r| derating(r)["step"].as_str().unwrap_or("full").to_owned()).collect::<Vec<_>>();
    let mut order = steps.clone();
    order.dedup();
    assert_eq!(order, ["low-rate", "reduced-rate", "full"], "one step after the other");
    for words in [
        "PAUSED, no frame is judged",
        "no result is live",
        "nothing is given up",
        "passed by while the board was too hot",
    ] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}

#[test]
fn a_cine_ends_also_on_a_board_that_judges_nothing() {
    let scene = Scene::new();
    let run = Tree::hot("96000").run(&scene, arguments![]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("judged 0") && run.stdout.contains("too hot"), "{}", run.stdout);
}

#[test]
fn an_empty_battery_gives_up_rate_and_a_low_one_is_a_warning() {
    let scene = Scene::new();
    for (capacity, step, cause) in [("15", "full", false), ("8", "reduced-rate", true)] {
        let tree = Tree::hot("40000");
        tree.write("sys/class/power_supply/b/type", "Battery\n");
        tree.write("sys/class/power_supply/b/capacity", capacity);
        tree.write("sys/class/power_supply/b/status", "Discharging\n");
        let run = tree.run(&scene, arguments!["--json", "--frames", "1"]);
        let records = run.json();
        let found = derating(&records[0]);
        assert_eq!((&found["step"], &found["warnings"]), (&step.into(), &serde_json::json!(["battery"])), "{capacity}");
        assert_eq!(found["causes"].as_array().unwrap().is_empty(), !cause, "{capacity}: {found}");
        assert!(run.stderr.contains("plug the charger in"), "{}", run.stderr);
    }
}

#[test]
fn without_sensors_nothing_is_given_up_and_nonsense_is_no_sensor() {
    let scene = Scene::new();
    let trees = ["", "NaN", "-273150000", "99999999999999999999", "hot\n\n", "\u{0}"].map(Tree::hot);
    for tree in trees.iter().chain([&Tree::new(), &Tree::hot("-20000")]) {
        let run = tree.run(&scene, arguments!["--json", "--replay", "fast", "--frames", "3"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.json().iter().all(|record| derating(record).is_null()), "{}", run.stdout);
        assert!(!run.stderr.contains("derating"), "{}", run.stderr);
    }
}

#[test]
fn derating_can_be_switched_off_and_that_is_said() {
    let scene = Scene::new();
    let config = scene.write("board.toml", b"[board]\nderating = false\n");
    let run = Tree::hot("96000").run(&scene, arguments!["--config", config, "--json", "--frames", "3"]);
    assert_eq!((run.code, run.json().len()), (0, 3), "{}", run.stderr);
    assert!(run.stderr.contains("derating is switched off"), "{}", run.stderr);
}

#[test]
fn an_overlay_says_what_is_given_up() {
    let scene = Scene::new();
    let picture = |milli: &str| {
        let folder = scene.miniature.scratch().join(format!("overlay-{milli}"));
        let run = Tree::hot(milli).run(&scene, arguments!["--replay", "fast", "--frames", "1", "--overlay", folder]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
        image::open(file).unwrap().to_rgb8()
    };
    let (cool, warm) = (picture("40000"), picture("81000"));
    // The banner is amber at the left edge, where the cool picture has a black panel.
    let amber = |picture: &image::RgbImage| {
        picture.rows().filter(|row| row.clone().next().is_some_and(|p| p.0[0] > 100 && p.0[2] < 60)).count()
    };
    assert!(amber(&warm) >= amber(&cool) + 10, "{} and {} rows", amber(&cool), amber(&warm));
}
