//! Files that PyTorch, torchvision and timm wrote, by what these libraries compute with them.
//! `tests/baselines/make_pretrained.py` makes them.

use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::tensor::{Device, Tensor};
use serde::Deserialize;
use ushydra_engine::{Backend, EngineOptions};

use super::parity::{fill, image, strided};
use super::{config, write_weights};
use crate::baselines::build::{WithClassifier, WithSegmenter, classifier, segmenter};
use crate::baselines::network::{Classifier, Named, Segmenter};
use crate::baselines::weights::{Tally, take};
use crate::baselines::{Architecture, BaselineConfig, Depth};
use crate::error::Result;
use crate::import::weights::Weights;
use crate::import::{EncoderConfig, Scheme, import};

/// Largest difference of logits, relative to the greatest.
const TOLERANCE: f64 = 1e-4;
/// The same for features of an encoder, whose weights are rounded to f16.
const ENCODER_TOLERANCE: f64 = 2e-3;
/// Where the published networks lie for the test that takes them.
const FULL: &str = "USHYDRA_PRETRAINED";

#[derive(Deserialize)]
struct Fixtures {
    classifiers: Vec<Case>,
    transformers: Vec<Transformer>,
}

#[derive(Deserialize)]
struct Case {
    file: String,
    architecture: Architecture,
    width: usize,
    classes: usize,
    #[serde(default)]
    batch_norm: bool,
    input: [usize; 4],
    greatest: f64,
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct Transformer {
    file: String,
    blocks: usize,
    heads: Option<usize>,
    input: [usize; 4],
    greatest: f64,
    values: Vec<f64>,
}

fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/baselines/pretrained")
}

fn fixtures(folder: &Path) -> Fixtures {
    serde_json::from_slice(&std::fs::read(folder.join("pretrained.json")).unwrap()).unwrap()
}

/// Largest difference as a part of the greatest value.
fn distance(found: &[f64], expected: &[f64], greatest: f64) -> f64 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / greatest
}

/// A network of `classes` labels with the weights of a file, and what it computes of the drawn picture.
struct Compute<'a> {
    path: &'a Path,
    input: [usize; 4],
}

impl Compute<'_> {
    fn loaded<M: Named>(&self, network: M) -> Result<(M, Tally)> {
        take(network, &Weights::read(self.path)?, self.path)
    }
}

impl WithClassifier for Compute<'_> {
    type Answer = (Tally, Vec<f64>);
    fn run<C: Classifier>(self, network: C) -> Result<Self::Answer> {
        let (network, tally) = self.loaded(network)?;
        let out: Tensor<2> = network.head(network.maps(image(self.input, &Device::flex())), None);
        Ok((tally, strided(out)))
    }
}

impl WithSegmenter for Compute<'_> {
    type Answer = (Tally, Vec<f64>);
    fn run<S: Segmenter>(self, network: S) -> Result<Self::Answer> {
        let (network, tally) = self.loaded(network)?;
        Ok((tally, strided(network.forward(image(self.input, &Device::flex()), None).logits)))
    }
}

fn sized(width: usize, classes: usize) -> BaselineConfig {
    let mut config = config();
    config.width = width;
    config.input.channels = 3;
    config.labels = (0..classes).map(|i| i.to_string()).collect();
    config
}

fn compute(
    architecture: Architecture,
    config: &BaselineConfig,
    path: &Path,
    input: [usize; 4],
) -> Result<(Tally, Vec<f64>)> {
    let work = Compute { path, input };
    if architecture.segments() {
        segmenter(architecture, config, &Device::flex(), work)
    } else {
        classifier(architecture, config, &Device::flex(), work)
    }
}

