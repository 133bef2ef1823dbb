//! Command line over configuration over defaults.

use std::path::PathBuf;

use ushydra_engine::{Backend, EngineOptions, Precision};

use super::args::Common;
use crate::config::{Config, GateConfig};
use crate::failure::Failure;
use crate::routing::RoutingChoice;

/// What every command works with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bundle folder or name; none means the default bundle.
    pub bundle: Option<PathBuf>,
    /// Backend asked for.
    pub backend: Backend,
    /// Routing asked for; none means the bundle's own mode.
    pub routing: Option<RoutingChoice>,
    /// What the decoders compute with; none leaves it to the backend.
    pub precision: Option<Precision>,
    /// Core of the deep learning accelerator that TensorRT may use.
    pub dla: Option<u32>,
    /// Threads of the engine, at least 1.
    pub threads: usize,
    /// JSON lines instead of text.
    pub json: bool,
    /// Log level.
    pub verbosity: u8,
    /// Overrides of the bundle's gate.
    pub gate: GateConfig,
    /// Profile of the board; none recognises it.
    pub board: Option<String>,
}

impl Settings {
    /// Joins the three layers.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a value of the configuration that does not parse.
    pub fn merge(arguments: &Common, config: &Config) -> Result<Self, Failure> {
        let threads = match arguments.threads.or(config.threads).unwrap_or(0) {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        Ok(Self {
            bundle: arguments.bundle.clone().or_else(|| config.bundle.clone()),
            backend: match arguments.backend {
                Some(backend) => backend,
                None => config.backend().map_err(Failure::Usage)?.unwrap_or(Backend::Auto),
            },
            routing: match &arguments.routing {
                Some(routing) => Some(routing.clone()),
                None => config.routing().map_err(Failure::Usage)?,
            },
            precision: match arguments.precision {
                Some(precision) => precision,
                None => config.precision().map_err(Failure::Usage)?.flatten(),
            },
            dla: arguments.dla.or(config.dla),
            threads,
            json: arguments.json || config.json.unwrap_or(false),
            verbosity: arguments.verbose.max(config.verbosity.unwrap_or(0)),
            gate: config.gate,
            board: match &arguments.board {
                Some(board) => Some(board.clone()),
                None => config.board.wanted().map_err(Failure::Usage)?.map(str::to_owned),
            },
        })
    }
}

impl Settings {
    /// How engines run.
    #[must_use]
    pub fn engine(&self) -> EngineOptions {
        EngineOptions { precision: self.precision, dla: self.dla, ..EngineOptions::with_threads(self.threads) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use crate::cli::Arguments;
    use clap::Parser;

    #[test]
    fn the_command_line_wins_over_the_configuration() {
        let config =
            Config::parse("bundle = 'a'\nbackend = 'tract'\nrouting = 'paper'\nthreads = 3\njson = true").unwrap();
        let merge = |line: &[&str]| Settings::merge(&Arguments::try_parse_from(line).unwrap().common, &config).unwrap();
        let plain = merge(&["ushydra", "doctor"]);
        assert_eq!(plain.bundle, Some(PathBuf::from("a")));
        assert_eq!((plain.routing.unwrap().to_string(), plain.threads, plain.json), ("paper".to_owned(), 3, true));
        let told = merge(&["ushydra", "doctor", "--bundle", "b", "--routing", "fixed:low", "--threads", "1", "-vv"]);
        assert_eq!(told.bundle, Some(PathBuf::from("b")));
        assert_eq!((told.routing.unwrap().to_string(), told.threads, told.verbosity), ("fixed:low".to_owned(), 1, 2));
    }
}
