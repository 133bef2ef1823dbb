//! `dataset stats` for segmentation sets.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{LoadedSample, MaskDataset, MaskSample, Part};

/// Pictures of one group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Count {
    /// Pictures.
    pub pictures: usize,
    /// Different patients among them.
    pub patients: usize,
    /// Pictures in the published training, validation and test part; the rest has none.
    pub parts: [usize; 3],
    /// Pictures whose pixel size is known.
    pub with_spacing: usize,
    /// Pictures with a published head circumference.
    pub with_circumference: usize,
    /// Share of the picture that the mask covers: least, mean, greatest. Only where the masks were read.
    pub mask_share: Option<[f64; 3]>,
}

/// Counts of a segmentation set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// Everything.
    pub total: Count,
    /// Per quality domain.
    pub domains: BTreeMap<String, Count>,
}

/// Area shares of masks per domain.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shares(BTreeMap<String, Vec<f64>>);

impl Shares {
    /// Adds one mask.
    pub fn add(&mut self, domain: &str, loaded: &LoadedSample) {
        let covered = loaded.mask.iter().filter(|&&v| v == 1).count();
        self.0.entry(domain.to_owned()).or_default().push(covered as f64 / loaded.mask.len().max(1) as f64);
    }

    fn range<'a>(values: impl Iterator<Item = &'a f64> + Clone) -> Option<[f64; 3]> {
        let count = values.clone().count();
        let sum: f64 = values.clone().sum();
        let least = values.clone().copied().reduce(f64::min)?;
        Some([least, sum / count as f64, values.copied().fold(least, f64::max)])
    }
}

/// Counts `dataset`; `shares` are those of the masks that were read, none for a quick answer.
#[must_use]
pub fn stats(dataset: &MaskDataset, shares: &Shares) -> Stats {
    let mut domains: BTreeMap<String, Vec<&MaskSample>> = BTreeMap::new();
    for sample in &dataset.samples {
        domains.entry(sample.domain.clone()).or_default().push(sample);
    }
    let count = |samples: &[&MaskSample], mask_share| {
        let patients: BTreeSet<&str> = samples.iter().map(|s| &*s.patient).collect();
        let of = |part| samples.iter().filter(|s| s.part == Some(part)).count();
        Count {
            pictures: samples.len(),
            patients: patients.len(),
            parts: [of(Part::Train), of(Part::Validation), of(Part::Test)],
            with_spacing: samples.iter().filter(|s| s.pixel_mm.is_some()).count(),
            with_circumference: samples.iter().filter(|s| s.head_circumference_mm.is_some()).count(),
            mask_share,
        }
    };
    let all: Vec<&MaskSample> = dataset.samples.iter().collect();
    Stats {
        total: count(&all, Shares::range(shares.0.values().flatten())),
        domains: domains
            .into_iter()
            .map(|(domain, samples)| {
                let share = shares.0.get(&domain).and_then(|values| Shares::range(values.iter()));
                (domain, count(&samples, share))
            })
            .collect(),
    }
}

impl Stats {
    /// The counts as an aligned table, one row per domain.
    #[must_use]
    pub fn table(&self) -> String {
        let head = ["domain", "pictures", "patients", "train", "validation", "test", "spacing", "HC", "mask share %"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        let row = |name: &str, count: &Count| {
            let mut cells = vec![name.to_owned()];
            let [train, validation, test] = count.parts;
            let counts =
                [count.pictures, count.patients, train, validation, test, count.with_spacing, count.with_circumference];
            cells.extend(counts.map(|n| n.to_string()));
            cells.push(
                count.mask_share.map_or_else(
                    || "not read".to_owned(),
                    |share| share.map(|v| format!("{:.1}", 100.0 * v)).join(" / "),
                ),
            );
            cells
        };
        rows.extend(self.domains.iter().map(|(domain, count)| row(domain, count)));
        rows.push(row("total", &self.total));
        crate::report::align(&rows)
    }
}
