//! `ushydra bundle keygen`, and reading the keys that other commands need.

use std::path::{Path, PathBuf};

use serde::Serialize;
use ushydra_bundle::{SecretKey, TrustedKeys};

use crate::cli::KeygenArguments;
use crate::failure::Failure;
use crate::report::Output;

#[derive(Serialize)]
struct Generated<'a> {
    name: &'a str,
    key: String,
    secret: &'a Path,
    public: PathBuf,
}

pub(super) fn generate(arguments: &KeygenArguments, output: &mut Output) -> Result<(), Failure> {
    let file = &arguments.out;
    let named = arguments.name.clone().or_else(|| file.file_name().map(|name| name.to_string_lossy().into_owned()));
    let key = SecretKey::generate(&named.unwrap_or_default()).map_err(usage)?;
    let public = key.write_new(file).map_err(usage)?;
    let half = key.public();
    if output.is_json() {
        let (name, key) = (half.name(), half.id().to_string());
        return output.json(&Generated { name, key, secret: file, public });
    }
    output.text(format_args!("key {} of {:?}", half.id(), half.name()))?;
    output.text(format_args!("secret  {}  keep it off the devices and off the sticks", file.display()))?;
    output.text(format_args!("public  {}  copy it into /etc/ushydra/keys of every device", public.display()))
}

/// The keys that an installation trusts.
pub(super) fn trusted(folder: &Path) -> Result<TrustedKeys, Failure> {
    TrustedKeys::read(folder).map_err(usage)
}

/// The signer's own key.
pub(super) fn secret(file: &Path) -> Result<SecretKey, Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    /// Bits by which somebody else than the owner reads or writes.
    const OTHERS: u32 = 0o077;
    let key = SecretKey::read(file).map_err(usage)?;
    if std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & OTHERS != 0) {
        log::warn!(
            "{}: others may read this secret key; `chmod 600` it, and make a new key if somebody did",
            file.display()
        );
    }
    Ok(key)
}

/// A key file is part of the command, not of the bundle.
fn usage(error: ushydra_bundle::BundleError) -> Failure {
    Failure::Usage(error.to_string())
}
