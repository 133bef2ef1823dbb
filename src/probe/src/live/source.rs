//! A live device as a frame source.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ushydra_wire::LinkCounters;

use super::supervisor::{SILENCE, Supervisor};
use super::{Driver, Session, SessionFault};
use crate::error::{Fault, ProbeError};
use crate::frame::{Frame, FrameSource, Next};

/// The same words are not said again for this long.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// Keeps a device delivering: opens it, notices when it hangs or goes, and opens it again.
pub(crate) struct Live<D: Driver> {
    driver: D,
    session: Option<Open<D::Session>>,
    supervisor: Supervisor,
    /// Link counters of the sessions before this one.
    before: LinkCounters,
    sequence: u64,
    /// Last fault that was reported, and when.
    said: Option<(String, Instant)>,
    /// Opening was denied at the last look.
    denied: bool,
}

struct Open<S> {
    session: S,
    name: Arc<str>,
    frames: u32,
}

impl<D: Driver> Live<D> {
    pub(crate) fn new(driver: D) -> Self {
        let supervisor = Supervisor::new(driver.now());
        Self {
            driver,
            session: None,
            supervisor,
            before: LinkCounters::default(),
            sequence: 0,
            said: None,
            denied: false,
        }
    }

    /// The fault for the caller, unless it was said a moment ago.
    fn say(&mut self, name: Arc<str>, fault: Fault, now: Instant) -> Option<ProbeError> {
        let text = fault.to_string();
        if let Some((said, at)) = &self.said
            && *said == text
            && now.saturating_duration_since(*at) < SAY_AGAIN
        {
            return None;
        }
        self.said = Some((text, now));
        Some(ProbeError::new(name, fault))
    }

    /// Lets the device go.
    fn end(&mut self, cause: Fault, now: Instant) -> Option<ProbeError> {
        let open = self.session.take()?;
        self.before += open.session.link();
        self.driver.ended(&cause);
        self.supervisor.ended(now, open.frames > 0);
        log::info!("{}: session ended after {} frames: {cause}", open.name, open.frames);
        // What ended a session is always said: every loss is news.
        self.said = None;
        self.say(open.name, cause, now)
    }

    /// Looks for the device once.
    fn search(&mut self) -> Result<(), ProbeError> {
        let outcome = self.driver.open();
        let now = self.driver.now();
        let denied = matches!(outcome, Err(Fault::Permission { .. }));
        let was_denied = std::mem::replace(&mut self.denied, denied);
        match outcome {
            Ok(Some(session)) => {
                log::info!("{}: {}", session.name(), session.describe());
                self.supervisor.opened(now);
                let name = session.name();
                self.session = Some(Open { session, name, frames: 0 });
                Ok(())
            }
            Ok(None) => {
                self.supervisor.absent(now);
                Ok(())
            }
            // A node is made before its permissions are set: denied once is as good as not there yet.
            Err(_) if denied && !was_denied => {
                self.supervisor.absent(now);
                Ok(())
            }
            Err(fault) => {
                self.supervisor.failed(now);
                let name = Arc::from(self.driver.describe());
                self.say(name, fault, now).map_or(Ok(()), Err)
            }
        }
    }
}

impl<D: Driver> FrameSource for Live<D> {
    fn next(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Next, ProbeError> {
        let deadline = self.driver.now() + timeout;
        loop {
            let now = self.driver.now();
            let left = deadline.saturating_duration_since(now);
            let Some(open) = &mut self.session else {
                let until_try = self.supervisor.next_try().saturating_duration_since(now);
                if until_try.is_zero() {
                    self.search()?;
                } else if left.is_zero() {
                    return Ok(Next::Lost);
                } else {
                    let pause = until_try.min(left);
                    self.driver.wait(pause);
                    let woken = self.driver.now();
                    if woken < now + pause {
                        self.supervisor.hurry(woken);
                    }
                }
                continue;
            };
            let patience = self.supervisor.patience(now);
            let outcome = open.session.next(frame, left.min(patience));
            let now = self.driver.now();
            match outcome {
                Ok(true) => {
                    self.supervisor.frame(now);
                    frame.source = Arc::clone(&open.name);
                    frame.index = open.frames;
                    frame.sequence = self.sequence;
                    open.frames = open.frames.wrapping_add(1);
                    self.sequence += 1;
                    return Ok(Next::Frame);
                }
                // Broken frames are no sign of life: a device that sends nothing else is started anew.
                Ok(false) | Err(SessionFault::Frame(_)) if self.supervisor.patience(now).is_zero() => {
                    if let Some(error) = self.end(Fault::Silent { seconds: SILENCE.as_secs_f32() }, now) {
                        return Err(error);
                    }
                }
                Ok(false) if now >= deadline => return Ok(Next::Timeout),
                Ok(false) => {}
                Err(SessionFault::Frame(fault)) => {
                    let name = Arc::clone(&open.name);
                    if let Some(error) = self.say(name, fault, now) {
                        return Err(error);
                    }
                    if now >= deadline {
                        return Ok(Next::Timeout);
                    }
                }
                Err(SessionFault::Ended(fault)) => {
                    if let Some(error) = self.end(fault, now) {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn describe(&self) -> String {
        self.session.as_ref().map_or_else(|| self.driver.describe(), |open| open.session.describe())
    }

    fn is_live(&self) -> bool {
        true
    }

    fn link(&self) -> Option<LinkCounters> {
        Some(self.session.as_ref().map_or(self.before, |open| self.before + open.session.link()))
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
