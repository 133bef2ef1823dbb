#![allow(clippy::unwrap_used, reason = "tests")]
use std::collections::VecDeque;
use std::sync::Mutex;

use ushydra_core::PixelFormat;
use ushydra_wire::{Capability, Formats, Header, Text, encode_frame};

use super::*;

const SIDE: u16 = 4;

/// A probe on the table: answers requests and remembers them.
#[derive(Clone)]
struct Probe {
    info: Vec<u8>,
    state: Arc<Mutex<State>>,
    told: Arc<Mutex<Vec<(Request, u16)>>>,
}

impl Control for Probe {
    fn ask(&mut self, request: Request, length: u16) -> Result<Vec<u8>, Fault> {
        self.told.lock().unwrap().push((request, length));
        Ok(match request {
            Request::Info => self.info.clone(),
            _ => self.state.lock().unwrap().encode().to_vec(),
        })
    }

    fn tell(&mut self, request: Request, value: u16, _data: &[u8]) -> Result<(), Fault> {
        self.told.lock().unwrap().push((request, value));
        Ok(())
    }
}

/// Transfers that were made before; each with whether it is short.
struct Tape {
    transfers: VecDeque<(Vec<u8>, bool)>,
    held: Option<(Vec<u8>, bool)>,
}

impl Pipe for Tape {
    fn receive(&mut self, _timeout: Duration) -> Result<bool, Fault> {
        self.held = None;
        match self.transfers.pop_front() {
            Some((bytes, _)) if bytes == b"unplug" => Err(Fault::Gone { detail: "unplugged".to_owned() }),
            Some(transfer) => {
                self.held = Some(transfer);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    fn bytes(&self) -> &[u8] {
        self.held.as_ref().map(|h| h.0.as_slice()).unwrap_or_default()
    }

    fn is_short(&self) -> bool {
        self.held.as_ref().is_some_and(|h| h.1)
    }
}

fn info(formats: &[Format]) -> Info {
    Info {
        formats: Formats::of(formats),
        capabilities: Capability::Freeze as u32,
        max_width: SIDE,
        max_height: SIDE,
        max_payload: 64,
        max_rate_mhz: 30_000,
        firmware: (1, 2, 3),
        model: Text::new("Table"),
    }
}

fn probe(info: &[u8]) -> Probe {
    let state = State {
        setup: 0,
        streaming: true,
        frozen: false,
        white: 255,
        spacing_um: Some([100.0, 200.0]),
        depth_mm: None,
        gain_ddb: 0,
    };
    Probe { info: info.to_vec(), state: Arc::new(Mutex::new(state)), told: Arc::default() }
}

/// A grey frame whose pixels all have the value `sequence`.
fn frame(sequence: u32, setup: u8) -> Vec<u8> {
    let payload = vec![sequence as u8; usize::from(SIDE) * usize::from(SIDE)];
    let header = Header {
        format: Format::Grey8,
        flags: 0,
        setup,
        sequence,
        width: SIDE,
        height: SIDE,
        payload: payload.len() as u32,
        captured_ns: u64::from(sequence) * 1_000_000,
        crc: 0,
    };
    [encode_frame(header, &payload).unwrap().to_vec(), payload].concat()
}

type TableSession = UsbSession<Probe, Tape>;

fn start(probe: &Probe, settings: &str, transfers: Vec<(Vec<u8>, bool)>) -> Result<TableSession, Fault> {
    let tape = Tape { transfers: transfers.into(), held: None };
    UsbSession::start(probe.clone(), |_| tape, &settings.parse().unwrap(), Arc::from("usb:T"), "high speed")
}

/// Values of the frames that come, and what ended them.
fn read(session: &mut TableSession) -> (Vec<u8>, String) {
    let mut frame = Frame::new();
    let mut seen = Vec::new();
    loop {
        match session.next(&mut frame, Duration::ZERO) {
            Ok(true) => {
                assert_eq!(frame.geometry.format, PixelFormat::Grey8);
                assert!(frame.data.iter().all(|v| *v == frame.data[0]), "a torn frame");
                seen.push(frame.data[0]);
            }
            Ok(false) => return (seen, "timeout".to_owned()),
            Err(SessionFault::Frame(fault)) => return (seen, format!("frame: {fault}")),
            Err(SessionFault::Ended(fault)) => return (seen, format!("ended: {fault}")),
        }
    }
}

#[test]
fn a_probe_is_asked_stopped_started_and_stopped_at_the_end() {
    let probe = probe(&info(&[Format::Mjpeg, Format::Grey8]).encode());
    let session = start(&probe, "", vec![]).unwrap();
    assert!(session.describe().contains("Table (firmware 1.2.3), grey8"), "{}", session.describe());
    drop(session);
    let told: Vec<Request> = probe.told.lock().unwrap().iter().map(|t| t.0).collect();
    assert_eq!(told, [Request::Info, Request::Stop, Request::Start, Request::State, Request::Stop]);
}

#[test]
fn devices_that_are_no_probes_are_refused() {
    let good = info(&[Format::Grey8]).encode();
    let mut other_version = good;
    other_version[4] = 9;
    let mut other_device = good;
    other_device[0] = b'X';
    let cases: [(&[u8], &str, &str); 5] = [
        (&other_version, "", "version 9"),
        (&other_device, "", "does not answer as a probe"),
        (&good[..40], "", "40 bytes"),
        (&[], "", "0 bytes"),
        (&good, "?format=rgb8", "no format rgb8; it has grey8"),
    ];
    for (block, settings, words) in cases {
        let fault = start(&probe(block), settings, vec![]).err().unwrap().to_string();
        assert!(fault.contains(words), "{fault}");
    }
}

#[test]
fn frames_come_whole_however_they_are_transferred() {
    let probe = probe(&info(&[Format::Grey8]).encode());
    let second = frame(1, 0);
    let mut broken = frame(2, 0);
    broken[40] ^= 1;
    let transfers = vec![
        (frame(0, 0), true),
        (second[..20].to_vec(), false),
        (second[20..].to_vec(), false),
        (vec![], true),
        (broken, true),
        (frame(3, 0)[..30].to_vec(), true),
        ([frame(4, 0), frame(5, 0)].concat(), true),
        (b"unplug".to_vec(), true),
    ];
    let mut session = start(&probe, "", transfers).unwrap();
    let (seen, end) = read(&mut session);
    assert_eq!(seen, [0, 1, 4, 5]);
    assert!(end.starts_with("ended") && end.contains("unplugged"), "{end}");
    let link = session.link();
    assert_eq!((link.received, link.crc_failed, link.short, link.dropped), (4, 1, 1, 2));
}

#[test]
fn spacing_follows_the_setup_of_the_frame() {
    let probe = probe(&info(&[Format::Grey8]).encode());
    let mut session = start(&probe, "", vec![(frame(0, 0), true), (frame(1, 1), true), (frame(2, 2), true)]).unwrap();
    let mut seen = Vec::new();
    let mut frame = Frame::new();
    for setup in 0..3_u8 {
        // The probe is already two changes ahead when its last frame comes.
        if setup == 1 {
            let mut state = probe.state.lock().unwrap();
            (state.setup, state.spacing_um) = (1, Some([50.0, 50.0]));
        }
        assert!(session.next(&mut frame, Duration::ZERO).unwrap());
        seen.push(frame.spacing_mm);
    }
    assert_eq!(seen, [Some([0.1, 0.2]), Some([0.05, 0.05]), None]);
    let asked = probe.told.lock().unwrap().iter().filter(|t| t.0 == Request::State).count();
    assert_eq!(asked, 3, "once at the start and once for each change");
}
