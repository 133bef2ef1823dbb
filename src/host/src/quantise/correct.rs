//! Bias correction: rounding moves the mean of every channel a little, always to the same side; the bias takes it back.
//!
//! Layer by layer from the input on, `b' = b - (mean of the int8 network's channel - mean of the f32 network's channel)`, where
//! the int8 network holds the corrections made before (Nagel et al., Data-free quantization, ICCV 2019, section 4.2, with
//! measured instead of derived means).

use ushydra_onnx::{Network, Storage};

use super::observe::{Bench, channel_means};
use super::plan::Plan;
use super::qdq;
use super::subject::Encoded;
use crate::error::Result;
use crate::progress::Progress;

/// `network` with corrected biases.
///
/// # Errors
/// Those of the engine, [`crate::HostError::Stopped`].
pub(super) fn corrected(
    network: &Network,
    plan: &Plan,
    pictures: &[Encoded],
    bench: &Bench,
    progress: &Progress,
) -> Result<Network> {
    let mut changed = network.clone();
    let layers: Vec<usize> = (0..network.layers.len()).filter(|&i| plan.weights[i].is_some()).collect();
    let channels = |index: usize| network.layers[index].operation.weights().map_or(0, |w| w.bias.len());
    let tensors: Vec<(String, usize)> =
        layers.iter().map(|&i| (network.layers[i].output.clone(), channels(i))).collect();
    let wanted = channel_means(pictures, &tensors, bench, &|outputs| network.graph(Storage::F32, outputs))?;
    let bar = progress.bar("bias correction", layers.len());
    for ((&index, tensor), wanted) in layers.iter().zip(tensors).zip(wanted) {
        let found = channel_means(pictures, std::slice::from_ref(&tensor), bench, &|outputs| {
            qdq::graph(&changed, plan, outputs)
        })?;
        if let (Some(weights), Some(found)) = (changed.layers[index].operation.weights_mut(), found.first()) {
            let errors = found.iter().zip(&wanted).map(|(found, wanted)| found - wanted);
            weights.bias.iter_mut().zip(errors).for_each(|(bias, error)| *bias -= error as f32);
        }
        bar.step()?;
    }
    bar.done();
    Ok(changed)
}
