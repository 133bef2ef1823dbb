//! int8 decoders into their bundle: files first, the manifest that names them last.

use std::path::{Path, PathBuf};

use ushydra_bundle::{Bundle, DecoderQuantisation, FileSpec, Int8Spec, Quantisation, SCHEMA_VERSION, Task};
use ushydra_engine::{Backend, EngineOptions, Models, Precision};

use super::run::{Int8Result, QuantisationReport};
use crate::error::{HostError, Result};
use crate::files;
use crate::report::markdown;

/// Head of the section of the model card that is written here.
const SECTION: &str = "## int8 decoders";

/// Copies the bundle in `from` with its statistics to `<root>/models/<name>` and `<root>/calibration`, and returns the former.
/// The manifest is copied last.
///
/// # Errors
/// [`HostError::Bundle`] and file errors.
pub fn copy(from: &Path, root: &Path) -> Result<PathBuf> {
    let bundle = Bundle::open(from)?;
    let manifest = bundle.manifest();
    let folder = root.join("models").join(&manifest.name);
    let statistics = bundle.statistics_path();
    files::write_atomic(&root.join(&manifest.statistics.file), &files::read(statistics)?)?;
    let golden = [&manifest.golden.input.file, &manifest.golden.expected.file];
    let decoders = manifest.decoders.iter().map(|decoder| &decoder.file);
    let names = [&manifest.encoder.file, &manifest.card.file].into_iter().chain(golden).chain(decoders);
    for name in names {
        files::write_atomic(&folder.join(name), &files::read(&bundle.root().join(name))?)?;
    }
    let mut plain = manifest.clone();
    plain.quantisation = None;
    plain.decoders.iter_mut().for_each(|decoder| decoder.int8 = None);
    plain.write(&folder)?;
    Ok(folder)
}

/// Writes what the report found into the bundle in `folder`: both forms of every decoder that passed the gate, the document of
/// ranges and figures beside the statistics, a section of the model card, and at last the manifest. Decoders that did not pass
/// are f32 only, whatever the bundle held before.
///
/// # Errors
/// [`HostError::Bundle`], [`HostError::Engine`] where the result does not run, and file errors.
pub fn write(folder: &Path, report: &QuantisationReport) -> Result<()> {
    let bundle = Bundle::open(folder)?;
    let mut manifest = bundle.manifest().clone();
    let outdated: Vec<PathBuf> = outdated(&bundle);
    let mut described = Vec::new();
    for (spec, result) in manifest.decoders.iter_mut().zip(&report.decoders) {
        spec.int8 = None;
        let Some(int8) = result.int8.as_ref().filter(|_| result.breaches.is_empty()) else { continue };
        let [qdq, qop] = ["qdq", "qop"].map(|form| format!("decoders/{}.{form}.onnx", spec.domain));
        let forms = int8.forms(&folder.join(&spec.file))?;
        files::write_atomic(&folder.join(&qdq), &forms[0])?;
        files::write_atomic(&folder.join(&qop), &forms[1])?;
        spec.int8 = Some(Int8Spec { qdq: FileSpec::of(folder, &qdq)?, qop: FileSpec::of(folder, &qop)? });
        described.push(describe(spec, int8, report.disjoint));
    }
    manifest.quantisation = None;
    if !described.is_empty() {
        let beside = bundle.statistics_path().parent().unwrap_or(folder);
        let name = format!("{}-int8.toml", manifest.name);
        let document = Quantisation {
            schema_version: SCHEMA_VERSION,
            bundle: manifest.name.clone(),
            encoder_sha256: manifest.encoder.sha256,
            provenance: provenance(report),
            pictures: report.pictures[0] as u64,
            seed: report.seed,
            decoders: described,
        };
        document.write(&beside.join(&name))?;
        // Named as the statistics are: from the folder that holds both.
        let prefix =
            manifest.statistics.file.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        manifest.quantisation =
            Some(FileSpec { file: format!("{prefix}{name}"), sha256: FileSpec::of(beside, &name)?.sha256 });
    }
    let size = |path: &PathBuf| std::fs::metadata(path).map(|m| m.len()).map_err(HostError::io("read", path));
    let shipped = bundle.decoder_paths().iter().map(size).collect::<Result<Vec<u64>>>()?;
    let card = folder.join(&manifest.card.file);
    let text = String::from_utf8(files::read(&card)?).map_err(|e| HostError::damaged(&card, e))?;
    files::write_atomic(&card, with_section(&text, &section(report, manifest.task, &shipped)).as_bytes())?;
    manifest.card = FileSpec::of(folder, &manifest.card.file)?;
    manifest.write(folder)?;

    let bundle = Bundle::open(folder)?;
    for old in outdated.iter().filter(|old| !named(&bundle, old)) {
        std::fs::remove_file(old).map_err(HostError::io("remove", old))?;
    }
    if bundle.quantisation().is_some() {
        let options = EngineOptions { precision: Some(Precision::Int8), ..EngineOptions::default() };
        Models::load(&bundle, Backend::Tract, &options)?;
    }
    Ok(())
}

