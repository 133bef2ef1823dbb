//! A miniature world: drawn pictures of three domains and four classes, and a tiny random vision transformer.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use image::{GrayImage, Luma};
use safetensors::tensor::{Dtype, TensorView};
use ushydra_host::recipe::Recipe;
use ushydra_host::rng::Rng;

pub(crate) const CLASSES: [&str; 4] = ["disc", "bar", "ring", "cross"];
pub(crate) const DOMAINS: [&str; 3] = ["low", "medium", "high"];
const SIDE: u32 = 64;
const TOKEN: usize = 64;
const BLOCKS: usize = 2;
const PATCH: usize = 8;
const IMAGE: usize = 32;

/// Draws `patients` patients with one picture per class each into `folder` and writes `data.csv`.
pub(crate) fn pictures(folder: &Path, patients: usize) -> PathBuf {
    std::fs::create_dir_all(folder.join("p")).unwrap();
    let mut csv = "file,label,domain,patient,device\n".to_owned();
    for patient in 0..patients {
        let domain = patient % DOMAINS.len();
        for (class, label) in CLASSES.iter().enumerate() {
            let name = format!("p/{patient}-{label}.png");
            draw(class, domain, (patient * 10 + class) as u64).save(folder.join(&name)).unwrap();
            csv.push_str(&format!("{name},{label},{},patient{patient},dev{}\n", DOMAINS[domain], patient % 6));
        }
        if patient < 3 {
            let name = format!("p/{patient}-none.png");
            draw(9, domain, patient as u64).save(folder.join(&name)).unwrap();
            csv.push_str(&format!("{name},none,{},patient{patient},dev{}\n", DOMAINS[domain], patient % 6));
        }
    }
    let path = folder.join("data.csv");
    std::fs::write(&path, csv).unwrap();
    path
}

/// One picture; domain 3 is a site that no bundle knows: dark on bright.
pub(crate) fn draw(class: usize, domain: usize, seed: u64) -> GrayImage {
    let mut rng = Rng::new(seed);
    let (cx, cy) = (32.0 + rng.range(-4.0, 4.0), 32.0 + rng.range(-4.0, 4.0));
    // Domains differ in background, noise and contrast.
    let (background, noise, ink) =
        [(90.0, 25.0, 60.0), (60.0, 12.0, 110.0), (30.0, 4.0, 190.0), (190.0, 15.0, -120.0)][domain];
    GrayImage::from_fn(SIDE, SIDE, |x, y| {
        let (dx, dy) = (f64::from(x) - cx, f64::from(y) - cy);
        let radius = dx.hypot(dy);
        let inside = match class {
            0 => radius < 14.0,
            1 => dy.abs() < 5.0,
            2 => (radius - 18.0).abs() < 4.0,
            3 => dx.abs() < 4.0 || dy.abs() < 4.0,
            _ => false,
        };
        let value = background + noise * rng.normal() + if inside { ink } else { 0.0 };
        Luma([value.clamp(5.0, 255.0) as u8])
    })
}

/// Writes a random transformer in timm's names.
pub(crate) fn weights(path: &Path) {
    let mut rng = Rng::new(7);
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    let mut add = |name: String, shape: &[usize], scale: f64, offset: f64| {
        let count: usize = shape.iter().product();
        let bytes = (0..count).flat_map(|_| ((offset + scale * rng.normal()) as f32).to_le_bytes()).collect();
        tensors.push((name, shape.to_vec(), bytes));
    };
    let grid = IMAGE / PATCH;
    add("cls_token".into(), &[1, 1, TOKEN], 0.5, 0.0);
    add("pos_embed".into(), &[1, 1 + grid * grid, TOKEN], 0.3, 0.0);
    add("patch_embed.proj.weight".into(), &[TOKEN, 3, PATCH, PATCH], 0.1, 0.0);
    add("patch_embed.proj.bias".into(), &[TOKEN], 0.1, 0.0);
    for block in 0..BLOCKS {
        let name = |part: &str| format!("blocks.{block}.{part}");
        for norm in ["norm1", "norm2"] {
            add(name(&format!("{norm}.weight")), &[TOKEN], 0.1, 1.0);
            add(name(&format!("{norm}.bias")), &[TOKEN], 0.1, 0.0);
        }
        for (part, outputs, inputs) in [
            ("attn.qkv", 3 * TOKEN, TOKEN),
            ("attn.proj", TOKEN, TOKEN),
            ("mlp.fc1", 2 * TOKEN, TOKEN),
            ("mlp.fc2", TOKEN, 2 * TOKEN),
        ] {
            add(name(&format!("{part}.weight")), &[outputs, inputs], 0.15, 0.0);
            add(name(&format!("{part}.bias")), &[outputs], 0.05, 0.0);
        }
    }
    add("norm.weight".into(), &[TOKEN], 0.1, 1.0);
    add("norm.bias".into(), &[TOKEN], 0.1, 0.0);
    let views: Vec<(&str, TensorView<'_>)> = tensors
        .iter()
        .map(|(name, shape, bytes)| (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()))
        .collect();
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// The shipped recipe, shrunk to the miniature world.
pub(crate) fn recipe(folder: &Path) -> PathBuf {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/fetal-planes.toml");
    let mut recipe = Recipe::read(&shipped).unwrap();
    recipe.name = "miniature".into();
    recipe.labels = CLASSES.map(str::to_owned).to_vec();
    recipe.domains = DOMAINS.map(str::to_owned).to_vec();
    recipe.unknown_labels = vec!["none".into()];
    recipe.encoder.names = ushydra_host::import::Scheme::Timm;
    recipe.encoder.features = ["1.class", "2.class", "2.mean", "2.centre", "2.deviation"].map(str::to_owned).to_vec();
    recipe.input.width = IMAGE as u32;
    recipe.input.height = IMAGE as u32;
    recipe.augmentation.views = 3;
    recipe.decoders.other_domains = vec![0.1, 0.5];
    recipe.decoders.folds = 2;
    recipe.decoders.bag = 2;
    recipe.calibration.entries = 2 * TOKEN;
    recipe.calibration.components = 8;
    recipe.calibration.folds = 3;
    if let Some(novelty) = &mut recipe.calibration.novelty {
        novelty.entries = 2 * TOKEN;
    }
    recipe.evaluation.folds = 3;
    recipe.evaluation.repeats = 1;
    recipe.evaluation.resamples = 100;
    let path = folder.join("recipe.toml");
    recipe.write(&path).unwrap();
    path
}
