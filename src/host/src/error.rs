//! What the host program refuses, each with cause and remedy.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Any failure of the host library.
#[derive(Debug, Error)]
pub enum HostError {
    /// The file system said no.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried ("read", "write", ...).
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A data csv that cannot be used.
    #[error("{}{}: {problem}", path.display(), line.map_or_else(String::new, |line| format!(", line {line}")))]
    Csv {
        /// The csv.
        path: PathBuf,
        /// Line counted from 1, where the problem has one.
        line: Option<u64>,
        /// Cause and remedy.
        problem: String,
    },
    /// A data set that cannot be trained on or split.
    #[error("{0}")]
    Dataset(String),
    /// A configuration that does not parse or contradicts itself.
    #[error("configuration {}: {problem}", path.display())]
    Config {
        /// The TOML file, or the run folder.
        path: PathBuf,
        /// Cause and remedy.
        problem: String,
    },
    /// Pretrained weights that cannot be imported.
    #[error("weights {}: {problem}", path.display())]
    Weights {
        /// The weights file.
        path: PathBuf,
        /// Cause and remedy.
        problem: String,
    },
    /// A damaged intermediate file (cache entry, checkpoint).
    #[error("{} is damaged ({problem}); delete it and run the same command again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A picture that cannot be read or preprocessed.
    #[error("{}: {problem}", path.display())]
    Picture {
        /// The picture.
        path: PathBuf,
        /// Cause and remedy.
        problem: String,
    },
    /// A chart that cannot be drawn.
    #[error("chart {name}: {problem}; this is a defect of the program, the other charts are not touched by it")]
    Plot {
        /// The chart.
        name: String,
        /// What the painter said.
        problem: String,
    },
    /// Training that left the numbers.
    #[error("training diverged ({0}); lower the learning rate or raise the weight decay")]
    Diverged(String),
    /// Statistics that cannot be computed.
    #[error("calibration: {0}")]
    Calibration(String),
    /// The run folder lacks a step.
    #[error("{} is missing; {remedy}", path.display())]
    Missing {
        /// The file that should be there.
        path: PathBuf,
        /// Which command makes it.
        remedy: String,
    },
    /// A cluster that refuses or does not answer.
    #[error("Slurm: {0}")]
    Cluster(String),
    /// The operator asked to stop; everything finished so far is kept.
    #[error("stopped; run the same command again to continue where it left off")]
    Stopped,
    /// The bundle room refused.
    #[error(transparent)]
    Bundle(#[from] ushydra_bundle::BundleError),
    /// The engine room refused.
    #[error(transparent)]
    Engine(#[from] ushydra_engine::EngineError),
    /// The ONNX writer refused.
    #[error(transparent)]
    Onnx(#[from] ushydra_onnx::OnnxError),
    /// The frame source refused.
    #[error(transparent)]
    Probe(#[from] ushydra_probe::ProbeError),
    /// The router refused.
    #[error(transparent)]
    Route(#[from] ushydra_core::RouteError),
}

impl HostError {
    /// Wraps an I/O error with what was tried and where.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// A damaged intermediate file.
    pub(crate) fn damaged(path: &Path, problem: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), problem: problem.to_string() }
    }

    /// A configuration problem.
    pub(crate) fn config(path: &Path, problem: impl ToString) -> Self {
        Self::Config { path: path.to_owned(), problem: problem.to_string() }
    }
}

/// Result of the host library.
pub type Result<T> = std::result::Result<T, HostError>;