/// Which pictures did what, and the cross-validation where there is one.
fn provenance(report: &QuantisationReport) -> String {
    let folds = report.cross_validation.as_ref().map_or_else(String::new, |folds| format!("; {}", folds.words()));
    format!("{}{folds}", report.provenance)
}

/// int8 files that the bundle names now.
fn outdated(bundle: &Bundle) -> Vec<PathBuf> {
    let paths = (0..bundle.decoder_paths().len()).filter_map(|index| bundle.int8_paths(index));
    paths.flat_map(|paths| [paths.qdq.clone(), paths.qop.clone()]).collect()
}

fn named(bundle: &Bundle, file: &Path) -> bool {
    outdated(bundle).iter().any(|named| named == file)
}

fn describe(spec: &ushydra_bundle::DecoderSpec, int8: &Int8Result, disjoint: bool) -> DecoderQuantisation {
    let [float_bytes, qdq_bytes, qop_bytes] = int8.bytes;
    DecoderQuantisation {
        domain: spec.domain.clone(),
        float_sha256: spec.sha256,
        method: int8.search.method,
        float_layers: int8.search.float_layers.clone(),
        float_bytes,
        qdq_bytes,
        qop_bytes,
        validation: int8.search.choice.clone(),
        test: int8.figures.test.clone().filter(|_| disjoint),
        parity: int8.figures.parity.clone(),
        ranges: int8.ranges.clone(),
    }
}

/// The card with this section: in the place of an older one, or at the end.
fn with_section(card: &str, section: &str) -> String {
    let (before, rest) = match card.find(&format!("\n{SECTION}\n")) {
        Some(at) => (&card[..at], &card[at + 1 + SECTION.len()..]),
        None => (card, ""),
    };
    let after = rest.find("\n## ").map_or("", |at| &rest[at..]);
    format!("{}\n\n{SECTION}\n\n{section}{after}", before.trim_end())
}

/// Figures of every decoder, for the model card; `shipped` are the bytes of the f32 files as they are.
fn section(report: &QuantisationReport, task: Task, shipped: &[u64]) -> String {
    let what = match task {
        Task::Classify => "accuracy",
        Task::Segment => "Dice",
    };
    let mut rows = vec![
        ["decoder", "method", "f32", "int8", "pictures", "agreement", "size", "ships as"].map(str::to_owned).to_vec(),
    ];
    rows[0][2] = format!("{what} f32");
    rows[0][3] = format!("{what} int8");
    for decoder in &report.decoders {
        let Some(int8) = &decoder.int8 else {
            let mut row = vec![decoder.domain.clone()];
            row.extend(std::iter::repeat_n("-".to_owned(), rows[0].len() - 2));
            row.push("f32".to_owned());
            rows.push(row);
            continue;
        };
        let judged = int8.figures.test.as_ref().unwrap_or(&int8.search.choice);
        rows.push(vec![
            decoder.domain.clone(),
            serde_json::to_value(int8.search.method)
                .ok()
                .and_then(|v| v.as_str().map(str::to_owned))
                .unwrap_or_default(),
            format!("{:.4}", judged.float),
            format!("{:.4}", judged.int8),
            judged.pictures.to_string(),
            format!("{:.4}", int8.figures.parity.agreement),
            format!("1/{:.2}", int8.figures.ratio),
            if decoder.breaches.is_empty() { "f32 and int8" } else { "f32" }.to_owned(),
        ]);
    }
    let [calibration, choice, test] = report.pictures;
    // Weights stored as f16 are half of what the gate compares with, which a reader should not have to find out.
    let halves = report.decoders.iter().zip(shipped).filter_map(|(decoder, shipped)| {
        let [float, qdq, qop] = decoder.int8.as_ref()?.bytes;
        (*shipped < float).then(|| *shipped as f64 / qdq.max(qop) as f64)
    });
    let halves = halves.fold(None, |least: Option<f64>, ratio| Some(least.map_or(ratio, |l| l.min(ratio))));
    let stored = halves.map_or_else(String::new, |ratio| {
        format!(" (the f32 files store weights as f16 and are {ratio:.2} times as large as the int8 files)")
    });
    format!(
        "{}\n{calibration} pictures for the ranges, {choice} for the choice, {test} for the figures: {}. Agreement: of int8 with f32 \
         on the pictures of the ranges ({}). Size: against weights as f32{stored}. The encoder, and with it the routing, is the same.\n",
        markdown(&rows),
        provenance(report),
        match task {
            Task::Classify => "share of equal labels",
            Task::Segment => "Dice coefficient of the masks",
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_replaces_the_older_one() {
        let card = "# name\n\n## Evaluation\n\ngood\n";
        let once = with_section(card, "one\n");
        assert_eq!(once, format!("# name\n\n## Evaluation\n\ngood\n\n{SECTION}\n\none\n"));
        assert_eq!(with_section(&once, "two\n"), once.replace("one", "two"));
        let amid = format!("# name\n\n{SECTION}\n\nold\n\n## Limits\n\nmany\n");
        assert_eq!(with_section(&amid, "new\n"), format!("# name\n\n{SECTION}\n\nnew\n\n## Limits\n\nmany\n"));
    }
}
