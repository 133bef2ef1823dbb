//! The configuration file: every key optional, unknown keys refused, the command line wins.
//!
//! `board/ushydra.toml` is the commented example; it lists every key with its default.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use ushydra_engine::{Backend, Precision};

use crate::failure::Failure;
use crate::live::Replay;
use crate::routing::RoutingChoice;

/// Bundle used when neither the command line nor the configuration names one.
pub const DEFAULT_BUNDLE: &str = "fetal-planes";
/// Bundle that `run` prefers then, where it is installed: the demo cine shows a heart.
pub const LIVE_BUNDLE: &str = "cardiac-lv";
/// Most threads that make sense for one frame's models.
pub const MAX_THREADS: usize = 256;
/// No Jetson has more accelerators than two.
pub const MAX_DLA_CORE: u32 = 1;
/// Longest time before a step of derating is taken back, in seconds.
const MAX_DWELL_S: u64 = 3600;
/// Largest configuration file that is read, in bytes.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Keys of the configuration file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Bundle folder or bare bundle name.
    pub bundle: Option<PathBuf>,
    /// `auto`, `tensorrt` or `tract`.
    pub backend: Option<String>,
    /// `auto`, `f32`, `f16` or `int8`.
    pub precision: Option<String>,
    /// Core of the deep learning accelerator that TensorRT may use.
    pub dla: Option<u32>,
    /// `vector`, `paper`, `released`, `fixed:<domain>` or `oracle:<csv>`.
    pub routing: Option<String>,
    /// Threads of the engine; 0 means all cores.
    pub threads: Option<usize>,
    /// Results as JSON lines.
    pub json: Option<bool>,
    /// 0 warnings, 1 information, 2 debugging, 3 tracing.
    pub verbosity: Option<u8>,
    /// Keys of `ushydra run`.
    #[serde(default)]
    pub run: RunConfig,
    /// Overrides of the bundle's gate.
    #[serde(default)]
    pub gate: GateConfig,
    /// The board under the program.
    #[serde(default)]
    pub board: BoardConfig,
}

/// Keys of the table `[run]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// `file:PATH`.
    pub source: Option<String>,
    /// `recorded` or `fast`.
    pub replay: Option<Replay>,
    /// Start again at the end of the source.
    #[serde(rename = "loop")]
    pub looping: Option<bool>,
}

/// Keys of the table `[gate]`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct GateConfig {
    /// Smallest probability that is shown, 0 to 1.
    pub min_probability: Option<f64>,
    /// Greatest age of a live frame in milliseconds.
    pub max_age_ms: Option<u64>,
}

/// Keys of the table `[board]`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct BoardConfig {
    /// Name of a profile; `auto` recognises the board.
    pub name: Option<String>,
    /// Whether `run` gives up rate and precision on a hot board or an empty battery.
    pub derating: Option<bool>,
    /// Shortest time in seconds before a step of derating is taken back.
    pub dwell_s: Option<u64>,
}

impl BoardConfig {
    /// [`BoardConfig::name`] as the profile that it asks for; none recognises the board.
    ///
    /// # Errors
    /// A message with every known name.
    pub fn wanted(&self) -> Result<Option<&str>, String> {
        self.name.as_deref().map(known_board).transpose()
    }
}

/// Checks the name of a board.
///
/// # Errors
/// A message with every known name.
pub fn known_board(name: &str) -> Result<&str, String> {
    let known = name == ushydra_board::AUTO || ushydra_board::names().any(|known| known == name);
    let all = || ushydra_board::names().collect::<Vec<_>>().join(", ");
    if known { Ok(name) } else { Err(format!("`{name}` is no board; known are {}, {}", ushydra_board::AUTO, all())) }
}

