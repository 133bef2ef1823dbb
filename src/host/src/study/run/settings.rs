//! What a cell depends on.

use super::Study;
use crate::baselines::{Architecture, BaselineConfig};
use crate::error::Result;
use crate::segment::ComputeDevice;
use crate::study::ablation::Variant;
use crate::study::networks;
use crate::study::plan::Planned;
use crate::study::record::{CellRecord, Task};
use crate::study::store::{Folder, Settings};

/// Every [`ComputeDevice`] by name, also those that this program was built without.
const DEVICES: [&str; 4] = ["Flex", "Tch", "Cuda", "Vulkan"];

impl Study {
    /// Everything a cell depends on.
    pub(super) fn settings(&self, cell: &Planned) -> Result<Settings> {
        self.settings_on(cell, &format!("{:?}", self.device))
    }

    /// The folder of a finished cell with its record, whatever device trained it: for what goes on from a cell without training. None
    /// for a cell that is not finished.
    ///
    /// # Errors
    /// [`HostError::Config`] for a cell whose settings are those of the study on no device, [`HostError::Io`].
    pub(in crate::study) fn finished(&self, cell: &Planned) -> Result<Option<(Folder, CellRecord)>> {
        let own = self.folder(cell)?;
        if !own.path.is_dir() {
            return Ok(None);
        }
        for device in DEVICES {
            let folder = Folder::new(&self.places.out, &cell.key, self.settings_on(cell, device)?);
            if let Ok(record) = folder.record() {
                return Ok(record.map(|record| (folder, record)));
            }
        }
        // It fits no device: what differs from the study on this one is said.
        let record = own.record()?;
        Ok(record.map(|record| (own, record)))
    }

    /// The same in a program whose networks train on `device`, named as in [`ComputeDevice`], also where this program was built
    /// without it.
    fn settings_on(&self, cell: &Planned, device: &str) -> Result<Settings> {
        let sides = self.sides(cell)?;
        let mut settings = Settings::default()
            .with("cell", &cell.key.slug())
            .with("split", &format!("{sides:?}"))
            .with("device", device);
        match cell.task {
            Task::Classify => {
                let planes = self.planes()?;
                settings = settings.with("data", &planes.data);
                if cell.system.is_vit() {
                    let recipe = &planes.recipe;
                    let encoder = planes.encoder.as_ref().map_or("", |e| &e.sha256);
                    let division = match &cell.variant {
                        Variant::Domains(name) => self.config.ablations.classify.domains.get(name),
                        _ => None,
                    };
                    settings = settings
                        .with("recipe", &recipe.evaluation_fingerprint())
                        .with("encoder", encoder)
                        .with("division", &format!("{division:?}"));
                }
            }
            Task::Segment => {
                let outlines = self.outlines()?;
                settings = settings.with("data", &outlines.data);
                if !cell.system.is_network() {
                    let recipe = &outlines.recipe;
                    let rest = format!("{:?} {:?}", recipe.calibration, recipe.routing);
                    settings = settings.with("recipe", &recipe.training_fingerprint()).with("calibration", &rest);
                }
            }
        }
        if cell.system.is_network() {
            let (architecture, base) = self.network(cell)?;
            // The device has its own entry; here it would be the default of this program's build.
            let base = BaselineConfig { device: ComputeDevice::Flex, ..base };
            settings = settings.with("network", &format!("{:?}", (architecture, base)));
        }
        Ok(settings)
    }

    /// Architecture and settings of a cell's network, before those that come with the cell.
    pub(in crate::study) fn network(&self, cell: &Planned) -> Result<(Architecture, BaselineConfig)> {
        let root = &self.places.root;
        match cell.task {
            Task::Classify => {
                let planes = self.planes()?;
                let recipe = &planes.recipe;
                let (input, changes) = (&recipe.input, &recipe.augmentation);
                networks::settings(&planes.config, cell.system, &recipe.labels, input, changes, None, root)
            }
            Task::Segment => {
                let outlines = self.outlines()?;
                let recipe = &outlines.recipe;
                let (input, changes) = (&recipe.input, &recipe.augmentation);
                let loss = Some(recipe.training.loss);
                networks::settings(&outlines.config, cell.system, &recipe.labels, input, changes, loss, root)
            }
        }
    }
}
