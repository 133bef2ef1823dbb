//! Every decoder of a bundle, one after the other; finished ones are kept, so that a stopped run goes on where it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use ushydra_bundle::{Bundle, TensorRange};
use ushydra_onnx::{Network, OnnxError};

use super::MAX_LOSS;
use super::config::QuantisationConfig;
use super::data::{BundleData, BundleRecipe, Pictures};
use super::judge::{Figures, Files, figures};
use super::observe::Bench;
use super::search::{Found, Search, search};
use super::subject::{Labelled, Masked, Subject};
use crate::error::{HostError, Result};
use crate::evaluate::bootstrap::Estimate;
use crate::evaluate::report::Report;
use crate::files;
use crate::progress::Progress;
use crate::train::Checkpoints;
use crate::train::run::VERSIONS;

/// What is quantised, with what.
#[derive(Clone, Debug)]
pub struct Request {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// Data sets, as `train` takes them.
    pub data: Vec<PathBuf>,
    /// The recipe that trained the bundle; none for the shipped one of its name.
    pub recipe: Option<PathBuf>,
    /// `evaluation.json` of a cross-validation of the same recipe: its int8 figures count in the gate of a classifier.
    pub evaluation: Option<PathBuf>,
    /// Folder for finished decoders, features and the report.
    pub work: PathBuf,
    /// Pictures and threads at the same time.
    pub jobs: usize,
}

/// One decoder's result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecoderResult {
    /// Its domain.
    pub domain: String,
    /// Why it stays in f32; empty where it ships in int8.
    pub breaches: Vec<String>,
    /// The form that was found; none for a decoder that cannot be quantised.
    pub int8: Option<Int8Result>,
}

/// An int8 decoder with everything that is known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Int8Result {
    /// How it was found.
    pub search: Search,
    /// Its figures.
    pub figures: Figures,
    /// Ranges of its activations.
    pub ranges: Vec<TensorRange>,
    /// Bytes with weights as f32, for TensorRT, for tract.
    pub bytes: [u64; 3],
    /// The form for TensorRT, in base64.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub qdq: String,
    /// The form for tract, in base64.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub qop: String,
}

/// Everything that one run found; `quantisation.json` in the work folder is this without the files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantisationReport {
    /// `name@version` of the bundle.
    pub bundle: String,
    /// Settings.
    pub config: QuantisationConfig,
    /// Seed of the parts.
    pub seed: u64,
    /// Versions of the program and its numeric libraries.
    pub versions: BTreeMap<String, String>,
    /// Which pictures did what.
    pub provenance: String,
    /// Whether the figures come from patients that the decoders were not trained on.
    pub disjoint: bool,
    /// Pictures that calibrated, chose and gave the figures.
    pub pictures: [usize; 3],
    /// Cross-validated figures of int8 decoders that were made like these.
    pub cross_validation: Option<CrossValidation>,
    /// Every decoder, in the order of the domains.
    pub decoders: Vec<DecoderResult>,
}

/// int8 decoders of folds, on patients that neither trained nor quantised them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossValidation {
    /// Pictures.
    pub pictures: usize,
    /// Patients.
    pub patients: usize,
    /// Folds and repetitions.
    pub folds: [usize; 2],
    /// Accuracy with int8 minus that with f32 decoders, paired by patient.
    pub int8_minus_float: Estimate,
    /// Share of pictures to which both give the same label.
    pub agreement: f64,
}

impl CrossValidation {
    /// Reads the int8 figures of an evaluation of the recipe `name`.
    ///
    /// # Errors
    /// [`HostError::Damaged`] for a file that is none, [`HostError::Config`] for one of another recipe or without int8.
    pub fn read(file: &Path, name: &str) -> Result<Self> {
        let report: Report = files::read_json(file)?;
        let refuse = |problem: &str| HostError::config(file, problem);
        if !report.title.starts_with(&format!("{name}@")) {
            return Err(refuse(&format!("it is no evaluation of {name}; name the one of the same recipe")));
        }
        let summary = report.summary;
        let (Some((folds, repeats)), Some(int8_minus_float), Some(agreement)) =
            (report.folds, summary.int8_minus_float, summary.int8_agreement)
        else {
            return Err(refuse("it has no cross-validated int8 figures; run `ushydra-host evaluate --run` again"));
        };
        let (pictures, patients) = (summary.pictures, summary.patients);
        Ok(Self { pictures, patients, folds: [folds, repeats], int8_minus_float, agreement })
    }

    /// The figures in words.
    #[must_use]
    pub fn words(&self) -> String {
        let points = |share: f64| 100.0 * share;
        let Estimate { mean, low, high } = self.int8_minus_float;
        format!(
            "cross-validation on {} pictures of {} patients ({} folds, {} repetitions), decoders trained and quantised without \
             the patients they are judged on: int8 minus f32 {:+.2} points ({:+.2} to {:+.2}), the same label in {:.2} %",
            self.pictures,
            self.patients,
            self.folds[0],
            self.folds[1],
            points(mean),
            points(low),
            points(high),
            points(self.agreement)
        )
    }
}

