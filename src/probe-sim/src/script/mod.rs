//! Scripts of faults: what happens to a simulated device, and when.

mod parse;
mod player;

use std::fmt;
use std::time::Duration;

pub use parse::parse;
pub use player::Player;

/// How long a device stays away where a script does not say.
pub const DEFAULT_DOWN: Duration = Duration::from_millis(500);
/// How long a restarting firmware stays away where a script does not say.
pub const DEFAULT_RESTART: Duration = Duration::from_millis(100);

/// What has to pass before an event, counted from the event before it, or from the first plugging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Frames given to the host.
    Frames(u64),
    /// Time.
    Time(Duration),
}

/// Faults within a plugged device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bulk endpoint halts, until the host clears the halt, sets the interface or resets the device.
    Stall,
    /// The next frame ends in its middle.
    Cut,
    /// A byte of the next frame's payload is wrong.
    Corrupt,
    /// The next frame has this many bytes more than its header says.
    Babble(usize),
    /// This many frames are missing before the next one.
    Skip(u32),
    /// The next frame is the last one once more, with its sequence number.
    Repeat,
    /// No frames for this time.
    Silence(Duration),
    /// This many control requests stall.
    Refuse(u32),
    /// Control requests stall for this time.
    RefuseFor(Duration),
    /// A transfer of this many bytes of no meaning.
    Garbage(usize),
    /// The next frame carries the error bit; cameras only.
    Error,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A fault of the plugged device.
    Fault(Fault),
    /// Pulled out and plugged in again after a time; settings survive, as in a probe with a battery.
    Unplug(Duration),
    /// The firmware begins anew: away for a time, then everything as after switching on.
    Restart(Duration),
    /// Pulled out, and after a time another device in its place: names and values of settings that differ.
    Replug(Duration, Vec<(String, String)>),
    /// The simulator ends.
    End,
}

/// One line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub after: Trigger,
    /// What.
    pub action: Action,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stall => f.write_str("stall"),
            Self::Cut => f.write_str("cut"),
            Self::Corrupt => f.write_str("corrupt"),
            Self::Babble(bytes) => write!(f, "babble bytes={bytes}"),
            Self::Skip(frames) => write!(f, "skip count={frames}"),
            Self::Repeat => f.write_str("repeat"),
            Self::Silence(time) => write!(f, "silence ms={}", time.as_millis()),
            Self::Refuse(count) => write!(f, "refuse count={count}"),
            Self::RefuseFor(time) => write!(f, "refuse ms={}", time.as_millis()),
            Self::Garbage(bytes) => write!(f, "garbage bytes={bytes}"),
            Self::Error => f.write_str("error"),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Unplug(down) => write!(f, "unplug ms={}", down.as_millis()),
            Self::Restart(down) => write!(f, "restart ms={}", down.as_millis()),
            Self::Replug(down, changes) => {
                write!(f, "replug ms={}", down.as_millis())?;
                changes.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
            }
            Self::End => f.write_str("end"),
        }
    }
}
