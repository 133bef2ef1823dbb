//! The capture thread: source into slot.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ushydra_probe::{Frame, FrameSource, LinkCounters, Next, ProbeError};

use super::Replay;
use super::slot::NewestSlot;
use crate::cli::panic_text;
use crate::failure::Failure;

/// Longest wait for a frame before the thread looks whether it is still needed.
const POLL: Duration = Duration::from_millis(100);

/// Slot of captured frames.
pub type FrameSlot = NewestSlot<Frame>;

/// A running capture thread. Dropping it stops the thread.
#[derive(Debug)]
pub struct Capture {
    slot: Arc<FrameSlot>,
    lost: Arc<AtomicBool>,
    turns: Arc<AtomicU64>,
    link: Arc<Mutex<Option<LinkCounters>>>,
    live: bool,
    faults: Receiver<ProbeError>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl Capture {
    /// Starts capturing from `source`.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the system gives no thread.
    pub fn start(source: Box<dyn FrameSource>, replay: Replay) -> Result<Self, Failure> {
        let slot = Arc::new(NewestSlot::new(Frame::new()));
        let lost = Arc::new(AtomicBool::new(false));
        let turns = Arc::new(AtomicU64::new(0));
        let link = Arc::new(Mutex::new(source.link()));
        let live = source.is_live();
        let (faults_in, faults) = channel();
        let (slot_there, lost_there, link_there) = (Arc::clone(&slot), Arc::clone(&lost), Arc::clone(&link));
        let turns_there = Arc::clone(&turns);
        let work = move || {
            let news = News { lost: &lost_there, turns: &turns_there, link: &link_there, faults: &faults_in };
            let work = || capture(source, replay, &slot_there, &news);
            let outcome = catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panic_text(panic.as_ref()));
            slot_there.end();
            outcome
        };
        let thread = std::thread::Builder::new()
            .name("capture".to_owned())
            .spawn(work)
            .map_err(|e| Failure::Internal(format!("no capture thread: {e}")))?;
        Ok(Self { slot, lost, turns, link, live, faults, thread: Some(thread) })
    }

    /// Where the frames arrive.
    #[must_use]
    pub fn slot(&self) -> &FrameSlot {
        &self.slot
    }

    /// Whether the probe is gone at the moment.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Turns of the capture thread so far. It turns at least every 100 ms, with frames or without, unless its source hangs.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Whether the source is a device, whose faults pass.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// What happened on the link to the device so far.
    #[must_use]
    pub fn link(&self) -> Option<LinkCounters> {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next fault of the source that nobody has heard of yet.
    #[must_use]
    pub fn fault(&self) -> Option<ProbeError> {
        self.faults.try_recv().ok()
    }

    /// Stops the thread and waits for it.
    ///
    /// # Errors
    /// [`Failure::Internal`] where it panicked.
    pub fn stop(&mut self) -> Result<(), Failure> {
        self.slot.close();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Err(text))) => Err(Failure::Internal(format!("capture: {text}"))),
            _ => Ok(()),
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // Only the panic text is lost here; `stop` reports it where anybody listens.
        let _ = self.stop();
    }
}

/// What the capture thread tells besides frames.
struct News<'a> {
    lost: &'a AtomicBool,
    turns: &'a AtomicU64,
    link: &'a Mutex<Option<LinkCounters>>,
    faults: &'a Sender<ProbeError>,
}

fn capture(mut source: Box<dyn FrameSource>, replay: Replay, slot: &FrameSlot, news: &News<'_>) {
    let mut frame = Frame::new();
    while !slot.is_closed() {
        news.turns.fetch_add(1, Ordering::Relaxed);
        let next = source.next(&mut frame, POLL);
        *news.link.lock().unwrap_or_else(PoisonError::into_inner) = source.link();
        match next {
            Ok(Next::Frame) => {
                news.lost.store(false, Ordering::Relaxed);
                if replay == Replay::Fast {
                    if !slot.await_taker() {
                        return;
                    }
                    // Nobody waits for a recording: its frame counts as captured when it is asked for.
                    if !source.is_live() {
                        frame.captured = Instant::now();
                    }
                }
                if !slot.publish(&mut frame) {
                    return;
                }
            }
            Ok(Next::Timeout) => {}
            Ok(Next::Lost) => news.lost.store(true, Ordering::Relaxed),
            Ok(Next::End) => return,
            Err(fault) => {
                // The receiver lives as long as the thread.
                let _ = news.faults.send(fault);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    /// A device that is waited for, until its driver hangs.
    struct Hanging {
        waits: u32,
        release: Receiver<()>,
    }

    impl FrameSource for Hanging {
        fn next(&mut self, _: &mut Frame, _: Duration) -> Result<Next, ProbeError> {
            if self.waits == 0 {
                let _ = self.release.recv();
                return Ok(Next::End);
            }
            self.waits -= 1;
            Ok(Next::Lost)
        }

        fn describe(&self) -> String {
            "a device whose driver hangs".to_owned()
        }
    }

    #[test]
    fn the_thread_turns_while_it_waits_and_not_while_its_source_hangs() {
        let (hold, release) = channel();
        let mut capture = Capture::start(Box::new(Hanging { waits: 50, release }), Replay::Recorded).unwrap();
        let begin = Instant::now();
        while capture.turns() < 51 {
            assert!(begin.elapsed() < Duration::from_secs(60), "{} turns", capture.turns());
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(capture.turns(), 51, "the hanging call is the last turn");
        drop(hold);
        capture.stop().unwrap();
    }
}
