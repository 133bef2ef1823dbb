//! What can be wrong with a profile or its name.

use thiserror::Error;

/// Errors of this room.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BoardError {
    /// A name that no profile has.
    #[error("`{name}` is no board; known are {known}, and `auto` recognises this one")]
    Unknown {
        /// The name asked for.
        name: String,
        /// Every known name.
        known: String,
    },
    /// A profile that is no TOML of the expected form.
    #[error("profile {profile}: {message}")]
    Malformed {
        /// Name or file of the profile.
        profile: String,
        /// Place, cause and what is expected.
        message: String,
    },
    /// A profile that parses but contradicts itself.
    #[error("profile {profile}: {key} is {found}; {expected}")]
    Implausible {
        /// Name or file of the profile.
        profile: String,
        /// The key.
        key: String,
        /// Its value.
        found: String,
        /// What would be right.
        expected: &'static str,
    },
}
