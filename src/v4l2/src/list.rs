//! All cameras of the machine, with what keeps the others from being used.

use std::path::{Path, PathBuf};

use crate::device::Device;
use crate::error::V4l2Error;
use crate::format::{FourCc, Intervals, Sizes};
use crate::identity::{Identity, UsbPlace};
use crate::kernel::{Kernel, System};

/// A picture size and its rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeInfo {
    /// One size or a range.
    pub sizes: Sizes,
    /// Frame intervals; of a range, those of its greatest size.
    pub intervals: Vec<Intervals>,
}

impl SizeInfo {
    /// Highest frame rate; 0 where the driver lists none.
    #[must_use]
    pub fn most_rate(&self) -> f32 {
        self.intervals.iter().map(Intervals::most).fold(0.0, f32::max)
    }
}

/// A pixel format with its sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatInfo {
    /// Pixel format.
    pub fourcc: FourCc,
    /// The driver's name for it.
    pub description: String,
    /// Whether frames differ in length.
    pub compressed: bool,
    /// Sizes in the driver's order.
    pub sizes: Vec<SizeInfo>,
}

impl FormatInfo {
    /// All formats of an opened camera.
    ///
    /// # Errors
    /// [`V4l2Error::Gone`] or [`V4l2Error::System`].
    pub fn read<K: Kernel>(device: &Device<K>) -> Result<Vec<Self>, V4l2Error> {
        let mut formats = Vec::new();
        for (fourcc, description, compressed) in device.formats()? {
            let mut found = Vec::new();
            for sizes in device.sizes(fourcc)? {
                let (Sizes::One(width, height) | Sizes::Range { most: (width, height), .. }) = sizes;
                found.push(SizeInfo { sizes, intervals: device.intervals(fourcc, width, height)? });
            }
            formats.push(Self { fourcc, description, compressed, sizes: found });
        }
        Ok(formats)
    }
}

/// A node that is a camera, or may be one.
#[derive(Debug)]
pub struct Candidate {
    /// The node.
    pub path: PathBuf,
    /// Name as sysfs says it, which needs no permission.
    pub name: Option<String>,
    /// USB device, where there is one.
    pub usb: Option<UsbPlace>,
    /// Identity and formats, or why they cannot be read.
    pub camera: Result<(Identity, Vec<FormatInfo>), V4l2Error>,
}

impl Identity {
    /// Identity of the camera that was opened from `node`.
    pub fn of<S: System>(system: &S, node: &Path, device: &Device<S::Kernel>) -> Self {
        let capabilities = device.capabilities();
        Self {
            card: capabilities.card.clone(),
            driver: capabilities.driver.clone(),
            bus: capabilities.bus.clone(),
            usb: system.usb(node),
        }
    }
}

/// Looks at every video node. Those that deliver no pictures (metadata, outputs, codecs) and those that vanish meanwhile
/// are left out; those that cannot be opened are listed with the reason.
///
/// # Errors
/// [`V4l2Error::System`] where the nodes cannot be listed at all.
pub fn list<S: System>(system: &S) -> Result<Vec<Candidate>, V4l2Error> {
    let nodes = system.nodes().map_err(|error| V4l2Error::System { action: "look for video devices", error })?;
    let mut candidates = Vec::new();
    for path in nodes {
        let camera = match Device::open(system, &path) {
            Err(V4l2Error::NotCapture { .. } | V4l2Error::NotVideo | V4l2Error::Missing | V4l2Error::Gone { .. }) => {
                continue;
            }
            Err(error) => Err(error),
            Ok(device) => FormatInfo::read(&device).map(|formats| (Identity::of(system, &path, &device), formats)),
        };
        candidates.push(Candidate { name: system.name(&path), usb: system.usb(&path), path, camera });
    }
    Ok(candidates)
}
