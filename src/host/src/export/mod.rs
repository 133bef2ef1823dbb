//! Export of a whole bundle from a run folder.

pub mod card;
pub mod golden;

use std::path::{Path, PathBuf};

use ushydra_bundle::{
    Bundle, DecoderSpec, EncoderSpec, FileSpec, GOLDEN_VALUES, GateSpec, GoldenDecoder, GoldenSpec, HysteresisSpec,
    InputSpec, Manifest, Preprocessor, Provenance, RoutingSpec, SCHEMA_VERSION, Statistics, Task,
};
use ushydra_core::{Moments, Quality};
use ushydra_engine::{Backend, EngineOptions, Models, SelfTestReport};
use ushydra_onnx::vit::OUTPUT;

use crate::error::{HostError, Result};
use crate::evaluate::report::Report;
use crate::files;
use crate::head::export::graph;
use crate::train::run::{Run, TrainingReport};
use crate::wired::{ModelFiles, Wired};

const ENCODER: &str = "encoder.onnx";
const CARD: &str = "MODEL_CARD.md";

/// What an export wrote.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The bundle's folder.
    pub bundle: PathBuf,
    /// The statistics file.
    pub calibration: PathBuf,
    /// The self-test that it passed.
    pub self_test: SelfTestReport,
}

/// What a bundle is made of, whatever its task.
pub(crate) struct Parts<'a> {
    pub(crate) task: Task,
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) labels: &'a [String],
    pub(crate) domains: &'a [String],
    pub(crate) licence: &'a str,
    pub(crate) provenance: &'a [Provenance],
    pub(crate) input: &'a InputSpec,
    pub(crate) routing: &'a RoutingSpec,
    pub(crate) hysteresis: &'a HysteresisSpec,
    pub(crate) gate: &'a GateSpec,
    /// Length of the feature vector and the encoder's output that holds it.
    pub(crate) features: (usize, &'a str),
    /// The run's statistics file.
    pub(crate) statistics: PathBuf,
    /// The encoder's file.
    pub(crate) encoder: PathBuf,
    /// Bytes of one ONNX file per domain.
    pub(crate) decoders: Vec<Vec<u8>>,
    /// Text of the model card.
    pub(crate) card: String,
}

/// Writes `<root>/models/<name>` and `<root>/calibration/<name>.toml`, opens the result as the device does and runs the
/// golden self-test.
///
/// # Errors
/// [`HostError::Missing`] where the run lacks a step; whatever writing, opening and testing the bundle gives.
pub fn export(run: &Run, root: &Path) -> Result<Exported> {
    let recipe = &run.recipe;
    let heads = run.decoders()?;
    let training: TrainingReport = finished(&run.folder.join("training.json"), "train")?;
    let evaluation: Option<Report> = optional_evaluation(&run.folder)?;
    let mut decoders = Vec::new();
    for (domain, head) in recipe.domains.iter().zip(&heads) {
        let mut graph = graph(domain, head)?;
        graph.documentation(&format!("{} {}: decoder of domain {domain}", recipe.name, recipe.version));
        graph.metadata("labels", &recipe.labels.join(" "));
        decoders.push(graph.to_bytes()?);
    }
    let parts = Parts {
        task: Task::Classify,
        name: &recipe.name,
        version: &recipe.version,
        labels: &recipe.labels,
        domains: &recipe.domains,
        licence: &recipe.licence,
        provenance: &recipe.provenance,
        input: &recipe.input,
        routing: &recipe.routing,
        hysteresis: &recipe.hysteresis,
        gate: &recipe.gate,
        features: (run.info.features, OUTPUT),
        statistics: run.calibration(),
        encoder: run.encoder(),
        decoders,
        card: card::card(recipe, &run.info, &training, evaluation.as_ref()),
    };
    parts.write(root)
}

/// The report of a step that must be finished.
///
/// # Errors
/// [`HostError::Missing`] naming the step, [`HostError::Damaged`].
pub(crate) fn finished<T: serde::de::DeserializeOwned>(path: &Path, step: &str) -> Result<T> {
    if path.exists() { files::read_json(path) } else { Err(missing(path.to_owned(), step)) }
}

fn missing(path: PathBuf, step: &str) -> HostError {
    HostError::Missing { path, remedy: format!("run `ushydra-host {step}`") }
}

/// The evaluation in the run folder; without one the model card has no figures, which is worth a warning.
///
/// # Errors
/// [`HostError::Damaged`].
pub(crate) fn optional_evaluation<T: serde::de::DeserializeOwned>(folder: &Path) -> Result<Option<T>> {
    let path = folder.join("evaluation.json");
    if path.exists() {
        return Ok(Some(files::read_json(&path)?));
    }
    log::warn!("no evaluation in the run folder: the model card will carry no figures; run `ushydra-host evaluate`");
    Ok(None)
}

