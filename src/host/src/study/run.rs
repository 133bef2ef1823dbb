//! A study at work: its data, its cells, and the way from a cell's key to its record.

mod settings;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::ablation_tables;
use super::config::StudyConfig;
use super::engine::{CellState, Engine, Failure, Job};
use super::explain;
use super::figures::Draws;
use super::lock::{self, Asked};
use super::networks;
use super::outlines::Outlines;
use super::plan::{self, Planned};
use super::planes::Planes;
use super::record::{CellKey, CellRecord, Task};
use super::split::{self, Sides};
use super::store::{self, Folder};
use super::system::System;
use super::table::Table;
use super::tables::Context;
use super::work::Work;
use crate::error::{HostError, Result};
use crate::progress::Progress;
use crate::segment::ComputeDevice;

/// Where a study's things are.
#[derive(Clone, Debug)]
pub struct Places {
    /// The configuration.
    pub config: PathBuf,
    /// Folder of data and weights.
    pub root: PathBuf,
    /// The study's own folder.
    pub out: PathBuf,
}

/// An open study.
pub struct Study {
    /// Its configuration.
    pub config: StudyConfig,
    /// Where its things are.
    pub places: Places,
    /// The classification.
    pub planes: Option<Planes>,
    /// The segmentation.
    pub outlines: Option<Outlines>,
    pub(super) device: ComputeDevice,
    threads: usize,
    rounds: [Vec<Planned>; 2],
    sides: BTreeMap<(Task, String), Sides>,
}

impl Study {
    /// Opens a study: reads configuration, recipes and data, deals the splits, imports the encoder. `threads` is what one
    /// cell may use.
    ///
    /// # Errors
    /// Everything that can be wrong with configuration, data and splits, before any work is done.
    pub fn open(places: &Places, device: ComputeDevice, threads: usize) -> Result<Self> {
        let config = StudyConfig::read(&places.config)?;
        let beside = places.config.parent().unwrap_or(Path::new(""));
        let planes =
            config.classify.as_ref().map(|c| Planes::open(c, beside, &places.root, &places.out)).transpose()?;
        let outlines = config.segment.as_ref().map(|c| Outlines::open(c, beside, &places.root, device)).transpose()?;
        let domains = |task| match task {
            Task::Classify => planes.as_ref().map(|p| p.recipe.domains.clone()).unwrap_or_default(),
            Task::Segment => outlines.as_ref().map(|o| o.recipe.domains.clone()).unwrap_or_default(),
        };
        let rounds = plan::cells(&config, &domains);
        let mut study = Self {
            places: places.clone(),
            planes,
            outlines,
            device,
            threads: threads.max(1),
            rounds,
            sides: BTreeMap::new(),
            config,
        };
        study.deal()?;
        // Settings of networks that cannot work are refused before the first of them trains.
        for cell in study.rounds.iter().flatten() {
            study.settings(cell)?;
        }
        Ok(study)
    }

    fn deal(&mut self) -> Result<()> {
        for (task, own) in plan::tasks(&self.config) {
            let (items, domains, labels) = match task {
                Task::Classify => {
                    let Some(planes) = &self.planes else { continue };
                    (&planes.items, &planes.recipe.domains, &planes.recipe.labels)
                }
                Task::Segment => {
                    let Some(outlines) = &self.outlines else { continue };
                    (&outlines.items, &outlines.recipe.domains, &outlines.recipe.labels)
                }
            };
            for (split, _) in plan::splits(&self.config, task) {
                let sides = split::deal(items, domains, &own.unseen, labels.len(), &split)?;
                for (domain, label) in split::gaps(items, &sides, labels.len()) {
                    log::warn!(
                        "split `{}`: domain `{}` has no training picture of `{}`; its decoder learns that label from the \
                         other domains alone",
                        split.name,
                        sides.domains[domain],
                        labels[label]
                    );
                }
                let name = format!("{}.{}.csv", task.name(), split.name);
                sides.write(&self.places.out.join("splits").join(name), items)?;
                self.sides.insert((task, split.name.clone()), sides);
            }
        }
        Ok(())
    }

