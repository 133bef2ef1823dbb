//! Plans, records and a folder that cannot be written.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::precision::Precision;

fn key() -> PlanKey {
    PlanKey {
        model: Digest::of(b"model"),
        precision: Precision::F16,
        profile: "static".to_owned(),
        dla: None,
        shim_abi: 1,
        library: "TensorRT 10.3.0.30".to_owned(),
        gpu: "Orin".to_owned(),
        compute_capability: "8.7".to_owned(),
    }
}

#[test]
fn every_part_of_the_key_names_another_plan() {
    let changes: [fn(&mut PlanKey); 8] = [
        |k| k.model = Digest::of(b"other"),
        |k| k.precision = Precision::Int8,
        |k| k.profile = "1x3x8x8".to_owned(),
        |k| k.dla = Some(0),
        |k| k.shim_abi = 2,
        |k| k.library = "TensorRT 10.3.0.31".to_owned(),
        |k| k.gpu = "Xavier".to_owned(),
        |k| k.compute_capability = "7.2".to_owned(),
    ];
    let mut names = vec![key().name()];
    for change in changes {
        let mut changed = key();
        change(&mut changed);
        names.push(changed.name());
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), changes.len() + 1);
}

#[test]
fn a_plan_comes_back_whole_or_not_at_all() {
    struct Case {
        name: &'static str,
        damage: fn(&Path, &str),
        found: bool,
    }
    let cases = [
        Case { name: "whole", damage: |_, _| {}, found: true },
        Case { name: "cut", damage: |f, n| fs::write(f.join(format!("{n}.plan")), "pl").unwrap(), found: false },
        Case { name: "no record", damage: |f, n| fs::remove_file(f.join(format!("{n}.toml"))).unwrap(), found: false },
        Case {
            name: "torn record",
            damage: |f, n| fs::write(f.join(format!("{n}.toml")), "sour").unwrap(),
            found: false,
        },
        Case { name: "no plan", damage: |f, n| fs::remove_file(f.join(format!("{n}.plan"))).unwrap(), found: false },
    ];
    for case in cases {
        let folder = tempfile::tempdir().unwrap();
        let cache = EngineCache::in_folder(folder.path().join("engines"));
        assert_eq!(cache.plan(&key()), None);
        cache.store_plan(&key(), "tiny/encoder.onnx", b"plan", Duration::from_secs(90));
        (case.damage)(&folder.path().join("engines"), &key().name());
        assert_eq!(cache.plan(&key()).is_some_and(|plan| plan == b"plan"), case.found, "{}", case.name);
    }
}

#[test]
fn entries_are_listed_and_cleaned() {
    let folder = tempfile::tempdir().unwrap();
    let cache = EngineCache::in_folder(folder.path().join("engines"));
    assert_eq!(cache.entries().unwrap(), []);
    cache.store_plan(&key(), "tiny/encoder.onnx", b"plan", Duration::from_secs(90));
    cache.write("gpu", TIMING, b"times");
    fs::write(folder.path().join("engines/notes.txt"), "the operator's own").unwrap();
    let entries = cache.entries().unwrap();
    let plans = entries.iter().filter_map(|entry| entry.plan.as_ref()).collect::<Vec<_>>();
    assert!(plans.len() == 1 && plans[0].seconds == 90.0 && plans[0].key == key());
    assert_eq!(cache.clean().unwrap().0, 3);
    assert_eq!(cache.entries().unwrap().len(), 1);
}

#[test]
fn a_folder_that_cannot_be_written_loses_nothing_but_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    fs::write(&file, "").unwrap();
    let cache = EngineCache::in_folder(file.join("below"));
    cache.store_plan(&key(), "tiny/encoder.onnx", b"plan", Duration::from_secs(1));
    assert_eq!(cache.plan(&key()), None);
}
