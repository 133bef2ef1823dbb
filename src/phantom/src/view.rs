//! The views that can be simulated.

use crate::error::PhantomError;

/// What the simulated probe looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// The heart's apical four-chamber view, left ventricle on the right; the target is its cavity.
    ApicalFourChamber,
    /// A fetal head; the target is the filled ellipse at the skull's outer border.
    FetalHead,
}

impl std::fmt::Display for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ApicalFourChamber => "a4c",
            Self::FetalHead => "fetal-head",
        })
    }
}

impl std::str::FromStr for View {
    type Err = PhantomError;

    fn from_str(name: &str) -> Result<Self, PhantomError> {
        match name {
            "a4c" => Ok(Self::ApicalFourChamber),
            "fetal-head" => Ok(Self::FetalHead),
            _ => Err(PhantomError::View { name: name.chars().take(40).collect() }),
        }
    }
}
