//! Numbers that engines compute with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::EngineError;

/// Numbers that an engine computes with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floating point.
    #[default]
    F32,
    /// 16-bit floating point where the backend has it, 32-bit in between.
    F16,
    /// 8-bit integers in the decoders that have an int8 form.
    Int8,
}

impl Precision {
    /// Reads a precision, or `auto`, which is none.
    ///
    /// # Errors
    /// [`EngineError::UnknownPrecision`].
    pub fn or_auto(text: &str) -> Result<Option<Self>, EngineError> {
        if text == "auto" { Ok(None) } else { text.parse().map(Some) }
    }
}

impl FromStr for Precision {
    type Err = EngineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            "int8" => Ok(Self::Int8),
            _ => Err(EngineError::UnknownPrecision { name: text.to_owned() }),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn precisions_are_named_as_on_the_command_line() {
        for precision in [Precision::F32, Precision::F16, Precision::Int8] {
            assert_eq!(precision.to_string().parse::<Precision>().unwrap(), precision);
        }
        assert_eq!(Precision::or_auto("auto").unwrap(), None);
        assert_eq!(Precision::or_auto("int8").unwrap(), Some(Precision::Int8));
        let error = "fp8".parse::<Precision>().unwrap_err().to_string();
        assert!(error.contains("`fp8`") && error.contains("`int8`"), "{error}");
    }
}
