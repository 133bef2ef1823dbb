//! Cameras, HDMI grabbers and UVC probes, through Video4Linux2.

mod choose;
mod driver;
mod find;
mod session;
mod settings;

pub(crate) use driver::CameraDriver;
pub(crate) use find::{candidates, first};
pub use settings::{CameraFormat, CameraSettings, Range, Rect};

use std::path::Path;

use ushydra_v4l2::V4l2Error;

use crate::error::Fault;

/// A camera's fault as that of a source.
fn fault(node: &Path, error: V4l2Error) -> Fault {
    let device = || node.display().to_string();
    match error {
        V4l2Error::Permission => Fault::Permission { device: device() },
        V4l2Error::Busy { .. } => Fault::Busy { device: device() },
        V4l2Error::Gone { action } => Fault::Gone { detail: format!("{} does not let us {action}", device()) },
        other => Fault::Camera(other),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests;