impl Parts<'_> {
    /// Writes, opens and tests the bundle.
    pub(crate) fn write(&self, root: &Path) -> Result<Exported> {
        let folder = root.join("models").join(self.name);
        let statistics_file = format!("calibration/{}.toml", self.name);
        let calibration = root.join(&statistics_file);
        if !self.statistics.exists() {
            return Err(missing(self.statistics.clone(), "calibrate"));
        }
        Statistics::read(&self.statistics)?.write(&calibration)?;
        files::write_atomic(&folder.join(ENCODER), &files::read(&self.encoder)?)?;
        files::write_atomic(&folder.join(CARD), self.card.as_bytes())?;
        let mut decoders = Vec::new();
        for (domain, bytes) in self.domains.iter().zip(&self.decoders) {
            let file = format!("decoders/{domain}.onnx");
            files::write_atomic(&folder.join(&file), bytes)?;
            let sha256 = FileSpec::of(&folder, &file)?.sha256;
            decoders.push(DecoderSpec { domain: domain.clone(), file, sha256, int8: None });
        }
        let golden = golden_values(&folder, self.input, ENCODER, self.features.1, &decoders)?;
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            task: self.task,
            labels: self.labels.to_vec(),
            domains: self.domains.to_vec(),
            licence: self.licence.to_owned(),
            provenance: self.provenance.to_vec(),
            input: self.input.clone(),
            routing: self.routing.clone(),
            hysteresis: self.hysteresis.clone(),
            gate: self.gate.clone(),
            encoder: EncoderSpec {
                sha256: FileSpec::of(&folder, ENCODER)?.sha256,
                file: ENCODER.to_owned(),
                features: self.features.0,
                feature_output: self.features.1.to_owned(),
            },
            decoders,
            statistics: FileSpec::of(root, &statistics_file)?,
            quantisation: None,
            golden,
            card: FileSpec::of(&folder, CARD)?,
        };
        manifest.write(&folder)?;
        let bundle = Bundle::open(&folder)?;
        let mut models = Models::load(&bundle, Backend::Tract, &EngineOptions::default())?;
        let self_test = models.self_test(&bundle)?;
        Ok(Exported { bundle: folder, calibration, self_test })
    }
}

/// Sends the golden picture through the files of the bundle in `folder` and writes what they answer.
///
/// # Errors
/// [`HostError::Engine`], [`HostError::Damaged`] for models whose answers are not finite, and file errors.
pub(crate) fn golden_values(
    folder: &Path,
    input: &InputSpec,
    encoder: &str,
    feature_output: &str,
    decoders: &[DecoderSpec],
) -> Result<GoldenSpec> {
    let mut golden = golden::picture()?;
    let encoder = folder.join(encoder);
    let damaged = |problem: String| HostError::damaged(&encoder, problem);
    let mut preprocessor = Preprocessor::new(input).map_err(|e| HostError::config(folder, e))?;
    let mut tensor = vec![0.0; input.values()];
    let frame = golden.frame().map_err(|e| damaged(e.to_string()))?;
    let done = preprocessor.run(frame, &mut tensor).map_err(|e| damaged(e.to_string()))?;
    let pixel = Quality::new(done.channels(), Moments::default()).map_err(|e| damaged(e.to_string()))?.pixel;
    let crop = done.crop();
    let files =
        ModelFiles { encoder: encoder.clone(), decoders: decoders.iter().map(|d| folder.join(&d.file)).collect() };
    let mut models = Wired::load(&files, EngineOptions::default().threads)?;
    models.encode(&tensor)?;
    let moments = |values: &[f32]| Moments::of(values).map_err(|e| damaged(e.to_string()));
    let first = |values: &[f32]| values.iter().take(GOLDEN_VALUES).copied().collect::<Vec<f32>>();
    let features = models.output(feature_output)?;
    let feature = moments(features)?;
    let expected = &mut golden.expected;
    expected.crop = [crop.x, crop.y, crop.width, crop.height];
    (expected.pixel_mean, expected.pixel_std) = (pixel.mean, pixel.std);
    (expected.feature_mean, expected.feature_std) = (feature.mean, feature.std);
    expected.features = first(features);
    for (index, decoder) in decoders.iter().enumerate() {
        let answer = models.decode(index)?;
        let output = moments(answer)?;
        expected.decoders.push(GoldenDecoder {
            domain: decoder.domain.clone(),
            mean: output.mean,
            std: output.std,
            values: first(answer),
        });
    }
    Ok(golden.write(folder)?)
}
