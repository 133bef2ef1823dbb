//! The pipeline on the shipped bundles, the demo cine and the real data.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;
use std::time::Duration;

use ushydra::pipeline::{FrameResult, Pipeline, PipelineOptions};
use ushydra::routing::RoutingChoice;
use ushydra_bundle::Bundle;
use ushydra_core::Verdict;
use ushydra_engine::{Backend, EngineOptions, Models};
use ushydra_probe::{FileSource, Frame, FrameSource, Next, Pace};
use ushydra_tests::data;
use ushydra_tests::miniature::{self, Miniature, network};
use ushydra_tests::pictures::{HIGH, LOW, TILT, plane};

/// Longest wait for a frame of a file.
const PATIENCE: Duration = Duration::from_secs(5);

fn pipeline(folder: &Path, routing: Option<RoutingChoice>) -> Pipeline {
    let bundle = Bundle::open(folder).unwrap();
    let mut models = Models::load(&bundle, Backend::Tract, &EngineOptions::default()).unwrap();
    models.self_test(&bundle).unwrap();
    Pipeline::new(&bundle, models, &PipelineOptions { routing, ..PipelineOptions::default() }).unwrap()
}

/// Looks at the result of every frame of `input` and counts them.
fn judge(pipeline: &mut Pipeline, input: &Path, mut look: impl FnMut(&FrameResult)) -> usize {
    let mut source = FileSource::open(&[input.to_owned()], Pace::AsFastAsPossible, false).unwrap();
    let mut frame = Frame::new();
    let mut count = 0;
    while source.next(&mut frame, PATIENCE).unwrap() == Next::Frame {
        let result = pipeline.process(&frame).unwrap();
        assert_eq!((result.sequence, result.index, &result.source), (frame.sequence, frame.index, &frame.source));
        look(result);
        count += 1;
    }
    count
}

fn frame_of(picture: &image::GrayImage) -> Frame {
    let mut frame = Frame::new();
    frame.geometry.width = picture.width();
    frame.geometry.height = picture.height();
    frame.data = picture.as_raw().clone();
    frame
}

#[test]
fn the_pipeline_agrees_with_the_closed_form() {
    let miniature = Miniature::new().unwrap();
    let mut pipeline = pipeline(&miniature.folder(), None);
    let bundle = Bundle::open(&miniature.folder()).unwrap();
    let mut preprocessor = ushydra_bundle::Preprocessor::new(&bundle.manifest().input).unwrap();
    let mut tensor = vec![0.0; bundle.manifest().input.values()];
    for seed in 0..20 {
        let brightness = if seed % 3 == 0 { HIGH } else { LOW };
        let mut frame = frame_of(&plane(brightness, TILT * f64::from(seed % 5 - 2) / 2.0, seed as u32));
        frame.source = format!("{seed}.png").into();
        preprocessor.run(frame.view().unwrap(), &mut tensor).unwrap();
        let features = network::features(&tensor);
        let result = pipeline.process(&frame).unwrap();
        let mean = features.iter().map(|&f| f64::from(f)).sum::<f64>() / features.len() as f64;
        assert!((result.quality.feature.mean - mean).abs() < 1e-5);
        let decision = bundle.router(ushydra_core::Metric::Vector).unwrap().route(&result.quality, &features).unwrap();
        assert_eq!(result.decoder, decision.decoder);
        let logits = network::logits(result.decoder, &features);
        let probability = 1.0 / (1.0 + f64::from(logits[1] - logits[0]).exp());
        assert!(
            (f64::from(result.answer.class().unwrap().probabilities[0]) - probability).abs() < 1e-4,
            "picture {seed}"
        );
        assert_eq!(result.answer.label(), usize::from(logits[1] > logits[0]));
    }
}

#[test]
fn pipelines_of_several_threads_do_not_disturb_each_other() {
    /// Frames per thread; the engines share one pool, so every run is a chance to collide.
    const FRAMES: u32 = 200;
    let miniature = Miniature::new().unwrap();
    let folder =
        data::bundle("fetal-planes", "several threads on the shipped bundle").unwrap_or_else(|| miniature.folder());
    let frames = if folder == miniature.folder() { FRAMES } else { FRAMES / 50 };
    let mut pipelines: Vec<_> = (0..4).map(|_| pipeline(&folder, None)).collect();
    let picture = frame_of(&plane(LOW, TILT, 1));
    let expected = pipelines[0].process(&picture).unwrap().answer.clone();
    std::thread::scope(|scope| {
        for pipeline in &mut pipelines {
            scope.spawn(|| {
                for _ in 0..frames {
                    assert_eq!(pipeline.process(&picture).unwrap().answer, expected);
                }
            });
        }
    });
}