fn check(folder: &Path, case: &Case) {
    let path = folder.join(&case.file);
    let mut config = sized(case.width, case.classes);
    config.batch_norm = case.batch_norm;
    config.auxiliary = true;
    config.output_stride = 8;
    config.backbone = Depth::Resnet50;
    let start = Instant::now();
    let (tally, values) = compute(case.architecture, &config, &path, case.input).unwrap();
    let worst = distance(&values, &case.values, case.greatest);
    println!("{}: {worst:.1e} of the greatest logit, {:.1} s; {tally}", case.file, start.elapsed().as_secs_f64());
    assert!(worst <= TOLERANCE, "{}: {worst:e}\n{values:?}\n{:?}", case.file, case.values);
    assert!(tally.drawn.is_empty() && tally.left.is_empty(), "{}: {tally}", case.file);
}

fn encoder(names: Scheme, blocks: usize, heads: Option<usize>) -> EncoderConfig {
    let features = vec![format!("{blocks}.class"), format!("{blocks}.mean")];
    EncoderConfig { names, heads, features, attribution: String::new() }
}

fn check_transformer(folder: &Path, case: &Transformer) {
    let work = tempfile::tempdir().unwrap();
    let [_, channels, height, width] = case.input;
    let mut input = config().input;
    (input.width, input.height, input.channels) = (width as u32, height as u32, channels);
    let config = encoder(Scheme::Auto, case.blocks, case.heads);
    let made = import(&folder.join(&case.file), &config, &input).unwrap();
    let onnx = work.path().join("encoder.onnx");
    std::fs::write(&onnx, made.graph.to_bytes().unwrap()).unwrap();
    let mut engine = ushydra_engine::load(&onnx, Backend::Tract, &EngineOptions::with_threads(1)).unwrap();
    let mut features = vec![0.0; made.features];
    engine.run(&[&fill("input", &case.input)], &mut [&mut features]).unwrap();
    let values: Vec<f64> =
        features.iter().step_by((features.len() / 24).max(1)).take(24).map(|&v| f64::from(v)).collect();
    let worst = distance(&values, &case.values, case.greatest);
    println!("{}: {worst:.1e} of the greatest feature; {}", case.file, made.summary);
    assert!(worst <= ENCODER_TOLERANCE, "{}: {worst:e}\n{values:?}\n{:?}", case.file, case.values);
}

#[test]
fn classifiers_compute_what_their_library_does() {
    let fixtures = fixtures(&small());
    assert_eq!(fixtures.classifiers.len(), 3);
    fixtures.classifiers.iter().for_each(|case| check(&small(), case));
}

#[test]
fn transformers_compute_what_their_library_does() {
    let fixtures = fixtures(&small());
    assert_eq!(fixtures.transformers.len(), 2);
    fixtures.transformers.iter().for_each(|case| check_transformer(&small(), case));
}

/// The published sizes, which no repository should hold: see `tests/baselines/make_pretrained.py`.
#[test]
#[ignore = "needs 3 GB of files in the folder that USHYDRA_PRETRAINED names"]
fn full_size() {
    let folder = PathBuf::from(std::env::var(FULL).unwrap());
    let fixtures = fixtures(&folder);
    fixtures.classifiers.iter().for_each(|case| check(&folder, case));
    fixtures.transformers.iter().for_each(|case| check_transformer(&folder, case));
}

#[test]
fn a_head_of_other_labels_is_drawn() {
    let path = small().join("resnet18-checkpoint.pth");
    let (tally, _) = compute(Architecture::Resnet18, &sized(2, 3), &path, [1, 3, 32, 32]).unwrap();
    let told = tally.to_string();
    let expected = "100 tensors taken in torchvision's names (timm's ResNet and DenseNet have the same), 2 of the file left \
                    (`fc.weight`, `fc.bias`), 2 of the network missing there or of another number of labels, drawn (`fc.weight`, \
                    `fc.bias`)";
    assert_eq!(told, expected);
    let path = small().join("vgg16-timm.pth");
    let (tally, _) = compute(Architecture::Vgg16, &sized(1, 3), &path, [1, 3, 32, 32]).unwrap();
    assert_eq!(
        (tally.taken, tally.left.as_slice()),
        (30, &["head.fc.weight".to_owned(), "head.fc.bias".to_owned()][..])
    );
    assert_eq!(tally.drawn, ["classifier.6.weight", "classifier.6.bias"]);
}

