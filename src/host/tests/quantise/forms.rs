//! Both forms of every layer kind against fake quantisation in f64.

use std::collections::{BTreeSet, HashMap};
use ushydra_bundle::CalibrationMethod;
use ushydra_host::quantise::histogram::Histogram;
use ushydra_host::quantise::plan::Plan;
use ushydra_host::quantise::weights::Granularity;
use ushydra_host::quantise::{Decoder, Encoded, qdq, qop};
use ushydra_host::rng::Rng;
use ushydra_onnx::{Conv2d, Layer, Network, Operation, Pool2d, Weights};

/// A tensor `[1, channels, height, width]`, or `[1, channels]`.
#[derive(Clone, Debug)]
struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Array {
    fn at(&self, c: usize, y: isize, x: isize) -> f64 {
        let (height, width) = (self.shape[2] as isize, self.shape[3] as isize);
        let inside = (0..height).contains(&y) && (0..width).contains(&x);
        if inside { self.values[(c as isize * height * width + y * width + x) as usize] } else { 0.0 }
    }

    fn of(shape: Vec<usize>, value: impl Fn(usize, usize, usize) -> f64) -> Self {
        let mut values = Vec::new();
        for c in 0..shape[1] {
            for y in 0..shape.get(2).copied().unwrap_or(1) {
                for x in 0..shape.get(3).copied().unwrap_or(1) {
                    values.push(value(c, y, x));
                }
            }
        }
        Self { shape, values }
    }

    fn quantised(&self, scale: f64) -> Self {
        let values = self.values.iter().map(|v| (v / scale).round_ties_even().clamp(-128.0, 127.0) * scale);
        Self { shape: self.shape.clone(), values: values.collect() }
    }
}

/// The network in f64; with a plan, everything that it quantises is rounded on the way.
fn reference(network: &Network, plan: Option<&Plan>, inputs: &HashMap<String, Array>) -> HashMap<String, Array> {
    let mut known = inputs.clone();
    for (index, layer) in network.layers.iter().enumerate() {
        let int8 = plan.and_then(|plan| plan.weights[index].as_ref());
        let read = |name: &String| match (int8, plan.and_then(|plan| plan.scale(name))) {
            (Some(_), Some(scale)) => known[name].quantised(f64::from(scale)),
            _ => known[name].clone(),
        };
        let x: Vec<Array> = layer.inputs.iter().map(read).collect();
        let weight = |position: usize| match (int8, layer.operation.weights()) {
            (Some(int8), Some(weights)) => {
                let channel = weights.index(position, layer.operation.output_axis());
                f64::from(int8.values[position]) * f64::from(int8.scales[channel])
            }
            (None, Some(weights)) => f64::from(weights.values[position]),
            _ => 0.0,
        };
        let bias = |channel: usize| layer.operation.weights().map_or(0.0, |w| f64::from(w.bias[channel]));
        let first = &x[0];
        let result = match &layer.operation {
            Operation::Conv(weights, p) => {
                let [m, c, kh, kw] = weights.shape[..] else { panic!() };
                let size =
                    |axis: usize, k: usize| (first.shape[2 + axis] + 2 * p.padding[axis] - k) / p.stride[axis] + 1;
                Array::of(vec![1, m, size(0, kh), size(1, kw)], |o, y, x| {
                    let mut sum = bias(o);
                    for (i, dy, dx) in places(c, kh, kw) {
                        let row = (y * p.stride[0] + dy) as isize - p.padding[0] as isize;
                        let column = (x * p.stride[1] + dx) as isize - p.padding[1] as isize;
                        sum += first.at(i, row, column) * weight(((o * c + i) * kh + dy) * kw + dx);
                    }
                    sum
                })
            }
            Operation::ConvTranspose(weights) => {
                let [c, m, kh, kw] = weights.shape[..] else { panic!() };
                Array::of(vec![1, m, first.shape[2] * kh, first.shape[3] * kw], |o, y, x| {
                    let from = |i| first.at(i, (y / kh) as isize, (x / kw) as isize);
                    let place = (y % kh) * kw + x % kw;
                    bias(o) + (0..c).map(|i| from(i) * weight((i * m + o) * kh * kw + place)).sum::<f64>()
                })
            }
            Operation::Linear(weights) => {
                let [k, n] = weights.shape[..] else { panic!() };
                Array::of(vec![1, n], |o, _, _| {
                    bias(o) + (0..k).map(|i| first.values[i] * weight(i * n + o)).sum::<f64>()
                })
            }
            Operation::Relu => {
                Array { shape: first.shape.clone(), values: first.values.iter().map(|v| v.max(0.0)).collect() }
            }
            Operation::MaxPool(p) => {
                let size = |axis: usize| (first.shape[2 + axis] - p.kernel[axis]) / p.stride[axis] + 1;
                Array::of(vec![1, first.shape[1], size(0), size(1)], |c, y, x| {
                    let window = places(1, p.kernel[0], p.kernel[1]);
                    let value = |(_, dy, dx): (usize, usize, usize)| {
                        first.at(c, (y * p.stride[0] + dy) as isize, (x * p.stride[1] + dx) as isize)
                    };
                    window.map(value).fold(f64::NEG_INFINITY, f64::max)
                })
            }
            Operation::Concat(_) => Array {
                shape: [&[1, x.iter().map(|x| x.shape[1]).sum()], &first.shape[2..]].concat(),
                values: x.iter().flat_map(|x| x.values.clone()).collect(),
            },
        };
        known.insert(layer.output.clone(), result);
    }
    known
}

