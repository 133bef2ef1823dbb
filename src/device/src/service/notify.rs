//! Datagrams to `$NOTIFY_SOCKET`.
//!
//! The crate `sd-notify` opens a socket for every message and waits where the manager's queue is full. This one is opened once and
//! never waits: the frame loop must not stand still because the manager does.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::failure::Failure;

/// Environment variable that names the manager's socket: a path, or a name of the abstract namespace behind `@`.
const SOCKET_VARIABLE: &str = "NOTIFY_SOCKET";
/// Longest message; a longer one is cut. systemd reads 4096 bytes.
const MESSAGE_BYTES: usize = 1024;

/// The way to the service manager.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
    address: SocketAddr,
    message: Vec<u8>,
    /// The last message did not arrive, and that was said.
    deaf: bool,
}

impl Notifier {
    /// The manager that `$NOTIFY_SOCKET` names; none where the variable is not set.
    ///
    /// # Errors
    /// [`Failure::Machine`] for a name that cannot be a socket.
    pub fn from_environment() -> Result<Option<Self>, Failure> {
        match std::env::var_os(SOCKET_VARIABLE).filter(|name| !name.is_empty()) {
            Some(name) => Self::to(&name).map(Some),
            None => Ok(None),
        }
    }

    /// The manager behind the socket `name`. It need not listen yet.
    ///
    /// # Errors
    /// As [`Self::from_environment`].
    pub fn to(name: &OsStr) -> Result<Self, Failure> {
        let refuse = |cause: &dyn fmt::Display| {
            Failure::Machine(format!(
                "${SOCKET_VARIABLE} is `{}`: {cause}; the service manager is not told how the program is",
                name.display()
            ))
        };
        let address = address(name).map_err(|e| refuse(&e))?;
        let socket = UnixDatagram::unbound().map_err(|e| refuse(&e))?;
        socket.set_nonblocking(true).map_err(|e| refuse(&e))?;
        Ok(Self { socket, address, message: Vec::with_capacity(MESSAGE_BYTES), deaf: false })
    }

    /// Sends `text`: one or several lines `NAME=value`. A manager that does not listen is named once, and tried again with
    /// every message: it may be restarting itself.
    pub fn send(&mut self, text: fmt::Arguments<'_>) {
        self.message.clear();
        // Writing into memory does not fail.
        let _ = self.message.write_fmt(text);
        self.message.truncate(cut(&self.message, MESSAGE_BYTES));
        match self.socket.send_to_addr(&self.message, &self.address) {
            Ok(_) => self.deaf = false,
            Err(error) if !self.deaf => {
                self.deaf = true;
                log::warn!(
                    "${SOCKET_VARIABLE} is {:?}: {error}; the service manager is not told how the program is",
                    self.address
                );
            }
            Err(_) => {}
        }
    }
}

/// Length of the longest beginning of `text` that fits into `limit` and cuts no character.
fn cut(text: &[u8], limit: usize) -> usize {
    const CONTINUATION: u8 = 0b1000_0000;
    const TWO_HIGHEST: u8 = 0b1100_0000;
    if text.len() <= limit {
        return text.len();
    }
    (0..=limit).rev().find(|&at| text.get(at).is_some_and(|byte| byte & TWO_HIGHEST != CONTINUATION)).unwrap_or(0)
}

fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name),
        [b'@', hidden @ ..] => hidden_address(hidden),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "neither an absolute path nor a name behind `@`")),
    }
}

#[cfg(target_os = "linux")]
fn hidden_address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn hidden_address(_name: &[u8]) -> io::Result<SocketAddr> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "only Linux has sockets without a path"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 4096];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn messages_arrive_over_a_path_and_long_ones_are_cut_between_characters() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let mut notifier = Notifier::to(path.as_os_str()).unwrap();
        notifier.send(format_args!("READY=1\nSTATUS={}", "run"));
        assert_eq!(received(&manager), "READY=1\nSTATUS=run");
        notifier.send(format_args!("S={}", "ü".repeat(3000)));
        let text = received(&manager);
        assert!(text.len() == MESSAGE_BYTES && text.ends_with('ü'), "{} bytes", text.len());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn messages_arrive_over_an_abstract_name() {
        use std::os::linux::net::SocketAddrExt;
        let name = format!("ushydra-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name.as_bytes()).unwrap()).unwrap();
        let mut notifier = Notifier::to(OsStr::new(&format!("@{name}"))).unwrap();
        notifier.send(format_args!("WATCHDOG=1"));
        assert_eq!(received(&manager), "WATCHDOG=1");
    }

    #[test]
    fn names_that_are_no_sockets_are_refused_and_deaf_managers_are_not() {
        for name in
            ["relative/path", "vsock:2:1234", &format!("/{}", "x".repeat(300)), &format!("@{}", "x".repeat(300))]
        {
            let error = Notifier::to(OsStr::new(name)).unwrap_err().to_string();
            assert!(error.contains("NOTIFY_SOCKET") && error.contains(name), "{error}");
        }
        let mut notifier = Notifier::to(OsStr::new("/nonexistent/notify")).unwrap();
        for _ in 0..3 {
            notifier.send(format_args!("READY=1"));
            assert!(notifier.deaf);
        }
    }

    #[test]
    fn a_manager_that_does_not_read_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _manager = UnixDatagram::bind(&path).unwrap();
        let mut notifier = Notifier::to(path.as_os_str()).unwrap();
        for _ in 0..10_000 {
            notifier.send(format_args!("WATCHDOG=1"));
        }
        assert!(notifier.deaf);
    }
}
