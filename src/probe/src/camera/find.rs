//! The cameras of this machine.

use std::path::Path;

use ushydra_v4l2::{Candidate as Node, Linux, System, V4l2Error, list};

use super::choose::{choose, listed};
use super::{CameraSettings, fault};
use crate::error::Fault;
use crate::select::{Candidate, CandidateKind};

/// Every camera, also those that cannot be used.
pub(crate) fn candidates() -> Result<Vec<Candidate>, Fault> {
    Ok(nodes(&Linux::default())?.into_iter().map(candidate).collect())
}

/// The first camera with a format that can be read.
///
/// # Errors
/// Where there is none, but one that could be if it could be opened, the reason.
pub(crate) fn first() -> Result<Option<CameraSettings>, Fault> {
    first_of(&Linux::default())
}

pub(super) fn first_of<S: System>(system: &S) -> Result<Option<CameraSettings>, Fault> {
    let mut refused = None;
    for node in nodes(system)? {
        let settings = CameraSettings::new(&node.path);
        match node.camera {
            Ok((_, formats)) if choose(&formats, &settings).is_ok() => return Ok(Some(settings)),
            Ok(_) => {}
            Err(error) => refused = refused.or(Some(fault(&node.path, error))),
        }
    }
    refused.map_or(Ok(None), Err)
}

fn nodes<S: System>(system: &S) -> Result<Vec<Node>, Fault> {
    list(system).map_err(|error| match error {
        V4l2Error::System { action, error } => Fault::Io { action, error },
        other => fault(Path::new("/dev"), other),
    })
}

pub(super) fn candidate(node: Node) -> Candidate {
    let (identity, formats, problem) = match node.camera {
        Ok((identity, formats)) => {
            let problem = choose(&formats, &CameraSettings::new(&node.path)).err();
            (Some(identity), listed(&formats).collect(), problem)
        }
        Err(error) => (None, Vec::new(), Some(fault(&node.path, error))),
    };
    let path = node.path.display();
    let card = identity.as_ref().map(|identity| identity.card.clone());
    let place = match (&node.usb, &identity) {
        (Some(usb), _) => format!("{path}, {usb}"),
        (None, Some(identity)) => format!("{path}, {}", identity.bus),
        (None, None) => path.to_string(),
    };
    Candidate {
        kind: CandidateKind::Camera,
        source: format!("v4l:{path}"),
        name: card.or(node.name).unwrap_or_else(|| "camera".to_owned()),
        place,
        speed: node.usb.and_then(|usb| usb.speed).map(|speed| format!("{speed} Mbit/s")),
        formats,
        problem: problem.map(|problem| problem.to_string()),
    }
}