fn places(c: usize, kh: usize, kw: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..c * kh * kw).map(move |i| (i / (kh * kw), i / kw % kh, i % kw))
}

fn weights(rng: &mut Rng, shape: &[usize], channels: usize) -> Weights {
    let fan = shape.iter().product::<usize>() as f64 / channels as f64;
    let values = (0..shape.iter().product()).map(|_| (rng.normal() / fan.sqrt()) as f32).collect();
    Weights { shape: shape.to_vec(), values, bias: (0..channels).map(|_| (0.3 * rng.normal()) as f32).collect() }
}

fn layer(name: &str, operation: Operation, inputs: &[&str], output: &str) -> Layer {
    let inputs = inputs.iter().map(|name| (*name).to_owned()).collect();
    Layer { name: name.to_owned(), operation, inputs, output: output.to_owned() }
}

fn network(inputs: &[(&str, &[usize])], layers: Vec<Layer>, output: &str) -> Network {
    Network {
        name: "test".to_owned(),
        documentation: String::new(),
        metadata: Vec::new(),
        inputs: inputs.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect(),
        layers,
        outputs: vec![output.to_owned()],
    }
}

/// A decoder of a UNet with one level, a pooling and convolutions of other strides; every layer kind but `Linear`.
fn picture_network(rng: &mut Rng) -> Network {
    let same = Conv2d { padding: [1, 1], ..Conv2d::default() };
    let half = Conv2d { padding: [1, 1], stride: [2, 2], ..Conv2d::default() };
    network(
        &[("skip", &[1, 4, 8, 12]), ("deep", &[1, 6, 4, 6])],
        vec![
            layer("up", Operation::ConvTranspose(weights(rng, &[6, 4, 2, 2], 4)), &["deep"], "raised"),
            layer("join", Operation::Concat(1), &["skip", "raised"], "joined"),
            layer("conv1", Operation::Conv(weights(rng, &[5, 8, 3, 3], 5), same), &["joined"], "one"),
            layer("relu1", Operation::Relu, &["one"], "one.relu"),
            layer(
                "pool",
                Operation::MaxPool(Pool2d { kernel: [2, 2], stride: [2, 2], padding: [0, 0] }),
                &["one.relu"],
                "pooled",
            ),
            layer("conv2", Operation::Conv(weights(rng, &[7, 5, 3, 3], 7), half), &["pooled"], "two"),
            layer("relu2", Operation::Relu, &["two"], "two.relu"),
            layer("head", Operation::Conv(weights(rng, &[2, 7, 1, 1], 2), Conv2d::default()), &["two.relu"], "logits"),
        ],
        "logits",
    )
}

fn dense_network(rng: &mut Rng) -> Network {
    network(
        &[("features", &[1, 40])],
        vec![
            layer("fc1", Operation::Linear(weights(rng, &[40, 16], 16)), &["features"], "hidden"),
            layer("relu", Operation::Relu, &["hidden"], "hidden.relu"),
            layer("fc2", Operation::Linear(weights(rng, &[16, 3], 3)), &["hidden.relu"], "logits"),
        ],
        "logits",
    )
}

