//! `ushydra bundle sign`.

use std::path::Path;

use serde::Serialize;
use ushydra_bundle::{Day, Parcel, sign_copy};

use super::keys;
use crate::cli::SignArguments;
use crate::failure::Failure;
use crate::report::Output;

#[derive(Serialize)]
struct Written<'a> {
    path: &'a Path,
    bundle: String,
    signer: &'a str,
    key: String,
    not_after: Option<String>,
    files: usize,
    bytes: u64,
}

pub(super) fn sign(folder: &Path, arguments: &SignArguments, output: &mut Output) -> Result<(), Failure> {
    let key = keys::secret(&arguments.key)?;
    let out = &arguments.out;
    if out.symlink_metadata().is_ok() {
        return Err(Failure::Usage(format!("--out {}: exists already; name a new folder", out.display())));
    }
    if let Some(day) = arguments.not_after.filter(|day| *day < Day::today()) {
        return Err(Failure::Usage(format!("--not-after {day}: is over; no device would install the bundle")));
    }
    let bundle = sign_copy(folder, out, &key, arguments.not_after)?;
    let (parcel, public) = (Parcel::of(out, true)?, key.public());
    let not_after = arguments.not_after.map(|day| day.to_string());
    let (files, bytes) = (parcel.files(), parcel.bytes());
    if output.is_json() {
        let (signer, key) = (public.name(), public.id().to_string());
        return output.json(&Written { path: out, bundle: bundle.id(), signer, key, not_after, files, bytes });
    }
    let until = not_after.map(|day| format!(", to be installed until {day}")).unwrap_or_default();
    output.text(format_args!("{} signed by {:?} ({}){until}", bundle.id(), public.name(), public.id()))?;
    output.text(format_args!("{}: {files} files, {bytes} bytes; copy this folder onto a stick", out.display()))
}
