//! `state.toml`: the highest version of a bundle that was ever active, against being led back to an old one.

use std::path::Path;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::disk::{Disk, remove};
use crate::error::BundleError;
use crate::files;
use crate::manifest::SCHEMA_VERSION;

/// Name of the record in the folder of a bundle's slots.
const RECORD_FILE: &str = "state.toml";
/// Its name until it is whole.
const DRAFT: &str = "state.draft";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    schema_version: u32,
    highest: String,
}

/// The version recorded in the folder `slots`, none before the first installation.
pub(crate) fn read(slots: &Path) -> Result<Option<Version>, BundleError> {
    let file = slots.join(RECORD_FILE);
    let damaged = |source| BundleError::Record { source: Box::new(source) };
    let record: Record = match files::read_document(&file) {
        Ok(record) => record,
        Err(BundleError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(damaged(error)),
    };
    Version::parse(&record.highest).map(Some).map_err(|error| {
        let problem = format!("{:?} is no semantic version: {error}", record.highest);
        damaged(BundleError::Value { file, field: "highest".to_owned(), problem })
    })
}

/// Records `highest`, whole or not at all.
pub(crate) fn write(disk: &dyn Disk, slots: &Path, highest: &Version) -> Result<(), BundleError> {
    let (file, draft) = (slots.join(RECORD_FILE), slots.join(DRAFT));
    let text = files::document_text(&file, &Record { schema_version: SCHEMA_VERSION, highest: highest.to_string() })?;
    remove(disk, &draft)
        .and_then(|()| disk.write(&draft, &mut text.as_bytes()))
        .and_then(|_| disk.sync_file(&draft))
        .and_then(|()| disk.rename(&draft, &file))
        .and_then(|()| disk.sync_dir(slots))
        .map_err(|source| BundleError::Io { file, source })
}
