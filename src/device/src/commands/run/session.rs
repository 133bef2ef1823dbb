//! What the operator, or the service manager, sees of a run.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use ushydra_board::{Derating, Step};
use ushydra_core::Verdict;

use crate::failure::Failure;
use crate::live::{Capture, StatusLine, Tally};
use crate::machine;
use crate::pipeline::{FrameResult, Identity};
use crate::report::{self, Cines, LiveRecord, Output, Record, Refusals};
use crate::service::Service;

/// A source without a frame for this long is reported as silent.
const SILENCE: Duration = Duration::from_secs(1);
/// Measurements are said again after this time.
const SAY_AGAIN: Duration = Duration::from_secs(1);

/// What the operator sees of a run.
pub(super) struct Session<'a> {
    output: &'a mut Output,
    status: StatusLine,
    /// Text of the status line.
    line: String,
    begin: Instant,
    /// Begin of the current status interval and the results before it.
    interval: (Instant, u64),
    last_frame: Instant,
    pub(super) tally: Tally,
    pub(super) refusals: Refusals,
    /// Decoder of the last result.
    decoder: Option<usize>,
    /// Last fault of a live source.
    pub(super) last_fault: Option<String>,
    /// What the board gives up at the moment.
    derating: Derating,
    /// Frames that passed by while nothing was judged.
    pub(super) held: u64,
    /// The status line says that nothing is live.
    alarmed: bool,
    /// What the last line of text said: verdict, label, decoder; and when.
    said: Option<(Verdict, usize, usize)>,
    said_at: Instant,
    cines: Cines,
}

impl<'a> Session<'a> {
    pub(super) fn start(output: &'a mut Output) -> Self {
        let now = Instant::now();
        Self {
            output,
            status: StatusLine::start(),
            line: String::new(),
            begin: now,
            interval: (now, 0),
            last_frame: now,
            tally: Tally::default(),
            refusals: Refusals::default(),
            decoder: None,
            last_fault: None,
            derating: Derating::default(),
            held: 0,
            alarmed: false,
            said: None,
            said_at: now,
            cines: Cines::default(),
        }
    }

    pub(super) fn refuse(&mut self, source: &str, cause: &dyn std::fmt::Display) -> Result<(), Failure> {
        self.status.clear();
        self.refusals.report(self.output, source, cause)
    }

    /// Names what the source could not deliver. The faults of a device pass: they are said, and no input was refused.
    pub(super) fn faults(&mut self, capture: &Capture) -> Result<(), Failure> {
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
    pub(super) fn show(&mut self, identity: &Identity, result: &FrameResult, dropped: u64) -> Result<(), Failure> {
        let latency = result.captured.elapsed();
        self.last_frame = Instant::now();
        self.decoder = Some(result.decoder);
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
                derating: Some(self.derating).filter(Derating::is_active),
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

    /// Hears what the board gives up. The log has said it; whoever reads JSON learns of a pause here, because no result will tell.
    pub(super) fn derated(&mut self, derating: Derating) -> Result<(), Failure> {
        let before = std::mem::replace(&mut self.derating, derating);
        if derating.step == Step::Paused && before.step != Step::Paused && self.output.is_json() {
            Refusals::say(self.output, "board", &derating)?;
        }
        Ok(())
    }

    /// The status line once a second, bad news at once. A service's line goes to its manager, and into the log only what changed.
    pub(super) fn status(&mut self, identity: &Identity, capture: &Capture, service: &mut Service) {
        let silence = self.last_frame.elapsed();
        let (lost, silent) = (capture.is_lost(), silence >= SILENCE);
        // Bad news does not wait for the next second.
        let paused = self.derating.step == Step::Paused;
        let alarmed = lost || silent || paused;
        let was_alarmed = std::mem::replace(&mut self.alarmed, alarmed);
        let bad_news = alarmed && !was_alarmed;
        if !self.status.is_due() && !bad_news {
            return;
        }
        self.line.clear();
        // Writing into memory does not fail.
        let _ = if paused {
            self.said = None;
            write!(self.line, "{}; no result is live", self.derating)
        } else if alarmed {
            let cause = match (lost, self.tally.judged()) {
                (true, 0) => "NO PROBE, waiting",
                (true, _) => "PROBE LOST",
                (false, _) => "NO FRAME",
            };
            // What was said before is over; the next result is said again.
            self.said = None;
            write!(self.line, "{cause} for {:.1} s; no result is live", silence.as_secs_f64())
        } else {
            self.going(identity, capture)
        };
        service.status(&self.line);
        if !service.is_managed() || bad_news {
            self.status.show(&self.line);
        }
    }

    /// How a run goes whose source delivers.
    fn going(&mut self, identity: &Identity, capture: &Capture) -> std::fmt::Result {
        let judged = self.tally.judged();
        let rate = (judged - self.interval.1) as f64 / self.interval.0.elapsed().as_secs_f64().max(f64::EPSILON);
        self.interval = (Instant::now(), judged);
        let counters = capture.slot().counters();
        write!(
            self.line,
            "{rate:.1} fps | {} | captured {} dropped {} | decoder {} | {} on {}",
            self.tally.percentiles(),
            counters.captured,
            counters.dropped,
            self.decoder.map_or("none", |decoder| identity.domain(decoder)),
            identity.bundle,
            identity.backend,
        )?;
        match self.derating.is_active() {
            true => write!(self.line, " | {}", self.derating),
            false => Ok(()),
        }
    }

    /// The last words, on standard error beside JSON lines and on standard output after text.
    pub(super) fn summary(&mut self, identity: &Identity, capture: &Capture) -> Result<(), Failure> {
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
        if self.held > 0 {
            lines.push(format!("passed by while the board was too hot: {} frames", self.held));
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
