//! The bundle of a segmentation run.

use std::path::Path;

use ushydra_bundle::Task;

use super::figures::SegmentFigures;
use super::recipe::SegmentRecipe;
use super::run::{SegmentInfo, SegmentReport, SegmentRun};
use crate::error::Result;
use crate::export::{Exported, Parts, card, finished, optional_evaluation};
use crate::files;
use crate::unet::FEATURES;

/// Writes `<root>/models/<name>` and `<root>/calibration/<name>.toml`, opens the result as the device does and runs the
/// golden self-test.
///
/// # Errors
/// [`crate::HostError::Missing`] where the run lacks a step; whatever writing, opening and testing the bundle gives.
pub fn export(run: &SegmentRun, root: &Path) -> Result<Exported> {
    let recipe = &run.recipe;
    let training: SegmentReport = finished(&run.folder.join("training.json"), "train")?;
    let evaluation: Option<SegmentFigures> = optional_evaluation(&run.folder)?;
    let models = run.models();
    let figures = evaluation.map(|figures| figures.markdown());
    let parts = Parts {
        task: Task::Segment,
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
        features: (recipe.network.features(), FEATURES),
        statistics: run.calibration(),
        encoder: models.encoder,
        decoders: models.decoders.iter().map(|path| files::read(path)).collect::<Result<_>>()?,
        card: card::text(
            &card::Subject {
                name: &recipe.name,
                version: &recipe.version,
                card: &recipe.card,
                licence: &recipe.licence,
                provenance: &recipe.provenance,
            },
            &making(recipe, &run.info, &training),
            figures.as_deref(),
        ),
    };
    parts.write(root)
}

/// How the bundle was made, in lines.
fn making(recipe: &SegmentRecipe, info: &SegmentInfo, report: &SegmentReport) -> Vec<String> {
    let [train, validation, test] = report.pictures;
    let training = &recipe.training;
    let kept = |own: &bool| {
        if *own {
            "its own"
        } else {
            "the control's weights, over which its own gained no more than the standard error"
        }
    };
    let pairs = recipe.domains.iter().zip(&report.specialised);
    let decoders: Vec<String> = pairs.map(|(domain, own)| format!("{domain} has {}", kept(own))).collect();
    let versions: Vec<String> = info.versions.iter().map(|(name, v)| format!("{name} {v}")).collect();
    vec![
        format!("Input: {}", recipe.input.fingerprint()),
        format!(
            "Network: UNet of {} channels and {} levels, weights stored as f16; feature vector of {} values (mean and standard \
             deviation of every channel of every level)",
            recipe.network.width,
            recipe.network.depth,
            recipe.network.features()
        ),
        format!(
            "Data: {train} pictures trained on, {validation} chose the best epoch, {test} kept for the test; patients disjoint"
        ),
        format!(
            "Training: warm start {} epochs, stage (a) {} epochs per decoder with weight {} for the other domains, stage (b) {} \
             epochs ({}); batch {}, seed {}, backend {}",
            training.shared.epochs,
            training.decoders.epochs,
            training.other_domains,
            training.routed.epochs,
            if report.routed_kept { "kept" } else { "left out: the validation part did not gain" },
            training.batch,
            info.seed,
            info.device
        ),
        info.start_sha256.as_ref().map_or_else(
            || format!("Start: weights drawn from the seed {}", info.seed),
            |hash| format!("Start: shared weights of earlier runs of the same shape (SHA-256 {hash}), see the recipe"),
        ),
        format!("Decoders: {}", decoders.join("; ")),
        format!("Versions: {}", versions.join(", ")),
    ]
}
