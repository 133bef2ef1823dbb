//! Checks of what is around the program: file systems, clock, store, keys, rules, groups, TensorRT.

use std::path::{Path, PathBuf};

use ushydra_board::system;
use ushydra_bundle::{BundleError, Day, Disk, FileSystem, TrustedKeys};
use ushydra_engine::Backend;

use super::Board;
use crate::cli::Settings;
use crate::failure::Failure;
use crate::locate;
use crate::report::Checks;

/// A clock before this day was never set.
const FIRST_DAY: &str = "2026-01-01";
/// Room that an update needs: the largest shipped bundle twice, rounded up.
const ROOM_MIB: u64 = 100;
/// Group of probes and cameras in the project's udev rule.
const GROUP: &str = "video";

pub(super) fn examine(board: &Board, checks: &mut Checks<'_>, settings: &Settings) -> Result<(), Failure> {
    let mounts = system::mounts(&board.root);
    root_file_system(&mounts, checks)?;
    clock(checks)?;
    store(checks)?;
    keys(checks)?;
    rule(board, checks)?;
    account(board, checks)?;
    tensorrt(board, checks, settings)
}

fn root_file_system(mounts: &[system::Mount], checks: &mut Checks<'_>) -> Result<(), Failure> {
    let detail = match system::mount_of(mounts, Path::new("/")) {
        Some(root) if root.read_only => format!("read-only ({})", root.kind),
        Some(root) if root.kind == "overlay" => "an overlay: changes are lost at the next start".to_owned(),
        Some(root) => format!("writable ({}); docs/boards.md has a read-only layout for the field", root.kind),
        None => "the system does not tell".to_owned(),
    };
    checks.note("root file system", detail)
}

/// Bundles may have a last day, so a clock that was never set matters.
fn clock(checks: &mut Checks<'_>) -> Result<(), Failure> {
    let today = Day::today();
    if FIRST_DAY.parse().is_ok_and(|first: Day| today < first) {
        let remedy = "set it with `sudo timedatectl set-time`, and look at the battery of the board's clock";
        return checks.warn("clock", format!("says {today}, so it was never set; {remedy}"));
    }
    checks.note("clock", today.to_string())
}

/// The store of installed bundles, or the folder in which it would be made: room and permissions.
fn store(checks: &mut Checks<'_>) -> Result<(), Failure> {
    let store = locate::store();
    let Some(place) = existing(&store) else {
        return checks.warn("store of bundles", format!("{} has no place to be made", store.display()));
    };
    match tempfile_in(&place) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {
            let failure = Failure::Machine(format!(
                "{} is on a read-only file system, so that no update can be installed; mount the data partition there",
                store.display()
            ));
            return checks.make("store of bundles", || Err::<((), String), _>(failure)).map(drop);
        }
        Err(error) => {
            let remedy = "updates need `sudo`";
            return checks
                .warn("store of bundles", format!("{} cannot be written: {error}; {remedy}", place.display()));
        }
    }
    let Ok(bytes) = FileSystem.free(&place) else {
        return checks.note("store of bundles", format!("{}, room unknown", store.display()));
    };
    let mebibytes = bytes >> 20;
    let detail = format!("{}, {mebibytes} MiB free", store.display());
    if mebibytes < ROOM_MIB {
        return checks.warn("store of bundles", format!("{detail}; an update needs {ROOM_MIB} MiB, remove something"));
    }
    checks.make("store of bundles", || Ok(((), detail))).map(drop)
}

/// The folder, or the closest one above it that is there.
fn existing(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|place| place.is_dir()).map(Path::to_owned)
}

/// Writes and removes a file.
fn tempfile_in(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".ushydra-check-{}", std::process::id()));
    std::fs::File::options().write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)
}

fn keys(checks: &mut Checks<'_>) -> Result<(), Failure> {
    let folder = locate::keys();
    let remedy = "copy the signer's .pub file there";
    match TrustedKeys::read(&folder) {
        Ok(trusted) => {
            let names = trusted.keys().iter().map(|key| format!("{:?}", key.name())).collect::<Vec<_>>().join(", ");
            checks.make("trusted keys", || Ok(((), format!("{names} in {}", folder.display())))).map(drop)
        }
        Err(BundleError::NoKeys { .. }) => checks
            .warn("trusted keys", format!("none in {}, so no update can be installed; {remedy}", folder.display())),
        Err(error) => checks.make("trusted keys", || Err::<((), String), _>(error.into())).map(drop),
    }
}

fn rule(board: &Board, checks: &mut Checks<'_>) -> Result<(), Failure> {
    match system::udev_rule(&board.root) {
        Some(path) => checks.make("udev rule", || Ok(((), path))).map(drop),
        None => checks.warn(
            "udev rule",
            format!(
                "{} is not installed, so probes may belong to root alone; copy board/{0} to /etc/udev/rules.d",
                system::RULE
            ),
        ),
    }
}

fn account(board: &Board, checks: &mut Checks<'_>) -> Result<(), Failure> {
    match system::account(&board.root) {
        Some(account) if account.superuser => checks.note("groups", "the superuser needs none".to_owned()),
        Some(account) if account.groups.iter().any(|group| group == GROUP) => {
            checks.make("groups", || Ok(((), format!("in {GROUP}")))).map(drop)
        }
        Some(_) => {
            checks.warn("groups", format!("not in {GROUP}, to which probes belong; `sudo usermod -aG {GROUP} USER`"))
        }
        None => checks.note("groups", "the system does not tell".to_owned()),
    }
}

/// A board with a GPU is bought for it.
fn tensorrt(board: &Board, checks: &mut Checks<'_>, settings: &Settings) -> Result<(), Failure> {
    let Some(gpu) = &board.identity.profile.accelerators.gpu else { return Ok(()) };
    match Backend::Tensorrt.available(&settings.engine()) {
        Ok(()) => checks.make("TensorRT on the GPU", || Ok(((), gpu.clone()))).map(drop),
        Err(error) => checks.warn("TensorRT on the GPU", format!("{gpu} is not used: {error}")),
    }
}
