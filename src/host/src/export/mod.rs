//! Export of a whole bundle from a run folder.

pub mod card;
pub mod golden;

use std::path::{Path, PathBuf};

use ushydra_bundle::{
    Bundle, DecoderSpec, EncoderSpec, FileSpec, GOLDEN_VALUES, GoldenDecoder, GoldenSpec, Manifest, Preprocessor,
    SCHEMA_VERSION, Statistics, Task,
};
use ushydra_core::{Moments, Quality};
use ushydra_engine::{Backend, Engine, EngineOptions, Models, SelfTestReport};
use ushydra_onnx::vit::OUTPUT;

use crate::error::{HostError, Result};
use crate::evaluate::report::Report;
use crate::files;
use crate::head::export::graph;
use crate::train::run::{Run, TrainingReport};

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

/// Writes `<root>/models/<name>` and `<root>/calibration/<name>.toml`, opens the result as the device does and runs the
/// golden self-test.
///
/// # Errors
/// [`HostError::Missing`] where the run lacks a step; whatever writing, opening and testing the bundle gives.
pub fn export(run: &Run, root: &Path) -> Result<Exported> {
    let recipe = &run.recipe;
    let folder = root.join("models").join(&recipe.name);
    let statistics_file = format!("calibration/{}.toml", recipe.name);
    let calibration = root.join(&statistics_file);
    let missing = |path: PathBuf, step: &str| HostError::Missing { path, remedy: format!("run `ushydra-host {step}`") };
    if !run.calibration().exists() {
        return Err(missing(run.calibration(), "calibrate"));
    }
    let heads = run.decoders()?;
    let training_path = run.folder.join("training.json");
    if !training_path.exists() {
        return Err(missing(training_path, "train"));
    }
    let training: TrainingReport = files::read_json(&training_path)?;
    let evaluation_path = run.folder.join("evaluation.json");
    let evaluation: Option<Report> =
        if evaluation_path.exists() { Some(files::read_json(&evaluation_path)?) } else { None };
    if evaluation.is_none() {
        log::warn!(
            "no evaluation in the run folder: the model card will carry no figures; run `ushydra-host evaluate`"
        );
    }
    Statistics::read(&run.calibration())?.write(&calibration)?;
    files::write_atomic(&folder.join(ENCODER), &files::read(&run.encoder())?)?;
    let card = card::card(recipe, &run.info, &training, evaluation.as_ref());
    files::write_atomic(&folder.join(CARD), card.as_bytes())?;
    let mut decoders = Vec::new();
    for (domain, head) in recipe.domains.iter().zip(&heads) {
        let file = format!("decoders/{domain}.onnx");
        let mut graph = graph(domain, head)?;
        graph.documentation(&format!("{} {}: decoder of domain {domain}", recipe.name, recipe.version));
        graph.metadata("labels", &recipe.labels.join(" "));
        files::write_atomic(&folder.join(&file), &graph.to_bytes()?)?;
        let sha256 = FileSpec::of(&folder, &file)?.sha256;
        decoders.push(DecoderSpec { domain: domain.clone(), file, sha256 });
    }
    let golden = golden(run, &folder, &decoders)?;
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        name: recipe.name.clone(),
        version: recipe.version.clone(),
        task: Task::Classify,
        labels: recipe.labels.clone(),
        domains: recipe.domains.clone(),
        licence: recipe.licence.clone(),
        provenance: recipe.provenance.clone(),
        input: recipe.input.clone(),
        routing: recipe.routing.clone(),
        hysteresis: recipe.hysteresis.clone(),
        gate: recipe.gate.clone(),
        encoder: EncoderSpec {
            sha256: FileSpec::of(&folder, ENCODER)?.sha256,
            file: ENCODER.to_owned(),
            features: run.info.features,
            feature_output: OUTPUT.to_owned(),
        },
        decoders,
        statistics: FileSpec::of(root, &statistics_file)?,
        golden,
        card: FileSpec::of(&folder, CARD)?,
    };
    manifest.write(&folder)?;
    let bundle = Bundle::open(&folder)?;
    let mut models = Models::load(&bundle, Backend::Tract, &EngineOptions::default())?;
    let self_test = models.self_test(&bundle)?;
    Ok(Exported { bundle: folder, calibration, self_test })
}

/// Sends the golden picture through the exported files and writes what they answer.
fn golden(run: &Run, folder: &Path, decoders: &[DecoderSpec]) -> Result<GoldenSpec> {
    let recipe = &run.recipe;
    let mut golden = golden::picture()?;
    let damaged = |problem: String| HostError::damaged(&folder.join(ENCODER), problem);
    let mut preprocessor = Preprocessor::new(&recipe.input).map_err(|e| HostError::config(&run.folder, e))?;
    let mut tensor = vec![0.0; recipe.input.values()];
    let frame = golden.frame().map_err(|e| damaged(e.to_string()))?;
    let done = preprocessor.run(frame, &mut tensor).map_err(|e| damaged(e.to_string()))?;
    let pixel = Quality::new(done.channels(), Moments::default()).map_err(|e| damaged(e.to_string()))?.pixel;
    let crop = done.crop();
    let load = |path: &Path| ushydra_engine::load(path, Backend::Tract, &EngineOptions::default());
    let mut features = vec![0.0; run.info.features];
    load(&folder.join(ENCODER))?.run(&[&tensor], &mut [&mut features])?;
    let moments = |values: &[f32]| Moments::of(values).map_err(|e| damaged(e.to_string()));
    let first = |values: &[f32]| values.iter().take(GOLDEN_VALUES).copied().collect::<Vec<f32>>();
    let feature = moments(&features)?;
    let expected = &mut golden.expected;
    expected.crop = [crop.x, crop.y, crop.width, crop.height];
    (expected.pixel_mean, expected.pixel_std) = (pixel.mean, pixel.std);
    (expected.feature_mean, expected.feature_std) = (feature.mean, feature.std);
    expected.features = first(&features);
    for decoder in decoders {
        let mut engine: Box<dyn Engine> = load(&folder.join(&decoder.file))?;
        let mut logits = vec![0.0; recipe.labels.len()];
        engine.run(&[&features], &mut [&mut logits])?;
        let output = moments(&logits)?;
        expected.decoders.push(GoldenDecoder {
            domain: decoder.domain.clone(),
            mean: output.mean,
            std: output.std,
            values: first(&logits),
        });
    }
    Ok(golden.write(folder)?)
}
