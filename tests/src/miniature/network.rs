//! The miniature's networks, as ONNX and in closed form.
//!
//! The encoder is one convolution of stride equal to its kernel, so it looks at four patches; its first channel is the
//! patch's mean, its second the difference of the patch's halves; `tanh` follows. A decoder weighs the left patches against
//! the right ones. The two decoders differ in their gain, so a probability tells which one ran.

use std::path::Path;

use ushydra_onnx::{Conv2d, Graph, Value};

use crate::Fault;

/// Side of the input.
pub const SIDE: usize = 32;
/// Planes of the input.
pub const CHANNELS: usize = 3;
/// Side of a patch.
const PATCH: usize = 16;
/// Channels of the convolution.
const MAPS: usize = 2;
/// Patches along a side.
const GRID: usize = SIDE / PATCH;
/// Length of the feature vector: maps, then rows, then columns of patches.
pub const FEATURES: usize = MAPS * GRID * GRID;
/// Name of the encoder's output.
pub const FEATURE_OUTPUT: &str = "features";
/// Gain of each decoder.
const GAINS: [f32; 2] = [2.0, 4.0];

/// Weight of a pixel in each map: the mean over the patch, and left half minus right half.
fn kernel(map: usize, column: usize) -> f32 {
    let area = (CHANNELS * PATCH * PATCH) as f32;
    match map {
        0 => 1.0 / area,
        _ if column < PATCH / 2 => 1.0 / area,
        _ => -1.0 / area,
    }
}

/// Weight of each feature in the first logit: left patches for, right patches against; the second map has no say.
fn weight(feature: usize) -> f32 {
    match feature {
        f if f >= GRID * GRID => 0.0,
        f if f % GRID == 0 => 1.0,
        _ => -1.0,
    }
}

pub(super) fn write_encoder(path: &Path) -> Result<(), Fault> {
    let mut graph = Graph::new("miniature encoder");
    let image = graph.input("image", &[1, CHANNELS, SIDE, SIDE])?;
    let features = features_of(&mut graph, image)?;
    graph.output(FEATURE_OUTPUT, features)?;
    Ok(graph.save(path)?)
}

/// The feature vector `[1, FEATURES]` of `image`.
pub(super) fn features_of(graph: &mut Graph, image: Value) -> Result<Value, Fault> {
    let weights: Vec<f32> =
        (0..MAPS).flat_map(|map| (0..CHANNELS * PATCH * PATCH).map(move |i| kernel(map, i % PATCH))).collect();
    let kernel = graph.weight("patches", &[MAPS, CHANNELS, PATCH, PATCH], &weights)?;
    let maps = graph.conv(image, kernel, None, Conv2d { stride: [PATCH; 2], ..Conv2d::default() })?;
    let maps = graph.tanh(maps)?;
    Ok(graph.reshape(maps, &[1, FEATURES])?)
}

pub(super) fn write_decoder(index: usize, path: &Path) -> Result<(), Fault> {
    let mut graph = Graph::new("miniature decoder");
    let features = graph.input(FEATURE_OUTPUT, &[1, FEATURES])?;
    let weights: Vec<f32> = (0..FEATURES).flat_map(|f| [GAINS[index] * weight(f), -GAINS[index] * weight(f)]).collect();
    let weights = graph.weight("weight", &[FEATURES, 2], &weights)?;
    let logits = graph.linear(features, weights, None)?;
    graph.output("logits", logits)?;
    Ok(graph.save(path)?)
}

/// The encoder in closed form. `tensor` is planar `[CHANNELS, SIDE, SIDE]`.
#[must_use]
pub fn features(tensor: &[f32]) -> [f32; FEATURES] {
    std::array::from_fn(|feature| {
        let (map, row, column) = (feature / (GRID * GRID), feature / GRID % GRID, feature % GRID);
        let mut sum = 0.0_f64;
        for (i, &value) in tensor.iter().enumerate() {
            let (y, x) = (i / SIDE % SIDE, i % SIDE);
            if y / PATCH == row && x / PATCH == column {
                sum += f64::from(kernel(map, x % PATCH)) * f64::from(value);
            }
        }
        sum.tanh() as f32
    })
}

/// Decoder `index` in closed form.
#[must_use]
pub fn logits(index: usize, features: &[f32; FEATURES]) -> [f32; 2] {
    let sum: f32 = features.iter().enumerate().map(|(f, value)| weight(f) * value).sum();
    [GAINS[index] * sum, -GAINS[index] * sum]
}
