//! The attention of the encoder: the same graph, the same features, rows that add to 1.

#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use ushydra_host::features::extract::Extractor;
use ushydra_host::files;
use ushydra_host::import::{Imported, import};
use ushydra_host::progress::Progress;
use ushydra_host::recipe::Recipe;
use ushydra_host::study::explain::rollout::{Attended, Attentive, write_attentive};

/// What the encoder of `weights` says to a picture: features by the extractor, then with its attention.
fn both(folder: &Path, weights: &Path) -> (Vec<f32>, Attended) {
    let recipe = Recipe::read(&common::recipe(folder)).unwrap();
    let encoder = folder.join("encoder.onnx");
    let Imported { graph, features: width, .. } = import(weights, &recipe.encoder, &recipe.input).unwrap();
    files::write_atomic(&encoder, &graph.to_bytes().unwrap()).unwrap();
    let extractor = Extractor {
        encoder: encoder.clone(),
        encoder_sha256: files::sha256_file(&encoder).unwrap(),
        width,
        input: recipe.input.clone(),
        augmentation: recipe.augmentation.clone(),
        seed: 1,
        jobs: 1,
        cache: folder.join("cache"),
    };
    let picture = folder.join("p/0-disc.png");
    let features = extractor.run(std::slice::from_ref(&picture), 1, &Progress::silent()).unwrap();
    let attentive = folder.join("attention.onnx");
    let blocks = write_attentive(&encoder, &attentive).unwrap();
    assert_eq!(blocks, 2);
    let seen = Attentive::load(&attentive, blocks, &recipe.input).unwrap().see(&picture).unwrap();
    (features.row(0, 0).to_vec(), seen)
}

fn world() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    common::pictures(dir.path(), 3);
    let weights = dir.path().join("weights.safetensors");
    common::weights(&weights);
    (dir, weights)
}

#[test]
fn attention_belongs_to_the_features() {
    let (dir, weights) = world();
    let (features, seen) = both(dir.path(), &weights);
    assert_eq!(features.len(), seen.features.len());
    for (a, b) in features.iter().zip(&seen.features) {
        assert!((a - b).abs() <= 1e-5 * a.abs().max(1.0), "{a} {b}");
    }
    // 4 x 4 patches; of two blocks the class token keeps at least a quarter of its own.
    assert_eq!((seen.patches.len(), seen.size), (16, [64, 64]));
    let sum: f64 = seen.patches.iter().sum();
    assert!(sum > 0.3 && sum < 0.75 + 1e-6 && seen.patches.iter().all(|p| *p > 0.0), "{sum}");
    assert!(seen.heat.kept().values().contains(&255));
}

#[test]
fn a_transformer_that_looks_everywhere_has_an_even_map() {
    let (dir, weights) = world();
    let bytes = std::fs::read(&weights).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    // Queries and keys of 0 attend to every token alike.
    let changed: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            let zero = name.contains("attn.qkv");
            let data = if zero { vec![0; view.data().len()] } else { view.data().to_vec() };
            (name, view.shape().to_vec(), data)
        })
        .collect();
    let dtype = safetensors::Dtype::F32;
    let views = changed.iter().map(|(n, s, d)| (n.as_str(), TensorView::new(dtype, s.clone(), d).unwrap()));
    std::fs::write(&weights, safetensors::serialize(views, None).unwrap()).unwrap();
    let (_, seen) = both(dir.path(), &weights);
    let patch = (1.0 - 0.25) / 17.0;
    assert!(seen.patches.iter().all(|p| (p - patch).abs() < 1e-6), "{:?}", seen.patches);
    assert!(seen.heat.kept().values().iter().all(|v| *v == 255));
}

#[test]
fn a_graph_without_attention_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("plain.onnx");
    std::fs::write(&file, b"no graph").unwrap();
    let error = write_attentive(&file, &dir.path().join("out.onnx")).unwrap_err().to_string();
    assert!(error.contains("no intact ONNX model"), "{error}");
}
