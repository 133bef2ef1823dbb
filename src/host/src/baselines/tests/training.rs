//! Training on drawn pictures: it learns, a stopped training ends as an uninterrupted one, what is refused.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ushydra_core::{FrameGeometry, PixelFormat};

use super::config;
use crate::baselines::{
    Architecture, BaselineConfig, ClassPicture, MaskPicture, Painter, Trained, TrainedMasks, train_classifier,
    train_segmenter,
};
use crate::error::{HostError, Result};
use crate::masks::LoadedSample;
use crate::progress::Progress;
use crate::rng::Rng;

/// A bar or a disc of some size in one of two looks; sides differ from picture to picture.
fn draw(index: usize) -> (u32, u32, Vec<u8>, Vec<u8>) {
    let mut rng = Rng::labelled(5, &[&index.to_string()]);
    let (width, height) = (40 + 8 * (index as u32 % 3), 44);
    let (cx, cy) = (f64::from(width) / 2.0 + rng.range(-4.0, 4.0), f64::from(height) / 2.0 + rng.range(-4.0, 4.0));
    let radius = rng.range(8.0, 12.0);
    let (mut pixels, mut mask) = (Vec::new(), Vec::new());
    for y in 0..height {
        for x in 0..width {
            let (dx, dy) = (f64::from(x) - cx, f64::from(y) - cy);
            let inside = if index % 2 == 0 { dx.abs() < 4.0 } else { dx.hypot(dy) < radius };
            let level = if index / 2 % 2 == 0 { 30.0 } else { 70.0 } + if inside { 130.0 } else { 0.0 };
            pixels.push((level + 12.0 * rng.normal()).clamp(0.0, 255.0) as u8);
            mask.push(u8::from(inside));
        }
    }
    (width, height, pixels, mask)
}

pub(super) fn class_pictures(range: std::ops::Range<usize>) -> Vec<ClassPicture> {
    let make = |index: usize| {
        let (width, height, pixels, _) = draw(index);
        let geometry = FrameGeometry::new(width, height, PixelFormat::Grey8).unwrap();
        let label = (index % 7 != 6).then_some(index % 2);
        ClassPicture { file: format!("{index}").into(), geometry, pixels, label, domain: index / 2 % 2 }
    };
    range.map(make).collect()
}

fn mask_pictures(range: std::ops::Range<usize>) -> Vec<MaskPicture> {
    let make = |index: usize| {
        let (width, height, image, mask) = draw(2 * index + 1);
        let loaded = LoadedSample { width, height, image, mask };
        MaskPicture { file: format!("{index}").into(), loaded, domain: index % 2 }
    };
    range.map(make).collect()
}

fn classify(
    architecture: Architecture,
    config: &BaselineConfig,
    folder: &Path,
    progress: &Progress,
) -> Result<Trained> {
    let [train, validation, test] = [0..24, 24..32, 32..42].map(class_pictures);
    train_classifier(architecture, config, &train, &validation, &test, folder, progress)
}

fn outline(
    architecture: Architecture,
    config: &BaselineConfig,
    folder: &Path,
    progress: &Progress,
) -> Result<TrainedMasks> {
    let [train, validation, test] = [0..16, 16..20, 20..24].map(mask_pictures);
    train_segmenter(architecture, config, &train, &validation, &test, folder, progress)
}

fn organ() -> BaselineConfig {
    BaselineConfig { labels: vec!["disc".into()], ..config() }
}

/// Runs `train` and stops it once the file `state` below `folder` is there.
fn stopped(folder: &Path, train: impl FnOnce(&Progress) -> Result<()>) {
    let stop = Arc::new(AtomicBool::new(false));
    let (flag, watched) = (Arc::clone(&stop), folder.join("state.json"));
    let watcher = std::thread::spawn(move || {
        while !watched.exists() && !flag.load(Ordering::Relaxed) {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        flag.store(true, Ordering::Relaxed);
    });
    let result = train(&Progress::quiet(Arc::clone(&stop)));
    stop.store(true, Ordering::Relaxed);
    watcher.join().unwrap();
    assert!(matches!(result, Err(HostError::Stopped)), "{result:?}");
}

#[test]
fn classifiers_learn_and_resume_exactly() {
    let silent = Progress::silent();
    for architecture in [Architecture::Resnet18, Architecture::Resnet50, Architecture::Vgg16, Architecture::Densenet121]
    {
        let folder = tempfile::tempdir().unwrap();
        let config = BaselineConfig { epochs: 4, batch_norm: true, ..config() };
        let whole = classify(architecture, &config, &folder.path().join("whole"), &silent).unwrap();
        assert_eq!((whole.probabilities.len(), whole.epochs.len()), (10, 4), "{architecture}");
        assert!(whole.probabilities.iter().all(|p| (p.iter().sum::<f64>() - 1.0).abs() < 1e-9));
        assert!(whole.epochs[3].training_loss < whole.epochs[0].training_loss, "{architecture}: {:?}", whole.epochs);
        let broken = folder.path().join("broken");
        stopped(&broken, |progress| classify(architecture, &config, &broken, progress).map(|_| ()));
        let resumed = classify(architecture, &config, &broken, &silent).unwrap();
        assert_eq!((&resumed.probabilities, &resumed.epochs), (&whole.probabilities, &whole.epochs), "{architecture}");
        let again = classify(architecture, &config, &broken, &silent).unwrap();
        assert_eq!(again, resumed, "a finished training is not done again");
    }
}

#[test]
fn segmenters_learn_and_resume_exactly() {
    let silent = Progress::silent();
    for architecture in [Architecture::Fcn, Architecture::Segnet, Architecture::DeeplabV3, Architecture::Dofe] {
        let folder = tempfile::tempdir().unwrap();
        let config = BaselineConfig { epochs: 5, auxiliary: true, learning_rate: 3e-3, ..organ() };
        let whole = outline(architecture, &config, &folder.path().join("whole"), &silent).unwrap();
        assert!(whole.epochs[4].training_loss < whole.epochs[0].training_loss, "{architecture}: {:?}", whole.epochs);
        let broken = folder.path().join("broken");
        stopped(&broken, |progress| outline(architecture, &config, &broken, progress).map(|_| ()));
        let resumed = outline(architecture, &config, &broken, &silent).unwrap();
        assert_eq!((&resumed.logits, &resumed.epochs), (&whole.logits, &whole.epochs), "{architecture}");
        let mut painter = Painter::new(&config.input).unwrap();
        for (picture, logits) in mask_pictures(20..24).iter().zip(&whole.logits) {
            let mask = painter.mask(picture, logits).unwrap();
            let dice = mask.dice(&Painter::truth(picture).unwrap()).unwrap();
            assert!(dice > 0.5, "{architecture}: {dice}");
        }
    }
}
