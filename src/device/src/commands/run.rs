//! `ushydra run`: newest frame first, until the source ends or the operator stops.

use std::time::{Duration, Instant};

use ushydra_core::Verdict;
use ushydra_probe::{Frame, Pace};

use super::{open_bundle_in, open_pipeline};
use crate::cli::{RunArguments, Settings};
use crate::config::RunConfig;
use crate::failure::Failure;
use crate::live::{Capture, Replay, Shutdown, SourceChoice, StatusLine, Taken, Tally};
use crate::locate;
use crate::machine;
use crate::overlay::Overlays;
use crate::pipeline::{FrameFault, FrameResult, Identity};
use crate::report::{self, Cines, LiveRecord, Output, Record, Refusals};
use crate::spacing::Spacing;

/// Longest wait for a frame before signals, faults and the status line get their turn.
const POLL: Duration = Duration::from_millis(100);
/// A source without a frame for this long is reported as silent.
const SILENCE: Duration = Duration::from_secs(1);
/// Measurements are said again after this time.
const SAY_AGAIN: Duration = Duration::from_secs(1);

pub(super) fn run(
    arguments: &RunArguments,
    settings: &Settings,
    config: &RunConfig,
    output: &mut Output,
) -> Result<(), Failure> {
    let replay = arguments.replay.or(config.replay).unwrap_or_default();
    let looping = arguments.looping || config.looping.unwrap_or(false);
    if looping && arguments.overlay.is_some() {
        return Err(Failure::Usage("--overlay would never stop writing with --loop; leave one of them out".to_owned()));
    }
    let configured = config.source.as_deref().map(|s| s.parse().map_err(Failure::Usage)).transpose()?;
    let folder = locate::live_bundle(settings.bundle.as_deref())?;
    let chosen = match arguments.source.clone().or(configured) {
        Some(chosen) => chosen,
        None => SourceChoice::File(locate::demo_cine(Some(&folder))?),
    };
    let pace = match replay {
        Replay::Recorded => Pace::Recorded,
        Replay::Fast => Pace::AsFastAsPossible,
    };
    let spacing = Spacing::new(arguments.spacing, None)?;
    let mut overlays = arguments.overlay.as_deref().map(Overlays::new).transpose()?;

    let shutdown = Shutdown::listen()?;
    // A recording that waits for its results cannot be late.
    let mut pipeline = open_pipeline(&open_bundle_in(&folder)?, settings, replay == Replay::Recorded)?;
    let source = chosen.open(pace, looping)?;
    log::info!("source: {}", source.describe());
    let mut capture = Capture::start(source, replay)?;
    let mut session = Session::start(output);
    let mut frame = Frame::new();
    let identity = pipeline.identity().clone();
    while !shutdown.asked() {
        session.faults(&capture)?;
        match capture.slot().take(&mut frame, POLL) {
            Taken::Frame => {
                spacing.apply(&mut frame);
                match pipeline.process(&frame) {
                    Ok(result) => {
                        session.show(&identity, result, capture.slot().counters().dropped)?;
                        if let Some(overlays) = &mut overlays {
                            let view = frame.view().map_err(|e| Failure::Internal(e.to_string()))?;
                            overlays.write(view, &identity, result)?;
                        }
                    }
                    Err(FrameFault::Engine(error)) => return Err(error.into()),
                    Err(fault) => session.refuse(&frame.source, &fault)?,
                }
            }
            Taken::Timeout => {}
            Taken::Ended => break,
        }
        session.status(&identity, &capture);
        if arguments.frames.is_some_and(|frames| session.tally.judged() >= frames) {
            break;
        }
    }
    let ended = capture.stop();
    session.faults(&capture)?;
    session.summary(&identity, &capture)?;
    ended?;
    if capture.is_live() && session.tally.judged() == 0 {
        let cause = session.last_fault.take();
        return Err(Failure::NoProbe(cause.unwrap_or_else(|| {
            format!("no frame came from {chosen}; plug the probe in, and see `ushydra probe list`")
        })));
    }
    session.refusals.finish(session.tally.judged())
}

/// What the operator sees of a run.
struct Session<'a> {
    output: &'a mut Output,
    status: StatusLine,
    begin: Instant,
    /// Begin of the current status interval and the results before it.
    interval: (Instant, u64),
    last_frame: Instant,
    tally: Tally,
    refusals: Refusals,
    /// Last fault of a live source.
    last_fault: Option<String>,
    /// The status line says that nothing is live.
    alarmed: bool,
    /// What the last line of text said: verdict, label, decoder; and when.
    said: Option<(Verdict, usize, usize)>,
    said_at: Instant,
    cines: Cines,
}

impl<'a> Session<'a> {
    fn start(output: &'a mut Output) -> Self {
        let now = Instant::now();
        Self {
            output,
            status: StatusLine::start(),
            begin: now,
            interval: (now, 0),
            last_frame: now,
            tally: Tally::default(),
            refusals: Refusals::default(),
            last_fault: None,
            alarmed: false,
            said: None,
            said_at: now,
            cines: Cines::default(),
        }
    }

