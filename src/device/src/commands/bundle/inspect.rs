//! `ushydra bundle inspect`.

use std::path::Path;

use serde::Serialize;
use ushydra_bundle::{Bundle, Digest, Manifest, Statistics, Task};

use super::task_name;
use crate::failure::Failure;
use crate::pipeline::MeasurementSet;
use crate::report::Output;

/// One file of a bundle.
#[derive(Serialize)]
pub(super) struct Part<'a> {
    role: String,
    file: &'a str,
    pub(super) bytes: u64,
    sha256: String,
}

/// The statistics without their large arrays.
#[derive(Serialize)]
struct StatisticsSummary<'a> {
    thresholds: &'a ushydra_bundle::Thresholds,
    domains: &'a [ushydra_bundle::DomainStatistics],
    vector_entries: usize,
    vector_components: usize,
    preprocessing: &'a str,
}

impl<'a> From<&'a Statistics> for StatisticsSummary<'a> {
    fn from(statistics: &'a Statistics) -> Self {
        Self {
            thresholds: &statistics.thresholds,
            domains: &statistics.domains,
            vector_entries: statistics.vector.entries,
            vector_components: statistics.vector.components,
            preprocessing: &statistics.preprocessing,
        }
    }
}

#[derive(Serialize)]
struct Inspection<'a> {
    path: &'a Path,
    bundle: String,
    manifest: &'a Manifest,
    statistics: StatisticsSummary<'a>,
    files: Vec<Part<'a>>,
}

pub(super) fn inspect(folder: &Path, output: &mut Output) -> Result<(), Failure> {
    let bundle = Bundle::open(folder)?;
    let files = parts(&bundle);
    let statistics = bundle.statistics();
    if output.is_json() {
        let statistics = statistics.into();
        let manifest = bundle.manifest();
        return output.json(&Inspection { path: folder, bundle: bundle.id(), manifest, statistics, files });
    }
    let manifest = bundle.manifest();
    output.text(format_args!("{} in {}", bundle.id(), folder.display()))?;
    output.text(format_args!("task        {}: {}", task_name(manifest.task), manifest.labels.join(", ")))?;
    if manifest.task == Task::Segment {
        output.text(format_args!("measures    {}", MeasurementSet::of(manifest).describe()))?;
    }
    output.text(format_args!("licence     {}", manifest.licence))?;
    for part in &manifest.provenance {
        output.text(format_args!(
            "source      {} ({}, {}): {}",
            part.name, part.used_for, part.licence, part.attribution
        ))?;
    }
    output.text(format_args!("input       {}", manifest.input.fingerprint()))?;
    output.text(format_args!("features    {}", manifest.encoder.features))?;
    let mode: ushydra_core::Metric = manifest.routing.mode.into();
    output.text(format_args!(
        "routing     {}, weight {}",
        crate::routing::metric_name(mode),
        manifest.routing.weight
    ))?;
    output.text(format_args!(
        "hysteresis  a switch needs {} of {} frames",
        manifest.hysteresis.needed, manifest.hysteresis.window
    ))?;
    output.text(format_args!(
        "gate        probability at least {}, age at most {} ms",
        manifest.gate.min_probability, manifest.gate.max_age_ms
    ))?;
    let thresholds = &statistics.thresholds;
    output.text(format_args!(
        "thresholds  paper {:.4}, released {:.4}, vector {:.4} (quantile {})",
        thresholds.paper, thresholds.released, thresholds.vector, thresholds.quantile
    ))?;
    for domain in &statistics.domains {
        output.text(format_args!(
            "domain      {:<10} mean {:+.5} std {:.5} released std {:.5} from {} images: {}",
            domain.name, domain.mean, domain.std, domain.released_std, domain.count, domain.provenance
        ))?;
    }
    for part in &files {
        output.text(format_args!(
            "file        {:<28} {:>12} bytes  {}  {}",
            part.file, part.bytes, part.role, part.sha256
        ))?;
    }
    Ok(())
}

/// Every file of the bundle with its size.
pub(super) fn parts(bundle: &Bundle) -> Vec<Part<'_>> {
    let manifest = bundle.manifest();
    let part = |role: &str, file, sha256: &Digest, path: &Path| Part {
        role: role.to_owned(),
        file,
        bytes: std::fs::metadata(path).map_or(0, |m| m.len()),
        sha256: sha256.to_string(),
    };
    let encoder = &manifest.encoder;
    let mut parts = vec![part("encoder", &*encoder.file, &encoder.sha256, bundle.encoder_path())];
    for (decoder, path) in manifest.decoders.iter().zip(bundle.decoder_paths()) {
        parts.push(part(&format!("decoder {}", decoder.domain), &*decoder.file, &decoder.sha256, path));
        for (dialect, spec) in decoder.int8.iter().flat_map(|int8| [("qdq", &int8.qdq), ("qop", &int8.qop)]) {
            let role = format!("decoder {}, int8 {dialect}", decoder.domain);
            parts.push(part(&role, &*spec.file, &spec.sha256, &bundle.root().join(&spec.file)));
        }
    }
    let inside = |file: &str| bundle.root().join(file);
    let golden = &manifest.golden;
    for (role, spec, path) in [
        ("statistics", &manifest.statistics, bundle.statistics_path().to_owned()),
        ("golden input", &golden.input, inside(&golden.input.file)),
        ("golden values", &golden.expected, inside(&golden.expected.file)),
        ("model card", &manifest.card, bundle.card_path().to_owned()),
    ] {
        parts.push(part(role, &*spec.file, &spec.sha256, &path));
    }
    if let Some((spec, path)) = manifest.quantisation.as_ref().zip(bundle.quantisation_path()) {
        parts.push(part("int8 ranges and figures", &*spec.file, &spec.sha256, path));
    }
    parts
}
