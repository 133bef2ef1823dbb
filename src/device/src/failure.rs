//! Everything that ends a command, and the exit code that it ends with.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use ushydra_bundle::BundleError;
use ushydra_engine::EngineError;
use ushydra_probe::ProbeError;

/// The command did its work.
pub const OK: u8 = 0;
/// Wrong arguments or configuration.
pub const USAGE: u8 = 2;
/// An input could not be read or judged.
pub const INPUT: u8 = 3;
/// The bundle is missing, damaged or fails its self-test.
pub const BUNDLE: u8 = 4;
/// The inference backend is missing or failed.
pub const BACKEND: u8 = 5;
/// The probe is missing or was lost.
pub const PROBE: u8 = 6;
/// A defect of the program itself.
pub const INTERNAL: u8 = 70;

/// Why a command stopped. Every kind has one exit code, [`Failure::exit_code`].
#[derive(Debug, Error)]
pub enum Failure {
    /// Arguments that parse but do not fit together or do not fit the bundle.
    #[error("{0}")]
    Usage(String),
    /// Arguments that do not parse; the parser has explained them.
    #[error("wrong arguments")]
    Refused,
    /// A configuration file that cannot be used.
    #[error("configuration {}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// Cause and remedy.
        message: String,
    },
    /// An input that no part of the command can do without.
    #[error("{source_name}: {message}")]
    Input {
        /// The input as the operator named it.
        source_name: String,
        /// Cause and remedy.
        message: String,
    },
    /// Some inputs were refused; each was named when it was met.
    #[error("{failed} inputs were refused, see above; {judged} frames were judged")]
    SomeInputs {
        /// Inputs or frames refused.
        failed: u64,
        /// Frames with a result.
        judged: u64,
    },
    /// Checks that did not pass; each was named when it was made.
    #[error("{failed} of {total} checks failed, see above")]
    Checks {
        /// Checks that failed.
        failed: usize,
        /// Checks made.
        total: usize,
        /// Exit code of the first that failed.
        code: u8,
    },
    /// No bundle where one was looked for.
    #[error(
        "no bundle `{name}` (looked in {searched}); give --bundle DIR, or set USHYDRA_MODELS to the folder that holds the bundles"
    )]
    NoBundle {
        /// Name or folder asked for.
        name: String,
        /// Places that were looked at.
        searched: String,
    },
    /// The bundle was refused.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A bundle that opens but cannot be run, or whose checks failed.
    #[error("bundle {name}: {message}")]
    BundleUnfit {
        /// Bundle name or folder.
        name: String,
        /// Cause and remedy.
        message: String,
    },
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No probe, or none that delivers frames. A file that cannot be read is [`Failure::Input`].
    #[error("{0}")]
    NoProbe(String),
    /// Whoever read our results went away; nothing is left to do and nothing is wrong.
    #[error("the reader of the results closed its end")]
    ClosedPipe,
    /// Results could not be written.
    #[error("{what} could not be written: {cause}; check the free space and the permissions there")]
    Output {
        /// File or stream.
        what: String,
        /// What the system said.
        cause: io::Error,
    },
    /// The machine lacks something.
    #[error("{0}")]
    Machine(String),
    /// A defect of the program.
    #[error("internal error: {0}; please report it with the command line and the output of `ushydra doctor`")]
    Internal(String),
}

impl Failure {
    /// The exit code of the contract.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::ClosedPipe => OK,
            Self::Usage(_) | Self::Refused | Self::Config { .. } => USAGE,
            Self::Input { .. } | Self::SomeInputs { .. } => INPUT,
            Self::NoBundle { .. } | Self::Bundle(_) | Self::BundleUnfit { .. } => BUNDLE,
            Self::Checks { code, .. } => *code,
            Self::Engine(error) => engine_code(error),
            Self::NoProbe(_) => PROBE,
            Self::Output { .. } | Self::Machine(_) | Self::Internal(_) => INTERNAL,
        }
    }

    /// A refusal of a file source.
    #[must_use]
    pub fn input(error: &ProbeError) -> Self {
        Self::Input { source_name: error.source_name().to_owned(), message: error.fault().to_string() }
    }

    /// A failed write to standard output; a closed pipe is no fault.
    #[must_use]
    pub fn stdout(cause: io::Error) -> Self {
        if cause.kind() == io::ErrorKind::BrokenPipe {
            Self::ClosedPipe
        } else {
            Self::Output { what: "standard output".to_owned(), cause }
        }
    }
}

/// A model that does not fit or does not pass is the bundle's fault, a backend that is missing or fails its own.
fn engine_code(error: &EngineError) -> u8 {
    match error {
        EngineError::NotFound { .. }
        | EngineError::Read { .. }
        | EngineError::TooLarge { .. }
        | EngineError::NotOnnx { .. }
        | EngineError::Tensor { .. }
        | EngineError::Manifest { .. }
        | EngineError::SelfTest { .. }
        | EngineError::SelfTestInput { .. }
        | EngineError::NonFinite { .. }
        | EngineError::Bundle(_) => BUNDLE,
        EngineError::Count { .. }
        | EngineError::Length { .. }
        | EngineError::Decoder { .. }
        | EngineError::NotEncoded => INTERNAL,
        _ => BACKEND,
    }
}
