//! The probe: the device side of the protocol of `docs/probe-protocol.md`, as a state machine without a kernel.

mod assemble;
mod descriptors;
mod pace;
mod settings;

use std::sync::Arc;
use std::time::Duration;

pub use pace::{Due, Pace};
pub use settings::ProbeSettings;
use ushydra_wire::{
    Capability, FLAG_FROZEN, Format, Formats, HEADER_BYTES, Header, Info, MAX_PAYLOAD, Request, Start, State, Text,
};

use crate::SimError;
use crate::content::{Content, Payloads, WHITE};
use crate::journal::Journal;
use crate::script::Fault;
use crate::troubles::Troubles;
use crate::usb::{Descriptors, Function, Kind, Outcome, Pull, Recipient, Setup};
use assemble::Flaws;

/// A frozen picture is sent this often.
const FROZEN_PERIOD: Duration = Duration::from_millis(250);
/// Depths that the probe obeys, in mm.
const DEPTHS: std::ops::RangeInclusive<u16> = 10..=300;
/// Depth after switching on, in mm.
const FIRST_DEPTH: u16 = 120;
/// Number of the one interface.
const INTERFACE: u8 = 0;

/// What the host started.
#[derive(Debug)]
struct Streaming {
    format: Format,
    pace: Pace,
    /// Sequence number of the next frame.
    next: u32,
    /// Picture that the last frame showed, by the sequence number that it was captured with.
    shown: u32,
    /// The picture moves.
    thawed: bool,
    /// When a frozen picture is sent again.
    again: Duration,
}

impl Streaming {
    /// When the next frame was captured and, if it is frozen, which picture it shows; or when there will be one.
    fn due(&mut self, frozen: bool, now: Duration) -> Result<(Duration, Option<u32>), Duration> {
        if frozen && self.next > 0 {
            self.thawed = false;
            if now < self.again {
                return Err(self.again);
            }
            self.again = now + FROZEN_PERIOD;
            return Ok((now, Some(self.shown)));
        }
        if !self.thawed {
            self.thawed = true;
            self.again = Duration::ZERO;
            self.pace.restart(now);
        }
        match self.pace.poll(now) {
            Due::Wait(until) => Err(until),
            Due::Frame { left_out, captured } => {
                self.next = self.next.wrapping_add(left_out);
                Ok((captured, None))
            }
        }
    }

    /// The sequence number of the frame that is sent now.
    fn number(&mut self, flaws: Flaws) -> u32 {
        let sequence = self.next.wrapping_add(flaws.skip);
        if flaws.repeat && sequence > 0 {
            self.next = sequence;
            return sequence - 1;
        }
        self.next = sequence.wrapping_add(1);
        sequence
    }
}

/// Settings of the probe that the host may change.
#[derive(Clone, Copy, Debug)]
struct Knobs {
    setup: u8,
    frozen: bool,
    gain_ddb: i16,
    depth_mm: u16,
}

impl Knobs {
    const FIRST: Self = Self { setup: 0, frozen: false, gain_ddb: 0, depth_mm: FIRST_DEPTH };
}

/// A simulated probe.
#[derive(Debug)]
pub struct Probe {
    settings: ProbeSettings,
    payloads: Payloads,
    journal: Journal,
    knobs: Knobs,
    streaming: Option<Streaming>,
    frames: u64,
    flaws: Flaws,
    troubles: Troubles,
}

impl Probe {
    /// A probe that was switched on just now. Prepares its content, which takes a while for phantoms and files.
    ///
    /// # Errors
    /// [`SimError`] for settings that no probe can have and content that shows nothing.
    pub fn new(settings: ProbeSettings, journal: Journal) -> Result<Self, SimError> {
        settings.check()?;
        let content = Arc::new(Content::prepare(&settings.content, settings.size)?);
        let payloads = Payloads::new(content, settings.size, settings.array.scan());
        Ok(Self {
            settings,
            payloads,
            journal,
            knobs: Knobs::FIRST,
            streaming: None,
            frames: 0,
            flaws: Flaws::default(),
            troubles: Troubles::default(),
        })
    }

    /// Goes on counting frames from `frames`: the probe takes the place of another one.
    #[must_use]
    pub fn counting_from(mut self, frames: u64) -> Self {
        self.frames = frames;
        self
    }

    /// What it is.
    #[must_use]
    pub fn info(&self) -> Info {
        let (width, height) = self.settings.size;
        // A JPEG picture of noise is larger than its pixels; twice as many bytes and its tables are enough.
        let jpeg = 2 * u64::from(width) * u64::from(height) + 4096;
        let payload = |format: &Format| format.payload_bytes(width, height).unwrap_or(jpeg);
        let largest = self.settings.formats.iter().map(payload).max().unwrap_or(1);
        Info {
            formats: Formats::of(&self.settings.formats),
            capabilities: Capability::Freeze as u32 | Capability::Gain as u32 | Capability::Depth as u32,
            max_width: width,
            max_height: height,
            max_payload: u32::try_from(largest).unwrap_or(MAX_PAYLOAD).min(MAX_PAYLOAD),
            max_rate_mhz: if self.settings.rate_mhz == 0 { 1_000_000 } else { self.settings.rate_mhz },
            firmware: (1, 0, 0),
            model: Text::new("Simulated probe"),
        }
    }

