//! `ushydra bundle list`.

use std::path::PathBuf;

use serde::Serialize;
use ushydra_bundle::{Manifest, Task};

use super::task_name;
use crate::failure::Failure;
use crate::locate;
use crate::report::Output;

/// One installed bundle.
#[derive(Serialize)]
struct Listed {
    path: PathBuf,
    #[serde(flatten)]
    found: Found,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Found {
    Bundle { bundle: String, task: Task, labels: Vec<String>, domains: Vec<String> },
    Damaged { error: String },
}

pub(super) fn list(output: &mut Output) -> Result<(), Failure> {
    for folder in locate::search_path() {
        let bundles = locate::bundles_in(&folder);
        if !output.is_json() {
            let state = match bundles.len() {
                _ if !folder.is_dir() => "not there".to_owned(),
                1 => "1 bundle".to_owned(),
                count => format!("{count} bundles"),
            };
            output.text(format_args!("{}: {state}", folder.display()))?;
        }
        for path in bundles {
            let found = match Manifest::read(&path) {
                Ok(m) => Found::Bundle { bundle: m.id(), task: m.task, labels: m.labels, domains: m.domains },
                Err(error) => Found::Damaged { error: error.to_string() },
            };
            let listed = Listed { path, found };
            if output.is_json() {
                output.json(&listed)?;
                continue;
            }
            match &listed.found {
                Found::Bundle { bundle, task, labels, domains } => output.text(format_args!(
                    "  {bundle:<28} {:<10} labels: {}; domains: {}",
                    task_name(*task),
                    labels.join(", "),
                    domains.join(", ")
                ))?,
                Found::Damaged { error } => output.text(format_args!("  DAMAGED {error}"))?,
            }
        }
    }
    Ok(())
}
