//! The value of `--source`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use ushydra_probe::{FileSource, FrameSource, LiveChoice, Pace, PhantomSource, Simulation};

use crate::failure::Failure;

/// Where frames come from.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceChoice {
    /// A probe or a camera.
    Live(LiveChoice),
    /// Replay of a file or folder.
    File(PathBuf),
    /// A simulated patient.
    Phantom(Simulation),
}

impl SourceChoice {
    /// Whether it is a device, which has frames only when it pleases.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    /// Opens the source. A simulation without a number of frames has no end, so `looping` changes nothing there; one with a
    /// number ends all the same.
    ///
    /// # Errors
    /// [`Failure::Input`] for files that are not there, [`Failure::Usage`] for a setting that the simulator refuses.
    pub fn open(&self, pace: Pace, looping: bool) -> Result<Box<dyn FrameSource>, Failure> {
        match self {
            Self::Live(choice) => Ok(choice.clone().open()),
            Self::File(path) => {
                let source = FileSource::open(std::slice::from_ref(path), pace, looping);
                Ok(Box::new(source.map_err(|e| Failure::input(&e))?))
            }
            Self::Phantom(simulation) => {
                let source = PhantomSource::new(simulation.clone(), pace);
                Ok(Box::new(source.map_err(|e| Failure::Usage(format!("--source {e}")))?))
            }
        }
    }
}

impl FromStr for SourceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            Some(("phantom", simulation)) => simulation.parse().map(Self::Phantom),
            _ if text == "auto" || text.starts_with("usb") || text.starts_with("v4l:") => text.parse().map(Self::Live),
            _ => Err(format!(
                "`{text}` is no source; use auto, usb[:SERIAL], v4l:/dev/videoN, file:PATH or \
                 phantom:VIEW[:DOMAIN[:SEED[:FRAMES]]]"
            )),
        }
    }
}

impl fmt::Display for SourceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(choice) => choice.fmt(f),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Phantom(simulation) => write!(f, "phantom:{simulation}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_parse_and_print_back() {
        for text in [
            "file:a.dcm",
            "file:C:/a b.avi",
            "file:folder/",
            "phantom:a4c:low:1",
            "usb:SIM-0001",
            "auto",
            "v4l:/dev/video2",
        ] {
            assert_eq!(text.parse::<SourceChoice>().map(|s| s.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "file:", "a.dcm", "uvc:0", "phantom:", "phantom:liver", "usb:", "v4l:"] {
            assert!(text.parse::<SourceChoice>().is_err(), "{text}");
        }
    }
}