#[test]
fn hysteresis_holds_within_a_cine_and_not_across_sources() {
    let miniature = Miniature::new().unwrap();
    let mut pipeline = pipeline(&miniature.folder(), None);
    let (dark, bright) = (frame_of(&plane(LOW, TILT, 1)), frame_of(&plane(HIGH, TILT, 2)));
    // A switch needs 3 of 5 frames.
    let cine = [
        (0, &dark, 0),
        (1, &bright, 0),
        (2, &dark, 0),
        (3, &bright, 0),
        (4, &bright, 1),
        (5, &dark, 1),
        (6, &bright, 1),
    ];
    let mut decoder = |source: &str, index: u32, picture: &Frame| {
        let frame = Frame { source: source.into(), index, ..picture.clone() };
        pipeline.process(&frame).unwrap().decoder
    };
    for (index, picture, expected) in cine {
        assert_eq!(decoder("cine", index, picture), expected, "frame {index}");
    }
    assert_eq!(decoder("other", 7, &dark), 0, "another source starts anew");
    assert_eq!(decoder("other", 0, &bright), 1, "and so does another pass");
    assert_eq!(decoder("other", 9, &bright), 1);
    assert_eq!(decoder("other", 2, &dark), 0, "also where its first frames were dropped");
}

#[test]
fn a_late_live_frame_is_stale_and_a_late_file_is_not() {
    let miniature = Miniature::new().unwrap();
    let bundle = Bundle::open(&miniature.folder()).unwrap();
    for (live, expected) in [(true, Verdict::Stale), (false, Verdict::Show)] {
        let models = Models::load(&bundle, Backend::Tract, &EngineOptions::default()).unwrap();
        let mut pipeline =
            Pipeline::new(&bundle, models, &PipelineOptions { live, ..PipelineOptions::default() }).unwrap();
        let mut frame = frame_of(&plane(LOW, TILT, 1));
        frame.captured -= Duration::from_millis(miniature::MAX_AGE_MS + 1);
        assert_eq!(pipeline.process(&frame).unwrap().verdict, expected);
        frame.captured = std::time::Instant::now();
        assert_eq!(pipeline.process(&frame).unwrap().verdict, Verdict::Show);
    }
}

#[test]
fn fixed_and_oracle_decoders_are_followed_at_once() {
    let miniature = Miniature::new().unwrap();
    let csv = miniature.scratch().join("oracle.csv");
    std::fs::write(&csv, "file,domain\na.png,high\nb.png,low\n").unwrap();
    let mut pipeline = pipeline(&miniature.folder(), Some(RoutingChoice::Oracle(csv)));
    let dark = frame_of(&plane(LOW, TILT, 1));
    for (source, expected) in [("a.png", 1), ("b.png", 0), ("x/a.png", 1)] {
        let frame = Frame { source: source.into(), index: 4, ..dark.clone() };
        assert_eq!(pipeline.process(&frame).unwrap().decoder, expected, "{source}");
    }
    let frame = Frame { source: "c.png".into(), ..dark };
    let fault = pipeline.process(&frame).unwrap_err().to_string();
    assert!(fault.contains("c.png"), "{fault}");
    assert_eq!(pipeline.identity().mode, "oracle");
    assert_eq!(pipeline.identity().bundle, miniature::ID);
}

#[test]
fn fetal_planes_does_not_know_a_heart() {
    let Some(folder) = data::bundle("fetal-planes", "fetal_planes_does_not_know_a_heart") else { return };
    let mut pipeline = pipeline(&folder, None);
    let count = judge(&mut pipeline, &data::demo_cine(), |result| {
        assert!(!result.decision.in_domain, "frame {}: {:?}", result.index, result.decision);
        assert_eq!(result.verdict, Verdict::OutOfDomain, "frame {}", result.index);
    });
    assert_eq!(count, 30);
}

#[test]
fn fetal_planes_knows_fetal_planes() {
    const WHO: &str = "fetal_planes_knows_fetal_planes";
    /// Most real planes are inside: the threshold is a high percentile of the calibration set.
    const INSIDE: f64 = 0.9;
    /// One picture in so many is judged, to keep the test short.
    const STRIDE: u64 = 4;
    let Some(folder) = data::bundle("fetal-planes", WHO) else { return };
    let Some(images) = data::real("fetal-planes", WHO) else { return };
    let mut pipeline = pipeline(&folder, None);
    let (mut inside, mut count) = (0, 0);
    let mut source = FileSource::open(&[images], Pace::AsFastAsPossible, false).unwrap();
    let mut frame = Frame::new();
    while source.next(&mut frame, PATIENCE).unwrap() == Next::Frame {
        if frame.sequence.is_multiple_of(STRIDE) {
            inside += usize::from(pipeline.process(&frame).unwrap().decision.in_domain);
            count += 1;
        }
    }
    assert!(count >= 80, "{count} images");
    assert!(inside as f64 >= INSIDE * f64::from(count), "{inside} of {count} are inside the known domains");
}