    /// Every cell whose key holds `only`, in two rounds.
    #[must_use]
    pub fn cells(&self, only: Option<&str>) -> [Vec<&Planned>; 2] {
        let wanted = |cell: &&Planned| only.is_none_or(|text| cell.key.slug().contains(text));
        self.rounds.each_ref().map(|round| round.iter().filter(wanted).collect())
    }

    /// The cell of this name.
    ///
    /// # Errors
    /// [`HostError::Config`] where the study has none.
    pub fn find(&self, slug: &str) -> Result<&Planned> {
        self.rounds.iter().flatten().find(|cell| cell.key.slug() == slug).ok_or_else(|| {
            HostError::config(
                &self.places.config,
                format!("the study has no cell `{slug}`; `compare --list` names all"),
            )
        })
    }

    fn planned(&self, key: &CellKey) -> Result<&Planned> {
        self.find(&key.slug())
    }

    fn sides(&self, cell: &Planned) -> Result<&Sides> {
        self.sides
            .get(&(cell.task, cell.split.name.clone()))
            .ok_or_else(|| HostError::config(&self.places.config, format!("there is no split `{}`", cell.split.name)))
    }

    pub(super) fn planes(&self) -> Result<&Planes> {
        self.planes.as_ref().ok_or_else(|| HostError::Dataset("the study has no classification".to_owned()))
    }

    pub(super) fn outlines(&self) -> Result<&Outlines> {
        self.outlines.as_ref().ok_or_else(|| HostError::Dataset("the study has no segmentation".to_owned()))
    }

    /// The folder of a cell.
    ///
    /// # Errors
    /// Those of its settings.
    pub fn folder(&self, cell: &Planned) -> Result<Folder> {
        Ok(Folder::new(&self.places.out, &cell.key, self.settings(cell)?))
    }

    /// Makes a cell, unless it is made or somebody else is at it.
    ///
    /// # Errors
    /// Those of the system; [`HostError::Missing`] for an ablation whose main cell is not finished.
    pub fn run(&self, cell: &Planned, progress: &Progress) -> Result<CellState> {
        let folder = self.folder(cell)?;
        let _lock = match lock::ask(&folder.path)? {
            Asked::Held(lock) => lock,
            Asked::Taken(owner) => return Ok(CellState::Busy { by: owner.to_string() }),
        };
        if folder.record()?.is_some() {
            return Ok(CellState::Finished);
        }
        let base = match cell.main() {
            Some(key) => {
                let main = self.folder(self.planned(&key)?)?;
                if main.record()?.is_none() {
                    let remedy = format!("make the cell `{key}` first: `compare --cell {key}`");
                    return Err(HostError::Missing { path: main.path.join("cell.json"), remedy });
                }
                Some(main.path)
            }
            None => None,
        };
        folder.begin()?;
        let work = self.work(cell, &folder, base.as_deref(), progress)?;
        let record = match cell.system {
            System::Vit => self.planes()?.vit(&work)?,
            System::UshydraVit => self.planes()?.ushydra(&work)?,
            System::Unet => self.outlines()?.unet(&work)?,
            System::UshydraUnet => self.outlines()?.ushydra(&work)?,
            system if system.segments() => networks::segment(self.outlines()?, &work, self.network(cell)?)?,
            _ => networks::classify(self.planes()?, &work, self.network(cell)?, self.device)?,
        };
        folder.finish(&record)?;
        if explain::is_explained(cell) {
            match self.explain_cell(cell, &folder, &record, progress) {
                Err(HostError::Stopped) => return Err(HostError::Stopped),
                // Figures stand without pictures.
                Err(error) => log::warn!("{}: {error}; `compare --explain` tries its pictures again", cell.key),
                Ok(()) => {}
            }
        }
        Ok(CellState::Finished)
    }

