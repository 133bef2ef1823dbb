//! A vision transformer as an ONNX encoder: picture in, one feature vector out.
//!
//! [`encoder`] writes the graph of a pre-norm transformer (Dosovitskiy et al., ICLR 2021; with layer scale as in CaiT
//! and DINOv2) in the layout that runs fastest in tract without slowing other runtimes down:
//!
//! - Everything that is linear is folded into the weights: the affine part of each block's layer normalisations into
//!   the projections that read it, the attention's `1 / sqrt(head width)` into the query, layer scale into the output
//!   projections. What remains are matrix products, bias additions, exact GELU, softmax and plain normalisation.
//! - Tokens are matrices `[tokens, width]` without a batch dimension; heads are split by reshape and transpose, and
//!   attention is two matrix products around a softmax.
//! - Query, key and value are three products: slicing one merged product costs a copy of each part.
//!
//! The feature vector is what [`Tap`]s read, in their order.

use crate::error::OnnxError;
use crate::graph::{Graph, Value};
use crate::ops::Conv2d;
use crate::tensor::Storage;

/// Name of the encoder's input, `[1, channels, image, image]`.
pub const INPUT: &str = "image";
/// Name of the encoder's output, `[1, taps * width]`.
pub const OUTPUT: &str = "features";

/// Sizes of a transformer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VitConfig {
    /// Side of the square input in pixels; a multiple of `patch`.
    pub image: usize,
    /// Side of a patch in pixels.
    pub patch: usize,
    /// Colour channels of the input.
    pub channels: usize,
    /// Length of a token; a multiple of `heads`.
    pub width: usize,
    /// Attention heads per block.
    pub heads: usize,
    /// Length of the hidden layer of each block's perceptron.
    pub hidden: usize,
    /// Number added to the variance in every normalisation.
    pub epsilon: f32,
}

impl VitConfig {
    /// Patches along one side.
    pub fn grid(&self) -> usize {
        self.image / self.patch.max(1)
    }

    /// Tokens: the class token and one per patch.
    pub fn tokens(&self) -> usize {
        1 + self.grid() * self.grid()
    }
}

/// A fully connected layer as PyTorch stores it: `weight` is row-major `[outputs, inputs]`, `bias` has `outputs`
/// elements or none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Linear {
    /// The matrix.
    pub weight: Vec<f32>,
    /// The offset of each output; empty for zero.
    pub bias: Vec<f32>,
}

impl Linear {
    /// Splits the outputs into equal parts, as for timm's merged `qkv` layer (query, key, value in this order).
    pub fn split<const PARTS: usize>(&self) -> Result<[Self; PARTS], OnnxError> {
        let part = |data: &[f32], index: usize| {
            let length = data.len() / PARTS.max(1);
            data.iter().skip(index * length).take(length).copied().collect::<Vec<_>>()
        };
        for data in [&self.weight, &self.bias] {
            if PARTS == 0 || data.len() % PARTS != 0 {
                return Err(OnnxError::Parameter {
                    operator: "split".to_owned(),
                    parameter: "length",
                    found: data.len().to_string(),
                    expected: format!("a multiple of {PARTS}"),
                });
            }
        }
        Ok(std::array::from_fn(|index| Self { weight: part(&self.weight, index), bias: part(&self.bias, index) }))
    }
}

/// Scale and bias of a layer normalisation, one entry per element of a token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Affine {
    /// Factor.
    pub scale: Vec<f32>,
    /// Offset.
    pub bias: Vec<f32>,
}

/// Weights of one block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VitBlock {
    /// Normalisation before attention.
    pub norm1: Affine,
    /// Query projection, `[width, width]`.
    pub query: Linear,
    /// Key projection, `[width, width]`.
    pub key: Linear,
    /// Value projection, `[width, width]`.
    pub value: Linear,
    /// Output projection of the attention, `[width, width]`.
    pub projection: Linear,
    /// Layer scale of the attention's output, where the network has one.
    pub scale1: Option<Vec<f32>>,
    /// Normalisation before the perceptron.
    pub norm2: Affine,
    /// First layer of the perceptron, `[hidden, width]`.
    pub expand: Linear,
    /// Second layer of the perceptron, `[width, hidden]`.
    pub contract: Linear,
    /// Layer scale of the perceptron's output, where the network has one.
    pub scale2: Option<Vec<f32>>,
}

/// Weights of a transformer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VitWeights {
    /// Patch embedding: weight `[width, channels, patch, patch]`.
    pub patch: Linear,
    /// The class token, `[width]`.
    pub class_token: Vec<f32>,
    /// Position embeddings of the class token and the patches row by row, `[tokens, width]`.
    pub positions: Vec<f32>,
    /// The blocks in order.
    pub blocks: Vec<VitBlock>,
    /// The final normalisation.
    pub norm: Affine,
}

/// What a [`Tap`] makes of the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The class token.
    Class,
    /// Mean of the patch tokens.
    Mean,
    /// Mean of the central patch tokens: a quarter of the grid (rounded down) is left out on every side.
    Centre,
    /// Population standard deviation of the patch tokens.
    Deviation,
}

