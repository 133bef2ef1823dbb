//! `ushydra board check --first-boot`: once after installation, before the service starts.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use ushydra_bundle::Day;

use super::Board;
use crate::cli::Settings;
use crate::commands::bundle::check_bundle;
use crate::failure::Failure;
use crate::locate;
use crate::report::{Checks, Output};

/// File in the state folder that says that the check was passed.
const STAMP: &str = "first-boot.json";

/// What was checked.
#[derive(Serialize)]
pub(super) struct Subject<'a> {
    board: &'a str,
    model: Option<&'a str>,
    version: &'static str,
}

impl<'a> Subject<'a> {
    pub(super) fn of(board: &'a Board) -> Self {
        Self {
            board: &board.identity.profile.name,
            model: board.identity.model.as_deref(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// The stamp's content.
#[derive(Serialize)]
struct Stamp<'a> {
    #[serde(flatten)]
    subject: Subject<'a>,
    day: Day,
}

pub(super) fn check(board: &Board, settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    let stamp = locate::state().join(STAMP);
    let mut checks = Checks::new(output);
    if stamp.is_file() {
        checks.note("first boot", format!("was passed before, says {}", stamp.display()))?;
        return checks.finish(Subject::of(board));
    }
    board.examine(&mut checks, settings)?;
    if let Some(folder) = checks.make("bundle in use", || {
        let folder = locate::live_bundle(settings.bundle.as_deref())?;
        let detail = folder.display().to_string();
        Ok((folder, detail))
    })? {
        check_bundle(&mut checks, &folder, settings)?;
    }
    if checks.failed() == 0 {
        checks.make("first boot", || {
            write(&stamp, &Stamp { subject: Subject::of(board), day: Day::today() })?;
            Ok(((), format!("passed, written to {}", stamp.display())))
        })?;
    }
    checks.finish(Subject::of(board))
}

/// A power cut leaves either no stamp or a whole one.
fn write(path: &Path, stamp: &Stamp<'_>) -> Result<(), Failure> {
    let text = serde_json::to_string(stamp).map_err(|e| Failure::Internal(e.to_string()))?;
    let new = path.with_extension("new");
    let failed = |cause| Failure::Output { what: path.display().to_string(), cause };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = File::create(&new).map_err(failed)?;
    writeln!(file, "{text}").and_then(|()| file.sync_all()).and_then(|()| fs::rename(&new, path)).map_err(failed)
}
