//! What must hold before anything is worked out: a bundle with room, a name, enough images to judge on.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ushydra_bundle::{Bundle, MANIFEST_FILE};
use ushydra_core::MAX_DOMAINS;

use crate::error::{HostError, Result};

/// Longest name of a domain in bytes; it must fit the router's table.
const MAX_NAME: usize = 32;
/// Folder of bundles that a name is looked for in.
const MODELS: &str = "models";

/// The folder of a bundle, or of `models/<name>`.
pub(super) fn find(from: &Path) -> Result<PathBuf> {
    if from.join(MANIFEST_FILE).exists() {
        return Ok(from.to_owned());
    }
    let named = Path::new(MODELS).join(from);
    if from.components().count() == 1 && named.join(MANIFEST_FILE).exists() {
        return Ok(named);
    }
    Err(HostError::Missing {
        path: from.join(MANIFEST_FILE),
        remedy: format!("give the folder of a bundle, or the name of one in {MODELS}/"),
    })
}

/// Whether the bundle has room for a domain of this name.
pub(super) fn room(bundle: &Bundle, domain: &str) -> Result<()> {
    let manifest = bundle.manifest();
    let refuse = |problem: String| Err(HostError::config(bundle.root(), problem));
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if domain.is_empty() || domain.len() > MAX_NAME || !domain.bytes().all(plain) {
        return refuse(format!(
            "`{domain}` is no name of a domain; use 1 to {MAX_NAME} lowercase letters, digits, `-` and `_`"
        ));
    }
    if manifest.domains.iter().any(|known| known == domain) {
        return refuse(format!(
            "{} has a domain `{domain}` already ({}); choose another --name",
            bundle.id(),
            manifest.domains.join(", ")
        ));
    }
    if manifest.domains.len() >= MAX_DOMAINS {
        return refuse(format!(
            "{} has {} domains, and the device's table holds {MAX_DOMAINS}; train a bundle anew without one of them",
            bundle.id(),
            manifest.domains.len()
        ));
    }
    Ok(())
}

/// The next minor version.
pub(super) fn next(version: &str) -> std::result::Result<String, String> {
    let version = semver::Version::parse(version).map_err(|e| e.to_string())?;
    Ok(semver::Version::new(version.major, version.minor + 1, 0).to_string())
}

/// Whether labels and patients are enough to judge on.
pub(super) fn usable(
    truths: &[Option<usize>],
    patients: &[String],
    labels: &[String],
    warnings: &mut Vec<String>,
) -> Result<()> {
    let known = |label: usize| truths.iter().filter(|t| **t == Some(label)).count();
    let present: Vec<usize> = (0..labels.len()).filter(|&label| known(label) > 0).collect();
    if let [] | [_] = present[..] {
        let found = present.first().map_or_else(|| "none".to_owned(), |&label| format!("only `{}`", labels[label]));
        return Err(HostError::Dataset(format!(
            "images of at least two labels are needed, {found} was found; add images of {}, or leave the labels away to look at \
             the images without training",
            labels.join(", ")
        )));
    }
    let of = |label: Option<usize>| {
        let own = truths.iter().zip(patients).filter(|(t, _)| t.is_some() && (label.is_none() || **t == label));
        own.map(|(_, patient)| patient).collect::<BTreeSet<_>>().len()
    };
    if of(None) < 2 {
        return Err(HostError::Dataset(
            "all images belong to one patient, so that nothing can be judged on another; add images of more patients (where the \
             csv or --patient-prefix joins different ones, correct it)"
                .to_owned(),
        ));
    }
    for (label, name) in labels.iter().enumerate() {
        match of(Some(label)) {
            0 => warnings.push(format!(
                "no image shows `{name}`: what the new decoder says about it is as good as before at best"
            )),
            1 => warnings.push(format!("`{name}` comes from a single patient: it cannot be judged on another")),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (old, new) in [("1.0.0", "1.1.0"), ("0.3.7", "0.4.0"), ("2.1.0-beta.1+x", "2.2.0")] {
            assert_eq!(next(old).unwrap(), new);
        }
        assert!(next("one").is_err());
    }

    #[test]
    fn too_little_to_judge_on() {
        let labels = ["brain", "femur", "thorax"].map(str::to_owned).to_vec();
        let two = ["a", "b"].map(str::to_owned).to_vec();
        let one = ["a", "a"].map(str::to_owned).to_vec();
        for (truths, patients, expected) in [
            ([Some(0), Some(0)], &two, "only `brain`"),
            ([None, None], &two, "none was found"),
            ([Some(0), Some(1)], &one, "one patient"),
        ] {
            let error = usable(&truths, patients, &labels, &mut Vec::new()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let mut warnings = Vec::new();
        usable(&[Some(0), Some(1)], &two, &labels, &mut warnings).unwrap();
        assert_eq!(warnings.len(), 3, "two labels of one patient each, one missing: {warnings:?}");
    }
}
