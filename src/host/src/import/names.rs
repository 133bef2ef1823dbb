//! Where the published files keep the pieces of a vision transformer.

use serde::{Deserialize, Serialize};
use ushydra_onnx::vit::{Affine, Linear, VitBlock, VitWeights};

use super::positions;
use super::weights::{Weights, listed};
use crate::error::Result;

/// How a weights file names its tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Whichever of the others the file's names show.
    #[default]
    Auto,
    /// timm (`blocks.0.attn.qkv.weight`): ViT-Ti/S/B-16, and DINOv2 in timm's or its authors' form.
    Timm,
    /// Hugging Face transformers' DINOv2 (`encoder.layer.0.attention.attention.query.weight`).
    Huggingface,
    /// torchvision (`encoder.layers.encoder_layer_0.self_attention.in_proj_weight`): ViT-B/L-16 and 32.
    Torchvision,
}

impl Scheme {
    /// Whose names these are.
    pub(super) const fn owner(self) -> &'static str {
        match self {
            Self::Auto => "unknown",
            Self::Timm => "timm",
            Self::Huggingface => "Hugging Face",
            Self::Torchvision => "torchvision",
        }
    }

    /// The tensor names to read `file` with, and whose they are.
    fn names(self, file: &Weights) -> Result<(Self, &'static Names)> {
        let known = [
            (Self::Timm, &TIMM),
            (Self::Huggingface, &HUGGINGFACE),
            (Self::Torchvision, &TORCHVISION_FILE),
            (Self::Torchvision, &TORCHVISION),
        ];
        // The last one of a scheme stands for it where the file shows none, so that the message names its tensors.
        let mut known = known.into_iter().filter(|(scheme, _)| self == Self::Auto || *scheme == self);
        let fits = |(_, names): &(Self, &Names)| file.has(&format!("{}0.{}.weight", names.block, names.expand));
        match known.clone().find(fits).or_else(|| if self == Self::Auto { None } else { known.next_back() }) {
            Some(found) => Ok(found),
            None => {
                let names: Vec<&str> = file.names().collect();
                Err(file.error(format!(
                    "it holds no vision transformer in the names of timm, Hugging Face or torchvision, but {}; convolutional \
                     networks are not imported, they start baselines of `compare`",
                    listed(&names)
                )))
            }
        }
    }
}

/// Beginnings of names that play no part in the features: layers of the labels, the token of masked training.
const UNUSED: [&str; 7] =
    ["head.", "heads.", "classifier.", "pooler.", "pre_logits.", "mask_token", "embeddings.mask_token"];

/// Sizes that the tensors tell.
pub(super) struct Sizes {
    pub(super) width: usize,
    pub(super) patch: usize,
    pub(super) channels: usize,
    pub(super) hidden: usize,
}

pub(super) struct Found {
    pub(super) scheme: Scheme,
    pub(super) sizes: Sizes,
    pub(super) weights: VitWeights,
}

