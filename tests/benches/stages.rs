//! Every stage of a frame, and the whole frame: the shipped bundle where it exists, else the miniature.
//!
//! `cargo bench -p ushydra-tests` with `USHYDRA_BENCH_THREADS` threads of the engine (default: all cores).

#![allow(clippy::unwrap_used, reason = "a benchmark without its input has nothing to measure")]
#![allow(missing_docs, reason = "criterion writes the functions")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ushydra::live::NewestSlot;
use ushydra::pipeline::{Pipeline, PipelineOptions};
use ushydra_bundle::{Bundle, Preprocessor};
use ushydra_core::{FrameGeometry, Metric, Moments, PixelFormat, PixelSums, Quality};
use ushydra_engine::{Backend, EngineOptions, Models};
use ushydra_probe::{FileSource, Frame, FrameSource, Next, Pace};
use ushydra_tests::data;
use ushydra_tests::miniature::{Miniature, Segmenting};
use ushydra_tests::pictures::{DISC, Disc, LOW, with_disc};

/// Size of a common probe's frame.
const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
/// Samples of the stages that take long.
const FEW: usize = 20;

fn threads() -> EngineOptions {
    let threads = std::env::var("USHYDRA_BENCH_THREADS").ok().and_then(|t| t.parse().ok()).unwrap_or(0);
    EngineOptions::with_threads(threads)
}

/// A frame of 640x480 grey pixels: the demo cine's first frame, repeated to fill it.
fn frame() -> Frame {
    let mut source = FileSource::open(&[data::demo_cine()], Pace::AsFastAsPossible, false).unwrap();
    let mut frame = Frame::new();
    assert_eq!(source.next(&mut frame, Duration::from_secs(5)).unwrap(), Next::Frame);
    let channels = frame.geometry.format.channels();
    let (width, height) = (frame.geometry.width as usize, frame.geometry.height as usize);
    let pixel = |x: usize, y: usize| frame.data[((y % height) * width + x % width) * channels];
    frame.data =
        (0..HEIGHT as usize).flat_map(|y| (0..WIDTH as usize).map(move |x| (x, y))).map(|(x, y)| pixel(x, y)).collect();
    frame.geometry = FrameGeometry { width: WIDTH, height: HEIGHT, format: PixelFormat::Grey8 };
    frame
}

fn stages(criterion: &mut Criterion) {
    let miniature = Miniature::new().unwrap();
    let folder = data::bundle("fetal-planes", "the shipped bundle; measuring the miniature")
        .unwrap_or_else(|| miniature.folder());
    let bundle = Bundle::open(&folder).unwrap();
    let frame = frame();
    let view = frame.view().unwrap();
    let mut group = criterion.benchmark_group(bundle.id());

    group.throughput(Throughput::Bytes(frame.data.len() as u64));
    group.bench_function("pixel moments 640x480", |b| {
        b.iter(|| {
            let mut sums = PixelSums::default();
            sums.add(black_box(view.data()));
            sums.moments().unwrap()
        });
    });
    group.bench_function("preprocess 640x480", |b| {
        let mut preprocessor = Preprocessor::new(&bundle.manifest().input).unwrap();
        let mut tensor = vec![0.0; bundle.manifest().input.values()];
        b.iter(|| preprocessor.run(black_box(view), &mut tensor).unwrap());
    });

    let mut models = Models::load(&bundle, Backend::Tract, &threads()).unwrap();
    let mut tensor = vec![0.0; bundle.manifest().input.values()];
    let preprocessed = Preprocessor::new(&bundle.manifest().input).unwrap().run(view, &mut tensor).unwrap();
    let features = models.encode(&tensor).unwrap().to_vec();
    group.throughput(Throughput::Elements(1));
    group.bench_function("feature moments", |b| b.iter(|| Moments::of(black_box(&features)).unwrap()));
    let quality = Quality::new(preprocessed.channels(), Moments::of(&features).unwrap()).unwrap();
    for (name, metric) in [("vector", Metric::Vector), ("paper", Metric::Paper), ("released", Metric::Released)] {
        let router = bundle.router(metric).unwrap();
        group.bench_function(format!("route {name}"), |b| {
            b.iter(|| router.route(black_box(&quality), &features).unwrap())
        });
    }
    let mut slot = (NewestSlot::new(frame.clone()), frame.clone(), frame.clone());
    group.bench_function("newest-frame slot", |b| {
        b.iter(|| {
            slot.0.publish(&mut slot.1);
            slot.0.take(&mut slot.2, Duration::ZERO)
        });
    });

    group.sample_size(FEW);
    group.bench_function("encode", |b| b.iter(|| models.encode(&tensor).unwrap().len()));
    group.bench_function("decode", |b| b.iter(|| models.decode(0).unwrap().len()));
    let mut pipeline = Pipeline::new(&bundle, models, &PipelineOptions::default()).unwrap();
    group.bench_function("whole frame 640x480", |b| b.iter(|| pipeline.process(&frame).unwrap().verdict));
    group.finish();
}

/// Whole frames of segmenting bundles. The miniature's networks take next to nothing, so its figure is our own code: way back to
/// source pixels, clean-up, measurement.
fn masks(criterion: &mut Criterion) {
    let miniature = Miniature::segmenting(&Segmenting::VENTRICLE).unwrap();
    let disc = Disc { centre: [300.0, 240.0], axes: [90.0, 130.0], brightness: DISC };
    let mut frame = Frame::new();
    frame.geometry = FrameGeometry { width: WIDTH, height: HEIGHT, format: PixelFormat::Grey8 };
    frame.data = with_disc((WIDTH, HEIGHT), LOW, &disc, 1).into_raw();
    frame.spacing_mm = Some([0.3; 2]);
    let shipped = ["fetal-head", "cardiac-lv"].into_iter().filter_map(|name| data::bundle(name, "a shipped bundle"));
    for folder in shipped.chain([miniature.folder()]) {
        let bundle = Bundle::open(&folder).unwrap();
        let models = Models::load(&bundle, Backend::Tract, &threads()).unwrap();
        let mut pipeline = Pipeline::new(&bundle, models, &PipelineOptions::default()).unwrap();
        let mut group = criterion.benchmark_group(bundle.id());
        group.throughput(Throughput::Elements(1));
        group.sample_size(FEW);
        group.bench_function("mask of a frame 640x480", |b| {
            b.iter(|| {
                // A cine that goes on: its figures are part of the frame's work.
                frame.index += 1;
                pipeline.process(&frame).unwrap().verdict
            });
        });
        group.finish();
    }
}

criterion_group!(benches, stages, masks);
criterion_main!(benches);
