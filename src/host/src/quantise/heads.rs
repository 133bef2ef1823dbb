//! int8 forms of heads that are no bundle yet: those of one fold of a cross-validation.

use crate::error::{HostError, Result};
use crate::files;
use crate::head::Head;
use crate::head::export::{FEATURES, graph};
use crate::progress::Progress;
use crate::recipe::Recipe;
use crate::split::grouped_parts;
use crate::train::TrainingData;
use ushydra_onnx::Network;

use super::decoder::Decoder;
use super::observe::Bench;
use super::search::{Parts, search};
use super::subject::Labelled;

/// Shares of the training pictures that give the ranges and that choose the method.
const CALIBRATION_AND_CHOICE: [f64; 2] = [3.0, 1.0];

/// The form for tract of every head, exported and quantised with the pictures `training` alone.
///
/// # Errors
/// Those of the split, of the engine and of writing, [`HostError::Stopped`].
pub fn int8_heads(
    heads: &[Head],
    data: &TrainingData,
    training: &[usize],
    recipe: &Recipe,
    bench: &Bench,
    progress: &Progress,
) -> Result<Vec<Decoder>> {
    let strata: Vec<usize> = training.iter().map(|&p| data.stratum(p, recipe.labels.len())).collect();
    let patients: Vec<&str> = training.iter().map(|&p| data.patient(p)).collect();
    let dealt = grouped_parts(&strata, &patients, &CALIBRATION_AND_CHOICE, recipe.seed)?;
    let side = |side| training.iter().zip(&dealt).filter(|(_, d)| **d == side).map(|(p, _)| *p).collect();
    let parts = Parts { calibration: side(0), choice: side(1), test: Vec::new() };
    let mut subject = Labelled { features: &data.features, output: FEATURES, labels: &data.labels, current: 0 };
    let mut decoders = Vec::with_capacity(heads.len());
    for (domain, head) in recipe.domains.iter().zip(heads) {
        let (float, int8) =
            (bench.folder.join(format!("{domain}.onnx")), bench.folder.join(format!("{domain}.qop.onnx")));
        let bytes = graph(domain, head)?.to_bytes()?;
        files::write_atomic(&float, &bytes)?;
        let network = Network::read(&bytes).map_err(HostError::from)?;
        let found = search(&mut subject, &parts, &network, &float, &recipe.quantisation, bench, progress)?;
        files::write_atomic(&int8, &found.qop)?;
        decoders.push(Decoder::load(&int8, bench.threads)?);
    }
    Ok(decoders)
}
