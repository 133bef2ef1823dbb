//! Where bundles and the demo cine are looked for.
//!
//! Order: `$USHYDRA_MODELS`, `models` in the working directory, `models` beside the executable, the store of installed bundles
//! (`$USHYDRA_STORE`, else `/var/lib/ushydra/models`), `../share/ushydra/models` from the executable,
//! `/usr/share/ushydra/models`. The first hit wins: what was installed goes before what the packages brought.

use std::path::{Path, PathBuf};

use ushydra_bundle::Store;

use crate::config::{DEFAULT_BUNDLE, LIVE_BUNDLE};
use crate::failure::Failure;

/// Environment variable that names a folder of bundles; looked at first.
pub const MODELS_VARIABLE: &str = "USHYDRA_MODELS";
/// Environment variable that names the store of installed bundles.
pub const STORE_VARIABLE: &str = "USHYDRA_STORE";
/// Environment variable that names the folder of trusted keys.
pub const KEYS_VARIABLE: &str = "USHYDRA_KEYS";
/// Environment variable that names the folder of the device's own state.
pub const STATE_VARIABLE: &str = "USHYDRA_STATE";
/// Store where the variable is not set.
const SYSTEM_STORE: &str = "/var/lib/ushydra/models";
/// State where the variable is not set.
const SYSTEM_STATE: &str = "/var/lib/ushydra";
/// Trusted keys where the variable is not set.
const SYSTEM_KEYS: &str = "/etc/ushydra/keys";
/// Folder of the packages' bundles.
const SYSTEM_MODELS: &str = "/usr/share/ushydra/models";
/// File that makes a folder a bundle.
pub const MANIFEST: &str = "bundle.toml";
/// The demo cine, relative to a folder of bundles.
const DEMO_CINE: &str = "demo/sonosite-a4c.dcm";

/// The folder that a variable names, or the default.
fn from_environment(variable: &str, default: &str) -> PathBuf {
    std::env::var_os(variable).filter(|v| !v.is_empty()).map_or_else(|| PathBuf::from(default), PathBuf::from)
}

/// The store of installed bundles.
#[must_use]
pub fn store() -> PathBuf {
    from_environment(STORE_VARIABLE, SYSTEM_STORE)
}

/// The folder of the device's own state.
#[must_use]
pub fn state() -> PathBuf {
    from_environment(STATE_VARIABLE, SYSTEM_STATE)
}

/// The folder of trusted keys.
#[must_use]
pub fn keys() -> PathBuf {
    from_environment(KEYS_VARIABLE, SYSTEM_KEYS)
}

/// The folders that may hold bundles, in the order in which they are searched, whether or not they exist.
#[must_use]
pub fn search_path() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some(folder) = std::env::var_os(MODELS_VARIABLE).filter(|v| !v.is_empty()) {
        folders.push(PathBuf::from(folder));
    }
    folders.push(PathBuf::from("models"));
    let program = std::env::current_exe().ok().and_then(|file| file.parent().map(Path::to_owned));
    folders.extend(program.as_ref().map(|folder| folder.join("models")));
    // The packages install into `../share` of the program, so the store goes before it.
    folders.push(store());
    folders.extend(program.as_ref().map(|folder| folder.join("../share/ushydra/models")));
    folders.push(PathBuf::from(SYSTEM_MODELS));
    folders
}

/// The folder of the bundle that the operator asked for: a path, a bare name, or nothing for the default bundle.
///
/// # Errors
/// [`Failure::NoBundle`] naming every place that was looked at.
pub fn bundle(wanted: Option<&Path>) -> Result<PathBuf, Failure> {
    bundle_in(wanted, &search_path())
}

/// [`bundle`] for `run`, whose default is [`LIVE_BUNDLE`] where that is installed.
///
/// # Errors
/// As [`bundle`].
pub fn live_bundle(wanted: Option<&Path>) -> Result<PathBuf, Failure> {
    live_bundle_in(wanted, &search_path())
}

fn live_bundle_in(wanted: Option<&Path>, folders: &[PathBuf]) -> Result<PathBuf, Failure> {
    match wanted {
        None => bundle_in(Some(Path::new(LIVE_BUNDLE)), folders).or_else(|_| bundle_in(None, folders)),
        Some(_) => bundle_in(wanted, folders),
    }
}

fn bundle_in(wanted: Option<&Path>, folders: &[PathBuf]) -> Result<PathBuf, Failure> {
    let name = wanted.unwrap_or(Path::new(DEFAULT_BUNDLE));
    let bare = name.components().count() == 1 && !name.has_root() && name.file_name().is_some();
    // A path that the operator wrote down is that path; the default and a bare name are searched for.
    if let Some(given) = wanted
        && (is_bundle(given) || !bare)
    {
        return if is_bundle(given) {
            Ok(given.to_owned())
        } else if given.file_name().is_some_and(|f| f == MANIFEST) && given.is_file() {
            Ok(given.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned())
        } else {
            Err(missing(name, &[given.to_owned()]))
        };
    }
    let candidates: Vec<_> = folders.iter().map(|folder| folder.join(name)).collect();
    candidates.iter().find(|c| is_bundle(c)).cloned().ok_or_else(|| missing(name, &candidates))
}

