//! Sizes that fit together.

use super::{Tap, VitConfig, VitWeights};
use crate::error::OnnxError;

/// Refuses sizes that do not fit together, before anything is sliced by them.
pub(super) fn check(config: &VitConfig, weights: &VitWeights, taps: &[Tap]) -> Result<(), OnnxError> {
    let parameter = |parameter: &'static str, found: String, expected: String| {
        Err(OnnxError::Parameter { operator: "vit".to_owned(), parameter, found, expected })
    };
    let VitConfig { image, patch, channels, width, heads, hidden, .. } = *config;
    if patch == 0 || image == 0 || !image.is_multiple_of(patch) {
        return parameter("image", format!("{image} with patches of {patch}"), "a multiple of the patch".to_owned());
    }
    if heads == 0 || width == 0 || !width.is_multiple_of(heads) {
        return parameter("width", format!("{width} with {heads} heads"), "a multiple of the heads".to_owned());
    }
    if taps.is_empty() {
        return parameter("taps", "an empty list".to_owned(), "at least one".to_owned());
    }
    if let Some(tap) = taps.iter().find(|tap| tap.block == 0 || tap.block > weights.blocks.len()) {
        return parameter("tap", format!("block {}", tap.block), format!("1 to {}", weights.blocks.len()));
    }
    let mut lengths = vec![
        ("patch.weight".to_owned(), weights.patch.weight.len(), vec![width, channels, patch, patch]),
        ("class_token".to_owned(), weights.class_token.len(), vec![width]),
        ("positions".to_owned(), weights.positions.len(), vec![config.tokens(), width]),
        ("norm.scale".to_owned(), weights.norm.scale.len(), vec![width]),
        ("norm.bias".to_owned(), weights.norm.bias.len(), vec![width]),
    ];
    let mut biases = vec![("patch.bias".to_owned(), weights.patch.bias.len(), width)];
    for (index, block) in weights.blocks.iter().enumerate() {
        let name = |part: &str| format!("blocks.{index}.{part}");
        for (part, affine) in [("norm1", &block.norm1), ("norm2", &block.norm2)] {
            lengths.push((name(&format!("{part}.scale")), affine.scale.len(), vec![width]));
            lengths.push((name(&format!("{part}.bias")), affine.bias.len(), vec![width]));
        }
        for (part, scale) in [("scale1", &block.scale1), ("scale2", &block.scale2)] {
            if let Some(scale) = scale {
                lengths.push((name(part), scale.len(), vec![width]));
            }
        }
        for (part, layer, outputs, inputs) in [
            ("query", &block.query, width, width),
            ("key", &block.key, width, width),
            ("value", &block.value, width, width),
            ("projection", &block.projection, width, width),
            ("expand", &block.expand, hidden, width),
            ("contract", &block.contract, width, hidden),
        ] {
            lengths.push((name(&format!("{part}.weight")), layer.weight.len(), vec![outputs, inputs]));
            biases.push((name(&format!("{part}.bias")), layer.bias.len(), outputs));
        }
    }
    lengths.extend(
        biases.into_iter().filter(|(_, found, _)| *found > 0).map(|(name, found, size)| (name, found, vec![size])),
    );
    for (name, found, shape) in lengths {
        let expected = shape.iter().product();
        if found != expected {
            return Err(OnnxError::Length { name, shape, expected, found });
        }
    }
    Ok(())
}
