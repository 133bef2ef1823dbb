//! What can go wrong in the simulator.

use std::io;

use thiserror::Error;

/// A setting, a file or a part of the system that the simulator cannot work with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SimError {
    /// A value of the command line or of a script that means nothing.
    #[error("{what} `{value}` means nothing; {remedy}")]
    Setting {
        /// Name of the setting.
        what: &'static str,
        /// What was given.
        value: String,
        /// What it may be.
        remedy: &'static str,
    },
    /// A line of a script that means nothing.
    #[error("line {line} of the script: {message}")]
    Script {
        /// Line, from 1.
        line: usize,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A phantom or a cine that gives no pictures.
    #[error("no pictures from {content}: {message}")]
    Content {
        /// What was asked for.
        content: String,
        /// Why not.
        message: String,
    },
    /// A part of the system is missing.
    #[error("{missing} is missing; {remedy}")]
    Missing {
        /// The part.
        missing: String,
        /// How to get it.
        remedy: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {action}: {error}; {remedy}")]
    Io {
        /// What was tried.
        action: String,
        /// The system's answer.
        error: io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// What a host received is not what was sent.
    #[error("{0}")]
    Verify(String),
}

impl SimError {
    pub(crate) fn io(action: impl Into<String>, remedy: &'static str) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |error| Self::Io { action, error, remedy }
    }

    pub(crate) fn setting(what: &'static str, value: impl Into<String>, remedy: &'static str) -> Self {
        Self::Setting { what, value: value.into(), remedy }
    }
}
