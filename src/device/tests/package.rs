//! The lists of the Debian package (`src/device/Cargo.toml`, `board/debian`, `board/systemd`) against what is in the tree, so that
//! a bundle that is added, a file that is moved or a version that is raised does not leave the package behind.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Files that cross/package.sh makes are named below this folder.
const GENERATED: &str = "target/release/";

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn debian(name: &str) -> String {
    fs::read_to_string(here().join("../../board/debian").join(name)).unwrap()
}

fn metadata() -> Table {
    let manifest: Table = fs::read_to_string(here().join("Cargo.toml")).unwrap().parse().unwrap();
    manifest["package"]["metadata"]["deb"].as_table().unwrap().clone()
}

/// Source and destination of every file or pattern of the package.
fn assets() -> Vec<(String, String)> {
    let list = metadata()["assets"].as_array().unwrap().clone();
    list.iter().map(|asset| (asset[0].as_str().unwrap().to_owned(), asset[1].as_str().unwrap().to_owned())).collect()
}

#[test]
fn every_asset_is_there() {
    for (source, _) in assets() {
        if source.starts_with(GENERATED) {
            continue;
        }
        let folder = source.split('*').next().unwrap();
        assert!(here().join(folder).exists(), "{source}: the package lists it, the tree does not have it");
    }
}

#[test]
fn every_bundle_and_its_statistics_are_packed_where_the_program_looks() {
    let assets = assets();
    for folder in ushydra::locate::bundles_in(&here().join("../../models")) {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let packed = (format!("../../models/{name}/**/*"), format!("usr/share/ushydra/models/{name}/"));
        assert!(assets.contains(&packed), "the package lacks the bundle {name}");
    }
    let statistics = ("../../calibration/*.toml".to_owned(), "usr/share/ushydra/calibration/".to_owned());
    assert!(assets.contains(&statistics));
    assert!(ushydra::locate::search_path().contains(&PathBuf::from("/usr/share/ushydra/models")));
}

#[test]
fn every_configuration_file_is_kept_by_dpkg() {
    let listed: Vec<Value> = metadata()["conf-files"].as_array().unwrap().clone();
    for (source, target) in assets().into_iter().filter(|(_, target)| target.starts_with("etc/")) {
        let file = if target.ends_with('/') {
            format!("/{target}{}", Path::new(&source).file_name().unwrap().to_str().unwrap())
        } else {
            format!("/{target}")
        };
        assert!(listed.contains(&Value::String(file.clone())), "{file} is no conffile: an upgrade would overwrite it");
    }
}

#[test]
fn the_changelog_begins_with_this_version() {
    let expected = format!("ushydra ({}) ", env!("CARGO_PKG_VERSION"));
    assert!(debian("changelog").starts_with(&expected), "board/debian/changelog does not begin with {expected}");
}

#[test]
fn the_service_runs_what_the_package_installs() {
    let unit = fs::read_to_string(here().join("../../board/systemd/ushydra.service")).unwrap();
    assert!(unit.contains("\nExecStart=/usr/bin/ushydra run --config /etc/ushydra/ushydra.toml\n"));
    let assets = assets();
    for (source, target) in [
        ("target/release/ushydra", "usr/bin/"),
        ("target/release/package/ushydra.toml", "etc/ushydra/"),
        ("../../board/debian/sysusers.d/ushydra.conf", "usr/lib/sysusers.d/"),
    ] {
        assert!(assets.contains(&(source.to_owned(), target.to_owned())), "{source}");
    }
    // The lines that cross/package.sh turns into the settings of the service.
    let example = fs::read_to_string(here().join("../../board/ushydra.toml")).unwrap();
    for line in ["#: source = ", "#: json = false"] {
        assert_eq!(example.lines().filter(|l| l.starts_with(line)).count(), 1, "{line}");
    }
    assert!(debian("sysusers.d/ushydra.conf").contains("\nu ushydra "));
    assert!(unit.contains("\nUser=ushydra\n"));
}
