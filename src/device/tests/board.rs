//! `ushydra board show|check`, `doctor` and `--board` on trees that were made up.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;

use std::ffi::OsString;
use std::path::PathBuf;

use common::{Answer, Scene, finish, program};
use serde_json::Value;

/// A device: the tree of its board, its store and its state.
struct Device {
    scene: Scene,
    folder: tempfile::TempDir,
}

impl Device {
    fn new(files: &[(&str, &str)]) -> Self {
        let device = Self { scene: Scene::new(), folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(device.state().join("models")).unwrap();
        for (path, text) in files {
            let path = device.folder.path().join("root").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        device
    }

    fn orin_nano(more: &[(&str, &str)]) -> Self {
        let files = [
            ("proc/device-tree/model", "NVIDIA Jetson Orin Nano Developer Kit\0"),
            ("sys/class/thermal/thermal_zone0/type", "cpu-thermal"),
            ("sys/class/thermal/thermal_zone0/temp", "45000"),
            ("etc/nvpmodel.conf", "< POWER_MODEL ID=0 NAME=15W >\n< POWER_MODEL ID=1 NAME=7W >\n"),
            ("var/lib/nvpmodel/status", "pmode:0000"),
            ("etc/udev/rules.d/70-ushydra.rules", "# rule"),
        ];
        Self::new(&[&files, more].concat())
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn run(&self, arguments: Vec<OsString>) -> Answer {
        let mut command = program();
        command.env("USHYDRA_SYSROOT", self.folder.path().join("root"));
        command.env("USHYDRA_STATE", self.state()).env("USHYDRA_STORE", self.state().join("models"));
        finish(command.args(arguments).arg("--bundle").arg(self.scene.miniature.folder()))
    }

    /// State and detail of the check `name`.
    fn check(&self, name: &str) -> (String, String) {
        let answer = self.run(arguments!["board", "check", "--json"]);
        let record = answer.json().remove(0);
        let found = record["checks"].as_array().unwrap().iter().find(|check| check["check"] == name);
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let found = found.unwrap_or_else(|| panic!("no {name} in {record}"));
        (word(&found["state"]), word(&found["detail"]))
    }
}

#[test]
fn a_board_is_shown_with_its_profile_and_its_sensors() {
    let device = Device::orin_nano(&[]);
    let answer = device.run(arguments!["board", "show", "--json"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let record = &answer.json()[0];
    assert_eq!((&record["profile"]["name"], &record["chosen"]), (&"orin-nano".into(), &false.into()));
    assert_eq!(record["readings"]["zones"][0]["temperature_c"], 45.0);
    assert_eq!(record["readings"]["mode"]["name"], "15W");
    let text = device.run(arguments!["board", "show"]).stdout;
    for word in
        ["Orin Nano Developer Kit", "15W (0)", "45.0 °C", "cardiac-lv on tensorrt in f16", "estimated", "xavier-nx"]
    {
        assert!(text.contains(word), "{word}: {text}");
    }
    let chosen = device.run(arguments!["board", "show", "--json", "--board", "agx-orin"]);
    assert_eq!(chosen.json()[0]["profile"]["name"], "agx-orin");
}

#[test]
fn names_that_no_board_has_are_a_usage_error_with_the_known_ones() {
    let device = Device::orin_nano(&[]);
    let config = device.scene.write("board.toml", b"[board]\nname = 'toaster'\n");
    for arguments in [
        arguments!["board", "show", "--board", "toaster"],
        arguments!["run", "--board", "toaster"],
        arguments!["board", "check", "--config", config],
    ] {
        let answer = device.run(arguments);
        assert_eq!(answer.code, 2, "{}", answer.stderr);
        for word in ["toaster", "orin-nano", "generic-aarch64", "auto"] {
            assert!(answer.stderr.contains(word), "{word}: {}", answer.stderr);
        }
    }
    let config = device.scene.write("known.toml", b"[board]\nname = 'xavier-nx'\n");
    let told = device.run(arguments!["board", "show", "--json", "--config", config]);
    assert_eq!(told.json()[0]["profile"]["name"], "xavier-nx");
}

#[test]
fn an_unknown_board_is_treated_as_a_general_one_with_a_warning() {
    let device =
        Device::new(&[("proc/device-tree/model", "Toaster 3\0"), ("proc/device-tree/compatible", "acme,toaster\0")]);
    let (state, detail) = device.check("board");
    assert_eq!(state, "warn");
    assert!(
        detail.contains("Toaster 3") && detail.contains("generic-") && detail.contains("docs/boards.md"),
        "{detail}"
    );
}

#[test]
fn what_is_wrong_is_said_with_its_remedy() {
    struct Case {
        files: &'static [(&'static str, &'static str)],
        check: &'static str,
        state: &'static str,
        words: &'static str,
    }
    let cases = [
        Case { files: &[], check: "power mode", state: "pass", words: "15W" },
        Case {
            files: &[("var/lib/nvpmodel/status", "pmode:0001")],
            check: "power mode",
            state: "warn",
            words: "nvpmodel -m 0",
        },
        Case {
            files: &[("var/lib/nvpmodel/status", "pmode:9")],
            check: "power mode",
            state: "note",
            words: "number 9",
        },
        Case {
            files: &[("var/lib/nvpmodel/status", "junk")],
            check: "power mode",
            state: "warn",
            words: "none is set",
        },
        Case { files: &[], check: "temperature", state: "pass", words: "45 °C (cpu-thermal)" },
        Case {
            files: &[("sys/class/thermal/thermal_zone0/temp", "82000")],
            check: "temperature",
            state: "warn",
            words: "vents",
        },
        Case {
            files: &[("sys/class/thermal/thermal_zone0/temp", "97000")],
            check: "temperature",
            state: "fail",
            words: "cool down",
        },
        Case {
            files: &[("sys/class/thermal/thermal_zone0/temp", "x")],
            check: "temperature",
            state: "note",
            words: "no sensor",
        },
        Case { files: &[], check: "battery", state: "note", words: "none" },
        Case {
            files: &[
                ("sys/class/power_supply/b/type", "Battery"),
                ("sys/class/power_supply/b/capacity", "12"),
                ("sys/class/power_supply/b/status", "Discharging"),
            ],
            check: "battery",
            state: "warn",
            words: "plug the charger in",
        },
        Case {
            files: &[("proc/meminfo", "MemTotal: 3900000 kB\nMemAvailable: 3000000 kB\nSwapTotal: 0 kB")],
            check: "memory of the board",
            state: "warn",
            words: "another module",
        },
        Case {
            files: &[("proc/meminfo", "MemTotal: 7800000 kB\nMemAvailable: 300000 kB\nSwapTotal: 900000 kB")],
            check: "memory of the board",
            state: "warn",
            words: "close other programs",
        },
        Case {
            files: &[("proc/self/mounts", "/dev/x / ext4 ro 0 0")],
            check: "root file system",
            state: "note",
            words: "read-only",
        },
        Case {
            files: &[("proc/self/mounts", "/dev/x / ext4 rw 0 0")],
            check: "root file system",
            state: "note",
            words: "docs/boards.md",
        },
        Case { files: &[], check: "trusted keys", state: "warn", words: ".pub" },
        Case { files: &[], check: "udev rule", state: "pass", words: "70-ushydra.rules" },
        Case { files: &[], check: "store of bundles", state: "pass", words: "MiB free" },
        Case {
            files: &[
                ("proc/self/status", "Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nGroups:\t1000"),
                ("etc/group", "video:x:44:\nme:x:1000:"),
            ],
            check: "groups",
            state: "warn",
            words: "usermod -aG video",
        },
        Case { files: &[], check: "TensorRT on the GPU", state: "warn", words: "Ampere" },
    ];
    for case in cases {
        let (state, detail) = Device::orin_nano(case.files).check(case.check);
        assert_eq!(state, case.state, "{}: {detail}", case.check);
        assert!(detail.contains(case.words), "{}: {detail}", case.check);
    }
    let hot = Device::orin_nano(&[("sys/class/thermal/thermal_zone0/temp", "97000")]);
    assert_eq!(hot.run(arguments!["board", "check"]).code, 70);
    let bare = Device::new(&[]);
    let checked = bare.run(arguments!["board", "check"]);
    assert_eq!(checked.code, 0, "warnings fail nothing: {}", checked.stdout);
    assert!(checked.stdout.contains("WARN  udev rule"), "{}", checked.stdout);
    let doctor = Device::orin_nano(&[]).run(arguments!["doctor"]);
    assert_eq!(doctor.code, 0, "{}", doctor.stdout);
    for word in ["power mode", "temperature", "trusted keys"] {
        assert!(doctor.stdout.contains(word), "{word}: {}", doctor.stdout);
    }
}

#[test]
fn the_first_boot_is_checked_once() {
    let device = Device::orin_nano(&[]);
    let stamp = device.state().join("first-boot.json");
    let first = device.run(arguments!["board", "check", "--first-boot"]);
    assert_eq!(first.code, 0, "{}{}", first.stdout, first.stderr);
    assert!(first.stdout.contains("golden self-test") && first.stdout.contains("PASS  first boot"), "{}", first.stdout);
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&stamp).unwrap()).unwrap();
    assert_eq!(written["board"], "orin-nano");
    let second = device.run(arguments!["board", "check", "--first-boot"]);
    assert_eq!(second.code, 0);
    assert!(second.stdout.contains("passed before") && !second.stdout.contains("golden"), "{}", second.stdout);
}

#[test]
fn a_first_boot_that_fails_leaves_no_stamp() {
    let broken = Device::orin_nano(&[]);
    std::fs::write(broken.scene.miniature.folder().join("encoder.onnx"), b"nothing").unwrap();
    let hot = Device::orin_nano(&[("sys/class/thermal/thermal_zone0/temp", "97000")]);
    for (device, code) in [(broken, 4), (hot, 70)] {
        let answer = device.run(arguments!["board", "check", "--first-boot"]);
        assert_eq!(answer.code, code, "{}{}", answer.stdout, answer.stderr);
        assert!(!device.state().join("first-boot.json").exists());
    }
    // A state folder that cannot be made.
    let device = Device::orin_nano(&[]);
    let file = device.scene.write("file", b"");
    let mut command = program();
    command.env("USHYDRA_SYSROOT", device.folder.path().join("root")).env("USHYDRA_STATE", file.join("state"));
    command.args(["board", "check", "--first-boot", "--bundle"]).arg(device.scene.miniature.folder());
    let answer = finish(&mut command);
    assert_eq!(answer.code, 70, "{}{}", answer.stdout, answer.stderr);
    assert!(answer.stdout.contains("FAIL  first boot"), "{}", answer.stdout);
}
