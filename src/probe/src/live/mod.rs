//! Live devices: one supervisor for all of them.
//!
//! A [`Driver`] finds and opens a device, a [`Session`] delivers its frames until the device is gone. [`Live`] puts both behind
//! [`crate::FrameSource`]: whatever ends a session, the device is looked for again, at once by hotplug and by polling, and a
//! caller hears of it at once and only once.

mod clock;
mod source;
mod supervisor;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ushydra_wire::LinkCounters;

use crate::error::Fault;
use crate::frame::Frame;

pub(crate) use clock::ProbeClock;
pub(crate) use source::Live;

/// Finds and opens one kind of device.
pub(crate) trait Driver: Send {
    /// An open device.
    type Session: Session;

    /// Looks for the device and starts its frames; `None` where it is not plugged in.
    ///
    /// # Errors
    /// What keeps a device that is there from delivering frames.
    fn open(&mut self) -> Result<Option<Self::Session>, Fault>;

    /// Hears why the last session ended, for a harder start of the next one.
    fn ended(&mut self, _cause: &Fault) {}

    /// Waits for a device to come, at most `timeout`.
    fn wait(&mut self, timeout: Duration) {
        std::thread::sleep(timeout);
    }

    /// What is looked for, in words.
    fn describe(&self) -> String;

    /// The time, which tests replace.
    fn now(&self) -> Instant {
        Instant::now()
    }
}

/// An open device. Dropping it stops the device and lets it go.
pub(crate) trait Session: Send {
    /// Waits at most `timeout` for a frame and fills `frame`: pixels, capture time, spacing. False where none came.
    ///
    /// # Errors
    /// [`SessionFault`], which says whether the session goes on.
    fn next(&mut self, frame: &mut Frame, timeout: Duration) -> Result<bool, SessionFault>;

    /// Name of the device in results and messages.
    fn name(&self) -> Arc<str>;

    /// What happened on the link since the session began.
    fn link(&self) -> LinkCounters;

    /// One line for the log: model, format, speed.
    fn describe(&self) -> String;
}

/// What a session cannot deliver.
#[derive(Debug)]
pub(crate) enum SessionFault {
    /// This frame is lost, the next one may come.
    Frame(Fault),
    /// The device is gone or of no use any more; it has to be opened again.
    Ended(Fault),
}