/// Quantises every decoder of a bundle, without touching the bundle.
///
/// # Errors
/// [`HostError::Bundle`], [`HostError::Config`] for a recipe of another bundle, those of the data set and of the engine,
/// [`HostError::Stopped`]. A decoder that cannot be quantised is no error but a result.
pub fn run(request: &Request, progress: &Progress) -> Result<QuantisationReport> {
    let bundle = Bundle::open(&request.bundle)?;
    let recipe = BundleRecipe::of(&bundle, request.recipe.as_deref())?;
    let cache = request.work.join("features");
    let data = BundleData::read(&bundle, &recipe, &request.data, &cache, request.jobs, progress)?;
    for (part, what) in [(&data.parts.calibration, "calibrate"), (&data.parts.choice, "choose")] {
        if part.is_empty() {
            return Err(HostError::Dataset(format!("no picture is left to {what}; give more patients")));
        }
    }
    let manifest = bundle.manifest();
    let networks = bundle.decoder_paths().iter().map(|path| Ok(Network::read(&files::read(path)?)));
    let networks = networks.collect::<Result<Vec<std::result::Result<Network, OnnxError>>>>()?;
    let mut outputs: Vec<String> =
        networks.iter().flatten().flat_map(|network| &network.inputs).map(|(name, _)| name.clone()).collect();
    outputs.sort_unstable();
    outputs.dedup();
    let mut masked;
    let mut labelled;
    let subject: &mut dyn Subject = match &data.pictures {
        Pictures::Masked(samples) => {
            masked = Masked::new(&bundle, samples.clone(), outputs, request.jobs)?;
            &mut masked
        }
        Pictures::Labelled(features, labels) => {
            labelled = Labelled { features, output: &manifest.encoder.feature_output, labels, current: 0 };
            &mut labelled
        }
    };
    let bench = Bench { folder: request.work.join("graphs"), threads: request.jobs };
    let config = recipe.config();
    let mut decoders = Vec::new();
    for ((index, spec), network) in manifest.decoders.iter().enumerate().zip(&networks) {
        let network = match network {
            Ok(network) => network,
            Err(error @ (OnnxError::Unsupported { .. } | OnnxError::Damaged { .. })) => {
                let breaches = vec![format!("it cannot be quantised: {error}")];
                decoders.push(DecoderResult { domain: spec.domain.clone(), breaches, int8: None });
                continue;
            }
            Err(error) => return Err(HostError::Dataset(error.to_string())),
        };
        let key = [
            spec.sha256.to_string(),
            manifest.encoder.sha256.to_string(),
            format!("{config:?} {}", recipe.seed()),
            names(&data),
            VERSIONS.map(|(name, version)| format!("{name} {version}")).join(" "),
        ];
        let finished =
            Checkpoints::new(&request.work.join("decoders"), files::fingerprint(&key.each_ref().map(String::as_bytes)));
        let float = bundle.decoder_path(index).unwrap_or(Path::new(""));
        let result = finished.value(&spec.domain, || {
            log::info!("decoder {}", spec.domain);
            let found = search(subject, &data.parts, network, float, config, &bench, progress)?;
            let files = ["qdq", "qop"].map(|form| bench.folder.join(format!("{}.{form}.onnx", spec.domain)));
            files::write_atomic(&files[0], &found.qdq)?;
            files::write_atomic(&files[1], &found.qop)?;
            let what = (manifest.task, manifest.labels.len());
            let paths = Files { float, qdq: &files[0], qop: &files[1] };
            let figures = figures(subject, &data.parts, what, paths, &found, request.jobs, progress)?;
            Ok(result(&spec.domain, found, figures, manifest.task))
        })?;
        decoders.push(result);
    }
    let folds = request.evaluation.as_deref().map(|file| CrossValidation::read(file, &manifest.name)).transpose()?;
    if let Some(folds) = folds.as_ref().filter(|folds| -folds.int8_minus_float.mean > MAX_LOSS) {
        let lost = format!("{}; {MAX_LOSS} is the limit", folds.words());
        decoders.iter_mut().for_each(|decoder| decoder.breaches.push(lost.clone()));
    }
    let report = QuantisationReport {
        bundle: bundle.id(),
        config: *config,
        seed: recipe.seed(),
        versions: VERSIONS.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect(),
        provenance: data.provenance,
        disjoint: data.disjoint,
        pictures: [data.parts.calibration.len(), data.parts.choice.len(), data.parts.test.len()],
        cross_validation: folds,
        decoders,
    };
    let mut note = report.clone();
    for int8 in note.decoders.iter_mut().filter_map(|decoder| decoder.int8.as_mut()) {
        (int8.qdq, int8.qop) = (String::new(), String::new());
    }
    files::write_json(&request.work.join("quantisation.json"), &note)?;
    // Graphs were only a way to the engine.
    let _ = std::fs::remove_dir_all(&bench.folder);
    Ok(report)
}

fn result(domain: &str, found: Found, figures: Figures, task: ushydra_bundle::Task) -> DecoderResult {
    let breaches = figures.breaches(task, &found.search.choice);
    let int8 = Int8Result {
        figures,
        bytes: [found.float_bytes, found.qdq.len() as u64, found.qop.len() as u64],
        qdq: STANDARD.encode(&found.qdq),
        qop: STANDARD.encode(&found.qop),
        search: found.search,
        ranges: found.ranges,
    };
    DecoderResult { domain: domain.to_owned(), breaches, int8: Some(int8) }
}

impl Int8Result {
    /// The two forms.
    ///
    /// # Errors
    /// [`HostError::Damaged`] naming `file` for text that is no base64.
    pub fn forms(&self, file: &Path) -> Result<[Vec<u8>; 2]> {
        let decode = |text: &String| STANDARD.decode(text).map_err(|e| HostError::damaged(file, e));
        Ok([decode(&self.qdq)?, decode(&self.qop)?])
    }
}

/// Names and parts of the pictures.
fn names(data: &BundleData) -> String {
    let pictures = match &data.pictures {
        Pictures::Masked(samples) => samples.iter().map(|s| s.name.clone()).collect::<Vec<_>>().join("\n"),
        Pictures::Labelled(features, labels) => format!("{} {:?}", features.len(), labels),
    };
    format!("{pictures}\n{:?}", data.parts)
}
