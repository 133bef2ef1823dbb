//! The weights that a warm start begins with: those of one finished run, or the mean of several.
//!
//! The mean of weights of runs that began alike ("model soup", Wortsman M. et al., ICML 2022) lies in the flat middle of the valley
//! whose edges the single runs ended at, and usually does better than each of them at the cost of one.

use std::path::{Path, PathBuf};

use burn::module::Module;

use super::blend::blend;
use super::device::ComputeDevice;
use super::recipe::SegmentRecipe;
use super::stage;
use crate::error::{HostError, Result};
use crate::files;
use crate::rng::Rng;
use crate::unet::Network;

/// Weights after the warm start, from which another run may begin.
pub(super) const SHARED: &str = "shared.bpk";

/// Weights of the finished run in `folder`.
fn shared(folder: &Path) -> Result<PathBuf> {
    let path = folder.join(SHARED);
    if path.exists() {
        return Ok(path);
    }
    Err(HostError::Missing { path, remedy: "finish that run's training first, or leave --start out".to_owned() })
}

/// Hash over the weights of all `runs`; none for no run.
///
/// # Errors
/// [`HostError::Missing`] where a run has no weights.
pub(super) fn digest(runs: &[PathBuf]) -> Result<Option<String>> {
    let digests = runs.iter().map(|run| files::sha256_file(&shared(run)?)).collect::<Result<Vec<_>>>()?;
    Ok(match digests.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(files::fingerprint(&several.iter().map(String::as_bytes).collect::<Vec<_>>())),
    })
}

/// Writes the mean of the weights of `runs` to `target`.
///
/// # Errors
/// [`HostError::Missing`] where a run has no weights, [`HostError::Damaged`] where they are those of another network.
pub(super) fn write(runs: &[PathBuf], recipe: &SegmentRecipe, target: &Path) -> Result<()> {
    if let [one] = runs {
        return files::write_atomic(target, &files::read(&shared(one)?)?);
    }
    let device = ComputeDevice::default().training();
    let empty = Network::seeded(recipe.network, recipe.labels.len(), &device, &mut Rng::new(recipe.seed));
    let mut mean: Option<Network> = None;
    for (index, run) in runs.iter().enumerate() {
        // Only in evaluation mode do running statistics hold the last batch.
        let next = stage::load(&shared(run)?, empty.clone())?.valid();
        mean = Some(match mean {
            None => next,
            Some(mean) => blend(mean, &next, 1.0 / (index + 1) as f32),
        });
    }
    mean.map_or(Ok(()), |mean| stage::save(target, &mean))
}
