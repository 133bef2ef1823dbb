//! From frame to tensor: sector crop, triangle filter, 224 x 224, ImageNet normalisation.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ushydra_bundle::crop::SectorFinder;
use ushydra_bundle::fan::FanFinder;
use ushydra_bundle::{Colour, Crop, Filter, Fit, InputSpec, Preprocessor};
use ushydra_core::{FrameGeometry, FrameView, PixelFormat};

fn spec(colour: Colour, filter: Filter) -> InputSpec {
    InputSpec {
        width: 224,
        height: 224,
        channels: 3,
        colour,
        crop: Crop::Sector,
        resize: Fit::Stretch,
        filter,
        mean: vec![0.485, 0.456, 0.406],
        std: vec![0.229, 0.224, 0.225],
    }
}

/// A speckled fan that fills most of the frame.
fn frame(geometry: FrameGeometry) -> Vec<u8> {
    let (width, height) = (i64::from(geometry.width), i64::from(geometry.height));
    (0..geometry.bytes() as i64)
        .map(|i| {
            let pixel = i / geometry.format.channels() as i64;
            let (dx, dy) = (pixel % width - width / 2, pixel / width);
            let inside = dx.abs() <= dy + height / 8 && dx * dx + dy * dy < height * height;
            if inside { ((pixel * 2_654_435_761) >> 13) as u8 } else { 0 }
        })
        .collect()
}

fn preprocess(c: &mut Criterion) {
    for (width, height) in [(640, 480), (1280, 720)] {
        let mut group = c.benchmark_group(format!("preprocess_{width}x{height}"));
        for (name, format, colour, filter) in [
            ("grey_to_grey", PixelFormat::Grey8, Colour::Grey, Filter::Bilinear),
            ("grey_to_grey_bicubic", PixelFormat::Grey8, Colour::Grey, Filter::Bicubic),
            ("rgb_to_grey", PixelFormat::Rgb8, Colour::Grey, Filter::Bilinear),
            ("rgb_to_rgb", PixelFormat::Rgb8, Colour::Rgb, Filter::Bilinear),
        ] {
            let geometry = FrameGeometry::new(width, height, format).unwrap();
            let samples = frame(geometry);
            let view = FrameView::new(geometry, &samples).unwrap();
            let spec = spec(colour, filter);
            let mut preprocessor = Preprocessor::new(&spec).unwrap();
            let mut out = vec![0.0; spec.values()];
            group.bench_function(name, |b| b.iter(|| preprocessor.run(black_box(view), &mut out).unwrap()));
        }
        for format in [PixelFormat::Grey8, PixelFormat::Rgb8] {
            let geometry = FrameGeometry::new(width, height, format).unwrap();
            let samples = frame(geometry);
            let view = FrameView::new(geometry, &samples).unwrap();
            let mut finder = SectorFinder::new();
            group.bench_function(format!("crop_{format:?}"), |b| b.iter(|| finder.find(black_box(view))));
            let mut finder = FanFinder::new();
            group.bench_function(format!("fan_{format:?}"), |b| b.iter(|| finder.find(black_box(view))));
        }
        group.finish();
    }
}

criterion_group!(benches, preprocess);
criterion_main!(benches);
