//! Where the published files keep the pieces of a vision transformer.

use serde::{Deserialize, Serialize};
use ushydra_onnx::vit::{Affine, Linear, VitBlock, VitWeights};

use super::positions;
use super::weights::Weights;
use crate::error::Result;

/// How a weights file names its tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// timm (`blocks.0.attn.qkv.weight`): ViT-Ti/S/B-16, and DINOv2 in timm's or its authors' form.
    Timm,
    /// Hugging Face transformers' DINOv2 (`encoder.layer.0.attention.attention.query.weight`).
    Huggingface,
}

/// Sizes that the tensors tell.
pub(super) struct Sizes {
    pub(super) width: usize,
    pub(super) patch: usize,
    pub(super) channels: usize,
    pub(super) hidden: usize,
}

pub(super) struct Found {
    pub(super) sizes: Sizes,
    pub(super) weights: VitWeights,
}

/// Tensor names of one scheme.
struct Names {
    class_token: &'static str,
    positions: &'static str,
    patch: &'static str,
    block: &'static str,
    norm1: &'static str,
    norm2: &'static str,
    projection: &'static str,
    expand: &'static str,
    contract: &'static str,
    scale1: &'static str,
    scale2: &'static str,
    norm: &'static str,
}

const TIMM: Names = Names {
    class_token: "cls_token",
    positions: "pos_embed",
    patch: "patch_embed.proj",
    block: "blocks",
    norm1: "norm1",
    norm2: "norm2",
    projection: "attn.proj",
    expand: "mlp.fc1",
    contract: "mlp.fc2",
    scale1: "ls1.gamma",
    scale2: "ls2.gamma",
    norm: "norm",
};

const HUGGINGFACE: Names = Names {
    class_token: "embeddings.cls_token",
    positions: "embeddings.position_embeddings",
    patch: "embeddings.patch_embeddings.projection",
    block: "encoder.layer",
    norm1: "norm1",
    norm2: "norm2",
    projection: "attention.output.dense",
    expand: "mlp.fc1",
    contract: "mlp.fc2",
    scale1: "layer_scale1.lambda1",
    scale2: "layer_scale2.lambda1",
    norm: "layernorm",
};

/// Reads a transformer for pictures of `image` x `image` pixels.
pub(super) fn load(file: &Weights, scheme: Scheme, image: usize) -> Result<Found> {
    let names = match scheme {
        Scheme::Timm => &TIMM,
        Scheme::Huggingface => &HUGGINGFACE,
    };
    let kernel = file.any(&format!("{}.weight", names.patch))?;
    let &[width, channels, patch, columns] = kernel.shape.as_slice() else {
        return Err(file.error(format!("the patch embedding has shape {:?}; it needs 4 dimensions", kernel.shape)));
    };
    if patch == 0 || patch != columns || !image.is_multiple_of(patch) {
        return Err(file.error(format!(
            "patches of {patch}x{columns} do not tile a picture of {image}x{image}; set input.width and input.height to a \
             multiple of {patch}"
        )));
    }
    let hidden = file.any(&format!("{}.0.{}.bias", names.block, names.expand))?.values.len();
    let reader = Reader { file, names, width, hidden };
    let mut blocks = Vec::new();
    while file.has(&reader.name(blocks.len(), &format!("{}.weight", names.norm1))) {
        blocks.push(reader.block(scheme, blocks.len())?);
    }
    let weights = VitWeights {
        patch: Linear { weight: kernel.values, bias: file.shaped(&format!("{}.bias", names.patch), &[width])? },
        class_token: file.shaped(names.class_token, &[1, 1, width])?,
        positions: positions::load(file, names.positions, width, image / patch)?,
        blocks,
        norm: reader.affine(names.norm)?,
    };
    Ok(Found { sizes: Sizes { width, patch, channels, hidden }, weights })
}

struct Reader<'a> {
    file: &'a Weights,
    names: &'a Names,
    width: usize,
    hidden: usize,
}

impl Reader<'_> {
    fn name(&self, block: usize, part: &str) -> String {
        format!("{}.{block}.{part}", self.names.block)
    }

    fn affine(&self, name: &str) -> Result<Affine> {
        Ok(Affine {
            scale: self.file.shaped(&format!("{name}.weight"), &[self.width])?,
            bias: self.file.shaped(&format!("{name}.bias"), &[self.width])?,
        })
    }

    fn linear(&self, name: &str, outputs: usize, inputs: usize) -> Result<Linear> {
        let bias = format!("{name}.bias");
        Ok(Linear {
            weight: self.file.shaped(&format!("{name}.weight"), &[outputs, inputs])?,
            bias: if self.file.has(&bias) { self.file.shaped(&bias, &[outputs])? } else { Vec::new() },
        })
    }

    fn scale(&self, name: &str) -> Result<Option<Vec<f32>>> {
        if self.file.has(name) { self.file.shaped(name, &[self.width]).map(Some) } else { Ok(None) }
    }

    fn block(&self, scheme: Scheme, block: usize) -> Result<VitBlock> {
        let (names, width, hidden) = (self.names, self.width, self.hidden);
        let name = |part: &str| self.name(block, part);
        let [query, key, value] = match scheme {
            Scheme::Timm => self.linear(&name("attn.qkv"), 3 * width, width)?.split::<3>()?,
            Scheme::Huggingface => {
                let part = |part: &str| self.linear(&name(&format!("attention.attention.{part}")), width, width);
                [part("query")?, part("key")?, part("value")?]
            }
        };
        Ok(VitBlock {
            norm1: self.affine(&name(names.norm1))?,
            query,
            key,
            value,
            projection: self.linear(&name(names.projection), width, width)?,
            scale1: self.scale(&name(names.scale1))?,
            norm2: self.affine(&name(names.norm2))?,
            expand: self.linear(&name(names.expand), hidden, width)?,
            contract: self.linear(&name(names.contract), width, hidden)?,
            scale2: self.scale(&name(names.scale2))?,
        })
    }
}
