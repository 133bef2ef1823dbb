//! `ushydra bundle install` and `ushydra bundle rollback`.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use ushydra_bundle::{
    BundleError, Clock, Day, FileSystem, Installed, MANIFEST_FILE, MAX_STICK_DEPTH, Manifest, Offer, Request, Store,
    TrustedKeys, find_bundles,
};

use super::keys;
use crate::cli::{InstallArguments, RollbackArguments, Settings};
use crate::commands::load_models;
use crate::failure::Failure;
use crate::report::Output;

/// 25 November 2026: this program did not exist before, so no clock that says an earlier day is right.
const WRITTEN: i64 = 1_795_564_800;
/// Seconds since 1970 that a reproducible build of a package states; later than [`WRITTEN`].
const BUILT: Option<&str> = option_env!("SOURCE_DATE_EPOCH");

/// This machine's clock, with the day before which it cannot be right.
fn clock() -> Clock {
    let today = Day::today();
    let built = BUILT.and_then(|seconds| seconds.parse().ok()).map_or(WRITTEN, |built: i64| built.max(WRITTEN));
    Clock { today, earliest: Day::of_epoch(built).unwrap_or(today) }
}

#[derive(Serialize)]
struct Report<'a> {
    bundle: String,
    slot: &'static str,
    signer: Option<&'a str>,
    key: Option<String>,
    kept: Option<String>,
}

pub(super) fn install(arguments: &InstallArguments, settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    let store = Store::new(&arguments.store.folder());
    let keys = keys::trusted(&arguments.keys.folder())?;
    let source = choose(&arguments.source)?;
    let request = Request { source: &source, keys: &keys, clock: clock(), allow_older: arguments.allow_older };
    let kept = |failure: Failure| {
        log::warn!("{}", nothing_changed(&store, &source, &keys));
        failure
    };
    let offer = store.examine(&request).map_err(|error| kept(error.into()))?;
    if !output.is_json() {
        show(&offer, &source, output)?;
    }
    confirm(arguments, &offer)?;
    let self_test = |bundle: &_| load_models(bundle, settings).map(drop);
    let installed = store.install(&FileSystem, &request, self_test).map_err(kept)?;
    let signer = &offer.signer;
    let line = format!("installed in slot {}, self-test passed", installed.slot.name());
    report(installed, Some((&signer.name, signer.key.to_string())), &line, output)
}

pub(super) fn roll_back(
    arguments: &RollbackArguments,
    settings: &Settings,
    output: &mut Output,
) -> Result<(), Failure> {
    let store = Store::new(&arguments.store.folder());
    let keys = keys::trusted(&arguments.keys.folder())?;
    let self_test = |bundle: &_| load_models(bundle, settings).map(drop);
    let installed = store.roll_back(&FileSystem, &arguments.name, &keys, self_test)?;
    let line = format!("in use again from slot {}, self-test passed", installed.slot.name());
    report(installed, None, &line, output)
}

fn report(
    installed: Installed,
    signer: Option<(&str, String)>,
    line: &str,
    output: &mut Output,
) -> Result<(), Failure> {
    let Installed { name, version, slot, kept } = installed;
    if output.is_json() {
        let (signer, key) = signer.unzip();
        return output.json(&Report { bundle: format!("{name}@{version}"), slot: slot.name(), signer, key, kept });
    }
    output.text(format_args!("{name} {version} {line}"))?;
    match kept {
        Some(kept) => output.text(format_args!("{kept} is kept; `ushydra bundle rollback {name}` leads back to it")),
        None => Ok(()),
    }
}

/// The bundle's folder: what was named, or the only bundle on the stick.
fn choose(source: &Path) -> Result<PathBuf, Failure> {
    let refuse = |message: String| Failure::Input { source_name: source.display().to_string(), message };
    let folder = match source.parent() {
        Some(parent) if source.ends_with(MANIFEST_FILE) && source.is_file() => parent,
        _ => source,
    };
    if !folder.is_dir() {
        return Err(refuse("no folder; plug the stick in and name the folder where it is mounted".to_owned()));
    }
    let mut found = find_bundles(folder).map_err(|error| match error {
        BundleError::Crowded { .. } => Failure::Usage(error.to_string()),
        error => refuse(error.to_string()),
    })?;
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            found.push(last);
            let named = found.iter().map(|path| match Manifest::read(path) {
                Ok(manifest) => format!("{path:?} with {}", manifest.id()),
                Err(_) => format!("{path:?}, damaged"),
            });
            let named = named.collect::<Vec<_>>().join("; ");
            Err(Failure::Usage(format!("{}: several bundles; name one of them: {named}", source.display())))
        }
        (None, _) => Err(refuse(format!(
            "no bundle in it or up to {MAX_STICK_DEPTH} folders below; write one with `ushydra bundle sign --out` and copy it there"
        ))),
    }
}

fn show(offer: &Offer, source: &Path, output: &mut Output) -> Result<(), Failure> {
    let signer = &offer.signer;
    let until = signer.not_after.map(|day| format!(", to be installed until {day}")).unwrap_or_default();
    let highest = offer.highest.as_deref().map(|version| format!(" (highest so far {version})")).unwrap_or_default();
    output.text(format_args!("bundle     {} {} in {}", offer.name, offer.version, source.display()))?;
    output.text(format_args!("signed by  {:?} ({}), a trusted key{until}", signer.name, signer.key))?;
    output.text(format_args!("size       {} files, {} bytes; every hash is right", offer.files, offer.bytes))?;
    output.text(format_args!("in use     {}{highest}", offer.active.as_deref().unwrap_or("none")))
}

/// Asks on the terminal; a program that calls this one says `--yes`.
fn confirm(arguments: &InstallArguments, offer: &Offer) -> Result<(), Failure> {
    let Offer { name, version, .. } = offer;
    if arguments.yes {
        return Ok(());
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::Usage(format!(
            "nobody can be asked here whether {name} {version} shall be installed; give --yes. Nothing was changed"
        )));
    }
    let mut stderr = std::io::stderr();
    let asked = write!(stderr, "Install {name} {version}? [y/N] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    asked
        .and_then(|()| stdin.read_line(&mut answer))
        .map_err(|cause| Failure::Output { what: "the terminal".to_owned(), cause })?;
    if ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) {
        return Ok(());
    }
    Err(Failure::Usage(format!("{name} {version} was not confirmed; nothing was changed")))
}

/// What is in use after a refusal.
fn nothing_changed(store: &Store, source: &Path, keys: &TrustedKeys) -> String {
    let in_use = Manifest::read(source).ok().and_then(|manifest| store.open(&manifest.name, keys).ok());
    match in_use {
        Some(opened) => format!("nothing was installed; {} is in use", opened.bundle.id()),
        None => "nothing was installed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_as_old_as_it_says() {
        assert_eq!(Day::of_epoch(WRITTEN).map(|day| day.to_string()).as_deref(), Some("2026-11-25"));
        assert!(clock().earliest.to_string().as_str() >= "2026-11-25");
    }
}
