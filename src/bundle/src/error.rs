//! Everything that can be wrong with a bundle, one variant each, with the file, what was expected, what was found and what
//! to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use ushydra_core::{DomainError, RouteError};

use crate::day::Day;
use crate::digest::Digest;
use crate::keys::KeyId;

/// A bundle that must not be run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The bundle, or a file that its manifest names, does not exist.
    #[error("{}: not found; {remedy}", file.display())]
    Missing {
        /// The path looked for.
        file: PathBuf,
        /// What to do.
        remedy: &'static str,
    },
    /// A path that is a folder, a device or a pipe.
    #[error("{}: not a regular file; replace it by the file that belongs to the bundle", file.display())]
    NotAFile {
        /// The path in question.
        file: PathBuf,
    },
    /// Reading or writing failed.
    #[error("{}: {source}; check the medium and the permissions", file.display())]
    Io {
        /// The path in question.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file beyond the limit for its kind.
    #[error("{}: {found} bytes, at most {limit} are accepted; this is not a file that the host program wrote", file.display())]
    TooLarge {
        /// The path in question.
        file: PathBuf,
        /// Bytes found.
        found: u64,
        /// Bytes accepted.
        limit: u64,
    },
    /// Not TOML, or not UTF-8.
    #[error("{}: line {line}: {message}; restore the file from where the bundle came from", file.display())]
    Syntax {
        /// The file that was read.
        file: PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// What the parser said.
        message: String,
    },
    /// Written for a later version of this program.
    #[error("{}: schema version {found}, this program reads up to {supported}; update ushydra", file.display())]
    NewerSchema {
        /// The file that was read.
        file: PathBuf,
        /// Version found.
        found: i64,
        /// Newest version that can be read.
        supported: u32,
    },
    /// A field that the schema does not know.
    #[error("{}: unknown field `{field}`; known here: {known}; correct its spelling or remove it", file.display())]
    UnknownField {
        /// The file that was read.
        file: PathBuf,
        /// Dotted path of the field.
        field: String,
        /// Fields known at this place.
        known: String,
    },
    /// A field that must be there.
    #[error("{}: missing field `{field}`; add it, or export the bundle again with ushydra-host", file.display())]
    MissingField {
        /// The file that was read.
        file: PathBuf,
        /// Dotted path of the field.
        field: String,
    },
    /// A value of the wrong type or outside its range.
    #[error("{}: `{field}`: {problem}; correct it, or export the bundle again with ushydra-host", file.display())]
    Value {
        /// The file that was read.
        file: PathBuf,
        /// Dotted path of the field.
        field: String,
        /// What is wrong with the value.
        problem: String,
    },
    /// A path that could leave the bundle.
    #[error("{}: `{field}` is the path {path:?}; only relative paths of letters, digits, `.`, `_`, `-` and `/` that stay inside the bundle are accepted", file.display())]
    Outside {
        /// The manifest.
        file: PathBuf,
        /// Dotted path of the field.
        field: String,
        /// The refused path.
        path: String,
    },
    /// A file whose bytes are not those that the manifest was written for.
    #[error("{}: sha256 is {found}, the manifest expects {expected}; the file was changed or damaged: copy the bundle again", file.display())]
    Hash {
        /// The file whose hash differs.
        file: PathBuf,
        /// Hash in the manifest.
        expected: Digest,
        /// Hash of the file.
        found: Digest,
    },
    /// An array or a count that does not fit the rest.
    #[error("{}: `{field}` has {found} entries, expected {expected}; export the bundle again with ushydra-host", file.display())]
    Length {
        /// The file that was read.
        file: PathBuf,
        /// Dotted path of the field.
        field: String,
        /// Entries that the rest of the bundle asks for.
        expected: usize,
        /// Entries found.
        found: usize,
    },
    /// Domains whose names or order differ from the manifest's list.
    #[error("{}: `{field}` names the domains [{found}], the manifest's list is [{expected}]; names and order must agree", file.display())]
    Domains {
        /// The file that was read.
        file: PathBuf,
        /// Dotted path of the field.
        field: String,
        /// The manifest's `domains`, separated by commas.
        expected: String,
        /// The domains found, separated by commas.
        found: String,
    },
    /// Statistics made for a bundle of another name.
    #[error("{}: statistics of the bundle {found:?}, expected {expected:?}; run `ushydra-host calibrate` for this bundle", file.display())]
    OtherBundle {
        /// The statistics file.
        file: PathBuf,
        /// Name in the manifest.
        expected: String,
        /// Name in the statistics.
        found: String,
    },
    /// Statistics made with another encoder.
    #[error("{}: statistics of the encoder {found}, the bundle's encoder is {expected}; run `ushydra-host calibrate` again", file.display())]
    OtherEncoder {
        /// The statistics file.
        file: PathBuf,
        /// Hash of the bundle's encoder.
        expected: Digest,
        /// Hash in the statistics.
        found: Digest,
    },
    /// Statistics made with another preprocessing.
    #[error("{}: statistics made with the preprocessing {found:?}, the bundle uses {expected:?}; run `ushydra-host calibrate` again", file.display())]
    OtherPreprocessing {
        /// The statistics file.
        file: PathBuf,
        /// Fingerprint of the bundle's input specification.
        expected: String,
        /// Fingerprint in the statistics.
        found: String,
    },
    /// A golden picture that is no binary PGM or PPM of 8 bits.
    #[error("{}: {problem}; export the bundle again with ushydra-host", file.display())]
    Picture {
        /// The picture.
        file: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A domain that the router's table refuses.
    #[error("{}: {source}", file.display())]
    Domain {
        /// The statistics file.
        file: PathBuf,
        /// What the table said.
        source: DomainError,
    },
    /// Statistics that do not make a router.
    #[error("{}: {source}", file.display())]
    Router {
        /// The statistics file.
        file: PathBuf,
        /// What the router said.
        source: RouteError,
    },
    /// A manifest or statistics that cannot be written as TOML.
    #[error("{}: cannot be written as TOML: {message}", file.display())]
    Write {
        /// The file to be written.
        file: PathBuf,
        /// What the writer said.
        message: String,
    },
    /// A symbolic link where only files and folders of the bundle itself are taken.
    #[error("{}: a symbolic link; put the file itself there", file.display())]
    Link {
        /// The link.
        file: PathBuf,
    },
    /// A key file that holds no key, or that is in the way of a new one.
    #[error("{}: {problem}", file.display())]
    Key {
        /// The key file.
        file: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// No folder of trusted keys.
    #[error("{}: no folder of trusted keys; create it and copy the signer's .pub file into it, or name another with --keys DIR", folder.display())]
    NoKeys {
        /// The folder looked for.
        folder: PathBuf,
    },
    /// A bundle without a signature where one is needed.
    #[error("{}: unsigned; sign it with `ushydra bundle sign`, only signed bundles are installed", folder.display())]
    Unsigned {
        /// The bundle's folder.
        folder: PathBuf,
    },
    /// A bundle signed by nobody whom this device trusts.
    #[error("{}: signed with the key {key}, trusted are: {trusted}; get a bundle from a trusted signer, or copy that signer's .pub file into {}", file.display(), keys.display())]
    ForeignKey {
        /// The signature file.
        file: PathBuf,
        /// The key that signed.
        key: KeyId,
        /// The trusted keys with their names.
        trusted: String,
        /// Folder of the trusted keys.
        keys: PathBuf,
    },
    /// A manifest, a key number or a last day that is not what was signed.
    #[error("{}: the signature of {signer:?} ({key}) does not fit the manifest; the bundle was changed or damaged after it was signed: get it again from the signer", file.display())]
    Signature {
        /// The signature file.
        file: PathBuf,
        /// Name of the trusted key.
        signer: String,
        /// The trusted key.
        key: KeyId,
    },
    /// A bundle past its last day.
    #[error("{}: to be installed until {not_after}, today is {today}; get a newer bundle, or set the clock where it is wrong", file.display())]
    Expired {
        /// The signature file.
        file: PathBuf,
        /// The last day.
        not_after: Day,
        /// What the clock says.
        today: Day,
    },
    /// A last day that this machine's clock cannot judge.
    #[error("{}: to be installed until {not_after}, but the clock says {today}, before this program was made ({earliest}): set the clock, for example with `date --set`", file.display())]
    Clock {
        /// The signature file.
        file: PathBuf,
        /// The last day.
        not_after: Day,
        /// What the clock says.
        today: Day,
        /// The day before which no clock can be right.
        earliest: Day,
    },
    /// A version below one that was active already.
    #[error(
        "{name} {version} is older than {highest}, which was active here; take a newer bundle, or give --allow-older"
    )]
    Older {
        /// Name of the bundle.
        name: String,
        /// Version offered.
        version: String,
        /// Highest version that was ever active.
        highest: String,
    },
    /// The version that is in use.
    #[error("{name} {version} is active already; there is nothing to install")]
    AlreadyActive {
        /// Name of the bundle.
        name: String,
        /// Its version.
        version: String,
    },
    /// Too little room for the copy.
    #[error("{}: {free} bytes are free, the bundle needs {needed}; make room there, or name another store with --store DIR", folder.display())]
    NoSpace {
        /// Folder on the full disk.
        folder: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// Another installation is at work.
    #[error("{}: another installation is going on; wait for its end and try again", store.display())]
    Busy {
        /// The store.
        store: PathBuf,
    },
    /// Something else where the store keeps its link.
    #[error("{}: not a link that `ushydra bundle install` made; move it away", path.display())]
    NotOurs {
        /// What is in the way.
        path: PathBuf,
    },
    /// The record of the highest version is damaged.
    #[error(
        "the record of the highest version: {source}; if the installed version is known to be the newest, write the record anew with --allow-older"
    )]
    Record {
        /// What is wrong with it.
        source: Box<BundleError>,
    },
    /// No bundle of that name in the store.
    #[error("{}: no bundle {name:?} was installed there; see `ushydra bundle list`", store.display())]
    NotInstalled {
        /// Name asked for.
        name: String,
        /// The store.
        store: PathBuf,
    },
    /// Neither slot holds a sound bundle.
    #[error("{name}: neither slot can be used. Active: {active}. Other: {other}. Install the bundle again")]
    NoSlot {
        /// Name of the bundle.
        name: String,
        /// What is wrong with the active slot.
        active: Box<BundleError>,
        /// What is wrong with the other.
        other: Box<BundleError>,
    },
    /// More files than a stick with updates holds.
    #[error("{}: more than {limit} files and folders; name the bundle's own folder", folder.display())]
    Crowded {
        /// The folder that was searched.
        folder: PathBuf,
        /// Entries looked at.
        limit: usize,
    },
}
