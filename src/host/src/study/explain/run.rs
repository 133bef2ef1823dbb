//! From finished cells to their explanations.

use super::{EXPLAINED, Explained, Method, heat, masks, record_hash};
use crate::baselines::{Architecture, BaselineConfig};
use crate::error::{HostError, Result};
use crate::files;
use crate::progress::Progress;
use crate::study::ablation::Variant;
use crate::study::engine::Failure;
use crate::study::lock::{self, Asked};
use crate::study::networks;
use crate::study::plan::Planned;
use crate::study::record::CellRecord;
use crate::study::run::Study;
use crate::study::store::Folder;
use crate::study::system::System;
use crate::study::work::Work;

/// What explaining cells came to.
#[derive(Debug, Default)]
pub struct Explaining {
    /// Cells that were explained now.
    pub made: Vec<String>,
    /// Cells that are explained already.
    pub known: usize,
    /// Finished cells that could not be explained.
    pub failures: Vec<Failure>,
}

impl Study {
    /// Explains every finished cell of the main comparison whose key holds `only` and that is not explained yet. Nothing is trained.
    ///
    /// # Errors
    /// [`HostError::Stopped`]. What is wrong with one cell is in the answer, and the others go on.
    pub fn explain(&self, only: Option<&str>, progress: &Progress) -> Result<Explaining> {
        let mut done = Explaining::default();
        for cell in self.cells(only).into_iter().flatten().filter(|cell| is_explained(cell)) {
            match self.explain_finished(cell, progress) {
                Ok(Some(true)) => done.made.push(cell.key.slug()),
                Ok(Some(false)) => done.known += 1,
                Ok(None) => {}
                Err(HostError::Stopped) => return Err(HostError::Stopped),
                Err(error) => done.failures.push(Failure { key: cell.key.clone(), problem: error.to_string() }),
            }
        }
        Ok(done)
    }

    /// Whether the cell was explained now; none for a cell that is not finished.
    fn explain_finished(&self, cell: &Planned, progress: &Progress) -> Result<Option<bool>> {
        let Some((folder, record)) = self.finished(cell)? else { return Ok(None) };
        match Explained::read(&folder.path, &record) {
            Ok(Some(_)) => return Ok(Some(false)),
            Ok(None) => {}
            Err(HostError::Damaged { .. }) => log::info!("{}: its explanation is made anew", cell.key),
            Err(error) => return Err(error),
        }
        let _lock = match lock::ask(&folder.path)? {
            Asked::Held(lock) => lock,
            Asked::Taken(owner) => return Err(HostError::Dataset(format!("{owner} works on it; try again later"))),
        };
        self.explain_cell(cell, &folder, &record, progress)?;
        Ok(Some(true))
    }

    /// Explains one finished cell whose lock is held.
    ///
    /// # Errors
    /// Those of what the training kept, of pictures and of the engine.
    pub(in crate::study) fn explain_cell(
        &self,
        cell: &Planned,
        folder: &Folder,
        record: &CellRecord,
        progress: &Progress,
    ) -> Result<()> {
        let work = self.work(cell, folder, None, progress)?;
        let (method, means, cases) = match cell.system {
            System::Vit | System::UshydraVit => {
                let (means, cases) = heat::attention(self.planes()?, &work, record)?;
                (Method::AttentionRollout, means, cases)
            }
            System::Unet | System::UshydraUnet => {
                (Method::Outlines, Vec::new(), masks::routed(self.outlines()?, &work, cell.system, record)?)
            }
            system if system.segments() => {
                let cases = masks::convolutional(self.outlines()?, &work, self.network_of(cell, &work)?, record)?;
                (Method::Outlines, Vec::new(), cases)
            }
            _ => {
                let (means, cases) = heat::convolutional(self.planes()?, &work, self.network_of(cell, &work)?, record)?;
                (Method::GradCam, means, cases)
            }
        };
        let explained = Explained { record: record_hash(&folder.path)?, method, means, cases };
        explained.check(record).map_err(HostError::Dataset)?;
        files::write_json(&folder.path.join(EXPLAINED), &explained)
    }

    /// The network of a cell, to be computed on the device of this run.
    fn network_of(&self, cell: &Planned, work: &Work<'_>) -> Result<(Architecture, BaselineConfig)> {
        let (architecture, base) = self.network(cell)?;
        Ok((architecture, networks::of(work, base, self.device)))
    }
}

/// Whether a cell is one of those that reports explain: the main comparison on a main split.
pub(in crate::study) fn is_explained(cell: &Planned) -> bool {
    cell.variant == Variant::Main && cell.split.rule.is_main()
}
