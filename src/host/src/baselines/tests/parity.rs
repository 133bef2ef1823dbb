//! Every network against the figures that `tests/baselines/make_fixtures.py` took from PyTorch and torchvision.

use std::path::Path;

use burn::module::{ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

use super::config;
use crate::baselines::build::{WithClassifier, WithSegmenter, classifier, segmenter};
use crate::baselines::network::{Classifier, Named, Segmenter, parameters};
use crate::baselines::{Architecture, BaselineConfig, Depth, weights};
use crate::error::Result;
use crate::import::weights::Tensor as Stored;
use crate::rng::Rng;

/// Largest difference, relative to the greatest value.
const TOLERANCE: f64 = 1e-4;
/// The same for gradients, besides what rounding does to PyTorch's own.
const GRADIENT_TOLERANCE: f64 = 2e-3;
/// Times PyTorch's own rounding that ours may reach.
const ROUNDINGS: f64 = 5.0;
const CLASSES: usize = 10;
const STRUCTURES: usize = 21;

#[derive(Deserialize)]
struct Fixtures {
    cases: Vec<Case>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    parameters: usize,
    published: Option<usize>,
    input: [usize; 4],
    greatest: f64,
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct Step {
    name: String,
    input: [usize; 4],
    loss: f64,
    gradient_of: String,
    gradient: Vec<f64>,
    rounding: f64,
    running_of: String,
    running: Vec<f64>,
}

fn fixtures() -> Fixtures {
    serde_json::from_str(include_str!("../../../tests/baselines/fixtures.json")).unwrap()
}

/// Values of a tensor as a function of its name and shape, as in the script.
pub(super) fn fill(name: &str, shape: &[usize]) -> Vec<f32> {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let mut rng = Rng::new(hash);
    let fan_in = shape.iter().skip(1).product::<usize>().max(1) as f64;
    let (offset, scale) = match (shape.len(), name) {
        (_, "input") => (0.0, 4.0),
        (_, name) if name.ends_with("running_var") => (1.0, 0.5),
        (_, name) if name.ends_with("running_mean") => (0.0, 0.2),
        (_, name) if name.ends_with("running_prior") => (0.0, 1.0),
        (1, name) if name.ends_with("weight") => (1.0, 0.2),
        (1, _) => (0.0, 0.2),
        (4, _) => (0.0, (24.0 / fan_in).sqrt()),
        _ => (0.0, (12.0 / fan_in).sqrt()),
    };
    (0..shape.iter().product()).map(|_| (offset + (rng.unit() - 0.5) * scale) as f32).collect()
}

fn filled<M: Named>(network: M) -> M {
    let shapes: std::collections::HashMap<_, _> = weights::shapes(&network).into_iter().collect();
    let mut source = |name: &str| Ok(shapes.get(name).map(|s| Stored { shape: s.clone(), values: fill(name, s) }));
    weights::read(network, &mut source, Path::new("formula")).unwrap().0
}

pub(super) fn image(shape: [usize; 4], device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(fill("input", &shape), shape), device)
}

pub(super) fn strided<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    let values: Vec<f32> = tensor.into_data().try_to_vec().unwrap();
    values.iter().step_by((values.len() / 24).max(1)).take(24).map(|&v| f64::from(v)).collect()
}

fn same(name: &str, found: &[f64], expected: &[f64], greatest: f64) {
    within(TOLERANCE, name, found, expected, greatest);
}

fn within(tolerance: f64, name: &str, found: &[f64], expected: &[f64], greatest: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / greatest;
    assert!(worst <= tolerance, "{name}: {worst:e} of {greatest}\n{found:?}\n{expected:?}");
}

/// Published shapes, with as many answers as the fixtures have.
fn published(name: &str) -> (Architecture, BaselineConfig) {
    let architecture: Architecture = name.strip_suffix("-resnet18").unwrap_or(name).parse().unwrap();
    let mut config = config();
    config.width = 64;
    config.input.channels = 3;
    config.output_stride = 8;
    config.auxiliary = true;
    config.domains = vec!["a".into(), "b".into(), "c".into()];
    let small = name.ends_with("-resnet18") || architecture == Architecture::Dofe;
    config.backbone = if small { Depth::Resnet18 } else { Depth::Resnet50 };
    let answers = if architecture.segments() { STRUCTURES } else { CLASSES };
    config.labels = (0..answers).map(|i| i.to_string()).collect();
    (architecture, config)
}

struct Evaluate<'a>(&'a Case);

impl Evaluate<'_> {
    fn compare<const D: usize>(self, count: usize, out: Tensor<D>) {
        assert_eq!(count, self.0.parameters, "{}", self.0.name);
        same(&self.0.name, &strided(out), &self.0.values, self.0.greatest);
    }
}

impl WithClassifier for Evaluate<'_> {
    type Answer = ();
    fn run<C: Classifier>(self, network: C) -> Result<()> {
        let network = filled(network);
        let image = image(self.0.input, &Device::flex());
        self.compare(parameters(&network), network.head(network.maps(image), None));
        Ok(())
    }
}

