//! After warm-up our own code on the frame path allocates nothing: neither between capture and slot nor between slot and
//! result. What an engine does inside its call is counted apart and is its own affair.
//!
//! The allocator counts for the whole process, so this file holds one test.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::alloc::System;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use ushydra::live::{Histogram, NewestSlot, Taken};
use ushydra::pipeline::{Pipeline, PipelineOptions};
use ushydra::routing::RoutingChoice;
use ushydra_bundle::Bundle;
use ushydra_core::{FrameGeometry, Metric, PixelFormat};
use ushydra_engine::{Backend, Engine, EngineError, EngineOptions, ModelInfo, Models};
use ushydra_probe::{FileSource, Frame, FrameSource, Next, Pace};
use ushydra_tests::data;
use ushydra_tests::miniature::{Miniature, Segmenting};
use ushydra_tests::pictures::{DISC, Disc, LOW, with_disc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocations inside engine calls.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// Allocations and growths so far.
fn allocations() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations + stats.reallocations
}

/// Counts what the engine inside allocates.
struct Counted(Box<dyn Engine>);

impl Engine for Counted {
    fn backend(&self) -> &'static str {
        self.0.backend()
    }

    fn info(&self) -> &ModelInfo {
        self.0.info()
    }

    fn run(&mut self, inputs: &[&[f32]], outputs: &mut [&mut [f32]]) -> Result<(), EngineError> {
        let before = allocations();
        let result = self.0.run(inputs, outputs);
        INSIDE.fetch_add(allocations() - before, Ordering::SeqCst);
        result
    }

    fn as_any(&mut self) -> &mut dyn std::any::Any {
        self.0.as_any()
    }
}

/// Runs `work` and returns how often it allocated outside engine calls.
fn outside(work: impl FnOnce()) -> usize {
    let (before, inside) = (allocations(), INSIDE.load(Ordering::SeqCst));
    work();
    (allocations() - before) - (INSIDE.load(Ordering::SeqCst) - inside)
}

fn pipeline(bundle: &Bundle, routing: RoutingChoice) -> Pipeline {
    // One thread: a pool's threads may still allocate when the call has returned.
    let models = Models::load(bundle, Backend::Tract, &EngineOptions::with_threads(1)).unwrap();
    let models = models.wrapped(|engine| Box::new(Counted(engine)));
    let options = PipelineOptions { routing: Some(routing), live: true, ..PipelineOptions::default() };
    Pipeline::new(bundle, models, &options).unwrap()
}

#[test]
fn the_frame_path_allocates_nothing_after_warm_up() {
    assert_eq!(outside(|| drop(std::hint::black_box(vec![1_u8; 100]))), 1, "the count itself works");
    let miniature = Miniature::new().unwrap();
    let segmenting = [Segmenting::HEAD, Segmenting::VENTRICLE].map(|kind| Miniature::segmenting(&kind).unwrap());
    let mut bundles = vec![Bundle::open(&miniature.folder()).unwrap()];
    bundles.extend(segmenting.iter().map(|miniature| Bundle::open(&miniature.folder()).unwrap()));
    for name in ["fetal-planes", "fetal-head", "cardiac-lv"] {
        bundles.extend(data::bundle(name, "allocations of a shipped bundle").map(|dir| Bundle::open(&dir).unwrap()));
    }

    // The demo cine is RGB; grey frames of a common size stand for the other format.
    let mut frames = Vec::new();
    let mut source = FileSource::open(&[data::demo_cine()], Pace::AsFastAsPossible, false).unwrap();
    let mut frame = Frame::new();
    while frames.len() < 6 && source.next(&mut frame, Duration::from_secs(5)).unwrap() == Next::Frame {
        frames.push(frame.clone());
    }
    let mut grey = frame.clone();
    grey.geometry = FrameGeometry { width: 640, height: 480, format: PixelFormat::Grey8 };
    grey.data = (0..640 * 480).map(|i: u32| (i % 251) as u8).collect();
    // Without a spacing a mask is measured in pixels, with one in millimetres.
    grey.spacing_mm = Some([0.3; 2]);

    // A ventricle that grows and moves with every frame.
    let beating: Vec<Frame> = (0..12)
        .map(|index| {
            let size = f64::from(index % 5);
            let disc = Disc {
                centre: [300.0 + 9.0 * size, 240.0],
                axes: [90.0 + 12.0 * size, 130.0 + 9.0 * size],
                brightness: DISC,
            };
            let picture = with_disc((640, 480), LOW, &disc, index);
            Frame {
                index,
                data: picture.into_raw(),
                recorded: Some(Duration::from_millis(40 * u64::from(index))),
                ..grey.clone()
            }
        })
        .collect();

    for bundle in &bundles {
        for routing in ["vector", "paper", "released"] {
            let metric: RoutingChoice = routing.parse().unwrap();
            assert!(matches!(metric, RoutingChoice::Metric(Metric::Vector | Metric::Paper | Metric::Released)));
            let mut pipeline = pipeline(bundle, metric);
            for (name, frames) in [("colour", &frames[..]), ("grey", &vec![grey.clone(); 6]), ("beating", &beating)] {
                let (warm_up, measured) = frames.split_at(2);
                for frame in warm_up {
                    pipeline.process(frame).unwrap();
                }
                let count = outside(|| {
                    for frame in measured {
                        assert_eq!(pipeline.process(frame).unwrap().index, frame.index);
                    }
                });
                assert_eq!(count, 0, "{}, {routing}, {name}", bundle.id());
            }
        }
    }

    let slot = NewestSlot::new(frames[0].clone());
    let (mut capturing, mut judging) = (frames[1].clone(), frames[2].clone());
    let mut histogram = Histogram::default();
    let count = outside(|| {
        for _ in 0..100 {
            assert!(slot.publish(&mut capturing));
            assert!(slot.publish(&mut capturing));
            assert_eq!(slot.take(&mut judging, Duration::ZERO), Taken::Frame);
            histogram.record(judging.captured.elapsed());
        }
    });
    assert_eq!(count, 0, "the newest-frame slot");
    assert!(histogram.percentile(50.0).is_some());
}
