//! Whole bundles: what opens, what one flipped byte does, where statistics are looked for.

use std::fs;

use ushydra_bundle::{Bundle, BundleError, Digest, FileSpec, Manifest, Statistics};
use ushydra_core::{Metric, Moments, Quality};

use crate::fixture::{FEATURES, Fixture};

#[test]
fn what_was_written_is_read() {
    let fixture = Fixture::new();
    let bundle = Bundle::open(&fixture.root()).unwrap();
    assert_eq!(bundle.manifest(), &fixture.manifest);
    assert_eq!(bundle.statistics(), &fixture.statistics);
    assert_eq!(bundle.golden().unwrap(), fixture.golden);
    assert_eq!(bundle.golden().unwrap().frame().unwrap().geometry(), fixture.golden.geometry);
    assert_eq!(bundle.id(), "tiny@1.2.3");
    assert_eq!(fs::read_to_string(bundle.encoder_path()).unwrap(), "the encoder");
    assert_eq!(fs::read_to_string(bundle.decoder_path(1).unwrap()).unwrap(), "the decoder of high");
    assert_eq!(bundle.decoder_path(2), None);
    assert_eq!(bundle.decoder_paths().len(), 2);
    assert_eq!(bundle.root(), fixture.root());
    assert_eq!(fs::read_to_string(bundle.card_path()).unwrap(), "# tiny\n");
    assert_eq!(Manifest::read(&fixture.root()).unwrap(), fixture.manifest);
    assert_eq!(Statistics::read(bundle.statistics_path()).unwrap(), fixture.statistics);
}

#[test]
fn every_metric_has_its_router() {
    let fixture = Fixture::new();
    let bundle = Bundle::open(&fixture.root()).unwrap();
    let quality = Quality { pixel: Moments { mean: -0.6, std: 0.3 }, feature: Moments { mean: 0.0, std: 0.1 } };
    for (metric, threshold) in [(Metric::Paper, 1.5), (Metric::Released, 1.25), (Metric::Vector, 40.0)] {
        let router = bundle.router(metric).unwrap();
        assert_eq!((router.metric(), router.threshold()), (metric, threshold));
        assert_eq!(router.table().names().collect::<Vec<_>>(), ["low", "high"]);
        let decision = router.route(&quality, &[0.1; FEATURES]).unwrap();
        assert!(decision.in_domain, "{metric:?}: {decision:?}");
    }
    let paper = bundle.router(Metric::Paper).unwrap().route(&quality, &[]).unwrap();
    assert_eq!((paper.decoder, paper.disparity[0]), (0, 0.0));
}

#[test]
fn one_flipped_byte_in_any_file_is_found() {
    let fixture = Fixture::new();
    let mut files = vec![fixture.statistics_path()];
    files.extend(
        ["encoder.onnx", "decoders/low.onnx", "decoders/high.onnx", "MODEL_CARD.md"].map(|f| fixture.root().join(f)),
    );
    files.extend(["golden/input.pgm", "golden/expected.toml"].map(|f| fixture.root().join(f)));
    for file in files {
        let whole = fs::read(&file).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(&file, &flipped).unwrap();
            match Bundle::open(&fixture.root()).unwrap_err() {
                BundleError::Hash { file: named, expected, found } => {
                    assert_eq!(named.canonicalize().unwrap(), file.canonicalize().unwrap());
                    assert_eq!((expected, found), (Digest::of(&whole), Digest::of(&flipped)));
                }
                other => panic!("{}: {other}", file.display()),
            }
        }
        fs::write(&file, &whole).unwrap();
        assert!(Bundle::open(&fixture.root()).is_ok());
    }
}

/// The manifest has no hash over itself: a flipped byte there either breaks a rule or changes a free text.
#[test]
fn no_flipped_byte_of_the_manifest_panics() {
    let fixture = Fixture::new();
    let file = fixture.root().join("bundle.toml");
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&file, &flipped).unwrap();
        if let Err(error) = Bundle::open(&fixture.root()) {
            assert!(error.to_string().contains("tiny"), "{error}");
        }
    }
}

#[test]
fn statistics_inside_the_bundle_come_first() {
    let mut fixture = Fixture::new();
    let inside = fixture.root().join("calibration/tiny.toml");
    let mut other = fixture.statistics.clone();
    other.thresholds.paper = 7.0;
    other.write(&inside).unwrap();
    assert!(matches!(Bundle::open(&fixture.root()), Err(BundleError::Hash { .. })));
    fixture.manifest.statistics = FileSpec::of(&fixture.root(), "calibration/tiny.toml").unwrap();
    fixture.manifest.write(&fixture.root()).unwrap();
    let bundle = Bundle::open(&fixture.root()).unwrap();
    assert_eq!(bundle.statistics().thresholds.paper, 7.0);
    assert_eq!(bundle.statistics_path(), inside);
}

#[cfg(unix)]
#[test]
fn a_link_may_not_lead_out_of_the_bundle() {
    let fixture = Fixture::new();
    let encoder = fixture.root().join("encoder.onnx");
    let elsewhere = fixture.folder.path().join("elsewhere.onnx");
    fs::rename(&encoder, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &encoder).unwrap();
    let error = Bundle::open(&fixture.root()).unwrap_err();
    assert!(matches!(&error, BundleError::Outside { field, .. } if field == "encoder.file"), "{error}");
}

#[test]
fn missing_and_misplaced_files() {
    let fixture = Fixture::new();
    let encoder = fixture.root().join("encoder.onnx");
    fs::remove_file(&encoder).unwrap();
    let error = Bundle::open(&fixture.root()).unwrap_err();
    assert!(matches!(&error, BundleError::Missing { file, .. } if *file == encoder), "{error}");
    fs::create_dir(&encoder).unwrap();
    let error = Bundle::open(&fixture.root()).unwrap_err();
    assert!(matches!(&error, BundleError::NotAFile { file } if *file == encoder), "{error}");
    let nowhere = fixture.folder.path().join("models/none");
    let error = Bundle::open(&nowhere).unwrap_err();
    assert!(error.to_string().contains("for example models/fetal-planes"), "{error}");
    let large = fixture.root().join("MODEL_CARD.md");
    fs::File::options().write(true).open(&large).unwrap().set_len(1 << 30).unwrap();
    let error = Bundle::open(&fixture.root()).unwrap_err();
    assert!(matches!(error, BundleError::TooLarge { found: 1_073_741_824, .. }), "{error}");
}