    /// What the system of a cell is given; `main` is the folder of the cell that an ablation goes on from.
    pub(super) fn work<'a>(
        &'a self,
        cell: &'a Planned,
        folder: &'a Folder,
        main: Option<&'a Path>,
        progress: &'a Progress,
    ) -> Result<Work<'a>> {
        Ok(Work {
            key: &cell.key,
            variant: &cell.variant,
            sides: self.sides(cell)?,
            root: &self.places.root,
            folder,
            main,
            divisions: &self.config.ablations.of(cell.task).domains,
            threads: self.threads,
            progress,
        })
    }

    /// Makes all cells whose key holds `only`, round by round. Returns those that failed.
    ///
    /// # Errors
    /// [`HostError::Config`] for cells of other settings, [`HostError::Stopped`], those of the engine.
    pub fn compare(
        &self,
        engine: &dyn Engine,
        only: Option<&str>,
        command: Vec<OsString>,
        progress: &Progress,
    ) -> Result<Vec<Failure>> {
        let rounds = self.cells(only);
        for cell in rounds.iter().flatten() {
            self.folder(cell)?.record()?;
        }
        // Features are made once, before cells ask for them side by side on several machines.
        let needs = |seed: u64| rounds.iter().flatten().any(|c| c.system.is_vit() && c.key.seed == seed);
        for &seed in &self.config.seeds {
            if needs(seed) && self.open_cells(&rounds)? {
                self.planes()?.features(seed, self.threads, progress)?;
            }
        }
        let finished = |key: &CellKey| Ok(self.folder(self.planned(key)?)?.record()?.is_some());
        // A cell's own bars would draw over those of the engine and of its neighbours.
        let run = |key: &CellKey| self.run(self.planned(key)?, &progress.hidden());
        let job = Job { out: &self.places.out, command, finished: &finished, run: &run };
        let mut failures = Vec::new();
        for round in &rounds {
            let keys: Vec<CellKey> = round
                .iter()
                .filter(|cell| !cell.main().is_some_and(|main| failures.iter().any(|f: &Failure| f.key == main)))
                .map(|cell| cell.key.clone())
                .collect();
            failures.extend(engine.run(&job, &keys, progress)?);
        }
        Ok(failures)
    }

    fn open_cells(&self, rounds: &[Vec<&Planned>; 2]) -> Result<bool> {
        for cell in rounds.iter().flatten().filter(|c| c.system.is_vit()) {
            if self.folder(cell)?.record()?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Removes cells of other settings than the study's. Returns their names.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn renew(&self) -> Result<Vec<String>> {
        let mut renewed = Vec::new();
        for cell in self.rounds.iter().flatten() {
            if self.folder(cell)?.renew()? {
                renewed.push(cell.key.slug());
            }
        }
        Ok(renewed)
    }

    /// Records of all finished cells, in the order of the plan, with what was planned.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn records(&self) -> Result<Vec<(&Planned, CellRecord)>> {
        let mut records = Vec::new();
        for cell in self.rounds.iter().flatten() {
            if let Some(record) = store::read(&self.places.out.join("cells").join(cell.key.slug()))? {
                records.push((cell, record));
            }
        }
        Ok(records)
    }

    /// Writes all tables of what is finished into `<out>/tables` and returns them.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn tables(&self) -> Result<Vec<Table>> {
        let records = self.records()?;
        let draws = Draws { resamples: self.config.resamples, seed: 1 };
        let mut tables = Vec::new();
        for (task, config) in plan::tasks(&self.config) {
            let (labels, domains) = match task {
                Task::Classify => {
                    let recipe = &self.planes()?.recipe;
                    (&recipe.labels, &recipe.domains)
                }
                Task::Segment => {
                    let recipe = &self.outlines()?.recipe;
                    (&recipe.labels, &recipe.domains)
                }
            };
            let cells = records.iter().filter(|(plan, _)| plan.task == task).collect();
            let context = Context { task, config, study: &self.config.name, labels, domains, cells, draws };
            tables.extend(context.tables());
            tables.extend(ablation_tables::tables(&context));
        }
        for table in &tables {
            table.write(&self.places.out.join("tables"))?;
        }
        Ok(tables)
    }
}
