//! Keys, signed bundles and offline updates, end to end with the program.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

mod common;
#[path = "update/workshop.rs"]
mod workshop;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use common::finish;
use ushydra_bundle::{Day, SecretKey, Signature};
use ushydra_tests::pictures::{LOW, TILT, plane};
use workshop::{NAME, Workshop};

fn flip(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn from_the_key_to_the_device_and_back() {
    let workshop = Workshop::new();
    let first = workshop.sign("1.0.0");
    let answer = finish(workshop.ushydra(["bundle", "install"]).arg(&first).arg("--yes"));
    assert_eq!(answer.code, 0, "{}{}", answer.stdout, answer.stderr);
    for word in ["signed by  \"maker\"", "in use     none", "miniature 1.0.0 installed in slot a, self-test passed"] {
        assert!(answer.stdout.contains(word), "{word}: {}", answer.stdout);
    }
    let second = workshop.sign("1.1.0");
    let answer = finish(workshop.ushydra(["bundle", "install", "--yes", "--json"]).arg(&second));
    let report = &answer.json()[0];
    assert_eq!((&report["bundle"], &report["slot"]), (&"miniature@1.1.0".into(), &"b".into()), "{report}");
    assert_eq!((&report["kept"], &report["signer"]), (&"1.0.0".into(), &"maker".into()), "{report}");

    // The store is searched, the installed bundle is found by its name and runs.
    let picture = workshop.path("a.png");
    plane(LOW, TILT, 3).save(&picture).unwrap();
    let infer = || finish(workshop.ushydra(["infer", "--json", "--bundle", NAME]).arg(&picture));
    assert_eq!(infer().json()[0]["bundle"], "miniature@1.1.0");
    let list = finish(&mut workshop.ushydra(["bundle", "list"]));
    assert!(list.stdout.contains("miniature@1.1.0") && !list.stdout.contains(".slots"), "{}", list.stdout);

    let verified = finish(&mut workshop.ushydra(["bundle", "verify", NAME]));
    assert_eq!(verified.code, 0, "{}", verified.stdout);
    assert!(verified.stdout.contains("signed by \"maker\""), "{}", verified.stdout);
    let elsewhere = finish(workshop.ushydra(["bundle", "verify", NAME, "--keys"]).arg(workshop.path("none")));
    assert_eq!(elsewhere.code, 0);
    assert!(elsewhere.stdout.contains("not among the trusted keys"), "{}", elsewhere.stdout);
    let unsigned = finish(workshop.ushydra(["bundle", "verify", "--json"]).arg(workshop.miniature.folder()));
    assert_eq!((unsigned.code, &unsigned.json()[0]["signature"]["state"]), (0, &"unsigned".into()));

    let back = finish(&mut workshop.ushydra(["bundle", "rollback", NAME]));
    assert_eq!(back.code, 0, "{}", back.stderr);
    assert!(back.stdout.contains("miniature 1.0.0 in use again from slot a"), "{}", back.stdout);
    assert_eq!(infer().json()[0]["bundle"], "miniature@1.0.0");
}

#[test]
fn an_installed_bundle_that_does_not_open_gives_way_and_says_so() {
    let workshop = Workshop::new();
    for version in ["1.0.0", "1.1.0"] {
        let stick = workshop.sign(version);
        assert_eq!(finish(workshop.ushydra(["bundle", "install", "--yes"]).arg(stick)).code, 0);
    }
    let picture = workshop.path("a.png");
    plane(LOW, TILT, 3).save(&picture).unwrap();
    let slot = workshop.store().join(".slots").join(NAME).join("b");
    for damaged in ["encoder.onnx", "bundle.toml"] {
        let whole = fs::read(slot.join(damaged)).unwrap();
        flip(&slot.join(damaged));
        let source = format!("file:{}", picture.display());
        let lines = [arguments!["infer", "--json", picture], arguments!["run", "--json", "--source", source]];
        for line in lines {
            let answer = finish(workshop.ushydra(&line).args(["--bundle", NAME]));
            assert_eq!(answer.code, 0, "{damaged}: {}", answer.stderr);
            assert_eq!(answer.json()[0]["bundle"], "miniature@1.0.0");
            for word in ["FALLING BACK to miniature@1.0.0", damaged, "rollback miniature"] {
                assert!(answer.stderr.contains(word), "{word}: {}", answer.stderr);
            }
        }
        // What is asked for by verify is the active slot itself.
        assert_eq!(finish(&mut workshop.ushydra(["bundle", "verify", NAME])).code, 4, "{damaged}");
        fs::write(slot.join(damaged), whole).unwrap();
    }
    fs::remove_dir_all(&slot).unwrap();
    let answer = finish(workshop.ushydra(["infer", "--json", "--bundle", NAME]).arg(&picture));
    assert_eq!((answer.code, &answer.json()[0]["bundle"]), (0, &"miniature@1.0.0".into()), "{}", answer.stderr);
    fs::remove_dir_all(slot.with_file_name("a")).unwrap();
    let answer = finish(workshop.ushydra(["infer", "--json", "--bundle", NAME]).arg(&picture));
    assert_eq!(answer.code, 4);
    assert!(answer.stderr.contains("neither slot"), "{}", answer.stderr);
}

/// A wrong signature is never run, wherever the bundle lies; an unsigned one is, by hand.
#[test]
fn a_bundle_with_a_wrong_signature_is_not_run() {
    let workshop = Workshop::new();
    let picture = workshop.path("a.png");
    plane(LOW, TILT, 3).save(&picture).unwrap();
    let stick = workshop.sign("1.0.0");
    let infer = || finish(workshop.ushydra(["infer", "--json"]).arg(&picture).arg("--bundle").arg(&stick));
    assert_eq!(infer().code, 0);
    let manifest = stick.join("bundle.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("min_probability = 0.6", "min_probability = 0.1")).unwrap();
    let answer = infer();
    assert_eq!(answer.code, 4);
    assert!(answer.stderr.contains("does not fit the manifest"), "{}", answer.stderr);
    assert_eq!(finish(workshop.ushydra(["bundle", "verify"]).arg(&stick)).code, 4);
    fs::remove_file(stick.join("bundle.sig")).unwrap();
    assert_eq!(infer().code, 0, "unsigned, by hand");
}

#[test]
fn what_is_refused_says_why_and_changes_nothing() {
    struct Case {
        name: &'static str,
        /// Spoils what lies on the stick.
        spoil: fn(&Workshop, &Path),
        code: i32,
        says: &'static [&'static str],
    }
    let cases = [
        Case {
            name: "unsigned",
            spoil: |_, stick| fs::remove_file(stick.join("b/bundle.sig")).unwrap(),
            code: 4,
            says: &["unsigned", "bundle sign"],
        },
        Case {
            name: "foreign key",
            spoil: |_, stick| {
                Signature::write(&stick.join("b"), &SecretKey::generate("stranger").unwrap(), None).unwrap();
            },
            code: 4,
            says: &["trusted are: \"maker\"", ".pub"],
        },
        Case {
            name: "damaged signature",
            spoil: |_, stick| {
                let file = stick.join("b/bundle.sig");
                let text = fs::read_to_string(&file).unwrap();
                let at = text.find("signature = \"").unwrap() + 20;
                let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
                fs::write(&file, format!("{}{other}{}", &text[..at], &text[at + 1..])).unwrap();
            },
            code: 4,
            says: &["does not fit the manifest", "get it again"],
        },
        Case {
            name: "damaged file",
            spoil: |_, stick| flip(&stick.join("b/encoder.onnx")),
            code: 4,
            says: &["encoder.onnx", "sha256", "copy the bundle again"],
        },
        Case {
            name: "cut copy",
            spoil: |_, stick| {
                let file = fs::File::options().write(true).open(stick.join("b/decoders/low.onnx")).unwrap();
                file.set_len(100).unwrap();
            },
            code: 4,
            says: &["low.onnx", "sha256"],
        },
        Case {
            name: "expired",
            spoil: |workshop, stick| {
                let last: Day = "2026-11-24".parse().unwrap();
                Signature::write(&stick.join("b"), &workshop.key(), Some(last)).unwrap();
            },
            code: 4,
            says: &["until 2026-11-24", "newer bundle"],
        },
        Case {
            name: "future schema",
            spoil: |workshop, stick| {
                let file = stick.join("b/bundle.toml");
                let text = fs::read_to_string(&file).unwrap();
                fs::write(&file, text.replace("schema_version = 1", "schema_version = 2")).unwrap();
                Signature::write(&stick.join("b"), &workshop.key(), None).unwrap();
            },
            code: 4,
            says: &["schema version 2", "update ushydra"],
        },
        Case {
            name: "linked file",
            spoil: |_, stick| {
                fs::remove_file(stick.join("b/MODEL_CARD.md")).unwrap();
                symlink("/etc/passwd", stick.join("b/MODEL_CARD.md")).unwrap();
            },
            code: 4,
            says: &["symbolic link"],
        },
        Case {
            name: "another model behind right hashes",
            spoil: |workshop, stick| {
                let file = stick.join("b/golden/expected.toml");
                let text = fs::read_to_string(&file).unwrap();
                let wrong = |line: &str| {
                    if line.starts_with("feature_mean") { "feature_mean = 12.5".to_owned() } else { line.to_owned() }
                };
                let changed = text.lines().map(wrong).collect::<Vec<_>>().join("\n");
                fs::write(&file, changed).unwrap();
                workshop.sign_again(&stick.join("b"));
            },
            code: 4,
            says: &["self-test"],
        },
        Case {
            name: "several bundles",
            spoil: |workshop, stick| fs::rename(workshop.sign("1.2.0"), stick.join("c")).unwrap(),
            code: 2,
            says: &["several bundles", "miniature@1.1.0", "miniature@1.2.0", "name one"],
        },
        Case {
            name: "no bundle",
            spoil: |_, stick| fs::remove_dir_all(stick.join("b")).unwrap(),
            code: 3,
            says: &["no bundle", "bundle sign --out"],
        },
        Case {
            name: "only a link to a bundle",
            spoil: |workshop, stick| {
                fs::rename(stick.join("b"), workshop.path("aside")).unwrap();
                symlink(workshop.path("aside"), stick.join("b")).unwrap();
            },
            code: 3,
            says: &["no bundle"],
        },
        Case {
            name: "no stick",
            spoil: |_, stick| fs::remove_dir_all(stick).unwrap(),
            code: 3,
            says: &["plug the stick in"],
        },
        Case {
            name: "older",
            spoil: |workshop, stick| {
                fs::remove_dir_all(stick.join("b")).unwrap();
                fs::rename(workshop.sign("0.9.0"), stick.join("b")).unwrap();
            },
            code: 4,
            says: &["0.9.0 is older than 1.0.0", "--allow-older"],
        },
        Case {
            name: "same version",
            spoil: |workshop, stick| {
                fs::remove_dir_all(stick.join("b")).unwrap();
                fs::rename(workshop.sign("1.0.0"), stick.join("b")).unwrap();
            },
            code: 4,
            says: &["active already"],
        },
    ];
    let workshop = Workshop::new();
    let first = workshop.sign("1.0.0");
    assert_eq!(finish(workshop.ushydra(["bundle", "install", "--yes"]).arg(&first)).code, 0);
    fs::remove_dir_all(first).unwrap();
    let before = workshop.stored();
    let stick = workshop.path("stick");
    for case in cases {
        let _ = fs::remove_dir_all(&stick);
        let _ = fs::remove_dir_all(workshop.path("aside"));
        fs::create_dir(&stick).unwrap();
        fs::rename(workshop.sign("1.1.0"), stick.join("b")).unwrap();
        (case.spoil)(&workshop, &stick);
        let answer = finish(workshop.ushydra(["bundle", "install", "--yes"]).arg(&stick));
        assert_eq!(answer.code, case.code, "{}: {}{}", case.name, answer.stdout, answer.stderr);
        for word in case.says {
            assert!(answer.stderr.contains(word), "{}: no {word:?} in {}", case.name, answer.stderr);
        }
        assert_eq!(workshop.stored(), before, "{}", case.name);
        if case.code == 4 {
            assert!(answer.stderr.contains("nothing was installed"), "{}: {}", case.name, answer.stderr);
        }
    }
    // The older one with the operator's consent, from the root of the stick; then the newer one again.
    let _ = fs::remove_dir_all(&stick);
    fs::create_dir_all(stick.join("updates")).unwrap();
    fs::rename(workshop.sign("0.9.0"), stick.join("updates/miniature")).unwrap();
    let answer = finish(workshop.ushydra(["bundle", "install", "--yes", "--allow-older"]).arg(&stick));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(answer.stdout.contains("highest so far 1.0.0"), "{}", answer.stdout);
}

#[test]
fn commands_that_lack_something_are_usage_errors() {
    let workshop = Workshop::new();
    let stick = workshop.sign("1.0.0");
    let key = workshop.path("maker");
    let no_keys = workshop.path("none");
    let cases = [
        (arguments!["install", stick], "give --yes"),
        (arguments!["install", stick, "--yes", "--keys", no_keys], "no folder of trusted keys"),
        (arguments!["install"], "SOURCE"),
        (arguments!["keygen", "--out", key], "never overwritten"),
        (arguments!["keygen", "--out", workshop.path("new"), "--name", "a\tb"], "--name"),
        (arguments!["sign", workshop.miniature.folder(), "--key", key, "--out", stick], "exists already"),
        (arguments!["sign", workshop.miniature.folder(), "--key", no_keys, "--out", workshop.path("x")], "not found"),
        (
            arguments![
                "sign",
                workshop.miniature.folder(),
                "--key",
                key,
                "--out",
                workshop.path("x"),
                "--not-after",
                "2020-01-01"
            ],
            "is over",
        ),
        (
            arguments![
                "sign",
                workshop.miniature.folder(),
                "--key",
                key,
                "--out",
                workshop.path("x"),
                "--not-after",
                "soon"
            ],
            "YYYY-MM-DD",
        ),
    ];
    for (line, says) in cases {
        let answer = finish(workshop.ushydra(["bundle"]).args(&line));
        assert_eq!(answer.code, 2, "{line:?}: {}{}", answer.stdout, answer.stderr);
        assert!(answer.stderr.contains(says), "{line:?}: {}", answer.stderr);
        assert!(!workshop.store().exists() && !workshop.path("x").exists(), "{line:?}");
    }
    let answer = finish(&mut workshop.ushydra(["bundle", "rollback", NAME]));
    assert_eq!(answer.code, 4);
    assert!(answer.stderr.contains("no bundle \"miniature\" was installed"), "{}", answer.stderr);
}
