//! The cheaper form of decoders beside the others, for hot boards.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;

use ushydra_bundle::{Bundle, FileSpec, Manifest};
use ushydra_engine::{Backend, EngineCache, EngineOptions, Models, Precision};
use ushydra_tests::miniature::{Miniature, Segmenting, quantise};

fn options(precision: Option<Precision>) -> EngineOptions {
    EngineOptions { precision, cache: EngineCache::in_folder("/nonexistent".into()), ..EngineOptions::with_threads(1) }
}

fn segmenting() -> Miniature {
    let miniature = Miniature::segmenting(&Segmenting::HEAD).unwrap();
    quantise(&miniature.folder()).unwrap();
    miniature
}

fn precisions(models: &Models) -> Vec<Option<Precision>> {
    (0..models.decoder_count()).map(|index| models.decoder_precision(index)).collect()
}

#[test]
fn both_forms_are_loaded_and_the_change_is_a_word() {
    let miniature = segmenting();
    let bundle = Bundle::open(&miniature.folder()).unwrap();
    let mut models = Models::load(&bundle, Backend::Tract, &options(None)).unwrap();
    assert!(!models.has_cheaper());
    assert!(models.load_cheaper(&bundle, &options(None)).unwrap() && models.has_cheaper());
    let (full, cheap) = (vec![Some(Precision::F32); 2], vec![Some(Precision::Int8); 2]);
    assert_eq!(precisions(&models), full, "nothing changes by loading");
    let input = vec![0.25; bundle.manifest().input.values()];
    models.encode(&input).unwrap();
    let f32 = models.decode(1).unwrap().to_vec();
    models.use_cheaper(true);
    assert_eq!(precisions(&models), cheap);
    // The frame that was encoded can be decoded in either form; the miniature's int8 files are its f32 ones.
    assert_eq!(models.decode(1).unwrap(), f32);
    models.use_cheaper(false);
    assert_eq!(precisions(&models), full);
    assert_eq!(models.decode(1).unwrap(), f32);
    assert!(models.decode(2).is_err());
}

#[test]
fn where_nothing_would_be_cheaper_nothing_is_loaded() {
    let segmenting = segmenting();
    let plain = Miniature::segmenting(&Segmenting::HEAD).unwrap();
    let classifying = Miniature::new().unwrap();
    quantise(&classifying.folder()).unwrap();
    let cases = [(&segmenting, Some(Precision::Int8)), (&plain, None), (&classifying, None)];
    for (miniature, precision) in cases {
        let bundle = Bundle::open(&miniature.folder()).unwrap();
        let mut models = Models::load(&bundle, Backend::Tract, &options(precision)).unwrap();
        let before = precisions(&models);
        assert!(!models.load_cheaper(&bundle, &options(precision)).unwrap() && !models.has_cheaper());
        models.use_cheaper(true);
        assert_eq!(precisions(&models), before);
    }
}

#[test]
fn a_form_that_fails_the_golden_test_is_forgotten() {
    let miniature = segmenting();
    let folder = miniature.folder();
    let mut manifest = Manifest::read(&folder).unwrap();
    // Another domain's decoder under the int8 name.
    fs::copy(folder.join("decoders/high.onnx"), folder.join("decoders/low.qop.onnx")).unwrap();
    let int8 = manifest.decoders[0].int8.as_mut().unwrap();
    int8.qop = FileSpec::of(&folder, &int8.qop.file).unwrap();
    manifest.write(&folder).unwrap();
    let bundle = Bundle::open(&folder).unwrap();
    let mut models = Models::load(&bundle, Backend::Tract, &options(None)).unwrap();
    assert!(models.load_cheaper(&bundle, &options(None)).is_err());
    assert!(!models.has_cheaper());
    models.use_cheaper(true);
    models.self_test(&bundle).unwrap();
}