impl Config {
    /// Reads and checks `path`.
    ///
    /// # Errors
    /// [`Failure::Config`] where the file cannot be read, is no TOML, holds an unknown key or a value out of range.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let refuse = |message: String| Failure::Config { path: path.to_owned(), message };
        let size = std::fs::metadata(path).map_err(|e| refuse(format!("cannot be read: {e}")))?.len();
        if size > MAX_CONFIG_BYTES {
            return Err(refuse(format!("has {size} bytes; a configuration has at most {MAX_CONFIG_BYTES}")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| refuse(format!("cannot be read: {e}")))?;
        Self::parse(&text).map_err(refuse)
    }

    /// Parses and checks the text of a configuration file.
    ///
    /// # Errors
    /// A message that names the key, what was found and what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|e| e.to_string().trim_end().to_owned())?;
        if let Some(p) = config.gate.min_probability
            && !(0.0..=1.0).contains(&p)
        {
            return Err(format!("gate.min_probability is {p}; it lies between 0 and 1"));
        }
        if let Some(threads) = config.threads.filter(|&threads| threads > MAX_THREADS) {
            return Err(format!("threads is {threads}; 0 to {MAX_THREADS} are possible"));
        }
        // Parsed here as well, so that a wrong value is reported with the file's name and not as a wrong argument.
        config.backend()?;
        config.precision()?;
        if let Some(core) = config.dla.filter(|&core| core > MAX_DLA_CORE) {
            return Err(format!("dla is {core}; the cores are 0 to {MAX_DLA_CORE}"));
        }
        config.routing()?;
        config.board.wanted().map_err(|e| format!("board.name: {e}"))?;
        if let Some(dwell) = config.board.dwell_s.filter(|dwell| !(1..=MAX_DWELL_S).contains(dwell)) {
            return Err(format!("board.dwell_s is {dwell}; 1 to {MAX_DWELL_S} are possible"));
        }
        Ok(config)
    }

    /// The parsed key `backend`.
    ///
    /// # Errors
    /// A message for an unknown backend.
    pub fn backend(&self) -> Result<Option<Backend>, String> {
        self.backend.as_deref().map(|b| b.parse().map_err(|e| format!("backend: {e}"))).transpose()
    }

    /// The parsed key `precision`; `auto` is none.
    ///
    /// # Errors
    /// A message for an unknown precision.
    pub fn precision(&self) -> Result<Option<Option<Precision>>, String> {
        let parse = |text| Precision::or_auto(text).map_err(|e| format!("precision: {e}"));
        self.precision.as_deref().map(parse).transpose()
    }

    /// The parsed key `routing`.
    ///
    /// # Errors
    /// A message for an unknown mode.
    pub fn routing(&self) -> Result<Option<RoutingChoice>, String> {
        self.routing.as_deref().map(|r| r.parse().map_err(|e| format!("routing: {e}"))).transpose()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_shipped_example_parses_and_changes_nothing() {
        let example = include_str!("../../../board/ushydra.toml");
        let config = Config::parse(example).unwrap();
        assert_eq!(config, Config::default());
        // Every commented key is a valid one.
        let uncommented: String =
            example.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let config = Config::parse(&uncommented).unwrap();
        assert_eq!(config.bundle, Some(PathBuf::from(DEFAULT_BUNDLE)));
        assert_eq!(config.run.replay, Some(Replay::Recorded));
        assert!(config.gate.max_age_ms.is_some() && config.threads == Some(0));
    }

    #[test]
    fn wrong_files_are_refused_with_the_key_in_the_message() {
        struct Case {
            text: &'static str,
            names: &'static str,
        }
        let cases = [
            Case { text: "bundel = 'x'", names: "bundel" },
            Case { text: "[run]\nspeed = 2", names: "speed" },
            Case { text: "[run]\nreplay = 'slow'", names: "slow" },
            Case { text: "backend = 'cuda'", names: "cuda" },
            Case { text: "precision = 'fp8'", names: "fp8" },
            Case { text: "dla = 2", names: "0 to 1" },
            Case { text: "routing = 'best'", names: "best" },
            Case { text: "[gate]\nmin_probability = 1.5", names: "1.5" },
            Case { text: "[gate]\nmin_probability = nan", names: "NaN" },
            Case { text: "threads = -1", names: "threads" },
            Case { text: "threads = 1000", names: "256" },
            Case { text: "json = ", names: "json" },
            Case { text: "[board]\nname = 'orin'", names: "orin-nano" },
            Case { text: "[board]\nfan = 3", names: "fan" },
            Case { text: "[board]\ndwell_s = 0", names: "dwell_s" },
            Case { text: "[board]\nderating = 'off'", names: "derating" },
        ];
        for case in cases {
            let message = Config::parse(case.text).unwrap_err();
            assert!(message.contains(case.names), "{:?} gave {message:?}", case.text);
        }
    }
}
