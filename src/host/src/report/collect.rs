//! What a study's folder holds: records of finished cells and tables. A damaged file is named and the rest goes on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::{HostError, Result};
use crate::evaluate::bootstrap::RESAMPLES;
use crate::files;
use crate::study::explain::Explained;
use crate::study::figures::Draws;
use crate::study::record::{Answer, CellRecord, Frame, Task};
use crate::study::table::Table;

/// Seed of the report's intervals.
const SEED: u64 = 1;
/// Splits whose names begin with this hold out a device, a country or a domain; they are no part of the main comparison.
pub const LEFT_OUT: &str = "without-";

/// The readable part of a study.
#[derive(Clone, Debug)]
pub struct Collected {
    /// Finished cells in the order of their keys.
    pub cells: Vec<CellRecord>,
    /// What stands behind the answers, by the cell's name.
    pub explained: BTreeMap<String, Explained>,
    /// Tables in the order of their names.
    pub tables: Vec<Table>,
    /// What could not be used, each with cause and remedy.
    pub problems: Vec<String>,
    /// How intervals are drawn.
    pub draws: Draws,
}

/// The records of one system.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// System, for example `resnet18`.
    pub system: &'a str,
    /// One per split and seed.
    pub records: Vec<&'a CellRecord>,
}

impl Collected {
    /// Reads `<study>/cells/*/cell.json` with `explained.json` beside it, and `<study>/tables/*.json`.
    ///
    /// # Errors
    /// [`HostError::Missing`] where there is no cell at all, [`HostError::Io`] for a folder that cannot be listed.
    pub fn read(study: &Path) -> Result<Self> {
        let folder = study.join("cells");
        if !folder.is_dir() {
            let remedy = "give the folder that `ushydra-host compare --out` wrote to".to_owned();
            return Err(HostError::Missing { path: folder, remedy });
        }
        let (mut cells, mut explained, mut problems) = (Vec::new(), BTreeMap::new(), Vec::new());
        for cell in listed(&folder)? {
            let path = cell.join("cell.json");
            // A cell without a record is one that is not finished.
            if !path.exists() {
                continue;
            }
            match files::read_json::<CellRecord>(&path).and_then(|record| checked(record, &path)) {
                Ok(record) => {
                    match Explained::read(&cell, &record) {
                        Ok(found) => explained.extend(found.map(|found| (record.key.slug(), found))),
                        Err(error) => problems.push(format!("{error}; `compare --explain` makes it anew")),
                    }
                    cells.push(record);
                }
                Err(error) => problems.push(format!("{error}; the report goes on without this cell")),
            }
        }
        cells.sort_by(|a, b| a.key.cmp(&b.key));
        let tables = study.join("tables");
        let mut found: Vec<Table> = Vec::new();
        if tables.is_dir() {
            for path in listed(&tables)?.into_iter().filter(|p| p.extension().is_some_and(|e| e == "json")) {
                match files::read_json(&path) {
                    Ok(table) => found.push(table),
                    Err(error) => problems.push(format!("{error}; `compare --tables` writes it anew")),
                }
            }
        }
        // The article's tables before what explains them.
        found.sort_by_key(|table| !table.name.starts_with("table-"));
        let draws = Draws { resamples: RESAMPLES, seed: SEED };
        Ok(Self { cells, explained, tables: found, problems, draws })
    }

    /// Systems of the main comparison of a task, in the order of their names.
    #[must_use]
    pub fn main(&self, task: Task) -> Vec<Group<'_>> {
        let cells = self.cells.iter().filter(|c| c.task == task && c.key.variant.is_empty());
        groups(cells.filter(|c| !c.key.split.starts_with(LEFT_OUT)))
    }

    /// The first record of a system that is explained, with its explanation.
    #[must_use]
    pub fn explained<'a>(&'a self, group: &Group<'a>) -> Option<(&'a CellRecord, &'a Explained)> {
        group.records.iter().find_map(|record| Some((*record, self.explained.get(&record.key.slug())?)))
    }

    /// Ablations of a task: by kind (the word before `=`), every cell.
    #[must_use]
    pub fn variants(&self, task: Task) -> BTreeMap<&str, Vec<&CellRecord>> {
        let mut kinds: BTreeMap<&str, Vec<&CellRecord>> = BTreeMap::new();
        for cell in self.cells.iter().filter(|c| c.task == task) {
            if let Some((kind, _)) = cell.key.variant.split_once('=') {
                kinds.entry(kind).or_default().push(cell);
            }
        }
        kinds
    }

    /// The cell that a variant is a variant of.
    #[must_use]
    pub fn base(&self, cell: &CellRecord) -> Option<&CellRecord> {
        let same = |c: &&CellRecord| {
            c.task == cell.task
                && c.key.variant.is_empty()
                && (&c.key.system, &c.key.split, c.key.seed) == (&cell.key.system, &cell.key.split, cell.key.seed)
        };
        self.cells.iter().find(same)
    }
}

impl<'a> Group<'a> {
    /// Labels of the first record; the others are those that agree with it.
    #[must_use]
    pub fn labels(&self) -> &'a [String] {
        self.records.first().map_or(&[], |r| &r.labels)
    }

    /// Domains of the first record.
    #[must_use]
    pub fn domains(&self) -> &'a [String] {
        self.records.first().map_or(&[], |r| &r.domains)
    }

    /// Every judged frame of every split and seed.
    #[must_use]
    pub fn frames(&self) -> Vec<&'a Frame> {
        self.records.iter().flat_map(|r| &r.frames).collect()
    }
}

fn groups<'a>(cells: impl Iterator<Item = &'a CellRecord>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for cell in cells {
        match groups.iter_mut().find(|g| g.system == cell.key.system) {
            // Records of other labels or domains cannot be counted together.
            Some(group) if group.labels() == cell.labels && group.domains() == cell.domains => group.records.push(cell),
            Some(_) => {}
            None => groups.push(Group { system: &cell.key.system, records: vec![cell] }),
        }
    }
    groups
}

/// Entries of a folder in the order of their names.
fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(HostError::io("list", folder))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(HostError::io("list", folder))?.path());
    }
    paths.sort();
    Ok(paths)
}

/// A record whose indices lie within its own lists.
fn checked(record: CellRecord, path: &Path) -> Result<CellRecord> {
    let damaged = |problem: String| HostError::damaged(path, problem);
    for frame in &record.frames {
        let domain = |index: usize| index < record.domains.len();
        if !domain(frame.domain) || !frame.decoder.is_none_or(domain) {
            return Err(damaged(format!("{}: a domain that the record does not list", frame.name)));
        }
        match &frame.answer {
            Answer::Class { label, probabilities } => {
                if record.task != Task::Classify || probabilities.len() != record.labels.len() {
                    let counts = (probabilities.len(), record.labels.len());
                    return Err(damaged(format!("{}: {} probabilities for {} labels", frame.name, counts.0, counts.1)));
                }
                if label.is_some_and(|l| l >= record.labels.len()) {
                    return Err(damaged(format!("{}: a label that the record does not list", frame.name)));
                }
            }
            Answer::Mask { .. } if record.task == Task::Segment => {}
            Answer::Mask { .. } => return Err(damaged(format!("{}: a mask among classes", frame.name))),
        }
    }
    if record.domain_positions.len() > record.domains.len() {
        return Err(damaged("more domain positions than domains".to_owned()));
    }
    Ok(record)
}