impl WithSegmenter for Evaluate<'_> {
    type Answer = ();
    fn run<S: Segmenter>(self, network: S) -> Result<()> {
        let network = filled(network);
        let image = image(self.0.input, &Device::flex());
        self.compare(parameters(&network), network.forward(image, None).logits);
        Ok(())
    }
}

fn check(name: &str) {
    let fixtures = fixtures();
    let case = fixtures.cases.iter().find(|case| case.name == name).unwrap();
    let (architecture, mut config) = published(name);
    if architecture.segments() {
        segmenter(architecture, &config, &Device::flex(), Evaluate(case)).unwrap();
    } else {
        classifier(architecture, &config, &Device::flex(), Evaluate(case)).unwrap();
        config.labels = (0..1000).map(|i| i.to_string()).collect();
        let published = classifier(architecture, &config, &Device::flex(), CountOnly).unwrap();
        assert_eq!(Some(published), case.published);
    }
}

struct CountOnly;

impl WithClassifier for CountOnly {
    type Answer = usize;
    fn run<C: Classifier>(self, network: C) -> Result<usize> {
        Ok(parameters(&network))
    }
}

#[test]
fn resnet18() {
    check("resnet18");
}

#[test]
fn resnet50() {
    check("resnet50");
}

#[test]
fn vgg16() {
    check("vgg16");
}

#[test]
fn densenet121() {
    check("densenet121");
}

#[test]
fn fcn() {
    check("fcn");
    check("fcn-resnet18");
}

#[test]
fn segnet() {
    check("segnet");
}

#[test]
fn deeplab() {
    check("deeplab-v3");
}

#[test]
fn dofe() {
    check("dofe");
}

#[test]
fn counts_that_torchvision_publishes() {
    let fixtures = fixtures();
    let published = |name: &str| fixtures.cases.iter().find(|case| case.name == name).unwrap().published;
    for (name, count) in [
        ("resnet18", 11_689_512),
        ("resnet50", 25_557_032),
        ("vgg16", 138_357_544),
        ("densenet121", 7_978_856),
        ("fcn", 35_322_218),
        ("deeplab-v3", 42_004_074),
    ] {
        assert_eq!(published(name), Some(count), "{name}");
    }
}

/// One step in training mode: loss, gradient, running statistics.
struct Train<'a>(&'a Step);

impl Train<'_> {
    fn compare<M: Named>(&self, network: &M, loss: Tensor<1>) {
        let step = self.0;
        let value: f64 = loss.clone().into_scalar();
        same(&format!("loss of {}", step.name), &[value], &[step.loss], step.loss);
        let gradients = loss.backward();
        let names = weights::shapes(network).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let mut look =
            Look { names: names.into_iter(), step, gradients: &gradients, found: Vec::new(), running: Vec::new() };
        // Only in evaluation mode do running statistics hold the last batch.
        network.visit(&mut look);
        let greatest = step.gradient.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        let tolerance = GRADIENT_TOLERANCE + ROUNDINGS * step.rounding;
        within(tolerance, &step.gradient_of, &look.found, &step.gradient, greatest);
        let names = weights::shapes(network).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let mut look =
            Look { names: names.into_iter(), step, gradients: &gradients, found: Vec::new(), running: Vec::new() };
        network.valid().visit(&mut look);
        let greatest = step.running.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        same(&step.running_of, &look.running, &step.running, greatest);
    }
}

struct Look<'a> {
    names: std::vec::IntoIter<String>,
    step: &'a Step,
    gradients: &'a burn::tensor::Gradients,
    found: Vec<f64>,
    running: Vec<f64>,
}

impl ModuleVisitor for Look<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.names.next().unwrap();
        if name == self.step.gradient_of
            && let Some(gradient) = param.val().grad(self.gradients)
        {
            self.found = strided(gradient);
        }
        if name == self.step.running_of {
            self.running = strided(param.val());
        }
    }
}

impl WithClassifier for Train<'_> {
    type Answer = ();
    fn run<C: Classifier>(self, network: C) -> Result<()> {
        let network = filled(network);
        let out = network.head(network.maps(image(self.0.input, &Device::flex().autodiff())), None);
        self.compare(&network, (out.clone() * out).mean());
        Ok(())
    }
}

impl WithSegmenter for Train<'_> {
    type Answer = ();
    fn run<S: Segmenter>(self, network: S) -> Result<()> {
        let network = filled(network);
        let out = network.forward(image(self.0.input, &Device::flex().autodiff()), None).logits;
        self.compare(&network, (out.clone() * out).mean());
        Ok(())
    }
}

#[test]
fn training_steps() {
    for step in &fixtures().steps {
        let (architecture, mut config) = published(&step.name);
        config.auxiliary = false;
        let device = Device::flex().autodiff();
        if architecture.segments() {
            segmenter(architecture, &config, &device, Train(step)).unwrap();
        } else {
            classifier(architecture, &config, &device, Train(step)).unwrap();
        }
    }
}