    fn refuse(&mut self, source: &str, cause: &dyn std::fmt::Display) -> Result<(), Failure> {
        self.status.clear();
        self.refusals.report(self.output, source, cause)
    }

    /// Names what the source could not deliver. The faults of a device pass: they are said, and no input was refused.
    fn faults(&mut self, capture: &Capture) -> Result<(), Failure> {
        while let Some(fault) = capture.fault() {
            if capture.is_live() {
                self.status.clear();
                Refusals::say(self.output, fault.source_name(), fault.fault())?;
                self.last_fault = Some(fault.to_string());
            } else {
                self.refuse(fault.source_name(), fault.fault())?;
            }
        }
        Ok(())
    }

    /// Every result as JSON; as text only what changed, and of measurements, which change all the time, one in a while.
    fn show(&mut self, identity: &Identity, result: &FrameResult, dropped: u64) -> Result<(), Failure> {
        let latency = result.captured.elapsed();
        self.last_frame = Instant::now();
        self.tally.record(result, latency);
        let ended = self.cines.follow(result);
        if self.output.is_json() {
            let micros = |d: Duration| u64::try_from(d.as_micros()).unwrap_or(u64::MAX);
            let live = LiveRecord {
                sequence: result.sequence,
                captured_us: micros(result.captured.saturating_duration_since(self.begin)),
                latency_us: micros(latency),
                dropped,
                verdict: LiveRecord::verdict(result.verdict),
            };
            return self.output.json(&Record::new(identity, result, None, Some(live)));
        }
        if let Some(line) = ended {
            self.status.clear();
            self.output.text(line)?;
        }
        // The label behind a withheld answer is not shown, so its changes are none.
        let label = if result.verdict == Verdict::Show { result.answer.label() } else { usize::MAX };
        let now = (result.verdict, label, result.decoder);
        let measured = result.answer.mask().is_some() && self.said_at.elapsed() >= SAY_AGAIN;
        if self.said.replace(now) == Some(now) && !measured {
            return Ok(());
        }
        self.said_at = Instant::now();
        self.status.clear();
        self.output.text(report::row(identity, result))
    }

    fn status(&mut self, identity: &Identity, capture: &Capture) {
        let silence = self.last_frame.elapsed();
        let (lost, silent) = (capture.is_lost(), silence >= SILENCE);
        // Bad news does not wait for the next second.
        let worse = (lost || silent) && !self.alarmed;
        self.alarmed = lost || silent;
        if !self.status.is_due() && !worse {
            return;
        }
        if self.alarmed {
            let cause = match (lost, self.tally.judged()) {
                (true, 0) => "NO PROBE, waiting",
                (true, _) => "PROBE LOST",
                (false, _) => "NO FRAME",
            };
            self.status.show(format_args!("{cause} for {:.1} s; no result is live", silence.as_secs_f64()));
            // What was said before is over; the next result is said again.
            self.said = None;
            return;
        }
        let judged = self.tally.judged();
        let rate = (judged - self.interval.1) as f64 / self.interval.0.elapsed().as_secs_f64().max(f64::EPSILON);
        self.interval = (Instant::now(), judged);
        let counters = capture.slot().counters();
        self.status.show(format_args!(
            "{rate:.1} fps | {} | captured {} dropped {} | {} on {}",
            self.tally.percentiles(),
            counters.captured,
            counters.dropped,
            identity.bundle,
            identity.backend,
        ));
    }

    /// The last words, on standard error beside JSON lines and on standard output after text.
    fn summary(&mut self, identity: &Identity, capture: &Capture) -> Result<(), Failure> {
        self.status.clear();
        let counters = capture.slot().counters();
        let judged = self.tally.judged();
        let seconds = self.begin.elapsed().as_secs_f64();
        let mut lines = Vec::new();
        lines.extend(self.cines.finish());
        lines.push(format!(
            "captured {} frames, judged {judged}, dropped {} in {seconds:.2} s ({:.1} fps)",
            counters.captured,
            counters.dropped,
            judged as f64 / seconds.max(f64::EPSILON),
        ));
        if judged > 0 {
            lines.push(format!("latency from capture to result: {}", self.tally.percentiles()));
            lines.push(format!("decoders: {}", self.tally.shares(identity)));
            lines.push(format!("results: {}", self.tally.verdicts()));
        }
        if let Some(link) = capture.link() {
            lines.push(format!("link: {link}"));
        }
        if let Some(peak) = machine::peak_memory_mib() {
            lines.push(format!("peak memory: {peak} MiB"));
        }
        for line in lines {
            if self.output.is_json() {
                self.status.say(&line);
            } else {
                self.output.text(&line)?;
            }
        }
        Ok(())
    }
}
