//! One cell at work: everything that its system needs.

use std::collections::BTreeMap;
use std::path::Path;

use super::ablation::Variant;
use super::degrade::Degradation;
use super::record::{CellKey, CellRecord, Task};
use super::routed::About;
use super::split::{Item, Sides};
use super::store::Folder;
use crate::progress::Progress;
use crate::train::run::VERSIONS;

/// What a system is given.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// Which cell.
    pub key: &'a CellKey,
    /// What is varied.
    pub variant: &'a Variant,
    /// Who trains and who is tested.
    pub sides: &'a Sides,
    /// Folder of data and weights.
    pub root: &'a Path,
    /// The cell's folder.
    pub folder: &'a Folder,
    /// Folder of the main cell that an ablation goes on from.
    pub main: Option<&'a Path>,
    /// Divisions into other domains by name.
    pub divisions: &'a BTreeMap<String, BTreeMap<String, String>>,
    /// Threads for this cell.
    pub threads: usize,
    /// Where to say how far it is.
    pub progress: &'a Progress,
}

impl Work<'_> {
    /// How the test pictures are degraded; none where the variant is another.
    #[must_use]
    pub fn degradation(&self) -> Option<Degradation> {
        match self.variant {
            Variant::Degraded(degradation) => Some(*degradation),
            _ => None,
        }
    }

    /// What is known about picture `index`, which is `item`, in this cell's split.
    #[must_use]
    pub fn about(&self, item: &Item, index: usize) -> About {
        About {
            name: item.name.clone(),
            patient: self.sides.patient[index].clone(),
            device: item.device.clone(),
            domain: self.sides.domain[index],
            label: item.label,
        }
    }
}

/// A record without answers. `counts` tells which pictures count as trained on and tested.
#[must_use]
pub(super) fn base_record(
    work: &Work<'_>,
    task: Task,
    labels: &[String],
    counts: impl Fn(usize) -> bool,
) -> CellRecord {
    let (pictures, patients) = work.sides.counts(counts);
    CellRecord {
        key: work.key.clone(),
        task,
        labels: labels.to_vec(),
        domains: work.sides.domains.clone(),
        parameters: 0,
        pictures,
        patients,
        training_seconds: 0.0,
        versions: VERSIONS.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect(),
        epochs: Vec::new(),
        domain_positions: Vec::new(),
        frames: Vec::new(),
    }
}
