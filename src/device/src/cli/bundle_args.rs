//! Arguments of `ushydra bundle`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ushydra_bundle::Day;

use crate::locate;

/// Commands on bundles.
#[derive(Debug, Subcommand)]
pub enum BundleCommand {
    /// List the installed bundles and the folders that were searched.
    List,
    /// Show manifest, statistics and files of a bundle.
    Inspect {
        /// Bundle folder or name; instead of --bundle.
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Check hashes, shapes and the golden self-test of a bundle, and say who signed it.
    Verify {
        /// Bundle folder or name; instead of --bundle.
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Whose signatures are trusted.
        #[command(flatten)]
        keys: KeysArgument,
    },
    /// Install a signed bundle from a stick or a folder; the version in use stays in the other slot.
    Install(InstallArguments),
    /// Go back to the bundle in the other slot.
    Rollback(RollbackArguments),
    /// Write a signed copy of a bundle, complete as it goes onto a stick.
    Sign(SignArguments),
    /// Make a key pair for signing bundles.
    Keygen(KeygenArguments),
}

/// The folder of trusted keys.
#[derive(Debug, Args)]
pub struct KeysArgument {
    /// Folder with the .pub files of the trusted signers [default: $USHYDRA_KEYS, else /etc/ushydra/keys].
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
}

impl KeysArgument {
    /// What was given, or the default.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.keys.clone().unwrap_or_else(locate::keys)
    }
}

/// The store of installed bundles.
#[derive(Debug, Args)]
pub struct StoreArgument {
    /// Folder of the installed bundles [default: $USHYDRA_STORE, else /var/lib/ushydra/models].
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

impl StoreArgument {
    /// What was given, or the default.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(locate::store)
    }
}

/// Arguments of `bundle install`.
#[derive(Debug, Args)]
pub struct InstallArguments {
    /// Folder of a signed bundle, or the root of a stick that holds one.
    #[arg(value_name = "SOURCE")]
    pub source: PathBuf,
    /// Where it is installed.
    #[command(flatten)]
    pub store: StoreArgument,
    /// Whose bundles are taken.
    #[command(flatten)]
    pub keys: KeysArgument,
    /// Install without asking; needed where there is no terminal.
    #[arg(long)]
    pub yes: bool,
    /// Also install a version older than one that was in use before; its signer must be trusted all the same.
    #[arg(long)]
    pub allow_older: bool,
}

/// Arguments of `bundle rollback`.
#[derive(Debug, Args)]
pub struct RollbackArguments {
    /// Name of the installed bundle.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Where it is installed.
    #[command(flatten)]
    pub store: StoreArgument,
    /// Whose bundles are taken.
    #[command(flatten)]
    pub keys: KeysArgument,
}

/// Arguments of `bundle sign`.
#[derive(Debug, Args)]
pub struct SignArguments {
    /// Bundle folder or name; instead of --bundle.
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The secret key file that `bundle keygen` wrote.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// New folder for the signed copy.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Last day on which the copy may be installed, YYYY-MM-DD in UTC; what is installed runs on [default: no last day].
    #[arg(long, value_name = "DAY")]
    pub not_after: Option<Day>,
}

/// Arguments of `bundle keygen`.
#[derive(Debug, Args)]
pub struct KeygenArguments {
    /// New file for the secret key, readable by its owner only; the public key is written beside it as FILE.pub.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Name of the signer, as devices show it [default: the name of the file].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}
