//! Training on drawn pictures: it learns, a stopped training ends as an uninterrupted one, what is refused.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ushydra_core::{FrameGeometry, PixelFormat};

use super::config;
use crate::baselines::{
    Architecture, BaselineConfig, ClassPicture, MaskPicture, Trained, TrainedMasks, gradcam, train_classifier,
    train_segmenter,
};
use crate::error::{HostError, Result};
use crate::masks::LoadedSample;
use crate::progress::Progress;
use crate::rng::Rng;
use crate::segment::canvas::{Canvas, truth};

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
            let inside = if index.is_multiple_of(2) { dx.abs() < 4.0 } else { dx.hypot(dy) < radius };
            let level = if (index / 2).is_multiple_of(2) { 30.0 } else { 70.0 } + if inside { 130.0 } else { 0.0 };
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
    }
}

#[test]
fn a_segmenter_learns_to_outline() {
    let folder = tempfile::tempdir().unwrap();
    let augmentation = crate::augment::AugmentConfig::none();
    let config = BaselineConfig { epochs: 15, width: 8, learning_rate: 1e-2, augmentation, ..organ() };
    let trained = outline(Architecture::Segnet, &config, folder.path(), &Progress::silent()).unwrap();
    let mut canvas = Canvas::new(&config.input).unwrap();
    let mut sum = 0.0;
    for (picture, logits) in mask_pictures(20..24).iter().zip(&trained.logits) {
        let placed = canvas.prepare(&picture.file, &picture.loaded).unwrap();
        let mask = canvas.draw(&placed, logits).unwrap();
        assert_eq!((mask.width(), mask.height()), (picture.loaded.width, picture.loaded.height));
        sum += mask.dice(&truth(&picture.file, &picture.loaded).unwrap()).unwrap();
        assert!(canvas.draw(&placed, &logits[1..]).is_err());
    }
    assert!(sum / 4.0 > 0.7, "{sum} {:?}", trained.epochs);
}

#[test]
fn heat_maps_show_what_decides() {
    let folder = tempfile::tempdir().unwrap();
    let config = BaselineConfig { width: 8, augmentation: crate::augment::AugmentConfig::none(), ..config() };
    let pictures: Vec<ClassPicture> = class_pictures(0..12).into_iter().filter(|p| p.label.is_some()).collect();
    let missing = gradcam(Architecture::Vgg16, &config, folder.path(), &pictures, None).unwrap_err().to_string();
    assert!(missing.contains("state.json is missing"), "{missing}");
    for architecture in [Architecture::Resnet18, Architecture::Vgg16, Architecture::Densenet121] {
        let folder = folder.path().join(architecture.name());
        let config = BaselineConfig { batch_norm: true, ..config.clone() };
        let trained = classify(architecture, &config, &folder, &Progress::silent()).unwrap();
        assert_eq!(trained.epochs.len(), 3);
        let maps = gradcam(architecture, &config, &folder, &pictures, None).unwrap();
        assert_eq!(maps.len(), pictures.len());
        assert!(maps.iter().all(|m| m.values.len() == 32 * 32 && m.values.iter().all(|v| (0.0..=1.0).contains(v))));
        assert!(maps.iter().any(|m| m.values.contains(&1.0)), "{architecture}");
        let other = gradcam(architecture, &config, &folder, &pictures[..2], Some(&[1, 0])).unwrap();
        assert_eq!((other[0].class, other[1].class), (1, 0));
        for bad in [&[2][..], &[0, 1]] {
            assert!(gradcam(architecture, &config, &folder, &pictures[..1], Some(bad)).is_err());
        }
        let wrong = gradcam(Architecture::Resnet50, &config, &folder, &pictures, None).unwrap_err();
        assert!(matches!(wrong, HostError::Damaged { .. }), "{wrong}");
    }
}

