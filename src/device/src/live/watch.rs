//! The board beside the frame path: a thread reads its sensors once a second and decides what the live loop gives up.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ushydra_board::{Conditions, Derating, Identity, Limits, Policy, Readings, Root};

use crate::failure::Failure;

/// Time between two looks at the sensors.
const INTERVAL: Duration = Duration::from_secs(1);

/// A running watch. Dropping it stops the thread.
#[derive(Debug, Default)]
pub struct BoardWatch {
    state: Arc<Mutex<Derating>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl BoardWatch {
    /// Looks at the sensors below `root` at once and then every second. `cheaper` says whether the decoders have a cheaper form, `dwell`
    /// how long a step lasts at least.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the system gives no thread.
    pub fn start(root: Root, board: &Identity, cheaper: bool, dwell: Duration) -> Result<Self, Failure> {
        let begin = Instant::now();
        let profile = board.profile.clone();
        let readings = Readings::take(&root);
        let limits = Limits::of(&profile, &readings.zones, cheaper);
        log::info!(
            "board: {}; derating at {:.0}, {:.0} and {:.0} °C",
            profile.title,
            limits.warm_c,
            limits.hot_c,
            limits.critical_c
        );
        let mut policy = Policy::new(limits, dwell);
        let state = Arc::new(Mutex::new(Derating::default()));
        let there = Arc::clone(&state);
        let mut look = move |conditions: &Conditions| {
            // Every step is told, those that are taken back as well.
            if let Some(change) = policy.update(begin.elapsed(), conditions) {
                log::warn!("{change}");
            }
            *there.lock().unwrap_or_else(PoisonError::into_inner) = policy.state();
        };
        // A board that is hot already is derated from the first frame on.
        look(&Conditions::of(&readings, &profile));
        let (stop, stopped) = channel();
        let work = move || {
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                look(&Conditions::of(&Readings::take(&root), &profile));
            }
        };
        let thread = std::thread::Builder::new()
            .name("board".to_owned())
            .spawn(work)
            .map_err(|e| Failure::Internal(format!("no thread to watch the board: {e}")))?;
        Ok(Self { state, stop: Some(stop), thread: Some(thread) })
    }

    /// Whether the watch ended although nobody asked for it: what is given up does not change any more.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// What is given up at the moment. A watch that was not started gives up nothing.
    #[must_use]
    pub fn state(&self) -> Derating {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BoardWatch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there ended the watch, and was logged; the run ends all the same.
            let _ = thread.join();
        }
    }
}

/// Holds frames back so that no more are judged than derating allows.
#[derive(Debug, Default)]
pub struct Pacer {
    next: Option<Instant>,
}

impl Pacer {
    /// Time from `now` until the next frame may be taken.
    #[must_use]
    pub fn wait(&self, now: Instant) -> Duration {
        self.next.map_or(Duration::ZERO, |next| next.saturating_duration_since(now))
    }

    /// A frame was taken at `now`, and `max_fps` is the greatest rate; none is no limit.
    pub fn taken(&mut self, now: Instant, max_fps: Option<f32>) {
        let period = max_fps.and_then(|fps| Duration::try_from_secs_f32(1.0 / fps).ok());
        // The time that the loop came late is not added to every period.
        let from = self.next.filter(|next| period.is_some_and(|period| now.saturating_duration_since(*next) < period));
        self.next = period.map(|period| from.unwrap_or(now) + period);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use ushydra_board::Step;

    #[test]
    fn the_pacer_keeps_a_rate_and_lets_go_at_once() {
        let begin = Instant::now();
        let mut pacer = Pacer::default();
        let (mut now, mut taken) = (begin, 0);
        let frame = Duration::from_millis(33);
        while now < begin + Duration::from_secs(10) {
            if pacer.wait(now).is_zero() {
                pacer.taken(now, Some(15.0));
                taken += 1;
            }
            now += frame;
        }
        assert!((140..=151).contains(&taken), "{taken} frames in 10 s");
        assert!(!pacer.wait(now - frame).is_zero() || pacer.wait(now).is_zero());
        pacer.taken(now, None);
        assert!(pacer.wait(now).is_zero());
        pacer.taken(now, Some(0.0));
        assert!(pacer.wait(now).is_zero(), "a rate that is none");
        // A pause is not made up for by a burst.
        pacer.taken(now, Some(10.0));
        let later = now + Duration::from_secs(60);
        pacer.taken(later, Some(10.0));
        assert!(pacer.wait(later) > Duration::from_millis(90));
    }

    #[test]
    fn a_hot_board_is_derated_from_the_beginning_and_a_watch_that_is_off_does_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let zone = folder.path().join("sys/class/thermal/thermal_zone0");
        std::fs::create_dir_all(&zone).unwrap();
        std::fs::write(zone.join("type"), "cpu-thermal").unwrap();
        std::fs::write(zone.join("temp"), "81000").unwrap();
        let root = Root::at(folder.path());
        let board = Identity::find(&root, "aarch64", Some("orin-nano")).unwrap();
        let watch = BoardWatch::start(root, &board, false, Duration::from_secs(30)).unwrap();
        assert_eq!((watch.state().step, watch.state().max_fps), (Step::ReducedRate, Some(15.0)));
        std::fs::write(zone.join("temp"), "96000").unwrap();
        let begin = Instant::now();
        while watch.state().step != Step::Paused {
            assert!(begin.elapsed() < Duration::from_secs(60), "{:?}", watch.state());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(BoardWatch::default().state(), Derating::default());
    }
}