/// Tensor names of one scheme.
struct Names {
    class_token: &'static str,
    positions: &'static str,
    patch: &'static str,
    /// What stands before a block's number.
    block: &'static str,
    /// Query, key and value in one matrix, and their biases; none where they are three layers.
    joint: Option<[&'static str; 2]>,
    norm1: &'static str,
    norm2: &'static str,
    projection: &'static str,
    expand: &'static str,
    contract: &'static str,
    /// Factors after attention and after the two layers; none where the networks have none.
    scales: Option<[&'static str; 2]>,
    norm: &'static str,
}

const TIMM: Names = Names {
    class_token: "cls_token",
    positions: "pos_embed",
    patch: "patch_embed.proj",
    block: "blocks.",
    joint: Some(["attn.qkv.weight", "attn.qkv.bias"]),
    norm1: "norm1",
    norm2: "norm2",
    projection: "attn.proj",
    expand: "mlp.fc1",
    contract: "mlp.fc2",
    scales: Some(["ls1.gamma", "ls2.gamma"]),
    norm: "norm",
};

const HUGGINGFACE: Names = Names {
    class_token: "embeddings.cls_token",
    positions: "embeddings.position_embeddings",
    patch: "embeddings.patch_embeddings.projection",
    block: "encoder.layer.",
    joint: None,
    norm1: "norm1",
    norm2: "norm2",
    projection: "attention.output.dense",
    expand: "mlp.fc1",
    contract: "mlp.fc2",
    scales: Some(["layer_scale1.lambda1", "layer_scale2.lambda1"]),
    norm: "layernorm",
};

const TORCHVISION: Names = Names {
    class_token: "class_token",
    positions: "encoder.pos_embedding",
    patch: "conv_proj",
    block: "encoder.layers.encoder_layer_",
    joint: Some(["self_attention.in_proj_weight", "self_attention.in_proj_bias"]),
    norm1: "ln_1",
    norm2: "ln_2",
    projection: "self_attention.out_proj",
    expand: "mlp.0",
    contract: "mlp.3",
    scales: None,
    norm: "encoder.ln",
};

/// The files that torchvision publishes are older than its network; its loader renames them.
const TORCHVISION_FILE: Names = Names { expand: "mlp.linear_1", contract: "mlp.linear_2", ..TORCHVISION };

/// Reads a transformer for pictures of `image` x `image` pixels.
pub(super) fn load(file: &Weights, scheme: Scheme, image: usize) -> Result<Found> {
    let (scheme, names) = scheme.names(file)?;
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
    let hidden = file.any(&format!("{}0.{}.bias", names.block, names.expand))?.values.len();
    let reader = Reader { file, names, width, hidden };
    let mut blocks = Vec::new();
    while file.has(&reader.name(blocks.len(), &format!("{}.weight", names.norm1))) {
        blocks.push(reader.block(blocks.len())?);
    }
    let weights = VitWeights {
        patch: Linear { weight: kernel.values, bias: file.shaped(&format!("{}.bias", names.patch), &[width])? },
        class_token: file.shaped(names.class_token, &[1, 1, width])?,
        positions: positions::load(file, names.positions, width, image / patch)?,
        blocks,
        norm: reader.affine(names.norm)?,
    };
    // A tensor without a place here, such as register tokens, means that the file's network computes something else.
    let mut strange = file.left();
    // The positions stand there in several sizes.
    strange.retain(|name| !UNUSED.iter().chain([&names.positions]).any(|start| name.starts_with(start)));
    if !strange.is_empty() {
        return Err(file.error(format!(
            "the encoder has no place for {}, so that it would compute something else; use a plain ViT or a DINOv2 without \
             registers",
            listed(&strange)
        )));
    }
    Ok(Found { scheme, sizes: Sizes { width, patch, channels, hidden }, weights })
}

struct Reader<'a> {
    file: &'a Weights,
    names: &'a Names,
    width: usize,
    hidden: usize,
}

impl Reader<'_> {
    fn name(&self, block: usize, part: &str) -> String {
        format!("{}{block}.{part}", self.names.block)
    }

    fn affine(&self, name: &str) -> Result<Affine> {
        Ok(Affine {
            scale: self.file.shaped(&format!("{name}.weight"), &[self.width])?,
            bias: self.file.shaped(&format!("{name}.bias"), &[self.width])?,
        })
    }

    fn linear(&self, name: &str, outputs: usize, inputs: usize) -> Result<Linear> {
        self.named([&format!("{name}.weight"), &format!("{name}.bias")], outputs, inputs)
    }

    fn named(&self, [weight, bias]: [&str; 2], outputs: usize, inputs: usize) -> Result<Linear> {
        Ok(Linear {
            weight: self.file.shaped(weight, &[outputs, inputs])?,
            bias: if self.file.has(bias) { self.file.shaped(bias, &[outputs])? } else { Vec::new() },
        })
    }

    fn scale(&self, name: Option<String>) -> Result<Option<Vec<f32>>> {
        name.filter(|name| self.file.has(name)).map(|name| self.file.shaped(&name, &[self.width])).transpose()
    }

    fn block(&self, block: usize) -> Result<VitBlock> {
        let (names, width, hidden) = (self.names, self.width, self.hidden);
        let name = |part: &str| self.name(block, part);
        let [scale1, scale2] = match names.scales {
            Some(scales) => scales.map(|scale| Some(name(scale))),
            None => [None, None],
        };
        let [query, key, value] = match names.joint {
            Some(joint) => {
                let [weight, bias] = joint.map(&name);
                self.named([&weight, &bias], 3 * width, width)?.split::<3>()?
            }
            None => {
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
            scale1: self.scale(scale1)?,
            norm2: self.affine(&name(names.norm2))?,
            expand: self.linear(&name(names.expand), hidden, width)?,
            contract: self.linear(&name(names.contract), width, hidden)?,
            scale2: self.scale(scale2)?,
        })
    }
}
