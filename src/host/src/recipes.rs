//! The recipes of the shipped bundles, so that a bundle's own rules are at hand without its run folder.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::{HostError, Result};

const SHIPPED: [(&str, &str); 3] = [
    ("fetal-planes", include_str!("../recipes/fetal-planes.toml")),
    ("fetal-head", include_str!("../recipes/fetal-head.toml")),
    ("cardiac-lv", include_str!("../recipes/cardiac-lv.toml")),
];

/// Text of the recipe of the shipped bundle `name`.
#[must_use]
pub fn shipped(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Parses and checks a recipe; `path` names it in messages.
pub(crate) fn parse<R: DeserializeOwned>(
    text: &str,
    path: &Path,
    check: impl Fn(&R) -> std::result::Result<(), String>,
) -> Result<R> {
    let recipe: R = toml::from_str(text).map_err(|e| HostError::config(path, e))?;
    check(&recipe).map_err(|problem| HostError::config(path, problem))?;
    Ok(recipe)
}