#[test]
fn both_forms_compute_fake_quantisation() {
    let folder = tempfile::tempdir().unwrap();
    struct Case {
        name: &'static str,
        network: fn(&mut Rng) -> Network,
        float: &'static [usize],
        granularity: Granularity,
    }
    let (channel, tensor) = (Granularity::Channel, Granularity::Tensor);
    let cases = [
        Case { name: "pictures", network: picture_network, float: &[], granularity: tensor },
        Case { name: "pictures, scales of channels", network: picture_network, float: &[], granularity: channel },
        // The convolution in the middle, the transposed one and the last one in float.
        Case { name: "float amid int8", network: picture_network, float: &[2], granularity: tensor },
        Case { name: "float first", network: picture_network, float: &[0], granularity: tensor },
        Case { name: "float last", network: picture_network, float: &[7], granularity: tensor },
        Case { name: "all in float but one", network: picture_network, float: &[0, 5, 7], granularity: tensor },
        Case { name: "dense", network: dense_network, float: &[], granularity: tensor },
        Case { name: "dense, first in float", network: dense_network, float: &[0], granularity: tensor },
    ];
    for (seed, case) in cases.into_iter().enumerate() {
        let rng = &mut Rng::new(seed as u64);
        let network = (case.network)(rng);
        let mut draw = || {
            let one = |(name, shape): &(String, Vec<usize>)| {
                let array = Array::of(shape.clone(), |_, _, _| 0.0);
                // Values that f32 holds, so that both sides read the same.
                let values = array.values.iter().map(|_| f64::from(rng.normal() as f32)).collect();
                (name.clone(), Array { values, ..array })
            };
            network.inputs.iter().map(one).collect::<HashMap<String, Array>>()
        };
        let mut histograms: HashMap<String, Histogram> = HashMap::new();
        for _ in 0..8 {
            for (name, array) in reference(&network, None, &draw()) {
                let values: Vec<f32> = array.values.iter().map(|v| *v as f32).collect();
                histograms.entry(name).or_default().add(&values);
            }
        }
        let float: BTreeSet<usize> = case.float.iter().copied().collect();
        let plan = Plan::new(&network, &histograms, CalibrationMethod::MinMax, case.granularity, &float);
        let load = |form: &str, graph: ushydra_onnx::Graph| {
            Decoder::of(&graph, &folder.path().join(format!("{form}.onnx")), 1).unwrap()
        };
        let mut qdq = load("qdq", qdq::graph(&network, &plan, &network.outputs).unwrap());
        let mut qop = load("qop", qop::graph(&network, &plan, &network.outputs).unwrap());
        let (mut worst, mut mean, mut count, mut loss) = ([0.0_f64; 2], [0.0_f64; 2], 0.0, 0.0_f64);
        for _ in 0..6 {
            let inputs = draw();
            let wanted = &reference(&network, Some(&plan), &inputs)["logits"].values;
            let unrounded = &reference(&network, None, &inputs)["logits"].values;
            let narrow = |array: &Array| array.values.iter().map(|v| *v as f32).collect::<Vec<f32>>();
            let encoded = Encoded::new(inputs.iter().map(|(name, array)| (name.clone(), narrow(array))).collect());
            let found = [qdq.answer(&encoded).unwrap().to_vec(), qop.answer(&encoded).unwrap().to_vec()];
            count += wanted.len() as f64;
            for (index, wanted) in wanted.iter().enumerate() {
                loss = loss.max((unrounded[index] - wanted).abs());
                for form in 0..2 {
                    let difference = (f64::from(found[form][index]) - wanted).abs();
                    worst[form] = worst[form].max(difference);
                    mean[form] += difference;
                }
            }
        }
        // One step of a value in between that lies at a rounding edge, at most; and next to nothing in the mean.
        let step = 0.12;
        assert!(worst[0] < step && mean[0] / count < 2e-3, "{}, qdq: {worst:?} {mean:?}", case.name);
        assert!(worst[1] < step && mean[1] / count < 6e-3, "{}, qop: {worst:?} {mean:?}", case.name);
        // The reference does round: a form that left everything in float would differ.
        assert!(loss > 5e-3, "{}: {loss}", case.name);
    }
}
