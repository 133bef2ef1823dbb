//! The TensorRT backend against a fake GPU, for which tract computes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod host;

use std::path::Path;

use host::TractHost;
use tensorrt_fake::{Library, Session};
use ushydra_bundle::Bundle;
use ushydra_engine::conformance::{self, Case};
use ushydra_engine::{Backend, EngineCache, EngineOptions, Libraries, Models, Precision, load};
use ushydra_tests::miniature::{self, Miniature, Segmenting};

/// Rounding of f16 in the suite's models.
const HALF_TOLERANCE: f32 = 2e-2;

/// Options for a fake library, with a cache of the test's own.
pub(crate) fn options(library: Library, cache: &Path) -> EngineOptions {
    EngineOptions {
        cache: EngineCache::in_folder(cache.to_owned()),
        libraries: Libraries {
            tensorrt: Some(library.path().to_owned()),
            driver: Some(tensorrt_fake::cuda_path().to_owned()),
        },
        ..EngineOptions::with_threads(1)
    }
}

pub(crate) fn in_precision(precision: Precision, options: &EngineOptions) -> EngineOptions {
    EngineOptions { precision: Some(precision), ..options.clone() }
}

#[test]
fn tensorrt_meets_every_demand() {
    let session = Session::begin();
    session.install(Box::new(TractHost::default()));
    let exact = common::cases::all().unwrap();
    let rounded = exact.iter().map(|case| Case { tolerance: HALF_TOLERANCE, ..case.clone() }).collect::<Vec<_>>();
    for library in Library::all() {
        for integrated in [false, true] {
            session.set_integrated(integrated);
            for (precision, cases) in [(Precision::F32, &exact), (Precision::F16, &rounded)] {
                let folder = tempfile::tempdir().unwrap();
                let options = in_precision(precision, &options(*library, &folder.path().join("cache")));
                // tract, which computes for the fake, gives the product of a narrow `Gemm` as f32. NVIDIA's own library reads
                // such graphs in `tests/tensorrt-rtx.sh`.
                let computable = |case: &&Case| precision == Precision::F32 || case.name != "perceptron";
                let cases = cases.iter().filter(computable).cloned().collect::<Vec<_>>();
                let demanded =
                    conformance::check(&cases, folder.path(), &|file| load(file, Backend::Tensorrt, &options));
                demanded.unwrap_or_else(|violation| panic!("{library:?}, {precision}: {violation}"));
            }
        }
    }
    assert!(session.live().is_empty(), "{:?}", session.live());
}

/// Features and every decoder's output for one input.
pub(crate) fn answers(models: &mut Models) -> Vec<Vec<f32>> {
    let image = (0..models.encoder().info().inputs[0].elements()).map(|i| (i % 17) as f32 / 8.0 - 1.0);
    let image = image.collect::<Vec<_>>();
    let mut answers = vec![models.encode(&image).unwrap().to_vec()];
    for index in 0..models.decoder_count() {
        answers.push(models.decode(index).unwrap().to_vec());
    }
    answers
}

#[test]
fn bundles_answer_as_on_the_cpu_and_maps_stay_on_the_gpu() {
    let session = Session::begin();
    session.install(Box::new(TractHost::default()));
    for (miniature, maps) in [(Miniature::new().unwrap(), 0), (Miniature::segmenting(&Segmenting::HEAD).unwrap(), 1)] {
        let bundle = Bundle::open(&miniature.folder()).unwrap();
        let options = options(Library::TensorRt10, &miniature.scratch().join("cache"));
        let mut cpu = Models::load(&bundle, Backend::Tract, &options).unwrap();
        let mut gpu = Models::load(&bundle, Backend::Tensorrt, &options).unwrap();
        assert_eq!((gpu.backend(), &*gpu.precisions()), ("tensorrt", "f16"));
        gpu.self_test(&bundle).unwrap();
        assert_eq!(answers(&mut gpu), answers(&mut cpu), "the fake computes with tract");

        let outputs = gpu.encoder().info().outputs.len();
        assert!(outputs > maps, "a segmenting encoder gives maps beside its features");
        let before = session.counts();
        let expected = answers(&mut gpu);
        let after = session.counts();
        let decoders = gpu.decoder_count() as u32;
        // The image goes up, the features and one answer per decoder come down; everything else stays.
        let up = after.copies_to_device - before.copies_to_device;
        let down = after.copies_to_host - before.copies_to_host;
        assert_eq!((up, down), (1, 1 + decoders), "{}", bundle.id());
        assert_eq!(after.graph_launches - before.graph_launches, 1 + decoders, "every run is one graph");
        assert_eq!(answers(&mut gpu), expected);
    }
    assert!(session.live().is_empty(), "{:?}", session.live());
}

