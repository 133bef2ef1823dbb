#![allow(clippy::unwrap_used, reason = "tests")]
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ushydra_core::PixelFormat;

use super::*;

/// What a step of the simulated bus gives.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Frame,
    Broken,
    Silence,
    Unplug,
}

/// A device that follows a script, on a clock of its own.
struct Script {
    now: Arc<Mutex<Instant>>,
    /// What every opening gives.
    openings: Vec<Opening>,
    next: usize,
    alive: Arc<AtomicUsize>,
    most_alive: Arc<AtomicUsize>,
    ends: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
enum Opening {
    Absent,
    Denied,
    Device(Vec<Step>),
}

struct Device {
    now: Arc<Mutex<Instant>>,
    steps: std::vec::IntoIter<Step>,
    alive: Arc<AtomicUsize>,
    frames: u64,
}

impl Drop for Device {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

fn advance(now: &Mutex<Instant>, by: Duration) {
    *now.lock().unwrap() += by;
}

impl Script {
    fn new(openings: Vec<Opening>) -> Self {
        Self {
            now: Arc::new(Mutex::new(Instant::now())),
            openings,
            next: 0,
            alive: Arc::default(),
            most_alive: Arc::default(),
            ends: Arc::default(),
        }
    }
}

impl Driver for Script {
    type Session = Device;

    fn open(&mut self) -> Result<Option<Device>, Fault> {
        let opening = self.openings.get(self.next).cloned().unwrap_or(Opening::Absent);
        self.next += 1;
        match opening {
            Opening::Absent => Ok(None),
            Opening::Denied => Err(Fault::Permission { device: "node".to_owned() }),
            Opening::Device(steps) => {
                let alive = self.alive.fetch_add(1, Ordering::SeqCst) + 1;
                self.most_alive.fetch_max(alive, Ordering::SeqCst);
                let (now, alive) = (Arc::clone(&self.now), Arc::clone(&self.alive));
                Ok(Some(Device { now, steps: steps.into_iter(), alive, frames: 0 }))
            }
        }
    }

    fn ended(&mut self, cause: &Fault) {
        self.ends.lock().unwrap().push(cause.to_string());
    }

    fn wait(&mut self, timeout: Duration) {
        advance(&self.now, timeout);
    }

    fn describe(&self) -> String {
        "script".to_owned()
    }

    fn now(&self) -> Instant {
        *self.now.lock().unwrap()
    }
}

impl Session for Device {
    fn next(&mut self, frame: &mut Frame, timeout: Duration) -> Result<bool, SessionFault> {
        match self.steps.next() {
            Some(Step::Frame) => {
                advance(&self.now, Duration::from_millis(20));
                frame.shape(2, 2, PixelFormat::Grey8).unwrap();
                self.frames += 1;
                Ok(true)
            }
            Some(Step::Broken) => {
                advance(&self.now, Duration::from_millis(20));
                Err(SessionFault::Frame(Fault::damaged("JPEG", "cut")))
            }
            Some(Step::Silence) => {
                advance(&self.now, timeout);
                Ok(false)
            }
            Some(Step::Unplug) | None => Err(SessionFault::Ended(Fault::Gone { detail: "unplugged".to_owned() })),
        }
    }

    fn name(&self) -> Arc<str> {
        Arc::from("usb:T")
    }

    fn link(&self) -> LinkCounters {
        LinkCounters { received: self.frames, ..LinkCounters::default() }
    }

    fn describe(&self) -> String {
        "a scripted device".to_owned()
    }
}

const POLL: Duration = Duration::from_millis(100);

/// Answers of `calls` calls: `f` frame, `t` timeout, `l` lost, or the error's text.
fn answers(live: &mut Live<Script>, calls: usize) -> Vec<String> {
    let mut frame = Frame::new();
    (0..calls)
        .map(|_| match live.next(&mut frame, POLL) {
            Ok(Next::Frame) => format!("f{}", frame.sequence),
            Ok(Next::Timeout) => "t".to_owned(),
            Ok(Next::Lost) => "l".to_owned(),
            Ok(Next::End) => "end".to_owned(),
            Err(error) => error.to_string(),
        })
        .collect()
}

#[test]
fn a_device_comes_goes_and_comes_back() {
    let device = |frames| Opening::Device([vec![Step::Frame; frames], vec![Step::Unplug]].concat());
    let away = || Opening::Absent;
    let script = Script::new(vec![away(), away(), device(2), away(), away(), device(1)]);
    let mut live = Live::new(script);
    let said = answers(&mut live, 6);
    assert_eq!(said[..3], ["l", "f0", "f1"]);
    assert!(said[3].contains("usb:T") && said[3].contains("unplugged"), "{}", said[3]);
    // The sequence goes on over the loss.
    assert_eq!(said[4..], ["l", "f2"]);
    assert!(live.is_live());
    assert_eq!(live.link().unwrap().received, 3);
}

#[test]
fn silence_ends_a_session_and_broken_frames_do_not() {
    let device = Opening::Device([vec![Step::Frame], vec![Step::Broken; 40], vec![Step::Silence; 40]].concat());
    let mut live = Live::new(Script::new(vec![device, Opening::Device(vec![Step::Frame])]));
    let said = answers(&mut live, 60);
    assert_eq!(said.iter().filter(|s| s.contains("cut")).count(), 1, "the same fault is said once: {said:?}");
    let hangs = said.iter().position(|s| s.contains("no frame for 1.5 s")).unwrap();
    assert_eq!(said[hangs + 1], "f1");
    assert!(live.driver.ends.lock().unwrap()[0].contains("no frame for 1.5 s"));
}

#[test]
fn nothing_but_broken_frames_is_as_good_as_silence() {
    let device = Opening::Device([vec![Step::Frame], vec![Step::Broken; 100]].concat());
    let mut live = Live::new(Script::new(vec![device, Opening::Device(vec![Step::Frame])]));
    let said = answers(&mut live, 60);
    let hangs = said.iter().position(|s| s.contains("no frame for 1.5 s")).unwrap();
    assert_eq!(said[hangs + 1], "f1");
}

#[test]
fn a_device_that_cannot_be_opened_is_named_once_and_tried_less_and_less() {
    let mut live = Live::new(Script::new(vec![Opening::Denied; 100]));
    let said = answers(&mut live, 80);
    assert_eq!(said.iter().filter(|s| s.contains("permission")).count(), 1, "{said:?}");
    assert!(live.driver.next < 12, "{} openings within 8 s", live.driver.next);
}

#[test]
fn permissions_that_come_a_moment_after_the_device_are_no_fault() {
    let mut live = Live::new(Script::new(vec![Opening::Denied, Opening::Device(vec![Step::Frame])]));
    assert_eq!(answers(&mut live, 1), ["f0"]);
}

#[test]
fn a_thousand_replugs_leave_nothing_open() {
    let device = Opening::Device(vec![Step::Frame, Step::Frame, Step::Unplug]);
    let mut openings = Vec::new();
    for _ in 0..1000 {
        openings.extend([device.clone(), Opening::Absent]);
    }
    let mut live = Live::new(Script::new(openings));
    let (alive, most) = (Arc::clone(&live.driver.alive), Arc::clone(&live.driver.most_alive));
    let (mut frames, mut losses) = (0, 0);
    for said in answers(&mut live, 5000) {
        frames += u32::from(said.starts_with('f'));
        losses += u32::from(said.contains("unplugged"));
    }
    assert_eq!((frames, losses), (2000, 1000));
    assert_eq!((alive.load(Ordering::SeqCst), most.load(Ordering::SeqCst)), (0, 1));
}
