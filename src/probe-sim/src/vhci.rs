//! Plugs a simulated device into this machine: `vhci_hcd` takes the host's end of a socket pair.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::SimError;
use crate::journal::now;
use crate::stage::{Link, Stage};
use crate::usb::{Function, Speed};
use crate::usbip::{Left, serve};

/// Where the driver has its files.
pub const DRIVER: &str = "/sys/devices/platform/vhci_hcd.0";
/// State of a port that nothing is plugged into (`VDEV_ST_NULL`).
const FREE: u32 = 4;
/// How long a port may take to become free after a device was pulled out.
const SETTLE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// One port of the virtual controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortState {
    /// Whether it is of the USB 3 hub.
    pub is_super: bool,
    /// Number of the port over both hubs.
    pub port: u32,
    /// State; 4 is free.
    pub state: u32,
}

/// Reads the table of the driver's `status` file: a title, then hub, port and state in each line. Other lines are left out.
#[must_use]
pub fn parse_status(text: &str) -> Vec<PortState> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let is_super = match words.next()? {
                "hs" => false,
                "ss" => true,
                _ => return None,
            };
            let (port, state) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Some(PortState { is_super, port, state })
        })
        .collect()
}

/// The `index`th port of a hub and its state.
#[must_use]
pub fn find(ports: &[PortState], speed: Speed, index: usize) -> Option<PortState> {
    ports.iter().filter(|port| port.is_super == (speed == Speed::Super)).nth(index).copied()
}

/// The driver's files, and the port that is used.
#[derive(Clone, Debug)]
pub struct Driver {
    folder: PathBuf,
    index: usize,
}

impl Driver {
    /// The driver of this machine.
    ///
    /// # Errors
    /// [`SimError::Missing`] where it is not loaded.
    pub fn open(folder: &Path, index: usize) -> Result<Self, SimError> {
        if !folder.join("status").exists() {
            let missing = format!("the driver vhci_hcd ({})", folder.display());
            let remedy = "run `modprobe vhci-hcd`; Debian and Ubuntu have it in the kernel's own packages, a kernel without \
                it needs CONFIG_USBIP_VHCI_HCD";
            return Err(SimError::Missing { missing, remedy });
        }
        Ok(Self { folder: folder.to_path_buf(), index })
    }

    fn port(&self, speed: Speed) -> Result<PortState, SimError> {
        let status = self.folder.join("status");
        let text = fs::read_to_string(&status)
            .map_err(SimError::io(format!("read {}", status.display()), "load vhci_hcd again"))?;
        find(&parse_status(&text), speed, self.index).ok_or_else(|| {
            SimError::setting(
                "port",
                format!("{} ({speed} speed)", self.index),
                "the status file of vhci_hcd lists the ports",
            )
        })
    }

    fn free_port(&self, speed: Speed) -> Result<u32, SimError> {
        let begun = Instant::now();
        loop {
            let port = self.port(speed)?;
            if port.state == FREE {
                return Ok(port.port);
            }
            if begun.elapsed() > SETTLE {
                return Err(SimError::Missing {
                    missing: format!("a free port {} of vhci_hcd (state {})", port.port, port.state),
                    remedy: "another device is plugged into it; choose another with --port",
                });
            }
            thread::sleep(POLL);
        }
    }

    fn write(&self, file: &str, text: &str) -> Result<(), SimError> {
        let path = self.folder.join(file);
        fs::write(&path, text).map_err(SimError::io(format!("write {}", path.display()), "run as root"))
    }

    /// Plugs a device in; the simulator's end of its connection.
    ///
    /// # Errors
    /// [`SimError`] where no port is free or the driver refuses.
    pub fn attach(&self, speed: Speed) -> Result<(u32, UnixStream), SimError> {
        let port = self.free_port(speed)?;
        let (host, device) =
            UnixStream::pair().map_err(SimError::io("make a socket pair", "raise the limit of open files"))?;
        // The numbers of enum usb_device_speed in the kernel. The driver keeps the host's end open by itself.
        let code = match speed {
            Speed::High => 3,
            Speed::Super => 5,
        };
        self.write("attach", &format!("{port} {} {} {code}", host.as_raw_fd(), 0x0001_0001 + port))?;
        Ok((port, device))
    }

    /// Pulls it out.
    ///
    /// # Errors
    /// [`SimError::Io`] where the driver refuses.
    pub fn detach(&self, port: u32) -> Result<(), SimError> {
        self.write("detach", &port.to_string())
    }
}

/// Makes a device with changed settings whose count of frames goes on.
pub type Factory<'a> = dyn FnMut(&[(String, String)], u64) -> Result<Box<dyn Function>, SimError> + 'a;

/// Plugs in what `factory` makes, again and again as the script says, until the script ends, the host unloads the driver or
/// `stop` is set.
///
/// # Errors
/// [`SimError`] of the driver, the factory or the connection.
pub fn run(driver: &Driver, factory: &mut Factory<'_>, stage: &mut Stage, stop: &AtomicBool) -> Result<(), SimError> {
    let mut function = factory(&[], 0)?;
    loop {
        let speed = function.descriptors().speed;
        let (port, socket) = driver.attach(speed)?;
        stage.plugged(function.as_ref(), now(), &format!("port={port} speed={speed}"));
        let reader = socket.try_clone().map_err(SimError::io("copy a socket", "raise the limit of open files"))?;
        let left = serve(reader, &socket, function.as_mut(), stage, stop);
        let link = match left {
            Ok(Left::Link(link)) => link,
            Ok(Left::Closed) => {
                stage.journal().note("closed");
                return Ok(());
            }
            Err(error) => {
                let _ = driver.detach(port);
                return Err(SimError::io("go on talking to vhci_hcd", "see the kernel's messages (dmesg)")(error));
            }
        };
        driver.detach(port)?;
        let (gone, frames) = (now(), function.frames());
        stage.journal().note_at(gone, format_args!("unplugged port={port} frames={frames}"));
        let down = match link {
            Link::End => return Ok(()),
            Link::Unplug(down) => {
                function.unplugged(false);
                down
            }
            Link::Restart(down) => {
                function.unplugged(true);
                down
            }
            Link::Replug(down, changes) => {
                function = factory(&changes, frames)?;
                down
            }
        };
        while now() < gone + down {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            thread::sleep((gone + down).saturating_sub(now()).min(POLL));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_chosen_by_speed() {
        let status = "hub port sta spd dev      sockfd local_busid\n\
            hs  0000 006 003 00010002 000003 1-1\n\
            hs  0001 004 000 00000000 000000 0-0\n\
            \n\
            ss  0008 004 000 00000000 000000 0-0\n";
        let ports = parse_status(status);
        let state = |speed, index| find(&ports, speed, index).map(|port| (port.port, port.state));
        assert_eq!(state(Speed::High, 0), Some((0, 6)));
        assert_eq!(state(Speed::High, 1), Some((1, FREE)));
        assert_eq!(state(Speed::Super, 0), Some((8, FREE)));
        assert_eq!(state(Speed::Super, 1), None);
        assert_eq!(parse_status("prt sta spd\n000 004 000\nhs x y\nss 1"), []);
    }
}
