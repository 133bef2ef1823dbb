//! How far a build is, told on the caller's thread.

#![allow(unsafe_code, reason = "the callback reads C strings")]

use std::ffi::{c_char, c_void};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::ffi::{self, text};

/// How far a build is. Phases nest; TensorRT names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A phase begins.
    Started {
        /// Its name.
        phase: String,
        /// The phase to which it belongs.
        parent: Option<String>,
        /// How many steps it has.
        steps: u32,
    },
    /// A step of a phase is done.
    Step {
        /// The phase.
        phase: String,
        /// Number of the step, from 0.
        step: u32,
    },
    /// A phase is over.
    Finished {
        /// Its name.
        phase: String,
    },
}

pub(crate) type Event = (Progress, SyncSender<bool>);

/// Carries events from TensorRT's threads to the caller's.
pub(crate) struct Monitor {
    events: SyncSender<Event>,
}

impl Monitor {
    pub(crate) fn new(events: SyncSender<Event>) -> Self {
        Self { events }
    }

    /// Whether to go on. A caller that is gone, because it panicked, wants the build to stop.
    fn ask(&self, progress: Progress) -> bool {
        let (reply, answer) = sync_channel(1);
        self.events.send((progress, reply)).is_ok() && answer.recv().unwrap_or(false)
    }
}

/// Passes every event to `progress` until the builder is done; after a refusal the answer stays no.
pub(crate) fn answer(inbox: &Receiver<Event>, progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>) {
    let mut go_on = true;
    while let Ok((event, reply)) = inbox.recv() {
        go_on = go_on && progress(&event).is_continue();
        // The asking thread waits for it.
        let _ = reply.send(go_on);
    }
}

/// # Safety
/// `user` points to a [`Monitor`], `phase` is a C string, `parent` is one or null.
pub(crate) unsafe extern "C" fn on_progress(
    user: *mut c_void,
    event: i32,
    phase: *const c_char,
    parent: *const c_char,
    number: i32,
) -> i32 {
    // SAFETY: as the caller promises; the builder keeps the monitor alive for the duration of the build.
    let (monitor, phase, parent) = unsafe { (&*user.cast::<Monitor>(), text(phase), text(parent)) };
    let number = u32::try_from(number).unwrap_or(0);
    let progress = match event {
        ffi::PHASE_STARTED => {
            let parent = (!parent.is_empty()).then_some(parent);
            Progress::Started { phase, parent, steps: number }
        }
        ffi::STEP_DONE => Progress::Step { phase, step: number },
        _ => Progress::Finished { phase },
    };
    i32::from(monitor.ask(progress))
}
