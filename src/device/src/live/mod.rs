//! Live work: where frames come from, the newest-frame slot, the capture thread, status and latency.

mod capture;
mod histogram;
mod shutdown;
mod slot;
mod status;
mod tally;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use serde::Deserialize;

pub use capture::{Capture, FrameSlot};
pub use histogram::Histogram;
pub use shutdown::Shutdown;
pub use slot::{Counters, NewestSlot, Taken};
pub use status::StatusLine;
pub use tally::Tally;

/// How a file source is replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Replay {
    /// At the recorded rate; frames that come while another is judged are dropped, as from a probe.
    #[default]
    Recorded,
    /// Every frame, as fast as results come.
    Fast,
}

/// The value of `--source`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceChoice {
    /// Replay of a file or folder.
    File(PathBuf),
}

impl FromStr for SourceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            _ => Err(format!("`{text}` is no source; use file:PATH")),
        }
    }
}

impl fmt::Display for SourceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_parse_and_print_back() {
        for text in ["file:a.dcm", "file:C:/a b.avi", "file:folder/"] {
            assert_eq!(text.parse::<SourceChoice>().map(|s| s.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "file:", "a.dcm", "uvc:0"] {
            assert!(text.parse::<SourceChoice>().is_err(), "{text}");
        }
    }
}