/// An installed bundle whose active slot is lost is still one: its other slot steps in, and nothing older from further down the
/// search path.
fn is_bundle(folder: &Path) -> bool {
    folder.join(MANIFEST).is_file() || Store::holding(folder).is_some()
}

/// Such names are the store's own.
fn is_hidden(folder: &Path) -> bool {
    folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn missing(name: &Path, looked: &[PathBuf]) -> Failure {
    let searched = looked.iter().map(|p| p.join(MANIFEST).display().to_string()).collect::<Vec<_>>().join(", ");
    Failure::NoBundle { name: name.display().to_string(), searched }
}

/// The bundles found in one folder, sorted by name.
#[must_use]
pub fn bundles_in(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| is_bundle(path) && !is_hidden(path))
        .collect();
    found.sort();
    found
}

/// The demo cine, searched like a bundle and beside `bundle` itself.
///
/// # Errors
/// [`Failure::Input`] naming every place that was looked at.
pub fn demo_cine(bundle: Option<&Path>) -> Result<PathBuf, Failure> {
    let beside = bundle.and_then(Path::parent).map(Path::to_owned);
    let candidates: Vec<_> = beside.into_iter().chain(search_path()).map(|folder| folder.join(DEMO_CINE)).collect();
    candidates.iter().find(|c| c.is_file()).cloned().ok_or_else(|| Failure::Input {
        source_name: DEMO_CINE.to_owned(),
        message: format!(
            "the demo cine is missing (looked in {}); name a source with --source file:PATH",
            candidates.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn make(folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join(MANIFEST), "").unwrap();
    }

    #[test]
    fn names_are_searched_and_paths_are_taken_as_they_are() {
        let scratch = tempfile::tempdir().unwrap();
        let (first, second) = (scratch.path().join("first"), scratch.path().join("second"));
        make(&first.join("head"));
        make(&second.join("head"));
        make(&second.join(DEFAULT_BUNDLE));
        let folders = [scratch.path().join("absent"), first.clone(), second.clone()];

        assert_eq!(bundle_in(None, &folders).unwrap(), second.join(DEFAULT_BUNDLE));
        assert_eq!(bundle_in(Some(Path::new("head")), &folders).unwrap(), first.join("head"), "the first hit wins");
        assert_eq!(bundle_in(Some(&second.join("head")), &folders).unwrap(), second.join("head"));
        assert_eq!(bundle_in(Some(&second.join("head/bundle.toml")), &folders).unwrap(), second.join("head"));

        assert_eq!(live_bundle_in(None, &folders).unwrap(), second.join(DEFAULT_BUNDLE), "no live bundle is there");
        make(&second.join(LIVE_BUNDLE));
        assert_eq!(live_bundle_in(None, &folders).unwrap(), second.join(LIVE_BUNDLE));
        assert_eq!(bundle_in(None, &folders).unwrap(), second.join(DEFAULT_BUNDLE));
        assert_eq!(live_bundle_in(Some(Path::new("head")), &folders).unwrap(), first.join("head"));
        std::fs::remove_dir_all(second.join(LIVE_BUNDLE)).unwrap();

        // An installed bundle that lost its active slot, and what an interrupted installation leaves.
        std::os::unix::fs::symlink(".slots/heart/a", first.join("heart")).unwrap();
        std::os::unix::fs::symlink("head", first.join(".head.next")).unwrap();
        assert_eq!(bundle_in(Some(Path::new("heart")), &folders).unwrap(), first.join("heart"));
        assert_eq!(bundle_in(Some(&first.join("heart")), &folders).unwrap(), first.join("heart"));
        assert_eq!(bundles_in(&first), [first.join("head"), first.join("heart")]);
        std::fs::remove_file(first.join("heart")).unwrap();

        let failure = bundle_in(Some(Path::new("heart")), &folders).unwrap_err();
        assert_eq!(failure.exit_code(), crate::failure::BUNDLE);
        assert!(failure.to_string().contains("heart") && failure.to_string().contains("second"), "{failure}");
        let failure = bundle_in(Some(&scratch.path().join("nowhere/heart")), &folders).unwrap_err();
        assert!(failure.to_string().contains("nowhere"), "{failure}");
        assert_eq!(bundles_in(&second), [second.join(DEFAULT_BUNDLE), second.join("head")]);
        assert!(bundles_in(&scratch.path().join("absent")).is_empty());
    }
}