#[test]
fn a_classifier_starts_the_backbone_of_a_segmenter() {
    let path = small().join("resnet18-legacy.pth");
    for architecture in [Architecture::Fcn, Architecture::DeeplabV3, Architecture::Dofe] {
        let mut config = sized(2, 1);
        config.backbone = Depth::Resnet18;
        let (tally, _) = compute(architecture, &config, &path, [1, 3, 32, 32]).unwrap();
        assert_eq!((tally.taken, tally.left.len()), (100, 2), "{tally}");
        assert!(tally.to_string().contains("a classifier, for the backbone"), "{tally}");
        assert!(tally.drawn.iter().all(|name| !name.starts_with("backbone")), "{tally}");
    }
}

#[test]
fn weights_of_another_network_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let own = |name: &str| small().join(name);
    let deeper = folder.path().join("resnet34.safetensors");
    write_weights(Architecture::Resnet18, &sized(2, 5), &deeper, &[("layer1.2.conv1.weight", &[2, 2, 3, 3])]);
    let cut = folder.path().join("cut.safetensors");
    write_weights(Architecture::Vgg16, &sized(1, 5), &cut, &[]);
    let cases = [
        (Architecture::Resnet18, 2, own("vgg16-timm.pth"), "none of its 32 tensors"),
        (Architecture::Resnet18, 2, own("vgg16-timm.pth"), "look like a VGG without batch normalisation"),
        (Architecture::Densenet121, 2, own("vit-timm.pth"), "look like a vision transformer of timm or DINOv2"),
        (Architecture::Vgg16, 1, own("vit-torchvision.pth"), "look like a vision transformer of torchvision"),
        (Architecture::Resnet50, 2, own("resnet18-legacy.pth"), "look like a ResNet of basic blocks"),
        (Architecture::Resnet18, 4, own("resnet18-legacy.pth"), "set its width to the file's"),
        (Architecture::Resnet18, 2, deeper, "no place for `layer1.2.conv1.weight`"),
        (Architecture::Segnet, 1, cut, "(`batch_norm = false`)"),
        (Architecture::Resnet18, 2, own("expanded.pth"), "save a contiguous copy"),
    ];
    for (architecture, width, path, expected) in cases {
        let found = compute(architecture, &sized(width, 5), &path, [1, 3, 32, 32]).map(|(tally, _)| tally.to_string());
        let problem = found.unwrap_err().to_string();
        assert!(problem.contains(expected), "{expected}: {problem}");
    }
}

#[test]
fn encoders_are_refused_with_cause_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let registers = folder.path().join("registers.safetensors");
    let mut input = config().input;
    (input.width, input.height, input.channels) = (28, 28, 3);
    let timm = Weights::read(&small().join("vit-timm.pth")).unwrap();
    let mut tensors: Vec<(String, Vec<usize>, Vec<f32>)> = Vec::new();
    for name in timm.names() {
        let tensor = timm.any(name).unwrap();
        tensors.push((name.to_owned(), tensor.shape, tensor.values));
    }
    tensors.push(("reg_token".to_owned(), vec![1, 4, 16], vec![0.0; 64]));
    super::write_tensors(&registers, &tensors);
    let cases = [
        (Scheme::Auto, small().join("resnet18-legacy.pth"), "no vision transformer in the names of timm"),
        (Scheme::Timm, small().join("vit-torchvision.pth"), "`patch_embed.proj.weight` is missing among"),
        (Scheme::Torchvision, small().join("vit-timm.pth"), "`conv_proj.weight` is missing among"),
        (Scheme::Huggingface, small().join("vit-timm.pth"), "embeddings.patch_embeddings"),
        (Scheme::Auto, registers, "no place for `reg_token`"),
    ];
    for (scheme, path, expected) in cases {
        let problem = import(&path, &encoder(scheme, 2, Some(2)), &input).map(|made| made.summary).unwrap_err();
        assert!(problem.to_string().contains(expected), "{expected}: {problem}");
    }
}
