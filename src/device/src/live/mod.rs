//! Live work: where frames come from, the newest-frame slot, the capture thread, the watch over the board, status and latency.

mod capture;
mod histogram;
mod shutdown;
mod slot;
mod source;
mod status;
mod tally;
mod watch;

use clap::ValueEnum;
use serde::Deserialize;

pub use capture::{Capture, FrameSlot};
pub use histogram::Histogram;
pub use shutdown::Shutdown;
pub use slot::{Counters, NewestSlot, Taken};
pub use source::SourceChoice;
pub use status::StatusLine;
pub use tally::Tally;
pub use watch::{BoardWatch, Pacer};

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
