//! `ushydra bundle list|inspect|verify`.

use std::path::{Path, PathBuf};

use serde::Serialize;
use ushydra_bundle::{Bundle, Digest, Manifest, Statistics, Task};
use ushydra_engine::Models;

use crate::cli::{BundleCommand, Settings};
use crate::failure::Failure;
use crate::locate;
use crate::pipeline::MeasurementSet;
use crate::report::{Checks, Output};

pub(super) fn bundle(command: &BundleCommand, settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    let chosen = |dir: &Option<PathBuf>| locate::bundle(dir.as_deref().or(settings.bundle.as_deref()));
    match command {
        BundleCommand::List => list(output),
        BundleCommand::Inspect { dir } => inspect(&chosen(dir)?, output),
        BundleCommand::Verify { dir } => verify(&chosen(dir)?, settings, output),
    }
}

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

fn list(output: &mut Output) -> Result<(), Failure> {
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

fn task_name(task: Task) -> &'static str {
    match task {
        Task::Classify => "classify",
        Task::Segment => "segment",
    }
}

/// One file of a bundle.
#[derive(Serialize)]
struct Part<'a> {
    role: String,
    file: &'a str,
    bytes: u64,
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

fn inspect(folder: &Path, output: &mut Output) -> Result<(), Failure> {
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
fn parts(bundle: &Bundle) -> Vec<Part<'_>> {
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
    parts
}

fn verify(folder: &Path, settings: &Settings, output: &mut Output) -> Result<(), Failure> {
    let mut checks = Checks::new(output);
    let bundle = check_bundle(&mut checks, folder, settings)?.map(|(bundle, _)| bundle);
    let subject = Verified { path: folder, bundle: bundle.as_ref().map(Bundle::id) };
    checks.finish(subject)
}

#[derive(Serialize)]
struct Verified<'a> {
    path: &'a Path,
    bundle: Option<String>,
}

/// Hashes, shapes and golden self-test; shared with `selftest`.
pub(super) fn check_bundle(
    checks: &mut Checks<'_>,
    folder: &Path,
    settings: &Settings,
) -> Result<Option<(Bundle, Models)>, Failure> {
    let opened = checks.make("manifest and hashes", || {
        let bundle = Bundle::open(folder)?;
        let bytes: u64 = parts(&bundle).iter().map(|part| part.bytes).sum();
        let detail = format!("{} in {}: {} files, {bytes} bytes", bundle.id(), folder.display(), parts(&bundle).len());
        Ok((bundle, detail))
    })?;
    let Some(bundle) = opened else { return Ok(None) };
    let loaded = checks.make("models and shapes", || {
        let models = Models::load(&bundle, settings.backend, &settings.engine())?;
        let (count, backend) = (models.decoder_count(), models.backend());
        let detail = format!("encoder and {count} decoders on {backend} in {}", models.precisions());
        Ok((models, detail))
    })?;
    let Some(mut models) = loaded else { return Ok(None) };
    let tested = checks.make("golden self-test", || {
        let report = models.self_test(&bundle)?;
        Ok(((), format!("{report}")))
    })?;
    Ok(tested.map(|()| (bundle, models)))
}
