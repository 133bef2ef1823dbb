//! `compare`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ushydra_host::progress::Progress;
use ushydra_host::segment::ComputeDevice;
use ushydra_host::study::engine::{CellState, Engine, Failure, Local, Slurm};
use ushydra_host::study::{Places, Study};

use super::print;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EngineName {
    /// Threads of this process.
    Local,
    /// Array jobs of a Slurm cluster, see docs/slurm.md.
    Slurm,
}

#[derive(Args, Debug)]
pub(super) struct Compare {
    /// Configuration of the study.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Folder that the configuration's data and weights lie in [default: the configuration's own].
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Folder of the study: cells, features, tables. Several machines may share it.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Cells at the same time.
    #[arg(long, value_name = "N", default_value_t = 1)]
    jobs: usize,
    /// Where cells are computed.
    #[arg(long, value_enum, default_value = "local")]
    engine: EngineName,
    /// Only cells whose name holds this text.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Make this one cell and no tables; what the jobs of a cluster call.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["only", "list", "tables"])]
    cell: Option<String>,
    /// Name all cells and whether they are finished; make none.
    #[arg(long)]
    list: bool,
    /// Write the tables of what is finished; make no cell.
    #[arg(long)]
    tables: bool,
    /// Heat maps and outlines of finished cells of the main comparison that lack them, from what their training kept; make no
    /// cell. Cells make their own when they are finished.
    #[arg(long, conflicts_with_all = ["cell", "list", "tables", "renew"])]
    explain: bool,
    /// Make cells again whose settings have changed.
    #[arg(long)]
    renew: bool,
    /// What networks are trained on.
    #[arg(long, value_enum, default_value_t)]
    device: ComputeDevice,
}

impl Compare {
    pub(super) fn run(self, progress: &Progress) -> anyhow::Result<()> {
        // A file without a folder lies in the current one, whose name may not be empty.
        let own = self.config.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        let places =
            Places { config: self.config.clone(), root: self.root.clone().unwrap_or(own), out: self.out.clone() };
        // The cores are shared by the cells that run side by side.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let study = Study::open(&places, self.device, cores / self.jobs.max(1))?;
        if self.renew {
            for name in study.renew()? {
                log::warn!("{name}: its settings have changed; making it again");
            }
        }
        if let Some(name) = &self.cell {
            let cell = study.find(name)?;
            return match study.run(cell, progress)? {
                CellState::Finished => Ok(()),
                CellState::Busy { by } => anyhow::bail!("{name}: {by} works on it"),
            };
        }
        if self.list {
            for cell in study.cells(self.only.as_deref()).iter().flatten() {
                let state = if study.folder(cell)?.record()?.is_some() { "finished" } else { "open" };
                print(&format!("{state:9} {}\n", cell.key));
            }
            return Ok(());
        }
        if self.explain {
            let done = study.explain(self.only.as_deref(), progress)?;
            for name in &done.made {
                print(&format!("explained {name}\n"));
            }
            print(&format!("{} cells explained, {} were already\n", done.made.len(), done.known));
            return failed(&done.failures);
        }
        let mut failures = Vec::new();
        if !self.tables {
            let engine: Box<dyn Engine> = match self.engine {
                EngineName::Local => Box::new(Local { jobs: self.jobs }),
                EngineName::Slurm => Box::new(Slurm { config: study.config.slurm.clone().unwrap_or_default() }),
            };
            failures = study.compare(&*engine, self.only.as_deref(), self.command(&places)?, progress)?;
        }
        for table in study.tables()? {
            print(&table.markdown());
            print("\n");
        }
        failed(&failures)
    }

    /// The program with the arguments that make one cell in a process of its own.
    fn command(&self, places: &Places) -> anyhow::Result<Vec<OsString>> {
        let program = std::env::current_exe()?;
        let device = self.device.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default();
        let mut command: Vec<OsString> = vec![program.into(), "--quiet".into(), "compare".into()];
        for (name, path) in [("--config", &places.config), ("--root", &places.root), ("--out", &places.out)] {
            command.extend([name.into(), std::path::absolute(path)?.into()]);
        }
        command.extend(["--device".into(), device.into()]);
        Ok(command)
    }
}

fn failed(failures: &[Failure]) -> anyhow::Result<()> {
    if failures.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = failures.iter().map(|f| format!("  {}: {}", f.key, f.problem)).collect();
    anyhow::bail!("{} cells failed; the others are finished:\n{}", lines.len(), lines.join("\n"))
}
