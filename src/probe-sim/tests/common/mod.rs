//! The kernel's side of USB/IP, as small as it can be.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ushydra_probe_sim::journal::{Journal, now};
use ushydra_probe_sim::script;
use ushydra_probe_sim::stage::Stage;
use ushydra_probe_sim::usb::{Function, Setup};
use ushydra_probe_sim::usbip::{Command, HEADER_BYTES, Left, Reply, serve};

/// Answer to one transfer.
pub(crate) struct Answer {
    pub(crate) status: i32,
    pub(crate) data: Vec<u8>,
}

/// The host's end.
pub(crate) struct Kernel {
    socket: UnixStream,
    number: u32,
    answers: HashMap<u32, Answer>,
    inputs: HashMap<u32, bool>,
    unlinked: HashMap<u32, i32>,
}

pub(crate) type Server = JoinHandle<(std::io::Result<Left>, Box<dyn Function>)>;

/// Plugs a device in that plays `script`.
pub(crate) fn plug(mut function: Box<dyn Function>, script: &str) -> (Kernel, Server) {
    let (host, device) = UnixStream::pair().unwrap();
    host.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut stage = Stage::new(script::parse(script).unwrap(), None, Journal::silent());
    let server = thread::spawn(move || {
        stage.plugged(function.as_ref(), now(), "");
        let reader = device.try_clone().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let left = serve(reader, &device, function.as_mut(), &mut stage, &stop);
        // As vhci_hcd does when a device is pulled out.
        let _ = device.shutdown(Shutdown::Both);
        (left, function)
    });
    let kernel =
        Kernel { socket: host, number: 0, answers: HashMap::new(), inputs: HashMap::new(), unlinked: HashMap::new() };
    (kernel, server)
}

impl Kernel {
    pub(crate) fn submit(&mut self, endpoint: u8, is_in: bool, length: u32, setup: [u8; 8], data: &[u8]) -> u32 {
        self.number += 1;
        let (number, setup) = (self.number, Setup::decode(setup));
        let command = Command::Submit { number, endpoint, is_in, length, setup, data: data.to_vec() };
        self.inputs.insert(number, is_in);
        let _ = self.socket.write_all(&command.encode());
        number
    }

    pub(crate) fn bulk(&mut self, length: u32) -> u32 {
        self.submit(1, true, length, [0; 8], &[])
    }

    /// One message from the device; false where the connection ended.
    fn receive(&mut self) -> bool {
        let mut header = [0; HEADER_BYTES];
        if self.socket.read_exact(&mut header).is_err() {
            return false;
        }
        match Reply::decode(&header).unwrap() {
            Reply::Submitted { number, status, length } => {
                let is_in = self.inputs.remove(&number).expect("an answer to nothing");
                let mut data = vec![0; if is_in { length as usize } else { 0 }];
                if self.socket.read_exact(&mut data).is_err() {
                    return false;
                }
                self.answers.insert(number, Answer { status, data });
            }
            Reply::Unlinked { number, status } => {
                self.unlinked.insert(number, status);
            }
        }
        true
    }

    /// The answer to a transfer; none where the connection ended before.
    pub(crate) fn wait(&mut self, number: u32) -> Option<Answer> {
        loop {
            if let Some(answer) = self.answers.remove(&number) {
                return Some(answer);
            }
            if !self.receive() {
                return None;
            }
        }
    }

    pub(crate) fn control_in(
        &mut self,
        request_type: u8,
        request: u8,
        value: u16,
        index: u16,
        length: u16,
    ) -> Option<Answer> {
        let setup = Setup { request_type, request, value, index, length }.encode();
        let number = self.submit(0, true, length.into(), setup, &[]);
        self.wait(number)
    }

    pub(crate) fn control_out(
        &mut self,
        request_type: u8,
        request: u8,
        value: u16,
        index: u16,
        data: &[u8],
    ) -> Option<Answer> {
        let setup = Setup { request_type, request, value, index, length: data.len() as u16 }.encode();
        let number = self.submit(0, false, data.len() as u32, setup, data);
        self.wait(number)
    }

    /// Gives up a transfer; the status.
    pub(crate) fn unlink(&mut self, victim: u32) -> i32 {
        self.number += 1;
        let number = self.number;
        self.socket.write_all(&Command::Unlink { number, victim }.encode()).unwrap();
        while !self.unlinked.contains_key(&number) {
            assert!(self.receive());
        }
        self.unlinked[&number]
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }
}
