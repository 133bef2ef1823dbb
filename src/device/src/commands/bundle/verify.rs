//! `ushydra bundle verify`.

use std::path::Path;

use serde::Serialize;
use ushydra_bundle::{Bundle, BundleError, Day, Signed, Signer, TrustedKeys};
use ushydra_engine::Models;

use super::inspect::parts;
use crate::cli::Settings;
use crate::failure::Failure;
use crate::report::{Checks, Output};

#[derive(Serialize)]
struct Verified<'a> {
    path: &'a Path,
    bundle: Option<String>,
    signature: Signature,
}

/// What the signature says here.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
enum Signature {
    Unsigned,
    /// By a key that is not trusted here; nobody can say whether it is right.
    Unknown {
        key: String,
        not_after: Option<String>,
    },
    Trusted {
        signer: String,
        key: String,
        not_after: Option<String>,
    },
    Wrong,
}

pub(super) fn verify(folder: &Path, keys: &Path, settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    let mut checks = Checks::new(output);
    let bundle = check_bundle(&mut checks, folder, settings)?.map(|(bundle, _)| bundle);
    let signature = check_signature(&mut checks, folder, keys)?;
    checks.finish(Verified { path: folder, bundle: bundle.as_ref().map(Bundle::id), signature })
}

/// Says who signed, and whether that key is trusted. Unsigned is no fault: a developer's bundles are.
fn check_signature(checks: &mut Checks<'_>, folder: &Path, keys: &Path) -> Result<Signature, Failure> {
    let trusted = match TrustedKeys::read(keys) {
        Err(BundleError::NoKeys { .. }) => Ok(TrustedKeys::none(keys)),
        read => read,
    };
    let text = |day: Option<Day>| day.map(|day| day.to_string());
    Ok(match trusted.and_then(|trusted| trusted.judge(folder)) {
        Ok(Signed::No) => {
            checks.note("signature", "unsigned".to_owned())?;
            Signature::Unsigned
        }
        Ok(Signed::Unknown { key, not_after }) => {
            let detail =
                format!("signed with the key {key}, which is not among the trusted keys in {}", keys.display());
            checks.note("signature", detail)?;
            Signature::Unknown { key: key.to_string(), not_after: text(not_after) }
        }
        Ok(Signed::By(Signer { name, key, not_after })) => {
            let until = match not_after {
                Some(day) if day < Day::today() => format!("; its last day to be installed was {day}"),
                Some(day) => format!("; to be installed until {day}"),
                None => String::new(),
            };
            checks.make("signature", || Ok(((), format!("signed by {name:?} ({key}), a trusted key{until}"))))?;
            Signature::Trusted { signer: name, key: key.to_string(), not_after: text(not_after) }
        }
        Err(error) => {
            checks.make("signature", || Err::<((), String), _>(error.into()))?;
            Signature::Wrong
        }
    })
}

/// Hashes, shapes and golden self-test; shared with `selftest`.
pub(in crate::commands) fn check_bundle(
    checks: &mut Checks<'_>,
    folder: &Path,
    settings: &Settings,
) -> Result<Option<(Bundle, Models)>, Failure> {
    let opened = checks.make("manifest and hashes", || {
        let bundle = Bundle::open(folder)?;
        let bytes: u64 = parts(&bundle).iter().map(|part| part.bytes).sum();
        let detail = format!("{} in {}: {} files, {bytes} bytes", bundle.id(), folder.display(), parts(&bundle).len());
        Ok((bundle, detail))
    })?;
    let Some(bundle) = opened else { return Ok(None) };
    let loaded = checks.make("models and shapes", || {
        let models = Models::load(&bundle, settings.backend, &settings.engine())?;
        let (count, backend) = (models.decoder_count(), models.backend());
        let detail = format!("encoder and {count} decoders on {backend} in {}", models.precisions());
        Ok((models, detail))
    })?;
    let Some(mut models) = loaded else { return Ok(None) };
    let tested = checks.make("golden self-test", || {
        let report = models.self_test(&bundle)?;
        Ok(((), format!("{report}")))
    })?;
    Ok(tested.map(|()| (bundle, models)))
}
