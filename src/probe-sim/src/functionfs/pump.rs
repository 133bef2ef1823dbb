//! Serves a function through its two endpoint files.
//!
//! A thread answers control requests, a thread writes frames; the caller's thread plays the script and ends both. Reads and
//! writes block in the kernel; they end when the gadget is unplugged, and the threads then wait for the next plugging.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::blob::{Event, EventKind};
use super::gadget::Gadget;
use crate::SimError;
use crate::journal::now;
use crate::stage::{Link, Stage};
use crate::usb::{Function, Outcome, Pull, Setup};
use crate::vhci::Factory;

/// Bytes of one write: a whole number of packets that the kernel finds in one piece of memory.
const CHUNK: usize = 64 << 10;
const POLL: Duration = Duration::from_millis(2);

/// The device as all threads see it.
struct Shared {
    function: Box<dyn Function>,
    stage: Stage,
    /// What the script wants of the connection.
    link: Option<Link>,
    /// A host has configured the device.
    enabled: bool,
    /// Counts what makes a half-written frame worthless.
    flushes: u64,
}

type Cell = Arc<Mutex<Shared>>;

fn lock(cell: &Cell) -> MutexGuard<'_, Shared> {
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Plays `stage` on what `factory` makes, as a gadget of this board, until the script ends or `stop` is set.
///
/// # Errors
/// [`SimError`] of the gadget or of the factory.
pub fn run(factory: &mut Factory<'_>, stage: Stage, stop: &AtomicBool) -> Result<(), SimError> {
    let function = factory(&[], 0)?;
    // FunctionFS wants the descriptors of both speeds; the factory's own speed does not matter.
    let mut shapes = Vec::new();
    for speed in ["high", "super"] {
        shapes.push(factory(&[("speed".into(), speed.into())], 0)?.descriptors());
    }
    factory(&[("speed".into(), "high".into())], 0)?;
    let of = |speed| shapes.iter().find(|shape| shape.speed == speed).unwrap_or(&shapes[0]).clone();
    let (gadget, ep0, bulk) = Gadget::create(of)?;
    let shared = Shared { function, stage, link: None, enabled: false, flushes: 0 };
    let cell = Arc::new(Mutex::new(shared));
    let gadget = Arc::new(gadget);
    let control = Arc::clone(&cell);
    thread::spawn(move || answer(ep0, &control));
    let (frames, port) = (Arc::clone(&cell), Arc::clone(&gadget));
    thread::spawn(move || send(bulk, &frames, || port.speed().packet()));
    let result = play(&gadget, &cell, factory, stop);
    let _ = gadget.unplug();
    result
}

/// The script: plugs and unplugs.
fn play(gadget: &Gadget, cell: &Cell, factory: &mut Factory<'_>, stop: &AtomicBool) -> Result<(), SimError> {
    loop {
        gadget.plug()?;
        {
            let shared = &mut *lock(cell);
            shared.stage.plugged(shared.function.as_ref(), now(), &format!("controller={}", gadget.controller()));
        }
        let link = loop {
            if stop.load(Ordering::Relaxed) {
                break Link::End;
            }
            {
                let shared = &mut *lock(cell);
                // Frame counts are looked at between two frames, where they are exact; this is for times.
                let due = shared.stage.deadline().is_some_and(|due| now() >= due);
                if due && shared.link.is_none() {
                    shared.link = shared.stage.act(shared.function.as_mut(), now(), false);
                }
                if let Some(link) = shared.link.take() {
                    break link;
                }
            }
            thread::sleep(POLL);
        };
        gadget.unplug()?;
        let gone = now();
        let frames = {
            let shared = &mut *lock(cell);
            shared.enabled = false;
            shared.flushes += 1;
            shared.function.unplugged(matches!(link, Link::Restart(_)));
            let frames = shared.function.frames();
            shared.stage.journal().note_at(gone, format_args!("unplugged frames={frames}"));
            frames
        };
        let down = match link {
            Link::End => return Ok(()),
            Link::Unplug(down) | Link::Restart(down) => down,
            Link::Replug(down, changes) => {
                let function = factory(&changes, frames)?;
                lock(cell).function = function;
                down
            }
        };
        while now() < gone + down && !stop.load(Ordering::Relaxed) {
            thread::sleep(POLL);
        }
    }
}

/// Answers control requests until the file is of no use any more.
fn answer(mut ep0: File, cell: &Cell) {
    let mut block = [0; Event::BYTES];
    loop {
        match ep0.read(&mut block) {
            Ok(Event::BYTES) => {}
            Ok(_) | Err(_) => {
                thread::sleep(POLL);
                continue;
            }
        }
        match Event::decode(&block).0 {
            EventKind::Enable | EventKind::Disable => {
                let shared = &mut *lock(cell);
                shared.enabled = Event::decode(&block).0 == EventKind::Enable;
                shared.flushes += 1;
                shared.function.reset();
            }
            // A host that gave up a request is no reason to stop.
            EventKind::Setup(setup) => drop(request(&mut ep0, cell, &setup)),
            EventKind::Other(_) => {}
        }
    }
}

/// One request. The kernel stalls the control pipe where the answer goes in the wrong direction.
fn request(ep0: &mut File, cell: &Cell, setup: &Setup) -> io::Result<usize> {
    if setup.is_in() {
        let answer = lock(cell).function.control_in(setup, now());
        return match answer {
            Some(answer) => ep0.write(&answer[..answer.len().min(setup.length.into())]),
            None => ep0.read(&mut []),
        };
    }
    let mut data = vec![0; setup.length.into()];
    // Without data the acknowledgement waits for the device's verdict; with data, reading them acknowledges.
    if !data.is_empty() {
        ep0.read_exact(&mut data)?;
    }
    let outcome = {
        let shared = &mut *lock(cell);
        let outcome = shared.function.control_out(setup, &data, now());
        shared.flushes += u64::from(outcome == Outcome::Flush);
        outcome
    };
    match (outcome, data.is_empty()) {
        (Outcome::Stalled, true) => ep0.write(&[]),
        (_, true) => ep0.read(&mut []),
        (_, false) => Ok(0),
    }
}

/// Writes frames for as long as the program runs.
fn send(mut bulk: File, cell: &Cell, packet: impl Fn() -> usize) {
    let mut transfer = Vec::new();
    loop {
        let (pull, flushes) = {
            let shared = &mut *lock(cell);
            if shared.link.is_none() {
                shared.link = shared.stage.act(shared.function.as_mut(), now(), true);
            }
            transfer.clear();
            let ready = shared.enabled && shared.link.is_none();
            let pull = if ready { shared.function.next(now(), &mut transfer) } else { Pull::Wait(None) };
            (pull, shared.flushes)
        };
        match pull {
            Pull::Wait(until) => {
                let pause = until.map_or(POLL, |until| until.saturating_sub(now()).min(POLL));
                thread::sleep(pause);
            }
            // Reading from an IN endpoint halts it.
            Pull::Halt => drop(bulk.read(&mut [0; 16])),
            Pull::Ready => {
                let mut rest = transfer.as_slice();
                while !rest.is_empty() && lock(cell).flushes == flushes {
                    let (chunk, after) = rest.split_at(rest.len().min(CHUNK));
                    match bulk.write(chunk) {
                        Ok(written) if written == chunk.len() => rest = after,
                        _ => break,
                    }
                }
                if rest.is_empty() && !transfer.is_empty() && transfer.len().is_multiple_of(packet()) {
                    let _ = bulk.write(&[]);
                }
            }
        }
    }
}
