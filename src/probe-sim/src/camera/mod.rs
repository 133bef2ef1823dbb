//! A USB camera of the video class (UVC 1.0) with a bulk endpoint: what HDMI grabbers and probes with a camera's interface
//! look like.

mod descriptors;
mod negotiate;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use negotiate::Negotiation;
pub use settings::{CameraFormat, CameraSettings};

use crate::SimError;
use crate::content::{Content, Geometry, Layout, Payloads};
use crate::journal::Journal;
use crate::probe::{Due, Pace};
use crate::script::Fault;
use crate::troubles::Troubles;
use crate::usb::{Descriptors, Function, Kind, Outcome, Pull, Recipient, Setup};

/// Bytes of the header before every payload: its length and the flags.
const HEADER: usize = 2;
/// Flags of a payload header (UVC 1.0, 2.4.3.3): changes with every frame; last payload; error; end of header.
const FRAME_ID: u8 = 0x01;
const END_OF_FRAME: u8 = 0x02;
const ERROR: u8 = 0x40;
const END_OF_HEADER: u8 = 0x80;

/// A simulated camera. One payload of the video class is one transfer and holds a whole frame.
#[derive(Debug)]
pub struct Camera {
    settings: CameraSettings,
    payloads: Payloads,
    journal: Journal,
    negotiation: Negotiation,
    streaming: Option<Pace>,
    sequence: u32,
    frames: u64,
    troubles: Troubles,
}

impl Camera {
    /// A camera that was plugged in just now. Prepares its content, which takes a while for phantoms and files.
    ///
    /// # Errors
    /// [`SimError`] for settings that no camera can have and content that shows nothing.
    pub fn new(settings: CameraSettings, journal: Journal) -> Result<Self, SimError> {
        settings.check()?;
        let content = Arc::new(Content::prepare(&settings.content, settings.size)?);
        let payloads = Payloads::new(content, settings.size, Geometry::Sector.scan());
        let negotiation = Negotiation::new(&settings);
        Ok(Self {
            settings,
            payloads,
            journal,
            negotiation,
            streaming: None,
            sequence: 0,
            frames: 0,
            troubles: Troubles::default(),
        })
    }

    /// Goes on counting frames from `frames`: the camera takes the place of another one.
    #[must_use]
    pub fn counting_from(mut self, frames: u64) -> Self {
        self.frames = frames;
        self
    }

    fn refuses(&mut self, setup: &Setup, now: Duration) -> bool {
        setup.kind() != Kind::Class || setup.recipient() != Recipient::Interface || self.troubles.refuses(now)
    }
}

impl Function for Camera {
    fn descriptors(&self) -> Descriptors {
        descriptors::build(&self.settings)
    }

    fn control_in(&mut self, setup: &Setup, now: Duration) -> Option<Vec<u8>> {
        if self.refuses(setup, now) {
            return None;
        }
        self.negotiation.get(setup)
    }

    fn control_out(&mut self, setup: &Setup, data: &[u8], now: Duration) -> Outcome {
        if self.refuses(setup, now) {
            return Outcome::Stalled;
        }
        match self.negotiation.set(setup, data) {
            None => Outcome::Stalled,
            Some(false) => Outcome::Done,
            Some(true) => {
                let rate = self.negotiation.rate_mhz();
                self.streaming = Some(Pace::new(rate, 0, now));
                self.sequence = 0;
                let format = self.negotiation.format().name();
                self.journal.note_at(now, format_args!("start format={format} rate_mhz={rate}"));
                Outcome::Flush
            }
        }
    }

    fn reset(&mut self) {
        self.streaming = None;
    }

    // With a bulk endpoint, clearing its halt is how a host ends streaming.
    fn halt_cleared(&mut self) {
        if self.streaming.take().is_some() {
            self.journal.note(format_args!("stop frames={}", self.frames));
        }
    }

    fn next(&mut self, now: Duration, out: &mut Vec<u8>) -> Pull {
        let Some(pace) = &mut self.streaming else { return Pull::Wait(None) };
        if let Some(until) = self.troubles.silence(now) {
            return Pull::Wait(Some(until));
        }
        if self.troubles.take_stall() {
            return Pull::Halt;
        }
        match pace.poll(now) {
            Due::Wait(until) => return Pull::Wait(Some(until)),
            Due::Frame { left_out, .. } => self.sequence = self.sequence.wrapping_add(left_out),
        }
        let mut flags = END_OF_HEADER | END_OF_FRAME | (self.sequence as u8 & FRAME_ID);
        let (mut cut, mut corrupt, mut extra) = (false, false, 0);
        while let Some(fault) = self.troubles.next() {
            match fault {
                Fault::Error => flags |= ERROR,
                Fault::Cut => cut = true,
                Fault::Corrupt => corrupt = true,
                Fault::Babble(bytes) | Fault::Garbage(bytes) => extra = bytes,
                // The frame flag follows the number: an even gap shows only in the strip of the picture.
                Fault::Skip(frames) => self.sequence = self.sequence.wrapping_add(frames),
                Fault::Repeat => self.sequence = self.sequence.saturating_sub(1),
                _ => {}
            }
        }
        out.extend([HEADER as u8, flags]);
        let format = self.negotiation.format();
        self.payloads.append_layout(format.layout(), self.sequence, out);
        let middle = out.len() / 2;
        if corrupt && let Some(byte) = out.get_mut(middle) {
            *byte ^= 0x10;
        }
        out.resize(out.len() + extra, 0xa5);
        if cut {
            out.truncate(middle);
            out[1] &= !END_OF_FRAME;
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.frames += 1;
        Pull::Ready
    }

    fn frames(&self) -> u64 {
        self.frames
    }

    fn inject(&mut self, fault: &Fault, now: Duration) {
        self.troubles.add(fault, now);
    }

    fn unplugged(&mut self, _firmware: bool) {
        self.streaming = None;
        self.troubles.forget_transfer();
        self.troubles.end_silence();
        self.negotiation = Negotiation::new(&self.settings);
    }
}

impl CameraFormat {
    fn layout(self) -> Layout {
        match self {
            Self::Grey => Layout::Probe(ushydra_wire::Format::Grey8),
            Self::Yuyv => Layout::Yuyv,
            Self::Mjpeg => Layout::ColourJpeg,
        }
    }
}