/// One piece of the feature vector, `width` elements long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    /// The tokens after this many blocks, from 1.
    pub block: usize,
    /// Whether the final normalisation is applied to them first.
    pub norm: bool,
    /// What is made of them.
    pub pool: Pool,
}

/// Writes the encoder. The input is called [`INPUT`], the output [`OUTPUT`]; blocks after the last tap are left out.
pub fn encoder(config: &VitConfig, weights: &VitWeights, taps: &[Tap], storage: Storage) -> Result<Graph, OnnxError> {
    check(config, weights, taps)?;
    let mut graph = Graph::new("vit").with_storage(storage);
    let image = graph.input(INPUT, &[1, config.channels, config.image, config.image])?;
    let mut writer = Writer { graph, config, final_norm: None };
    let mut tokens = writer.embed(weights, image)?;
    let mut features = vec![None; taps.len()];
    let last = taps.iter().map(|tap| tap.block).max().unwrap_or(0);
    for (index, block) in weights.blocks.iter().enumerate().take(last) {
        tokens = writer.block(&format!("blocks.{index}"), block, tokens)?;
        writer.tap(index + 1, tokens, weights, taps, &mut features)?;
    }
    let features = features.into_iter().flatten().collect::<Vec<_>>();
    let mut graph = writer.graph;
    let vector = graph.concat(&features, 1)?;
    graph.output(OUTPUT, vector)?;
    Ok(graph)
}

struct Writer<'a> {
    graph: Graph,
    config: &'a VitConfig,
    final_norm: Option<(Value, Value)>,
}

impl Writer<'_> {
    /// Picture to tokens `[tokens, width]`. The class token carries its position embedding as a constant.
    fn embed(&mut self, weights: &VitWeights, image: Value) -> Result<Value, OnnxError> {
        let VitConfig { patch, channels, width, .. } = *self.config;
        let patches = self.config.tokens() - 1;
        let (class_position, patch_positions) = weights.positions.split_at(width);
        let class = weights.class_token.iter().zip(class_position).map(|(a, b)| a + b).collect::<Vec<_>>();
        self.graph.scoped("embed", |graph| {
            let kernel = graph.weight("patch.weight", &[width, channels, patch, patch], &weights.patch.weight)?;
            let bias = bias(graph, "patch.bias", &weights.patch.bias)?;
            let stride = Conv2d { stride: [patch; 2], ..Conv2d::default() };
            let embedded = graph.conv(image, kernel, bias, stride)?;
            let flat = graph.reshape(embedded, &[width, patches])?;
            let tokens = graph.transpose(flat, &[1, 0])?;
            let positions = graph.weight("positions", &[patches, width], patch_positions)?;
            let placed = graph.add(tokens, positions)?;
            let class = graph.weight("class", &[1, width], &class)?;
            graph.concat(&[class, placed], 0)
        })
    }

    fn block(&mut self, name: &str, block: &VitBlock, tokens: Value) -> Result<Value, OnnxError> {
        let VitConfig { width, heads, hidden, epsilon, .. } = *self.config;
        let count = self.config.tokens();
        let head = width / heads;
        self.graph.scoped(name, |graph| {
            let normed = plain_norm(graph, "norm1", tokens, width, epsilon)?;
            let root = 1.0 / (head as f32).sqrt();
            let query = block.query.after(&block.norm1).scaled(&vec![root; width]);
            let query = dense(graph, "query", normed, &query, [width, width])?;
            let key = dense(graph, "key", normed, &block.key.after(&block.norm1), [width, width])?;
            let value = dense(graph, "value", normed, &block.value.after(&block.norm1), [width, width])?;
            let [query, key, value] = {
                let mut split = |x, axes: [usize; 3]| {
                    let parts = graph.reshape(x, &[count, heads, head])?;
                    graph.transpose(parts, &axes)
                };
                [split(query, [1, 0, 2])?, split(key, [1, 2, 0])?, split(value, [1, 0, 2])?]
            };
            let scores = graph.matmul(query, key)?;
            let attention = graph.softmax(scores, -1)?;
            let mixed = graph.matmul(attention, value)?;
            let mixed = graph.transpose(mixed, &[1, 0, 2])?;
            let mixed = graph.reshape(mixed, &[count, width])?;
            let projection = scaled(&block.projection, block.scale1.as_deref());
            let attended = dense(graph, "projection", mixed, &projection, [width, width])?;
            let tokens = graph.add(tokens, attended)?;

            let normed = plain_norm(graph, "norm2", tokens, width, epsilon)?;
            let expanded = dense(graph, "expand", normed, &block.expand.after(&block.norm2), [width, hidden])?;
            let activated = graph.gelu(expanded)?;
            let contract = scaled(&block.contract, block.scale2.as_deref());
            let contracted = dense(graph, "contract", activated, &contract, [hidden, width])?;
            graph.add(tokens, contracted)
        })
    }

    /// Adds the pieces of the feature vector that read the tokens after `block` blocks.
    fn tap(
        &mut self,
        block: usize,
        tokens: Value,
        weights: &VitWeights,
        taps: &[Tap],
        features: &mut [Option<Value>],
    ) -> Result<(), OnnxError> {
        let mut normed = None;
        for (tap, feature) in taps.iter().zip(features).filter(|(tap, _)| tap.block == block) {
            let source = match (tap.norm, normed) {
                (false, _) => tokens,
                (true, Some(known)) => known,
                (true, None) => *normed.insert(self.final_norm(tokens, weights)?),
            };
            *feature = Some(self.pool(&format!("tap.{block}"), source, tap.pool)?);
        }
        Ok(())
    }

    fn final_norm(&mut self, tokens: Value, weights: &VitWeights) -> Result<Value, OnnxError> {
        let width = self.config.width;
        let (scale, bias) = match self.final_norm {
            Some(known) => known,
            None => {
                let scale = self.graph.weight("norm.scale", &[width], &weights.norm.scale)?;
                let bias = self.graph.weight("norm.bias", &[width], &weights.norm.bias)?;
                *self.final_norm.insert((scale, bias))
            }
        };
        self.graph.layer_norm(tokens, scale, bias, self.config.epsilon)
    }

    fn pool(&mut self, name: &str, tokens: Value, pool: Pool) -> Result<Value, OnnxError> {
        let (count, grid, width) = (self.config.tokens(), self.config.grid(), self.config.width);
        self.graph.scoped(name, |graph| {
            if pool == Pool::Class {
                return graph.slice(tokens, 0, 0, 1);
            }
            let mut patches = graph.slice(tokens, 0, 1, count)?;
            if pool == Pool::Centre {
                let (first, last) = (grid / 4, grid - grid / 4);
                let side = last - first;
                let square = graph.reshape(patches, &[grid, grid, width])?;
                let rows = graph.slice(square, 0, first, last)?;
                let centre = graph.slice(rows, 1, first, last)?;
                patches = graph.reshape(centre, &[side * side, width])?;
            }
            match pool {
                Pool::Deviation => graph.standard_deviation(patches, &[0], true),
                Pool::Class | Pool::Mean | Pool::Centre => graph.reduce_mean(patches, &[0], true),
            }
        })
    }
}

