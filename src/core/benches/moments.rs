//! Moments and disparity against peers of the same run: reading the same memory once, and the textbook loop.
//!
//! `frame` stays in cache; `cine` walks through 256 frames (75 MiB), as frames arrive from a probe.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ushydra_core::simd::vectorised;
use ushydra_core::{Moments, PixelSums, VectorSpace};

const FRAME: usize = 640 * 480;
const FRAMES: usize = 256;
const FEATURES: usize = 2688;
const COMPONENTS: usize = 48;
const DOMAINS: usize = 3;

/// Reads every byte once: the sum of the frame as 64-bit words, with the same instructions at hand.
fn read(bytes: &[u8]) -> u64 {
    vectorised(
        #[inline(always)]
        || {
            let (words, _) = bytes.as_chunks::<8>();
            words.iter().fold(0_u64, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word)))
        },
    )
}

fn sums(bytes: &[u8]) -> PixelSums {
    let mut sums = PixelSums::default();
    sums.add(bytes);
    sums
}

/// Welford's update, one division per value.
fn welford(values: &[f32]) -> f64 {
    let (mut mean, mut squares) = (0.0, 0.0);
    for (index, &value) in values.iter().enumerate() {
        let delta = f64::from(value) - mean;
        mean += delta / (index + 1) as f64;
        squares += delta * (f64::from(value) - mean);
    }
    (squares / values.len() as f64).sqrt()
}

fn wave(length: usize) -> Vec<f32> {
    (0..length).map(|i| (i as f32 * 0.37).sin()).collect()
}

fn pixels(c: &mut Criterion) {
    let cine: Vec<u8> = (0..FRAME * FRAMES).map(|i| (i * 31 + i / 640) as u8).collect();
    let frame = &cine[..FRAME];
    let mut group = c.benchmark_group("pixels_640x480");
    group.throughput(Throughput::Bytes(FRAME as u64));
    group.bench_function("frame/read_once", |b| b.iter(|| read(black_box(frame))));
    group.bench_function("frame/pixel_sums", |b| b.iter(|| sums(black_box(frame))));
    let mut frames = cine.chunks_exact(FRAME).cycle();
    group.bench_function("cine/read_once", |b| b.iter(|| read(black_box(frames.next().unwrap()))));
    group.bench_function("cine/pixel_sums", |b| b.iter(|| sums(black_box(frames.next().unwrap()))));
    group.finish();
}

fn features(c: &mut Criterion) {
    let values = wave(FEATURES);
    let mut group = c.benchmark_group("features_2688");
    group.bench_function("welford", |b| b.iter(|| welford(black_box(&values))));
    group.bench_function("moments", |b| b.iter(|| Moments::of(black_box(&values))));
    group.finish();
}

fn distances(c: &mut Criterion) {
    let entries = FEATURES + 2;
    let projection = wave(entries * COMPONENTS);
    let bytes: Vec<u8> = projection.iter().flat_map(|v| v.to_le_bytes()).collect();
    let space = VectorSpace::new(
        wave(entries),
        vec![1.0; entries],
        projection,
        &[1.0; COMPONENTS],
        1.0,
        &wave(COMPONENTS * DOMAINS),
    )
    .unwrap();
    let features = wave(FEATURES);
    let mut group = c.benchmark_group("vector_2690x48");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("read_projection_once", |b| b.iter(|| read(black_box(&bytes))));
    group.bench_function("distances", |b| b.iter(|| space.distances(black_box(&[&features, &[0.1, 0.2]]))));
    group.finish();
}

criterion_group!(benches, pixels, features, distances);
criterion_main!(benches);
