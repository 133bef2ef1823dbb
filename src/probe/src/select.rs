//! Live sources by name, and the list of what is plugged in.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::camera::{self, CameraDriver, CameraSettings};
use crate::error::Fault;
use crate::frame::FrameSource;
use crate::live::{Driver, Live, Session, SessionFault};
use crate::usb::{self, UsbDriver, UsbSettings};
use crate::{Frame, LinkCounters};

/// Which live device frames come from.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveChoice {
    /// The first probe, or the first camera where no probe is plugged in.
    Auto,
    /// A probe that speaks the open USB protocol: `usb[:SERIAL]`.
    Usb(UsbSettings),
    /// A camera, a video grabber or a UVC probe: `v4l:/dev/videoN`.
    Camera(CameraSettings),
}

impl LiveChoice {
    /// A source that waits for the device, delivers its frames and finds it again after every loss. It never ends.
    #[must_use]
    pub fn open(self) -> Box<dyn FrameSource> {
        match self {
            Self::Auto => Box::new(Live::new(AutoDriver::default())),
            Self::Usb(settings) => Box::new(Live::new(UsbDriver::new(settings))),
            Self::Camera(settings) => Box::new(Live::new(CameraDriver::new(settings))),
        }
    }
}

impl FromStr for LiveChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            Ok(Self::Auto)
        } else if let Some(camera) = text.strip_prefix("v4l:") {
            camera.parse().map(Self::Camera)
        } else if let Some(probe) = text.strip_prefix("usb") {
            probe.parse().map(Self::Usb)
        } else {
            Err(format!("`{text}` is no live source; use auto, usb[:SERIAL] or v4l:/dev/videoN"))
        }
    }
}

impl fmt::Display for LiveChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Usb(settings) => settings.fmt(f),
            Self::Camera(settings) => write!(f, "v4l:{settings}"),
        }
    }
}

/// What kind of device a candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CandidateKind {
    /// A probe that speaks the open USB protocol.
    Probe,
    /// A V4L2 capture device.
    Camera,
}

/// A device that could be a source.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    /// What it is.
    pub kind: CandidateKind,
    /// How `--source` names it.
    pub source: String,
    /// Name of maker and model.
    pub name: String,
    /// Where it is plugged in, or its device node.
    pub place: String,
    /// Speed of the connection, where known.
    pub speed: Option<String>,
    /// Formats with sizes and rates.
    pub formats: Vec<String>,
    /// Why it cannot be used, and what to do.
    pub problem: Option<String>,
}

/// Every probe and camera that this machine sees, also those that it cannot use.
///
/// # Errors
/// [`Fault::Io`] where the system lists no devices at all.
pub fn candidates() -> Result<Vec<Candidate>, Fault> {
    let mut all = usb::candidates()?;
    all.extend(camera::candidates()?);
    Ok(all)
}

/// Takes what is there, and stays with the kind that it took: a tablet's own camera must not step in for a probe that was
/// unplugged.
#[derive(Default)]
struct AutoDriver {
    taken: Option<Taken>,
    usb: Option<UsbDriver>,
}

enum Taken {
    Usb,
    Camera(Box<CameraDriver>),
}

impl AutoDriver {
    fn usb(&mut self) -> &mut UsbDriver {
        self.usb.get_or_insert_with(|| UsbDriver::new(UsbSettings::default()))
    }
}

impl Driver for AutoDriver {
    type Session = Box<dyn Session>;

    fn open(&mut self) -> Result<Option<Self::Session>, Fault> {
        if let Some(Taken::Camera(driver)) = &mut self.taken {
            return Ok(driver.open()?.map(|session| Box::new(session) as Self::Session));
        }
        if let Some(session) = self.usb().open()? {
            self.taken = Some(Taken::Usb);
            return Ok(Some(Box::new(session)));
        }
        if self.taken.is_some() {
            return Ok(None);
        }
        let Some(settings) = camera::first()? else { return Ok(None) };
        let mut driver = CameraDriver::new(settings);
        let session = driver.open()?;
        self.taken = session.is_some().then(|| Taken::Camera(Box::new(driver)));
        Ok(session.map(|session| Box::new(session) as Self::Session))
    }

    fn ended(&mut self, cause: &Fault) {
        match &mut self.taken {
            Some(Taken::Camera(driver)) => driver.ended(cause),
            _ => self.usb().ended(cause),
        }
    }

    fn wait(&mut self, timeout: Duration) {
        match &mut self.taken {
            Some(Taken::Camera(driver)) => driver.wait(timeout),
            _ => self.usb().wait(timeout),
        }
    }

    fn describe(&self) -> String {
        "auto".to_owned()
    }
}

impl Session for Box<dyn Session> {
    fn next(&mut self, frame: &mut Frame, timeout: Duration) -> Result<bool, SessionFault> {
        (**self).next(frame, timeout)
    }

    fn name(&self) -> Arc<str> {
        (**self).name()
    }

    fn link(&self) -> LinkCounters {
        (**self).link()
    }

    fn describe(&self) -> String {
        (**self).describe()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn live_sources_parse_and_print_back() {
        for text in ["auto", "usb", "usb:SIM-0001", "usb?format=mjpeg", "v4l:/dev/video0"] {
            assert_eq!(text.parse::<LiveChoice>().unwrap().to_string(), text);
        }
        for text in ["", "automatic", "v4l", "v4l:", "usb:", "usbx", "uvc:0"] {
            assert!(text.parse::<LiveChoice>().is_err(), "{text}");
        }
    }
}
