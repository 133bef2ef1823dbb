//! Serves one plugged device until it is pulled out.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use super::port::{Port, Pumped};
use super::wire::Command;
use crate::journal::now;
use crate::stage::{Link, Stage};
use crate::usb::Function;

/// Commands that are read ahead.
const AHEAD: usize = 64;
/// How soon the end of the program is noticed.
const TICK: Duration = Duration::from_millis(100);

/// Why serving ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// The script or the end of the program wants the device away.
    Link(Link),
    /// The host closed the connection.
    Closed,
}

/// Serves `function` to the host at the other end of a connection, and lets `stage` play its script.
///
/// A thread of its own reads commands, so that none waits behind a frame that is not there yet; it ends when the
/// connection does.
///
/// # Errors
/// What the connection says; `InvalidData` for a message that is none.
pub fn serve(
    reader: impl Read + Send + 'static,
    writer: impl Write,
    function: &mut dyn Function,
    stage: &mut Stage,
    stop: &AtomicBool,
) -> io::Result<Left> {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    match exchange(reader, writer, function, stage, stop) {
        // A host that goes does not read to the end.
        Err(error) if matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof) => Ok(Left::Closed),
        result => result,
    }
}

fn exchange(
    reader: impl Read + Send + 'static,
    mut writer: impl Write,
    function: &mut dyn Function,
    stage: &mut Stage,
    stop: &AtomicBool,
) -> io::Result<Left> {
    let commands = read_ahead(reader);
    let mut port = Port::new(function);
    loop {
        loop {
            match commands.try_recv() {
                Ok(command) => port.command(function, command?, now(), &mut writer)?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok(Left::Closed),
            }
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(Left::Link(Link::End));
        }
        let time = now();
        // Frames are counted once they are wholly with the host.
        if let Some(link) = stage.act(function, time, !port.busy()) {
            return Ok(Left::Link(link));
        }
        let Pumped::Wait(until) = port.pump(function, time, &mut writer)? else { continue };
        let due = [until, stage.deadline()].into_iter().flatten().map(|due| due.saturating_sub(now())).min();
        match commands.recv_timeout(due.unwrap_or(TICK).min(TICK)) {
            Ok(command) => port.command(function, command?, now(), &mut writer)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(Left::Closed),
        }
    }
}

fn read_ahead(mut reader: impl Read + Send + 'static) -> Receiver<io::Result<Command>> {
    let (sender, commands) = sync_channel(AHEAD);
    thread::spawn(move || {
        loop {
            let command = match Command::read(&mut reader) {
                Ok(Some(command)) => Ok(command),
                Ok(None) => return,
                Err(error) => Err(error),
            };
            let failed = command.is_err();
            if sender.send(command).is_err() || failed {
                return;
            }
        }
    });
    commands
}