/// What a caller does wrong, and what is said.
#[test]
fn refusals_name_cause_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let silent = Progress::silent();
    let [train, validation] = [0..12, 24..28].map(class_pictures);
    let run = |config: &BaselineConfig, train: &[ClassPicture], validation: &[ClassPicture]| {
        let result = train_classifier(Architecture::Resnet18, config, train, validation, &[], folder.path(), &silent);
        result.unwrap_err().to_string()
    };
    let discs: Vec<ClassPicture> = train.iter().filter(|p| p.label == Some(1)).cloned().collect();
    let weights = folder.path().join("weights.safetensors");
    std::fs::write(&weights, b"no weights").unwrap();
    let mut beyond = train.clone();
    beyond[0].domain = 7;
    let mut cut = train.clone();
    cut[1].pixels.pop();
    let with_weights = BaselineConfig { weights: Some(weights), ..config() };
    let absent = BaselineConfig { weights: Some(folder.path().join("absent.safetensors")), ..config() };
    let cases = [
        (run(&config(), &discs, &validation), "no picture of `bar` in the training part"),
        (run(&config(), &train, &[]), "the validation part is empty"),
        (run(&config(), &train[..1], &validation), "has 1 pictures"),
        (run(&config(), &beyond, &validation), "domain 7"),
        (run(&config(), &cut, &validation), "1: "),
        (run(&with_weights, &train, &validation), "weights.safetensors: it is no intact safetensors file"),
        (run(&absent, &train, &validation), "absent.safetensors"),
        (run(&BaselineConfig { batch: 1, ..config() }, &train, &validation), "batch = 1"),
        (run(&BaselineConfig { learning_rate: 1e30, ..config() }, &train, &validation), "training diverged"),
    ];
    for (found, expected) in cases {
        assert!(found.contains(expected), "{expected}: {found}");
    }
    let masks = train_segmenter(
        Architecture::Resnet18,
        &organ(),
        &mask_pictures(0..4),
        &mask_pictures(4..6),
        &[],
        folder.path(),
        &silent,
    );
    assert!(masks.unwrap_err().to_string().contains("tells classes"));
}

#[test]
fn pretrained_weights_start_a_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pretrained.safetensors");
    let rgb = BaselineConfig { labels: (0..5).map(|i| i.to_string()).collect(), ..config() };
    let rgb = BaselineConfig { input: ushydra_bundle::InputSpec { channels: 3, ..rgb.input.clone() }, ..rgb };
    super::write_weights(Architecture::Resnet18, &rgb, &path, &[]);
    // Another number of labels and of channels: the last layer is drawn, the stem summed over the colours.
    let trained = |weights: Option<&Path>, folder: &str| {
        let config = BaselineConfig { weights: weights.map(Path::to_owned), epochs: 1, ..config() };
        classify(Architecture::Resnet18, &config, &path.with_file_name(folder), &Progress::silent())
    };
    let (with, without) = (trained(Some(&path), "with").unwrap(), trained(None, "without").unwrap());
    assert_ne!(with.epochs, without.epochs);
    let wide = BaselineConfig { width: 8, weights: Some(path.clone()), ..config() };
    let wrong = classify(Architecture::Resnet18, &wide, &folder.path().join("wide"), &Progress::silent()).unwrap_err();
    assert!(wrong.to_string().contains("set its width"), "{wrong}");
    let other = BaselineConfig { weights: Some(path.clone()), ..config() };
    let wrong =
        classify(Architecture::Densenet121, &other, &folder.path().join("other"), &Progress::silent()).unwrap_err();
    assert!(wrong.to_string().contains("belongs to this network; they look like a ResNet of basic blocks"), "{wrong}");
}

#[test]
fn damage_and_a_full_disk_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let silent = Progress::silent();
    let whole = classify(Architecture::Resnet18, &config(), &folder.path().join("whole"), &silent).unwrap();
    let broken = folder.path().join("broken");
    // A folder where the file shall be written makes writing fail, as a full disk does.
    let blocked = broken.join(format!("module-2.bpk.{}.part", std::process::id()));
    std::fs::create_dir_all(&blocked).unwrap();
    let error = classify(Architecture::Resnet18, &config(), &broken, &silent).unwrap_err().to_string();
    assert!(error.contains("cannot write") && error.contains("module-2.bpk"), "{error}");
    std::fs::remove_dir(&blocked).unwrap();
    let resumed = classify(Architecture::Resnet18, &config(), &broken, &silent).unwrap();
    assert_eq!((&resumed.epochs, &resumed.probabilities), (&whole.epochs, &whole.probabilities));
    let best = std::fs::read_dir(&broken).unwrap().map(|e| e.unwrap().path());
    let best = best.into_iter().find(|p| p.to_string_lossy().contains("best-")).unwrap();
    let bytes = std::fs::read(&best).unwrap();
    for damage in [&bytes[..bytes.len() / 2], &b"x"[..], &[]] {
        std::fs::write(&best, damage).unwrap();
        let error = classify(Architecture::Resnet18, &config(), &broken, &silent).unwrap_err();
        assert!(matches!(error, HostError::Damaged { .. }) && error.to_string().contains("best-"), "{error}");
    }
    // Without its state the training is done again, to the same figures.
    std::fs::write(broken.join("state.json"), b"{").unwrap();
    let again = classify(Architecture::Resnet18, &config(), &broken, &silent).unwrap();
    assert_eq!(again.epochs, whole.epochs);
}
