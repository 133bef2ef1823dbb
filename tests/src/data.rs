//! The shipped bundle, the demo cine and the real data, where they exist.

use std::path::{Path, PathBuf};

/// Environment variable that names the folder of real data.
const DATA_VARIABLE: &str = "USHYDRA_DATA";

/// Environment variable that names a folder of bundles, as for the device program.
const MODELS_VARIABLE: &str = "USHYDRA_MODELS";

/// Environment variable that lists the bundles to test, by names with spaces between; all where it is not set. An emulated
/// processor takes ten seconds and more for a frame.
const BUNDLES_VARIABLE: &str = "USHYDRA_TEST_BUNDLES";

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The cine that ships with the program: a heart.
#[must_use]
pub fn demo_cine() -> PathBuf {
    repository().join("models/demo/sonosite-a4c.dcm")
}

/// A bundle of `$USHYDRA_MODELS`, else a shipped one, or `None` with a line on standard error that says what was skipped.
#[must_use]
pub fn bundle(name: &str, who: &str) -> Option<PathBuf> {
    let wanted = std::env::var(BUNDLES_VARIABLE);
    if wanted.is_ok_and(|names| !names.split_whitespace().any(|n| n == name)) {
        eprintln!("SKIPPED {who}: {BUNDLES_VARIABLE} does not name {name}");
        return None;
    }
    let models = std::env::var_os(MODELS_VARIABLE).map_or_else(|| repository().join("models"), PathBuf::from);
    present(models.join(name).join("bundle.toml"), who).and_then(|p| p.parent().map(Path::to_owned))
}

/// A file or folder of the real data (`$USHYDRA_DATA`, else `../shared/data`), or `None` with a line that says so.
#[must_use]
pub fn real(path: &str, who: &str) -> Option<PathBuf> {
    let root = std::env::var_os(DATA_VARIABLE).map_or_else(|| repository().join("../shared/data"), PathBuf::from);
    present(root.join(path), who)
}

fn present(path: PathBuf, who: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED {who}: {} does not exist", path.display());
    None
}
