//! From the second frame of a size on, the way from logits to numbers allocates nothing.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use ushydra_measure::fetal::{Curve, HeadBiometry};
use ushydra_measure::heart::{CineFrame, CineTracker, Ventricle};
use ushydra_measure::{Cleaner, Mask, PlainRect, Smoother, Spacing, Upsampler, foreground_confidence};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const INPUT: u32 = 48;

/// A beating blob; odd frames are full of specks so that the runs are many.
fn logits(frame: u32, out: &mut [f32]) {
    let radius = 15.0 + 4.0 * (frame as f32 * 0.6).sin();
    for (index, value) in out.iter_mut().enumerate() {
        let (x, y) = ((index as u32 % INPUT) as f32 - 23.5, (index as u32 / INPUT) as f32 - 23.5);
        let speck = if frame % 2 == 1 && index % 2 == 1 { 9.0 } else { 0.0 };
        *value = radius - (x / 0.8).hypot(y) + speck;
    }
}

/// Allocations and growths of frames 1 to 119 with fresh buffers that have seen frame 0.
fn run() -> usize {
    let spacing = Spacing { x_mm: 0.4, y_mm: 0.4 };
    let input = PlainRect { x: 0, y: 0, width: INPUT, height: INPUT };
    let crop = PlainRect { x: 20, y: 4, width: 240, height: 230 };
    let mut map = vec![0.0; (INPUT * INPUT) as usize];
    let mut mask = Mask::new(320, 240);
    let (mut upsampler, mut cleaner, mut smoother) = (Upsampler::new(), Cleaner::new(), Smoother::default());
    let mut tracker = CineTracker::new(40);
    let mut ages = 0;
    let mut step = |frame: u32| {
        logits(frame, &mut map);
        smoother.smooth(&mut map);
        mask.resize(320, 240);
        upsampler.sample(&map, [INPUT, INPUT], input, crop, &mut mask).unwrap();
        cleaner.clean(&mut mask);
        let sure = foreground_confidence(&map);
        let head = HeadBiometry::of_mask(&mask, spacing, 0.0).unwrap();
        ages += usize::from(head.is_some_and(|head| head.age(Curve::Intergrowth21).is_ok()));
        let ventricle = Ventricle::measure(&mask, Some(spacing));
        let time = f64::from(frame) / 30.0;
        tracker.push(CineFrame::new(u64::from(frame), time, ventricle.as_ref(), mask.touches_border(), sure.is_some()));
        tracker.report().beats
    };
    step(0);
    let region = Region::new(ALLOCATOR);
    let beats = (1..120).map(&mut step).max();
    let change = region.change();
    assert!(beats > Some(1));
    assert!(ages > 100);
    change.allocations + change.reallocations
}

#[test]
fn frames_after_the_first_allocate_nothing() {
    let region = Region::new(ALLOCATOR);
    drop(std::hint::black_box(vec![1_u8; 100]));
    assert!(region.change().allocations >= 1, "the count itself works");
    // The counter sees the whole process, and the harness's thread sometimes allocates while the first run is on its way: 2 or 4
    // allocations in one process out of ten, always in the first run, and never in 150 processes without a harness. Every run
    // has fresh buffers and the same frames, so what the measured code allocates shows in each: the smallest count is its own.
    let counts = [run(), run(), run(), run()];
    assert_eq!(counts.iter().min(), Some(&0), "{counts:?}");
}
