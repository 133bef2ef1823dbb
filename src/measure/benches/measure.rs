//! The way from logits to numbers at the size of an HC18 picture (800x540, input 192x192), beside reading the mask once.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ushydra_measure::ellipse::{boundary, moments};
use ushydra_measure::heart::Ventricle;
use ushydra_measure::{
    Cleaner, Ellipse, Mask, PlainRect, Smoother, Spacing, Upsampler, fit_ellipse, foreground_confidence,
};

const WIDTH: u32 = 800;
const HEIGHT: u32 = 540;
const INPUT: u32 = 192;

/// Logits of a head with a speck beside it and a hole.
fn logits() -> Vec<f32> {
    let head = Ellipse { cx: 96.0, cy: 98.0, a: 62.0, b: 50.0, angle_deg: 30.0 };
    let speck = Ellipse { cx: 20.0, cy: 20.0, a: 6.0, b: 4.0, angle_deg: 0.0 };
    let hole = Ellipse { cx: 90.0, cy: 90.0, a: 3.0, b: 3.0, angle_deg: 0.0 };
    (0..INPUT * INPUT)
        .map(|index| {
            let (x, y) = (f64::from(index % INPUT) + 0.5, f64::from(index / INPUT) + 0.5);
            let inside = (head.contains(x, y) || speck.contains(x, y)) && !hole.contains(x, y);
            if inside { 4.0 + (x * 0.3).sin() as f32 } else { -4.0 }
        })
        .collect()
}

fn measure(criterion: &mut Criterion) {
    let logits = logits();
    let whole = PlainRect { x: 0, y: 0, width: WIDTH, height: HEIGHT };
    let input = PlainRect { x: 0, y: 0, width: INPUT, height: INPUT };
    let mut upsampler = Upsampler::new();
    let mut cleaner = Cleaner::new();
    let mut dirty = Mask::new(WIDTH, HEIGHT);
    upsampler.sample(&logits, [INPUT, INPUT], input, whole, &mut dirty).unwrap();
    let mut clean = dirty.clone();
    cleaner.clean(&mut clean);

    let mut group = criterion.benchmark_group("measure");
    group.bench_function("read", |bencher| bencher.iter(|| black_box(&clean).area_px()));
    let mut mask = dirty.clone();
    group.bench_function("sample", |bencher| {
        bencher.iter(|| upsampler.sample(black_box(&logits), [INPUT, INPUT], input, whole, &mut mask).unwrap());
    });
    group.bench_function("clean (with a copy)", |bencher| {
        bencher.iter(|| {
            mask.data_mut().copy_from_slice(dirty.data());
            cleaner.clean(black_box(&mut mask));
        });
    });
    group.bench_function("ellipse", |bencher| bencher.iter(|| fit_ellipse(black_box(&clean))));
    group.bench_function("ellipse, outline only", |bencher| {
        bencher.iter(|| boundary::fit(black_box(&clean), Spacing::PIXELS));
    });
    group.bench_function("ellipse, moments only", |bencher| {
        bencher.iter(|| moments::fit(black_box(&clean), Spacing::PIXELS));
    });
    group.bench_function("ventricle", |bencher| bencher.iter(|| Ventricle::measure(black_box(&clean), None)));
    let mut smoother = Smoother::default();
    let mut map = logits.clone();
    group.bench_function("smooth", |bencher| bencher.iter(|| smoother.smooth(black_box(&mut map))));
    group.bench_function("confidence", |bencher| bencher.iter(|| foreground_confidence(black_box(&logits))));
    group.bench_function("sample + clean + ellipse", |bencher| {
        bencher.iter(|| {
            upsampler.sample(black_box(&logits), [INPUT, INPUT], input, whole, &mut mask).unwrap();
            cleaner.clean(&mut mask);
            fit_ellipse(&mask)
        });
    });
    group.finish();
}

criterion_group!(benches, measure);
criterion_main!(benches);
