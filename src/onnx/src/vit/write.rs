//! The nodes of a transformer.

use super::weights::scaled;
use super::{Linear, Pool, Tap, VitBlock, VitConfig, VitWeights};
use crate::error::OnnxError;
use crate::graph::{Graph, Value};
use crate::ops::Conv2d;

/// A transformer under construction.
pub(super) struct Writer<'a> {
    graph: Graph,
    config: &'a VitConfig,
    final_norm: Option<(Value, Value)>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(graph: Graph, config: &'a VitConfig) -> Self {
        Self { graph, config, final_norm: None }
    }

    pub(super) fn finish(self) -> Graph {
        self.graph
    }

    /// Picture to tokens `[tokens, width]`. The class token carries its position embedding as a constant.
    pub(super) fn embed(&mut self, weights: &VitWeights, image: Value) -> Result<Value, OnnxError> {
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

    pub(super) fn block(&mut self, name: &str, block: &VitBlock, tokens: Value) -> Result<Value, OnnxError> {
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
    pub(super) fn tap(
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
