//! Frames of an open probe.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ushydra_wire::{
    Event, Format, HEADER_BYTES, INFO_BYTES, Info, LinkCounters, Parser, Request, STATE_BYTES, Start, State,
};

use super::pipe::{Control, Pipe};
use super::settings::UsbSettings;
use crate::convert::Converter;
use crate::error::Fault;
use crate::frame::Frame;
use crate::live::{ProbeClock, Session, SessionFault};

/// A frame that came this much later than the quickest ones counts as late: three frames at 30 Hz.
const LATE: Duration = Duration::from_millis(100);

/// A probe that was started.
pub(crate) struct UsbSession<C: Control, P: Pipe> {
    control: C,
    pipe: P,
    parser: Parser<Vec<u8>>,
    converter: Converter,
    clock: ProbeClock,
    state: State,
    /// Setup number of the frames for which the state was last asked.
    asked: u8,
    name: Arc<str>,
    description: String,
    /// When the held transfer came.
    arrived: Instant,
    /// Its bytes that the parser has taken.
    taken: usize,
    /// The parser knows of its end.
    closed: bool,
    /// Probe time of the first frame.
    first_ns: Option<u64>,
    /// Damage on the link was told.
    told: bool,
}

impl<C: Control, P: Pipe> UsbSession<C, P> {
    /// Asks the probe what it is, chooses a format, queues transfers (`pipe` is given the largest payload) and starts it.
    ///
    /// # Errors
    /// [`Fault::Refused`] and [`Fault::Block`] for a device that does not answer as a probe, [`Fault::NoFormat`],
    /// [`Fault::Gone`].
    pub(super) fn start(
        mut control: C,
        pipe: impl FnOnce(u32) -> P,
        settings: &UsbSettings,
        name: Arc<str>,
        speed: &str,
    ) -> Result<Self, Fault> {
        let info = Info::decode(&control.ask(Request::Info, INFO_BYTES as u16)?)?;
        let format = choose(&info, settings.format)?;
        // A probe that still sends to a program that was killed has to stop first.
        control.tell(Request::Stop, 0, &[])?;
        let pipe = pipe(info.max_payload);
        let rate_mhz = settings.rate.map_or(0, |rate| (rate * 1000.0) as u32);
        control.tell(Request::Start, 0, &Start { format, rate_mhz }.encode())?;
        let state = State::decode(&control.ask(Request::State, STATE_BYTES as u16)?)?;
        let (major, minor, patch) = info.firmware;
        let description = format!(
            "{name}: {} (firmware {major}.{minor}.{patch}), {} up to {}x{}, {speed}",
            info.model,
            format.name(),
            info.max_width,
            info.max_height,
        );
        let now = Instant::now();
        Ok(Self {
            control,
            pipe,
            parser: Parser::new(vec![0; HEADER_BYTES + info.max_payload as usize]),
            converter: Converter::default(),
            clock: ProbeClock::new(now),
            asked: state.setup,
            state,
            name,
            description,
            arrived: now,
            taken: 0,
            closed: true,
            first_ns: None,
            told: false,
        })
    }
}

/// The format asked for, or the first one in the order of preference.
fn choose(info: &Info, wanted: Option<Format>) -> Result<Format, Fault> {
    let found = match wanted {
        Some(format) => Some(format).filter(|format| info.formats.contains(*format)),
        None => info.formats.iter().next(),
    };
    found.ok_or_else(|| Fault::NoFormat {
        wanted: wanted.map_or_else(|| "that is known here".to_owned(), |format| format.name().to_owned()),
        offered: info.formats.iter().map(Format::name).collect::<Vec<_>>().join(", "),
    })
}

impl<C: Control, P: Pipe> Session for UsbSession<C, P> {
    fn next(&mut self, frame: &mut Frame, timeout: Duration) -> Result<bool, SessionFault> {
        let deadline = Instant::now() + timeout;
        loop {
            let bytes = self.pipe.bytes();
            let mut input = &bytes[self.taken..];
            let event = self.parser.next(&mut input);
            self.taken = bytes.len() - input.len();
            match event {
                Some(Event::Frame { header, payload }) => {
                    if header.setup != self.asked {
                        let block = self.control.ask(Request::State, STATE_BYTES as u16);
                        self.state = block.and_then(|b| Ok(State::decode(&b)?)).map_err(SessionFault::Ended)?;
                        self.asked = header.setup;
                    }
                    let begin = Instant::now();
                    self.converter.convert(&header, payload, Some(&self.state), frame).map_err(SessionFault::Frame)?;
                    frame.decode = begin.elapsed();
                    frame.captured = self.clock.captured(header.captured_ns, self.arrived);
                    let first = *self.first_ns.get_or_insert(header.captured_ns);
                    frame.recorded = header.captured_ns.checked_sub(first).map(Duration::from_nanos);
                    if self.arrived.saturating_duration_since(frame.captured) > LATE {
                        self.parser.counters_mut().count_late();
                    }
                    return Ok(true);
                }
                Some(Event::Fault(fault)) => {
                    // Once in the log; how often is in the counters.
                    let level =
                        if std::mem::replace(&mut self.told, true) { log::Level::Debug } else { log::Level::Warn };
                    log::log!(level, "{}: {fault}", self.name);
                }
                None if !std::mem::replace(&mut self.closed, true) => {
                    if self.pipe.is_short() {
                        self.parser.end_of_transfer();
                    }
                }
                None => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if !self.pipe.receive(left).map_err(SessionFault::Ended)? {
                        // The transfer before was given back.
                        self.taken = 0;
                        return Ok(false);
                    }
                    self.arrived = Instant::now();
                    self.taken = 0;
                    self.closed = false;
                }
            }
        }
    }

    fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    fn link(&self) -> LinkCounters {
        self.parser.counters()
    }

    fn describe(&self) -> String {
        self.description.clone()
    }
}

impl<C: Control, P: Pipe> Drop for UsbSession<C, P> {
    fn drop(&mut self) {
        // A probe that is gone cannot be stopped, and need not be.
        if let Err(fault) = self.control.tell(Request::Stop, 0, &[]) {
            log::debug!("{}: {fault}", self.name);
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
