//! The segmenting miniature's networks, as ONNX and in closed form: a pixel belongs to the mask where the mean of itself and
//! of its block of 2x2 pixels is brighter than its decoder's threshold.
//!
//! The encoder gives what a UNet's encoder gives, maps at two depths ([`FINE`] and [`COARSE`]) beside the feature vector of
//! the classifying miniature. The two decoders differ in threshold and gain, so a probability tells which one ran.

use std::path::Path;

use ushydra_onnx::{Conv2d, Graph, ResizeMode};

use super::network::{self, CHANNELS, SIDE};
use crate::Fault;

/// Encoder output of shape `[1, 1, SIDE, SIDE]`: mean over the channels.
pub const FINE: &str = "fine";
/// Encoder output of shape `[1, 1, SIDE / 2, SIDE / 2]`: mean over blocks of 2x2 pixels.
pub const COARSE: &str = "coarse";
/// Normalised brightness where each decoder's logit is 0: half way between its domain's background and a clear disc.
const THRESHOLDS: [f32; 2] = [0.3, 1.1];
/// Gain of each decoder.
const GAINS: [f32; 2] = [2.0, 8.0];
/// Side of a block.
const BLOCK: usize = 2;

pub(super) fn write_encoder(path: &Path) -> Result<(), Fault> {
    let mut graph = Graph::new("segmenting miniature encoder");
    let image = graph.input("image", &[1, CHANNELS, SIDE, SIDE])?;
    let channels = graph.weight("channels", &[1, CHANNELS, 1, 1], &[1.0 / CHANNELS as f32; CHANNELS])?;
    let fine = graph.conv(image, channels, None, Conv2d::default())?;
    let area = BLOCK * BLOCK;
    let block = graph.weight("block", &[1, 1, BLOCK, BLOCK], &vec![1.0 / area as f32; area])?;
    let coarse = graph.conv(fine, block, None, Conv2d { stride: [BLOCK; 2], ..Conv2d::default() })?;
    let features = network::features_of(&mut graph, image)?;
    graph.output(network::FEATURE_OUTPUT, features)?;
    graph.output(FINE, fine)?;
    graph.output(COARSE, coarse)?;
    Ok(graph.save(path)?)
}

/// Label 0 is the bright part, every further label the dark one.
pub(super) fn write_decoder(index: usize, labels: usize, path: &Path) -> Result<(), Fault> {
    let mut graph = Graph::new("segmenting miniature decoder");
    let fine = graph.input(FINE, &[1, 1, SIDE, SIDE])?;
    let coarse = graph.input(COARSE, &[1, 1, SIDE / BLOCK, SIDE / BLOCK])?;
    let coarse = graph.resize(coarse, [BLOCK; 2], ResizeMode::Nearest)?;
    let both = graph.concat(&[fine, coarse], 1)?;
    let gain = |label: usize| if label == 0 { GAINS[index] } else { -GAINS[index] };
    let weights: Vec<f32> = (0..labels).flat_map(|label| [gain(label) / 2.0; 2]).collect();
    let biases: Vec<f32> = (0..labels).map(|label| -gain(label) * THRESHOLDS[index]).collect();
    let kernel = graph.weight("kernel", &[labels, 2, 1, 1], &weights)?;
    let bias = graph.weight("bias", &[labels], &biases)?;
    let logits = graph.conv(both, kernel, Some(bias), Conv2d::default())?;
    graph.output("logits", logits)?;
    Ok(graph.save(path)?)
}

/// Logits of label 0 by decoder `index` in closed form, row by row. `tensor` is planar `[CHANNELS, SIDE, SIDE]`.
#[must_use]
pub fn logits(index: usize, tensor: &[f32]) -> Vec<f32> {
    let pixels = SIDE * SIDE;
    let fine = |y: usize, x: usize| {
        (0..CHANNELS).map(|channel| tensor[channel * pixels + y * SIDE + x]).sum::<f32>() / CHANNELS as f32
    };
    let coarse = |y: usize, x: usize| {
        let (top, left) = (y / BLOCK * BLOCK, x / BLOCK * BLOCK);
        let block = (0..BLOCK).flat_map(|dy| (0..BLOCK).map(move |dx| (top + dy, left + dx)));
        block.map(|(y, x)| fine(y, x)).sum::<f32>() / (BLOCK * BLOCK) as f32
    };
    let at = |i: usize| (fine(i / SIDE, i % SIDE) + coarse(i / SIDE, i % SIDE)) / 2.0;
    (0..pixels).map(|i| GAINS[index] * (at(i) - THRESHOLDS[index])).collect()
}
