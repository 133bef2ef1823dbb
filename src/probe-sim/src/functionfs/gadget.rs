//! The gadget of configfs: made here, taken apart at the end.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::blob;
use crate::SimError;
use crate::usb::{Descriptors, Speed};

const CONFIGFS: &str = "/sys/kernel/config/usb_gadget";
const CONTROLLERS: &str = "/sys/class/udc";
const NAME: &str = "ushydra-probe-sim";
const FUNCTION: &str = "functions/ffs.ushydra";
const CONFIGURATION: &str = "configs/c.1";
const LINK: &str = "configs/c.1/ffs.ushydra";
const ROOT: &str = "run as root";

/// A gadget that exists until this value goes.
#[derive(Debug)]
pub struct Gadget {
    folder: PathBuf,
    mounted: PathBuf,
    controller: String,
}

impl Gadget {
    /// Makes the gadget for the first USB device controller of the board, with the descriptors that `of` gives for a speed,
    /// and opens its control endpoint and its bulk endpoint. [`Gadget::plug`] shows it to the host.
    ///
    /// # Errors
    /// [`SimError::Missing`] without controller or configfs, [`SimError::Io`] where the system refuses.
    pub fn create(of: impl Fn(Speed) -> Descriptors) -> Result<(Self, File, File), SimError> {
        let controller = fs::read_dir(CONTROLLERS)
            .ok()
            .and_then(|mut entries| entries.next()?.ok()?.file_name().into_string().ok())
            .ok_or(SimError::Missing {
                missing: "a USB device controller (/sys/class/udc is empty)".into(),
                remedy: "on a Raspberry Pi add dtoverlay=dwc2,dr_mode=peripheral to config.txt; on a Jetson use the port \
                    that takes the flashing cable; for a test on one machine run `modprobe dummy_hcd`",
            })?;
        if !Path::new(CONFIGFS).exists() {
            let missing = CONFIGFS.to_owned();
            let remedy = "run `modprobe libcomposite usb_f_fs` and mount configfs on /sys/kernel/config";
            return Err(SimError::Missing { missing, remedy });
        }
        let gadget = Self { folder: Path::new(CONFIGFS).join(NAME), mounted: Path::new("/dev").join(NAME), controller };
        // What an earlier run left behind.
        gadget.clean();
        let descriptors = of(Speed::Super);
        for folder in ["", "strings/0x409", CONFIGURATION, FUNCTION] {
            let path = gadget.folder.join(folder);
            fs::create_dir_all(&path).map_err(SimError::io(format!("make {}", path.display()), ROOT))?;
        }
        let word = |at: usize| match descriptors.device.get(at..at + 2) {
            Some([low, high]) => format!("{:#06x}", u16::from_le_bytes([*low, *high])),
            _ => "0".into(),
        };
        gadget.write("idVendor", &word(8))?;
        gadget.write("idProduct", &word(10))?;
        gadget.write("bcdDevice", &word(12))?;
        for (name, text) in ["manufacturer", "product", "serialnumber"].iter().zip(&descriptors.strings) {
            gadget.write(&format!("strings/0x409/{name}"), text)?;
        }
        gadget.write("configs/c.1/MaxPower", "500")?;
        let link = gadget.folder.join(LINK);
        symlink(gadget.folder.join(FUNCTION), &link).map_err(SimError::io(format!("link {}", link.display()), ROOT))?;
        let (ep0, bulk) = gadget.open(of)?;
        Ok((gadget, ep0, bulk))
    }

    fn open(&self, of: impl Fn(Speed) -> Descriptors) -> Result<(File, File), SimError> {
        let at = self.mounted.display();
        fs::create_dir_all(&self.mounted).map_err(SimError::io(format!("make {at}"), ROOT))?;
        mount("ushydra", &self.mounted, "functionfs", MountFlags::empty(), None)
            .map_err(|error| SimError::io(format!("mount functionfs on {at}"), "run as root")(error.into()))?;
        let file = |name: &str| {
            let path = self.mounted.join(name);
            let opened = OpenOptions::new().read(true).write(true).open(&path);
            opened.map_err(SimError::io(format!("open {}", path.display()), ROOT))
        };
        let mut ep0 = file("ep0")?;
        ep0.write_all(&blob::descriptors(of))
            .and_then(|()| ep0.write_all(&blob::strings()))
            .map_err(SimError::io("hand over descriptors to FunctionFS", "see the kernel's messages (dmesg)"))?;
        Ok((ep0, file("ep1")?))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), SimError> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(SimError::io(format!("write {}", path.display()), ROOT))
    }

    /// Shows the gadget to the host.
    ///
    /// # Errors
    /// [`SimError::Io`] where another gadget has the controller.
    pub fn plug(&self) -> Result<(), SimError> {
        self.write("UDC", &self.controller)
    }

    /// Hides it: the host sees it pulled out.
    ///
    /// # Errors
    /// [`SimError::Io`] where the system refuses.
    pub fn unplug(&self) -> Result<(), SimError> {
        self.write("UDC", "\n")
    }

    /// The speed that host and controller agreed on; high speed where the controller does not say.
    #[must_use]
    pub fn speed(&self) -> Speed {
        let path = Path::new(CONTROLLERS).join(&self.controller).join("current_speed");
        match fs::read_to_string(path).unwrap_or_default().trim() {
            "super-speed" | "super-speed-plus" => Speed::Super,
            _ => Speed::High,
        }
    }

    /// The controller's name.
    #[must_use]
    pub fn controller(&self) -> &str {
        &self.controller
    }

    /// Takes everything apart that is there, in the order that configfs wants.
    fn clean(&self) {
        let _ = fs::write(self.folder.join("UDC"), "\n");
        let _ = fs::remove_file(self.folder.join(LINK));
        for folder in ["configs/c.1", "functions/ffs.ushydra", "strings/0x409", ""] {
            let path = self.folder.join(folder);
            // The function stays busy until the last of its files is closed.
            for _ in 0..20 {
                if !path.exists() || fs::remove_dir(&path).is_ok() {
                    break;
                }
                let _ = unmount(&self.mounted, UnmountFlags::DETACH);
                thread::sleep(Duration::from_millis(10));
            }
        }
        let _ = unmount(&self.mounted, UnmountFlags::DETACH);
        let _ = fs::remove_dir(&self.mounted);
    }
}

impl Drop for Gadget {
    fn drop(&mut self) {
        self.clean();
    }
}
