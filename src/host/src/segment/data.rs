//! A segmentation set seen through a recipe: prepared pictures with domain, patient and part.

use super::prepare::{Prepared, Preparer};
use super::recipe::SegmentRecipe;
use crate::error::{HostError, Result};
use crate::files;
use crate::masks::{self, MaskDataset, MaskSample, Part};
use crate::progress::Progress;

/// Prepared pictures in the order of the set.
#[derive(Clone, Debug)]
pub struct SegmentData {
    /// Where they come from.
    pub samples: Vec<MaskSample>,
    /// Domain index per picture.
    pub domains: Vec<usize>,
    /// Side of the split per picture.
    pub parts: Vec<Part>,
    /// Picture and mask.
    pub(super) prepared: Vec<Prepared>,
}

/// Domain index and part of every sample.
///
/// # Errors
/// [`HostError::Dataset`] for a domain that the recipe does not know or that has no training picture; those of
/// [`masks::split`].
pub fn arrange(dataset: &MaskDataset, recipe: &SegmentRecipe) -> Result<(Vec<usize>, Vec<Part>)> {
    let index = |sample: &MaskSample| {
        recipe.domains.iter().position(|d| *d == sample.domain).ok_or_else(|| {
            HostError::Dataset(format!(
                "{}: domain `{}` is not in the recipe ({}); correct the csv or add the domain",
                sample.name,
                sample.domain,
                recipe.domains.join(", ")
            ))
        })
    };
    let domains = dataset.samples.iter().map(index).collect::<Result<Vec<usize>>>()?;
    let shares = recipe.split;
    let parts = masks::split(&dataset.samples, recipe.seed, [shares.train, shares.validation, shares.test])?;
    for (domain, name) in recipe.domains.iter().enumerate() {
        if !domains.iter().zip(&parts).any(|(d, part)| *d == domain && *part == Part::Train) {
            return Err(HostError::Dataset(format!(
                "no picture of domain `{name}` in the training part; add some patients or remove the domain"
            )));
        }
    }
    Ok((domains, parts))
}

impl SegmentData {
    /// Loads and prepares every picture.
    ///
    /// # Errors
    /// Those of [`arrange`] and [`MaskSample::load`], [`HostError::Picture`] for a picture that cannot be prepared,
    /// [`HostError::Stopped`].
    pub fn load(dataset: MaskDataset, recipe: &SegmentRecipe, progress: &Progress) -> Result<Self> {
        let (domains, parts) = arrange(&dataset, recipe)?;
        Self::arranged(dataset, domains, parts, recipe, progress)
    }

    /// Prepares every picture of a set whose domains and parts are settled.
    ///
    /// # Errors
    /// As [`Self::load`], but for the split.
    pub fn arranged(
        dataset: MaskDataset,
        domains: Vec<usize>,
        parts: Vec<Part>,
        recipe: &SegmentRecipe,
        progress: &Progress,
    ) -> Result<Self> {
        let mut preparer = Preparer::new(&recipe.input).map_err(HostError::Dataset)?;
        let bar = progress.bar("pictures", dataset.samples.len());
        let mut prepared = Vec::with_capacity(dataset.samples.len());
        for sample in &dataset.samples {
            let loaded = sample.load()?;
            let problem = |problem| HostError::Picture { path: sample.image.clone(), problem };
            prepared.push(preparer.run(&loaded).map_err(problem)?);
            bar.step()?;
        }
        bar.done();
        Ok(Self { samples: dataset.samples, domains, parts, prepared })
    }

    /// Pictures of one part, in order.
    #[must_use]
    pub fn of(&self, part: Part) -> Vec<usize> {
        (0..self.parts.len()).filter(|&i| self.parts[i] == part).collect()
    }

    /// Hash over pictures, masks, domains and parts.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut text = String::new();
        for ((sample, domain), part) in self.samples.iter().zip(&self.domains).zip(&self.parts) {
            text.push_str(&format!("{}\t{domain}\t{}\t{part:?}\n", sample.name, sample.patient));
        }
        let mut parts: Vec<&[u8]> = vec![text.as_bytes()];
        parts.extend(self.prepared.iter().flat_map(|p| [p.image.as_slice(), p.mask.as_slice()]));
        files::fingerprint(&parts)
    }
}