    /// What it does at the moment. The distance of pixels grows with the depth.
    #[must_use]
    pub fn state(&self) -> State {
        let stretch = f32::from(self.knobs.depth_mm) / f32::from(FIRST_DEPTH);
        State {
            setup: self.knobs.setup,
            streaming: self.streaming.is_some(),
            frozen: self.knobs.frozen,
            white: WHITE,
            spacing_um: self.payloads.content().spacing_um().map(|spacing| spacing.map(|side| side * stretch)),
            depth_mm: Some(self.knobs.depth_mm.into()),
            gain_ddb: self.knobs.gain_ddb,
        }
    }

    fn start(&mut self, data: &[u8], now: Duration) -> Outcome {
        let Ok(start) = Start::decode(data) else { return Outcome::Stalled };
        if !self.settings.formats.contains(&start.format) {
            return Outcome::Stalled;
        }
        let pace = Pace::new(self.settings.rate_mhz, start.rate_mhz, now);
        self.streaming =
            Some(Streaming { format: start.format, pace, next: 0, shown: 0, thawed: true, again: Duration::ZERO });
        self.journal.note_at(now, format_args!("start format={} rate_mhz={}", start.format.name(), start.rate_mhz));
        Outcome::Flush
    }

    fn set(&mut self, request: Request, value: u16) -> Outcome {
        match request {
            Request::Freeze if value <= 1 => self.knobs.frozen = value == 1,
            Request::Gain => self.knobs.gain_ddb = value.cast_signed(),
            Request::Depth if DEPTHS.contains(&value) => self.knobs.depth_mm = value,
            _ => return Outcome::Stalled,
        }
        self.knobs.setup = self.knobs.setup.wrapping_add(1);
        Outcome::Done
    }

    /// The request of a setup packet, unless it goes elsewhere or is refused on purpose.
    fn request(&mut self, setup: &Setup, now: Duration) -> Option<Request> {
        let mine = setup.kind() == Kind::Vendor
            && setup.recipient() == Recipient::Interface
            && setup.index == u16::from(INTERFACE);
        if self.troubles.refuses(now) {
            return None;
        }
        Request::from_code(setup.request).filter(|_| mine)
    }

    /// The faults that wait for the next transfer, all at once.
    fn gather(&mut self, out: &mut Vec<u8>) -> Option<Pull> {
        while let Some(fault) = self.troubles.next() {
            match fault {
                Fault::Stall => return Some(Pull::Halt),
                Fault::Garbage(bytes) => {
                    assemble::garbage(self.frames, bytes, out);
                    return Some(Pull::Ready);
                }
                other => self.flaws.add(&other),
            }
        }
        None
    }
}

impl Function for Probe {
    fn descriptors(&self) -> Descriptors {
        descriptors::build(&self.settings)
    }

    fn control_in(&mut self, setup: &Setup, now: Duration) -> Option<Vec<u8>> {
        match self.request(setup, now)? {
            Request::Info => Some(self.info().encode().to_vec()),
            Request::State => Some(self.state().encode().to_vec()),
            _ => None,
        }
    }

    fn control_out(&mut self, setup: &Setup, data: &[u8], now: Duration) -> Outcome {
        match self.request(setup, now) {
            Some(Request::Start) => self.start(data, now),
            Some(Request::Stop) => {
                self.streaming = None;
                self.journal.note_at(now, format_args!("stop frames={}", self.frames));
                Outcome::Done
            }
            Some(request @ (Request::Freeze | Request::Gain | Request::Depth)) => self.set(request, setup.value),
            Some(Request::Info | Request::State) | None => Outcome::Stalled,
        }
    }

    fn reset(&mut self) {
        self.streaming = None;
    }

    fn next(&mut self, now: Duration, out: &mut Vec<u8>) -> Pull {
        if self.streaming.is_none() {
            return Pull::Wait(None);
        }
        if let Some(until) = self.troubles.silence(now) {
            return Pull::Wait(Some(until));
        }
        if let Some(pull) = self.gather(out) {
            return pull;
        }
        let (flaws, knobs) = (self.flaws, self.knobs);
        let Some(streaming) = &mut self.streaming else { return Pull::Wait(None) };
        let (captured, picture) = match streaming.due(knobs.frozen, now) {
            Ok(due) => due,
            Err(until) => return Pull::Wait(Some(until)),
        };
        let sequence = streaming.number(flaws);
        let picture = picture.unwrap_or(sequence);
        streaming.shown = picture;
        let format = streaming.format;
        out.resize(HEADER_BYTES, 0);
        self.payloads.append(format, picture, out);
        let header = Header {
            format,
            flags: if knobs.frozen { FLAG_FROZEN } else { 0 },
            setup: knobs.setup,
            sequence,
            width: self.settings.size.0,
            height: self.settings.size.1,
            payload: 0,
            captured_ns: u64::try_from(captured.as_nanos()).unwrap_or(u64::MAX),
            crc: 0,
        };
        assemble::finish(out, header, flaws);
        self.flaws = Flaws::default();
        self.frames += 1;
        Pull::Ready
    }

    fn frames(&self) -> u64 {
        self.frames
    }

    fn inject(&mut self, fault: &Fault, now: Duration) {
        self.troubles.add(fault, now);
    }

    fn unplugged(&mut self, firmware: bool) {
        self.streaming = None;
        self.troubles.forget_transfer();
        self.flaws = Flaws::default();
        if firmware {
            self.knobs = Knobs::FIRST;
            self.troubles.end_silence();
        }
    }
}