impl Linear {
    /// The layer that takes the normalised token before `affine` where this one takes it afterwards:
    /// `W (s x + b) + c = (W diag s) x + (W b + c)`.
    fn after(&self, affine: &Affine) -> Self {
        let rows = self.weight.chunks(affine.scale.len().max(1));
        let offset =
            |row: &[f32]| row.iter().zip(&affine.bias).map(|(w, b)| f64::from(*w) * f64::from(*b)).sum::<f64>();
        let own = self.bias.iter().copied().chain(std::iter::repeat(0.0));
        Self {
            bias: rows.clone().zip(own).map(|(row, bias)| (offset(row) + f64::from(bias)) as f32).collect(),
            weight: rows.flat_map(|row| row.iter().zip(&affine.scale).map(|(w, s)| w * s)).collect(),
        }
    }

    /// Every output multiplied by its factor.
    fn scaled(&self, factors: &[f32]) -> Self {
        let inputs = (self.weight.len() / factors.len().max(1)).max(1);
        let rows = self.weight.chunks(inputs).zip(factors);
        Self {
            weight: rows.flat_map(|(row, factor)| row.iter().map(move |w| w * factor)).collect(),
            bias: self.bias.iter().zip(factors).map(|(bias, factor)| bias * factor).collect(),
        }
    }
}

fn scaled(layer: &Linear, factors: Option<&[f32]>) -> Linear {
    factors.map_or_else(|| layer.clone(), |factors| layer.scaled(factors))
}

/// Normalisation whose affine part lives in the layers that read it.
fn plain_norm(graph: &mut Graph, name: &str, x: Value, width: usize, epsilon: f32) -> Result<Value, OnnxError> {
    let scale = graph.weight(&format!("{name}.scale"), &[width], &vec![1.0; width])?;
    let bias = graph.weight(&format!("{name}.bias"), &[width], &vec![0.0; width])?;
    graph.layer_norm(x, scale, bias, epsilon)
}

/// A fully connected layer of `[inputs, outputs]`; the weight is transposed to the order that `MatMul` reads.
fn dense(
    graph: &mut Graph,
    name: &str,
    x: Value,
    layer: &Linear,
    [inputs, outputs]: [usize; 2],
) -> Result<Value, OnnxError> {
    let columns = (0..inputs).flat_map(|input| layer.weight.iter().skip(input).step_by(inputs.max(1)).copied());
    let weight = graph.weight(&format!("{name}.weight"), &[inputs, outputs], &columns.collect::<Vec<_>>())?;
    let bias = bias(graph, &format!("{name}.bias"), &layer.bias)?;
    graph.linear(x, weight, bias)
}

fn bias(graph: &mut Graph, name: &str, data: &[f32]) -> Result<Option<Value>, OnnxError> {
    if data.is_empty() {
        return Ok(None);
    }
    graph.weight(name, &[data.len()], data).map(Some)
}

/// Refuses sizes that do not fit together, before anything is sliced by them.
fn check(config: &VitConfig, weights: &VitWeights, taps: &[Tap]) -> Result<(), OnnxError> {
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
