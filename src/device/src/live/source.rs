//! The value of `--source`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use ushydra_probe::{FileSource, FrameSource, Pace, PhantomSource, Simulation};

use crate::failure::Failure;

/// Where frames come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceChoice {
    /// Replay of a file or folder.
    File(PathBuf),
    /// A simulated patient.
    Phantom(Simulation),
}

impl SourceChoice {
    /// Opens the source. A simulation without a number of frames has no end, so `looping` changes nothing there; one with a
    /// number ends all the same.
    ///
    /// # Errors
    /// [`Failure::Input`] for files that are not there, [`Failure::Usage`] for a setting that the simulator refuses.
    pub fn open(&self, pace: Pace, looping: bool) -> Result<Box<dyn FrameSource>, Failure> {
        match self {
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
            _ => Err(format!("`{text}` is no source; use file:PATH or phantom:VIEW[:DOMAIN[:SEED[:FRAMES]]]")),
        }
    }
}

impl fmt::Display for SourceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
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
        for text in
            ["file:a.dcm", "file:C:/a b.avi", "file:folder/", "phantom:a4c:low:1", "phantom:fetal-head:high:7:30"]
        {
            assert_eq!(text.parse::<SourceChoice>().map(|s| s.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "file:", "a.dcm", "uvc:0", "phantom:", "phantom:liver"] {
            assert!(text.parse::<SourceChoice>().is_err(), "{text}");
        }
    }
}
