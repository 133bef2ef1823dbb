//! Finding a camera, finding it again, and starting it.

use std::path::{Path, PathBuf};

use ushydra_v4l2::{Device, FormatInfo, Fraction, Identity, Likeness, Linux, System, V4l2Error};

use super::choose::choose;
use super::fault;
use super::session::CameraSession;
use super::settings::{CameraFormat, CameraSettings};
use crate::error::Fault;
use crate::limits::Limits;
use crate::live::Driver;

/// Enough for a decoder that is late once, few enough that no old picture waits in one.
const BUFFERS: u32 = 4;
/// A rate is another one beyond this share of the one that was asked for.
const RATE_SHARE: f32 = 0.05;

/// Opens the camera that the settings name, and after a loss only that one.
pub(crate) struct CameraDriver<S: System = Linux> {
    system: S,
    settings: CameraSettings,
    /// The camera that delivered frames.
    known: Option<Identity>,
    /// That another camera of the model is there was said.
    told: bool,
}

impl CameraDriver {
    pub(crate) fn new(settings: CameraSettings) -> Self {
        Self::on(Linux::default(), settings)
    }
}

impl<S: System> CameraDriver<S> {
    pub(super) fn on(system: S, settings: CameraSettings) -> Self {
        Self { system, settings, known: None, told: false }
    }

    /// The node of the camera; none where it is not plugged in.
    fn locate(&mut self) -> Result<Option<PathBuf>, Fault> {
        let Some(known) = self.known.clone() else {
            return Ok(self.system.resolve(&self.settings.path).ok());
        };
        let nodes = self.system.nodes().map_err(|error| Fault::Io { action: "look for video devices", error })?;
        let (mut moved, mut twins) = (Vec::new(), Vec::new());
        for node in nodes {
            match self.likeness(&known, &node) {
                Likeness::Same => return Ok(Some(node)),
                Likeness::Moved => moved.push(node),
                Likeness::Model => twins.push(node),
                Likeness::Different => {}
            }
        }
        match (moved.as_slice(), twins.first()) {
            ([node], _) => Ok(Some(node.clone())),
            ([], None) => Ok(None),
            ([], Some(twin)) => self.doubt(&known, twin, "has no serial number"),
            ([first, ..], _) => self.doubt(&known, first, "has the serial number of another one"),
        }
    }

    /// How much the camera at `node` is the known one. USB cameras are not opened for that.
    fn likeness(&self, known: &Identity, node: &Path) -> Likeness {
        match self.system.usb(node) {
            Some(usb) => known.likeness(&Identity { usb: Some(usb), ..known.clone() }),
            None if known.usb.is_some() => Likeness::Different,
            None => Device::open(&self.system, node)
                .map_or(Likeness::Different, |device| known.likeness(&Identity::of(&self.system, node, &device))),
        }
    }

    /// A camera that may be the known one is not taken. That is said once, and the known one is waited for.
    fn doubt<T>(&mut self, known: &Identity, node: &Path, reason: &str) -> Result<Option<T>, Fault> {
        if std::mem::replace(&mut self.told, true) {
            return Ok(None);
        }
        let what = format!("taking the camera at {} for {known}, because it {reason},", node.display());
        Err(Fault::Unsupported { what, remedy: "plug the camera into its old port, or start the program again" })
    }

    /// Sets the camera up and starts it.
    fn start(&self, node: &Path, mut device: Device<S::Kernel>) -> Result<CameraSession<S::Kernel>, Fault> {
        let failed = |error| fault(node, error);
        let settings = &self.settings;
        let (kind, wanted) = choose(&FormatInfo::read(&device).map_err(failed)?, settings)?;
        let format = device.set_format(wanted).map_err(failed)?;
        Limits::default().check_pixels(format.width, format.height)?;
        if let Some(crop) = settings.crop
            && !crop.fits(format.width, format.height)
        {
            let what = format!("crop={crop}, which leaves the picture of {}x{},", format.width, format.height);
            return Err(Fault::Unsupported { what, remedy: "choose a rectangle X,Y,WIDTH,HEIGHT inside the picture" });
        }
        let mut rate = None;
        if let Some(interval) = settings.rate.and_then(Fraction::from_rate) {
            rate = device.set_interval(interval).map_err(failed)?.map(Fraction::rate);
            if rate.is_none_or(|found| (found - interval.rate()).abs() > RATE_SHARE * interval.rate()) {
                let found = rate.map_or("a rate of its own".to_owned(), |rate| format!("{rate} Hz"));
                log::warn!("{settings}: asked for {} Hz, the camera takes {found}", interval.rate());
            }
        }
        let identity = Identity::of(&self.system, node, &device);
        let rate = rate.map_or(String::new(), |rate| format!(" at {rate} Hz"));
        let words = format!("{identity} at {}: {format}{rate}", node.display());
        let capture = device.stream(format, BUFFERS).map_err(failed)?;
        CameraSession::new(capture, kind, settings, node, words)
    }
}

impl<S: System> Driver for CameraDriver<S> {
    type Session = CameraSession<S::Kernel>;

    fn open(&mut self) -> Result<Option<Self::Session>, Fault> {
        let Some(node) = self.locate()? else { return Ok(None) };
        let device = match Device::open(&self.system, &node) {
            Err(V4l2Error::Missing | V4l2Error::Gone { .. }) => return Ok(None),
            opened => opened.map_err(|error| fault(&node, error))?,
        };
        // The node may have changed hands since it was looked at.
        let identity = Identity::of(&self.system, &node, &device);
        if self.known.as_ref().is_some_and(|known| known.likeness(&identity) < Likeness::Moved) {
            return Ok(None);
        }
        let session = match self.start(&node, device) {
            Err(Fault::Gone { .. }) => return Ok(None),
            started => started?,
        };
        if node != self.settings.path {
            log::info!("{}: {identity} is {}", self.settings, node.display());
        }
        self.known = Some(identity);
        self.told = false;
        Ok(Some(session))
    }

    fn describe(&self) -> String {
        format!("v4l:{}", self.settings)
    }
}

impl CameraFormat {
    /// Bytes from one luminance to the next, where there are any.
    pub(super) const fn step(self) -> Option<usize> {
        match self {
            Self::Grey => Some(1),
            Self::Yuyv => Some(2),
            Self::Mjpeg => None,
        }
    }
}