#[test]
fn auto_takes_the_gpu_where_it_is() {
    let session = Session::begin();
    session.install(Box::new(TractHost::default()));
    let miniature = Miniature::new().unwrap();
    let bundle = Bundle::open(&miniature.folder()).unwrap();
    let options = options(Library::TensorRt11, &miniature.scratch().join("cache"));
    assert_eq!(Models::load(&bundle, Backend::Auto, &options).unwrap().backend(), "tensorrt");
}

#[test]
fn the_lowest_precision_that_passes_is_taken() {
    struct Case {
        name: &'static str,
        /// Which file computes badly.
        bad: Option<&'static str>,
        precisions: &'static str,
    }
    let cases = [
        Case { name: "all good", bad: None, precisions: "f16, decoders int8" },
        Case { name: "one int8 decoder is bad", bad: Some("decoders/high.qdq.onnx"), precisions: "f16" },
    ];
    for case in cases {
        let session = Session::begin();
        let miniature = Miniature::new().unwrap();
        let folder = miniature.folder();
        miniature::quantise(&folder).unwrap();
        // A file of its own, so that it can be told from the f32 decoder.
        let marked = case.bad.map(|file| mark(&folder, file));
        let bundle = Bundle::open(&folder).unwrap();
        let options = options(Library::TensorRt10, &miniature.scratch().join("cache"));
        session.install(Box::new(match marked {
            Some(onnx) => TractHost::distorted(|values| values.reverse(), Some(onnx)),
            None => TractHost::default(),
        }));
        let first = Models::load(&bundle, Backend::Tensorrt, &options).unwrap().precisions();
        assert_eq!(first, case.precisions, "{}", case.name);
        // The figures were kept: nothing is compared again, whatever the library computes now.
        session.install(Box::new(TractHost::default()));
        let again = Models::load(&bundle, Backend::Tensorrt, &options).unwrap().precisions();
        assert_eq!(again, case.precisions, "{}", case.name);
    }
}

/// Gives a model file of the bundle a comment, writes the manifest anew, and returns the file's bytes.
fn mark(folder: &Path, file: &str) -> Vec<u8> {
    use prost::Message as _;
    let path = folder.join(file);
    let mut model = tract_onnx::pb::ModelProto::decode(&*std::fs::read(&path).unwrap()).unwrap();
    "marked".clone_into(&mut model.doc_string);
    let bytes = model.encode_to_vec();
    std::fs::write(&path, &bytes).unwrap();
    let mut manifest = ushydra_bundle::Manifest::read(folder).unwrap();
    for int8 in manifest.decoders.iter_mut().filter_map(|decoder| decoder.int8.as_mut()) {
        for spec in [&mut int8.qdq, &mut int8.qop] {
            *spec = ushydra_bundle::FileSpec::of(folder, &spec.file).unwrap();
        }
    }
    manifest.write(folder).unwrap();
    bytes
}

#[test]
fn call_by_call_is_the_same_and_the_gpu_tells_its_time() {
    let session = Session::begin();
    session.install(Box::new(TractHost::default()));
    let folder = tempfile::tempdir().unwrap();
    let case = common::cases::all().unwrap().remove(0);
    let file = folder.path().join("model.onnx");
    std::fs::write(&file, &case.model).unwrap();
    for single_calls in [false, true] {
        let options = options(Library::TensorRt10, &folder.path().join("cache"));
        let options = EngineOptions { single_calls, device_times: true, ..in_precision(Precision::F32, &options) };
        let mut engine = load(&file, Backend::Tensorrt, &options).unwrap();
        assert_eq!(engine.device_time(), None, "nothing has run yet");
        let before = session.counts().graph_launches;
        for example in &case.examples {
            let mut output = vec![0.0; example.outputs[0].len()];
            engine.run(&[&example.inputs[0]], &mut [&mut output]).unwrap();
            assert!(engine.device_time().is_some());
            assert!(output.iter().zip(&example.outputs[0]).all(|(found, expected)| (found - expected).abs() < 1e-4));
        }
        let graphs = session.counts().graph_launches - before;
        // The first run sets up what cannot be recorded.
        let replayed = case.examples.len() as u32 - 1;
        assert_eq!(graphs, if single_calls { 0 } else { replayed });
    }
}
