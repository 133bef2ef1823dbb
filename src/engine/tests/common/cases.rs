//! The models of the suite and their examples.

use ushydra_engine::conformance::{Case, Example};
use ushydra_engine::{ModelInfo, TensorInfo};
use ushydra_onnx::vit::{self, Affine, Linear, Pool, Tap, VitBlock, VitConfig, VitWeights};
use ushydra_onnx::{Conv2d, Graph, OnnxError, Storage};

use super::reference::{self, Conv};

/// Examples per model.
const EXAMPLES: u64 = 3;
/// Rounding of f32 in models of this size.
const TOLERANCE: f32 = 1e-5;

/// Every model of the suite.
pub(crate) fn all() -> Result<Vec<Case>, OnnxError> {
    Ok(vec![perceptron()?, convolutions()?, several_tensors()?, transformer()?])
}

/// A generator of repeatable numbers (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number in -1..1.
    pub(crate) fn number(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    /// Numbers in -scale..scale.
    pub(crate) fn numbers(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| self.number() * scale).collect()
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

fn tensor(name: &str, shape: &[usize]) -> TensorInfo {
    TensorInfo { name: name.to_owned(), shape: shape.to_vec() }
}

/// Random inputs of the given lengths and what `compute` makes of them.
fn examples(lengths: &[usize], compute: impl Fn(&[Vec<f64>]) -> Vec<Vec<f64>>) -> Vec<Example> {
    let example = |seed: u64| {
        let mut random = Random(1000 + seed);
        let inputs = lengths.iter().map(|length| random.numbers(*length, 2.0)).collect::<Vec<_>>();
        let outputs = compute(&inputs.iter().map(|input| wide(input)).collect::<Vec<_>>());
        Example { inputs, outputs: outputs.iter().map(|output| narrow(output)).collect() }
    };
    (0..EXAMPLES).map(example).collect()
}

fn perceptron() -> Result<Case, OnnxError> {
    let (inputs, hidden, classes) = (37, 19, 5);
    let mut random = Random(1);
    let first = random.numbers(hidden * inputs, 0.4);
    let first_bias = random.numbers(hidden, 0.4);
    let second = random.numbers(hidden * classes, 0.4);
    let second_bias = random.numbers(classes, 0.4);

    let mut graph = Graph::new("perceptron");
    let x = graph.input("features", &[1, inputs])?;
    let weight = graph.weight("first.weight", &[hidden, inputs], &first)?;
    let bias = graph.weight("first.bias", &[hidden], &first_bias)?;
    let x = graph.gemm(x, weight, Some(bias), false, true)?;
    let x = graph.relu(x)?;
    let weight = graph.weight("second.weight", &[hidden, classes], &second)?;
    let bias = graph.weight("second.bias", &[classes], &second_bias)?;
    let x = graph.linear(x, weight, Some(bias))?;
    let probabilities = graph.softmax(x, -1)?;
    graph.output("probabilities", probabilities)?;

    let compute = |x: &[Vec<f64>]| {
        let x = reference::matmul(&x[0], &reference::transpose(&wide(&first), inputs), [1, inputs, hidden]);
        let x = reference::add_rows(&x, &wide(&first_bias));
        let x = x.iter().map(|value| value.max(0.0)).collect::<Vec<_>>();
        let x = reference::add_rows(&reference::matmul(&x, &wide(&second), [1, hidden, classes]), &wide(&second_bias));
        vec![reference::softmax(&x, classes)]
    };
    Ok(Case {
        name: "perceptron",
        model: graph.to_bytes()?,
        info: ModelInfo {
            inputs: vec![tensor("features", &[1, inputs])],
            outputs: vec![tensor("probabilities", &[1, classes])],
        },
        examples: examples(&[inputs], compute),
        tolerance: TOLERANCE,
    })
}

fn convolutions() -> Result<Case, OnnxError> {
    let wide_conv = Conv { input: [3, 11, 9], kernel: [8, 3, 2], stride: [2, 1], padding: [1, 0], groups: 1 };
    let [height, width] = wide_conv.output();
    let grouped = Conv { input: [8, height, width], kernel: [4, 3, 3], stride: [1, 1], padding: [1, 1], groups: 4 };
    let mut random = Random(2);
    let first = random.numbers(8 * 3 * 3 * 2, 0.3);
    let first_bias = random.numbers(8, 0.3);
    let second = random.numbers(4 * 2 * 3 * 3, 0.3);
    let second_bias = random.numbers(4, 0.3);

    let mut graph = Graph::new("convolutions");
    let x = graph.input("image", &[1, 3, 11, 9])?;
    let kernel = graph.weight("first.weight", &[8, 3, 3, 2], &first)?;
    let bias = graph.weight("first.bias", &[8], &first_bias)?;
    let parameters = Conv2d { stride: [2, 1], padding: [1, 0], ..Conv2d::default() };
    let x = graph.conv(x, kernel, Some(bias), parameters)?;
    let x = graph.relu(x)?;
    let kernel = graph.weight("second.weight", &[4, 2, 3, 3], &second)?;
    let bias = graph.weight("second.bias", &[4], &second_bias)?;
    let parameters = Conv2d { padding: [1, 1], groups: 4, ..Conv2d::default() };
    let x = graph.conv(x, kernel, Some(bias), parameters)?;
    graph.output("map", x)?;

    let compute = |x: &[Vec<f64>]| {
        let x = wide_conv.run(&x[0], &wide(&first), &wide(&first_bias));
        let x = x.iter().map(|value| value.max(0.0)).collect::<Vec<_>>();
        vec![grouped.run(&x, &wide(&second), &wide(&second_bias))]
    };
    Ok(Case {
        name: "convolutions",
        model: graph.to_bytes()?,
        info: ModelInfo {
            inputs: vec![tensor("image", &[1, 3, 11, 9])],
            outputs: vec![tensor("map", &[1, 4, height, width])],
        },
        examples: examples(&[3 * 11 * 9], compute),
        tolerance: TOLERANCE,
    })
}

/// Three inputs, three outputs, one of which is an input passed through; in another order than the graph computes them.
fn several_tensors() -> Result<Case, OnnxError> {
    let mut graph = Graph::new("several");
    let a = graph.input("a", &[2, 3])?;
    let b = graph.input("b", &[3])?;
    let c = graph.input("c", &[2, 2])?;
    let sum = graph.add(a, b)?;
    let joined = graph.concat(&[sum, c], 1)?;
    let product = graph.mul(sum, b)?;
    graph.output("joined", joined)?;
    graph.output("unchanged", c)?;
    graph.output("product", product)?;

    let compute = |x: &[Vec<f64>]| {
        let sum = reference::add_rows(&x[0], &x[1]);
        let joined = sum.chunks(3).zip(x[2].chunks(2)).flat_map(|(left, right)| [left, right].concat()).collect();
        let product = sum.iter().enumerate().map(|(index, value)| value * x[1][index % 3]).collect();
        vec![joined, x[2].clone(), product]
    };
    Ok(Case {
        name: "several",
        model: graph.to_bytes()?,
        info: ModelInfo {
            inputs: vec![tensor("a", &[2, 3]), tensor("b", &[3]), tensor("c", &[2, 2])],
            outputs: vec![tensor("joined", &[2, 5]), tensor("unchanged", &[2, 2]), tensor("product", &[2, 3])],
        },
        examples: examples(&[6, 3, 4], compute),
        tolerance: TOLERANCE,
    })
}

/// The tiny transformer: 16 patches, three blocks, one without layer scale, every kind of tap.
pub(crate) const TINY: VitConfig =
    VitConfig { image: 12, patch: 3, channels: 2, width: 12, heads: 3, hidden: 20, epsilon: 1e-6 };

/// Its taps, in an order that is not the order of blocks.
pub(crate) const TAPS: [Tap; 7] = [
    Tap { block: 3, norm: true, pool: Pool::Class },
    Tap { block: 1, norm: false, pool: Pool::Mean },
    Tap { block: 2, norm: true, pool: Pool::Mean },
    Tap { block: 2, norm: true, pool: Pool::Centre },
    Tap { block: 3, norm: true, pool: Pool::Deviation },
    Tap { block: 2, norm: false, pool: Pool::Class },
    Tap { block: 3, norm: false, pool: Pool::Deviation },
];

/// Random weights of [`TINY`].
pub(crate) fn tiny_weights() -> VitWeights {
    let VitConfig { patch, channels, width, hidden, .. } = TINY;
    let mut random = Random(3);
    let random = &mut random;
    let linear = |random: &mut Random, outputs: usize, inputs: usize| Linear {
        weight: random.numbers(outputs * inputs, 0.5),
        bias: random.numbers(outputs, 0.3),
    };
    let affine = |random: &mut Random| Affine {
        scale: random.numbers(width, 0.5).iter().map(|value| value + 1.0).collect(),
        bias: random.numbers(width, 0.3),
    };
    let block = |random: &mut Random, scaled: bool| VitBlock {
        norm1: affine(random),
        query: linear(random, width, width),
        key: linear(random, width, width),
        value: linear(random, width, width),
        projection: linear(random, width, width),
        scale1: scaled.then(|| random.numbers(width, 0.8)),
        norm2: affine(random),
        expand: linear(random, hidden, width),
        contract: linear(random, width, hidden),
        scale2: scaled.then(|| random.numbers(width, 0.8)),
    };
    VitWeights {
        patch: linear(random, width, channels * patch * patch),
        class_token: random.numbers(width, 1.0),
        positions: random.numbers(TINY.tokens() * width, 0.5),
        blocks: vec![block(random, true), block(random, false), block(random, true)],
        norm: affine(random),
    }
}

fn transformer() -> Result<Case, OnnxError> {
    let VitConfig { image, channels, width, .. } = TINY;
    let weights = tiny_weights();
    let graph = vit::encoder(&TINY, &weights, &TAPS, Storage::F32)?;
    Ok(Case {
        name: "transformer",
        model: graph.to_bytes()?,
        info: ModelInfo {
            inputs: vec![tensor(vit::INPUT, &[1, channels, image, image])],
            outputs: vec![tensor(vit::OUTPUT, &[1, TAPS.len() * width])],
        },
        examples: examples(&[channels * image * image], |x| vec![tiny_features(&weights, &x[0])]),
        tolerance: TOLERANCE,
    })
}

/// The feature vector of the tiny transformer, straight from its definition.
fn tiny_features(weights: &VitWeights, image: &[f64]) -> Vec<f64> {
    let VitConfig { image: side, patch, channels, width, heads, hidden, epsilon } = TINY;
    let (tokens, grid, head) = (TINY.tokens(), TINY.grid(), width / heads);
    let dense = |x: &[f64], layer: &Linear, inputs: usize, outputs: usize| {
        let product =
            reference::matmul(x, &reference::transpose(&wide(&layer.weight), inputs), [tokens, inputs, outputs]);
        reference::add_rows(&product, &wide(&layer.bias))
    };
    let norm = |x: &[f64], affine: &Affine| {
        reference::layer_norm(x, &wide(&affine.scale), &wide(&affine.bias), f64::from(epsilon))
    };
    let embedding = Conv {
        input: [channels, side, side],
        kernel: [width, patch, patch],
        stride: [patch; 2],
        padding: [0; 2],
        groups: 1,
    };
    let patches = embedding.run(image, &wide(&weights.patch.weight), &wide(&weights.patch.bias));
    let mut x = wide(&weights.class_token);
    x.extend(reference::transpose(&patches, grid * grid));
    x.iter_mut().zip(&weights.positions).for_each(|(token, position)| *token += f64::from(*position));

    let mut after = Vec::new();
    for block in &weights.blocks {
        let normed = norm(&x, &block.norm1);
        let [query, key, value] =
            [&block.query, &block.key, &block.value].map(|layer| dense(&normed, layer, width, width));
        let mut mixed = vec![0.0; tokens * width];
        for first in (0..width).step_by(head) {
            let part =
                |x: &[f64]| x.chunks(width).flat_map(|row| row[first..first + head].to_vec()).collect::<Vec<_>>();
            let scores =
                reference::matmul(&part(&query), &reference::transpose(&part(&key), head), [tokens, head, tokens]);
            let scores = scores.iter().map(|score| score / (head as f64).sqrt()).collect::<Vec<_>>();
            let attention = reference::softmax(&scores, tokens);
            let result = reference::matmul(&attention, &part(&value), [tokens, tokens, head]);
            for (row, part) in mixed.chunks_mut(width).zip(result.chunks(head)) {
                row[first..first + head].copy_from_slice(part);
            }
        }
        let attended = dense(&mixed, &block.projection, width, width);
        add_scaled(&mut x, &attended, block.scale1.as_deref());
        let expanded = dense(&norm(&x, &block.norm2), &block.expand, width, hidden);
        let activated = expanded.iter().map(|value| reference::gelu(*value)).collect::<Vec<_>>();
        let contracted = dense(&activated, &block.contract, hidden, width);
        add_scaled(&mut x, &contracted, block.scale2.as_deref());
        after.push(x.clone());
    }
    TAPS.iter()
        .flat_map(|tap| {
            let tokens = &after[tap.block - 1];
            let tokens = if tap.norm { norm(tokens, &weights.norm) } else { tokens.clone() };
            pooled(&tokens, tap.pool)
        })
        .collect()
}

fn add_scaled(x: &mut [f64], branch: &[f64], scale: Option<&[f32]>) {
    for (index, (token, value)) in x.iter_mut().zip(branch).enumerate() {
        *token += value * scale.map_or(1.0, |scale| f64::from(scale[index % scale.len()]));
    }
}

fn pooled(tokens: &[f64], pool: Pool) -> Vec<f64> {
    let (width, grid) = (TINY.width, TINY.grid());
    let centre = grid / 4..grid - grid / 4;
    let inside = |patch: &usize| centre.contains(&(patch / grid)) && centre.contains(&(patch % grid));
    let rows = tokens.chunks(width).collect::<Vec<_>>();
    let chosen = match pool {
        Pool::Class => vec![rows[0]],
        Pool::Mean | Pool::Deviation => rows[1..].to_vec(),
        Pool::Centre => (0..grid * grid).filter(inside).map(|patch| rows[1 + patch]).collect(),
    };
    let mean = |value: &dyn Fn(f64, usize) -> f64| {
        let average =
            |column: usize| chosen.iter().map(|row| value(row[column], column)).sum::<f64>() / chosen.len() as f64;
        (0..width).map(average).collect::<Vec<_>>()
    };
    let means = mean(&|value, _| value);
    match pool {
        Pool::Deviation => mean(&|value, column| (value - means[column]).powi(2)).iter().map(|v| v.sqrt()).collect(),
        Pool::Class | Pool::Mean | Pool::Centre => means,
    }
}
