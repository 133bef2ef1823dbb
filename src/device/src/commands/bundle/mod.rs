//! `ushydra bundle ...`, one file per command.

mod inspect;
mod install;
mod keys;
mod list;
mod sign;
mod verify;

use std::path::{Path, PathBuf};

use ushydra_bundle::{Bundle, BundleError, Store, Task, TrustedKeys};

use crate::cli::{BundleCommand, Settings};
use crate::failure::Failure;
use crate::locate;
use crate::report::Output;

pub(super) use verify::check_bundle;

pub(super) fn bundle(command: &BundleCommand, settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    let chosen = |dir: &Option<PathBuf>| locate::bundle(dir.as_deref().or(settings.bundle.as_deref()));
    match command {
        BundleCommand::List => list::list(output),
        BundleCommand::Inspect { dir } => inspect::inspect(&chosen(dir)?, output),
        BundleCommand::Verify { dir, keys } => verify::verify(&chosen(dir)?, &keys.folder(), settings, output),
        BundleCommand::Install(arguments) => install::install(arguments, settings, output),
        BundleCommand::Rollback(arguments) => install::roll_back(arguments, settings, output),
        BundleCommand::Sign(arguments) => sign::sign(&chosen(&arguments.dir)?, arguments, output),
        BundleCommand::Keygen(arguments) => keys::generate(arguments, output),
    }
}

/// Opens and verifies a bundle for use. Of an installed one whose active slot cannot be used the other slot is taken, which is said.
/// An unsigned bundle is used where the operator put it by hand; one whose signature is wrong nowhere.
pub(super) fn open(folder: &Path) -> Result<Bundle, Failure> {
    let keys = locate::keys();
    let keys = TrustedKeys::read(&keys).unwrap_or_else(|error| {
        // A device that installs no updates has no keys.
        if !matches!(error, BundleError::NoKeys { .. }) {
            log::warn!("no signature is checked: {error}");
        }
        TrustedKeys::none(&keys)
    });
    let Some((store, name)) = Store::holding(folder) else {
        let bundle = Bundle::open(folder)?;
        keys.judge(folder)?;
        return Ok(bundle);
    };
    let opened = store.open(&name, &keys)?;
    if let Some(cause) = opened.instead_of {
        log::warn!(
            "FALLING BACK to {} in slot {}: the active slot cannot be used: {cause}. Install the bundle again, or make this \
             one active with `ushydra bundle rollback {name}`",
            opened.bundle.id(),
            opened.slot.name()
        );
    }
    Ok(opened.bundle)
}

fn task_name(task: Task) -> &'static str {
    match task {
        Task::Classify => "classify",
        Task::Segment => "segment",
    }
}
