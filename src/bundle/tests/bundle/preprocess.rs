//! From frame to tensor, with an f64 reference of the resampling.

use proptest::prelude::*;
use ushydra_bundle::{Colour, Crop, Filter, Fit, InputSpec, Mapping, PreprocessError, Preprocessor, Rect};
use ushydra_core::{FrameGeometry, FrameView, Moments, PixelFormat};

use crate::fixture::input;

/// A normalisation under which the tensor holds the grey levels themselves.
fn levels(width: u32, height: u32, colour: Colour, filter: Filter) -> InputSpec {
    let channels = if colour == Colour::Grey { 1 } else { 3 };
    InputSpec {
        width,
        height,
        channels,
        colour,
        crop: Crop::None,
        resize: Fit::Stretch,
        filter,
        mean: vec![0.0; channels],
        std: vec![1.0 / 255.0; channels],
    }
}

fn run(spec: &InputSpec, geometry: FrameGeometry, samples: &[u8]) -> (Vec<f32>, ushydra_bundle::Preprocessed) {
    let mut out = vec![f32::NAN; spec.values()];
    let mut preprocessor = Preprocessor::new(spec).unwrap();
    let result = preprocessor.run(FrameView::new(geometry, samples).unwrap(), &mut out).unwrap();
    (out, result)
}

fn reference(values: &[f32]) -> Moments {
    let n = values.len() as f64;
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let squares: f64 = values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum();
    Moments { mean, std: (squares / n).sqrt() }
}

/// Separable resampling of one plane in f64 with a triangle, rounded once.
fn triangle(samples: &[u8], width: usize, height: usize, to: [usize; 2]) -> Vec<f64> {
    let axis = |source: usize, target: usize| -> Vec<Vec<f64>> {
        let scale = source as f64 / target as f64;
        let stretch = scale.max(1.0);
        (0..target)
            .map(|index| {
                let centre = (index as f64 + 0.5) * scale;
                let weight = |at: usize| (1.0 - ((at as f64 + 0.5 - centre) / stretch).abs()).max(0.0);
                let sum: f64 = (0..source).map(weight).sum();
                (0..source).map(|at| weight(at) / sum).collect()
            })
            .collect()
    };
    let (columns, rows) = (axis(width, to[0]), axis(height, to[1]));
    let narrow: Vec<Vec<f64>> = (0..height)
        .map(|y| columns.iter().map(|w| (0..width).map(|x| w[x] * f64::from(samples[y * width + x])).sum()).collect())
        .collect();
    rows.iter()
        .flat_map(|w| (0..to[0]).map(|x| (0..height).map(|y| w[y] * narrow[y][x]).sum::<f64>()).collect::<Vec<_>>())
        .collect()
}

#[test]
fn a_frame_of_the_input_size_passes_unchanged() {
    for filter in [Filter::Box, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos3] {
        let geometry = FrameGeometry::new(37, 33, PixelFormat::Rgb8).unwrap();
        let samples: Vec<u8> = (0..geometry.bytes()).map(|i| (i * 89 % 251) as u8).collect();
        let (out, result) = run(&levels(37, 33, Colour::Rgb, filter), geometry, &samples);
        for (index, value) in out.iter().enumerate() {
            let (channel, pixel) = (index / geometry.pixels(), index % geometry.pixels());
            assert!((value - f32::from(samples[pixel * 3 + channel])).abs() < 1e-3, "{filter:?} at {index}");
        }
        assert_eq!(result.crop(), Rect::whole(37, 33));
    }
}

#[test]
fn colours() {
    struct Case {
        what: &'static str,
        colour: Colour,
        channels: usize,
        format: PixelFormat,
        pixel: &'static [u8],
        expected: &'static [f32],
    }
    let (grey, rgb) = (PixelFormat::Grey8, PixelFormat::Rgb8);
    let cases = [
        Case { what: "grey stays", colour: Colour::Grey, channels: 1, format: grey, pixel: &[100], expected: &[100.0] },
        Case {
            what: "grey three times",
            colour: Colour::Grey,
            channels: 3,
            format: grey,
            pixel: &[100],
            expected: &[100.0; 3],
        },
        Case {
            what: "grey as colour",
            colour: Colour::Rgb,
            channels: 3,
            format: grey,
            pixel: &[100],
            expected: &[100.0; 3],
        },
        Case {
            what: "colour stays",
            colour: Colour::Rgb,
            channels: 3,
            format: rgb,
            pixel: &[10, 20, 30],
            expected: &[10.0, 20.0, 30.0],
        },
        // 0.299 * 10 + 0.587 * 20 + 0.114 * 30 = 18.15
        Case { what: "luma", colour: Colour::Grey, channels: 1, format: rgb, pixel: &[10, 20, 30], expected: &[18.0] },
        Case {
            what: "luma of white",
            colour: Colour::Grey,
            channels: 1,
            format: rgb,
            pixel: &[255; 3],
            expected: &[255.0],
        },
    ];
    for case in cases {
        let spec = InputSpec {
            channels: case.channels,
            mean: vec![0.0; case.channels],
            std: vec![1.0 / 255.0; case.channels],
            ..levels(3, 2, case.colour, Filter::Bilinear)
        };
        let geometry = FrameGeometry::new(5, 7, case.format).unwrap();
        let (out, result) = run(&spec, geometry, &case.pixel.repeat(35));
        for (plane, expected) in out.chunks_exact(6).zip(case.expected) {
            assert!(plane.iter().all(|value| (value - expected).abs() < 1e-3), "{}: {plane:?}", case.what);
        }
        assert_eq!(result.channels().len(), case.channels);
    }
}

#[test]
fn letterbox_keeps_proportions_on_black() {
    struct Case {
        frame: [u32; 2],
        input: [u32; 2],
        fitted: Rect,
    }
    let rect = |x, y, width, height| Rect { x, y, width, height };
    let cases = [
        Case { frame: [40, 20], input: [20, 20], fitted: rect(0, 5, 20, 10) },
        Case { frame: [20, 40], input: [20, 20], fitted: rect(5, 0, 10, 20) },
        Case { frame: [20, 20], input: [31, 20], fitted: rect(5, 0, 20, 20) },
        Case { frame: [5000, 1], input: [20, 20], fitted: rect(0, 9, 20, 1) },
        Case { frame: [1, 5000], input: [7, 3], fitted: rect(3, 0, 1, 3) },
    ];
    for case in cases {
        let spec =
            InputSpec { resize: Fit::Letterbox, ..levels(case.input[0], case.input[1], Colour::Grey, Filter::Bicubic) };
        let geometry = FrameGeometry::new(case.frame[0], case.frame[1], PixelFormat::Grey8).unwrap();
        let (out, result) = run(&spec, geometry, &vec![200; geometry.bytes()]);
        assert_eq!(result.mapping().fitted, case.fitted);
        for (index, value) in out.iter().enumerate() {
            let (x, y) = (index as u32 % spec.width, index as u32 / spec.width);
            let f = case.fitted;
            let inside = (f.x..f.x + f.width).contains(&x) && (f.y..f.y + f.height).contains(&y);
            assert!((value - if inside { 200.0 } else { 0.0 }).abs() < 1e-3, "{x},{y}: {value}");
        }
    }
}

/// Text beside the sector, inside its bounding box, turns black; what the sector encloses stays.
#[test]
fn text_beside_the_sector_is_masked() {
    let (width, height) = (640_u32, 480_u32);
    let inside = |x: u32, y: u32, left: u32, top: u32, w: u32, h: u32| {
        (left..left + w).contains(&x) && (top..top + h).contains(&y)
    };
    // An L of tissue with a dark cyst, and a label in the corner that the L leaves free.
    let level = |x: u32, y: u32| {
        let tissue = inside(x, y, 40, 40, 160, 400) || inside(x, y, 40, 240, 560, 200);
        let cyst = inside(x, y, 300, 300, 60, 60);
        let label = inside(x, y, 400, 60, 120, 10);
        match (tissue, cyst, label) {
            (_, _, true) => 250,
            (true, false, _) => 80,
            (true, true, _) => 2,
            _ => 0,
        }
    };
    let grey: Vec<u8> = (0..width * height).map(|i| level(i % width, i / width)).collect();
    let rgb: Vec<u8> = grey.iter().flat_map(|&v| [v; 3]).collect();
    for (format, samples, colour) in [
        (PixelFormat::Grey8, &grey, Colour::Grey),
        (PixelFormat::Rgb8, &rgb, Colour::Grey),
        (PixelFormat::Rgb8, &rgb, Colour::Rgb),
    ] {
        let spec = InputSpec { crop: Crop::Sector, ..levels(56, 40, colour, Filter::Box) };
        let geometry = FrameGeometry::new(width, height, format).unwrap();
        let (out, result) = run(&spec, geometry, samples);
        // 10 source pixels per input pixel.
        assert_eq!(result.crop(), Rect { x: 40, y: 40, width: 560, height: 400 });
        let at = |x: u32, y: u32| out[((y - 40) / 10 * 56 + (x - 40) / 10) as usize].round();
        assert_eq!([at(410, 65), at(100, 100), at(330, 330), at(590, 430)], [0.0, 80.0, 2.0, 80.0], "{format:?}");
    }
}

#[test]
fn mapping_there_and_back() {
    let crop = Rect { x: 100, y: 40, width: 448, height: 336 };
    let mapping = Mapping::new(crop, 224, 224, Fit::Letterbox);
    assert_eq!(mapping.fitted, Rect { x: 0, y: 28, width: 224, height: 168 });
    assert_eq!(mapping.scale(), [2.0, 2.0]);
    assert_eq!(mapping.to_source(0.0, 28.0), [100.0, 40.0]);
    assert_eq!(mapping.to_source(224.0, 196.0), [548.0, 376.0]);
    assert_eq!(mapping.to_input(324.0, 208.0), [112.0, 112.0]);
}

#[test]
fn one_preprocessor_serves_changing_frames() {
    let spec = InputSpec { resize: Fit::Letterbox, ..input() };
    let mut shared = Preprocessor::new(&spec).unwrap();
    let mut out = vec![0.0; spec.values()];
    for (width, height, format) in [
        (64, 48, PixelFormat::Grey8),
        (200, 31, PixelFormat::Rgb8),
        (64, 48, PixelFormat::Grey8),
        (64, 48, PixelFormat::Rgb8),
        (3, 90, PixelFormat::Grey8),
    ] {
        let geometry = FrameGeometry::new(width, height, format).unwrap();
        let samples: Vec<u8> = (0..geometry.bytes()).map(|i| (i * 7 % 256) as u8).collect();
        let result = shared.run(FrameView::new(geometry, &samples).unwrap(), &mut out).unwrap();
        let (alone, expected) = run(&spec, geometry, &samples);
        assert_eq!((&out, result), (&alone, expected), "{width}x{height} {format:?}");
    }
}

#[test]
fn refusals() {
    let mut spec = input();
    spec.std[1] = 0.0;
    let error = Preprocessor::new(&spec).unwrap_err();
    assert!(matches!(error, PreprocessError::Spec { field: "std", .. }), "{error}");
    let mut preprocessor = Preprocessor::new(&input()).unwrap();
    let geometry = FrameGeometry::new(1, 1, PixelFormat::Grey8).unwrap();
    let error = preprocessor.run(FrameView::new(geometry, &[0]).unwrap(), &mut [0.0; 5]).unwrap_err();
    assert_eq!(error, PreprocessError::Output { expected: 3 * 16 * 12, found: 5 });
}

#[test]
fn fingerprints_tell_settings_apart() {
    let base = input();
    assert_eq!(
        base.fingerprint(),
        "3x12x16 colour=grey crop=sector/1 resize=stretch filter=bilinear/1 mean=0.485,0.456,0.406 std=0.229,0.224,0.225"
    );
    let changes: [fn(&mut InputSpec); 9] = [
        |s| s.width = 17,
        |s| s.height = 13,
        |s| s.channels = 1,
        |s| s.colour = Colour::Rgb,
        |s| s.crop = Crop::None,
        |s| s.crop = Crop::Fan,
        |s| s.resize = Fit::Letterbox,
        |s| s.filter = Filter::Bicubic,
        |s| s.mean[2] = 0.4,
    ];
    assert!(InputSpec { crop: Crop::Fan, ..base.clone() }.fingerprint().contains(" crop=fan/2 "));
    for change in changes {
        let mut other = base.clone();
        change(&mut other);
        assert_ne!(other.fingerprint(), base.fingerprint());
    }
}

fn filters() -> impl Strategy<Value = Filter> {
    prop::sample::select(vec![Filter::Box, Filter::Bilinear, Filter::Bicubic, Filter::Lanczos3])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// No frame, however odd, panics; the tensor is finite and its moments are those that are reported.
    #[test]
    fn moments_are_those_of_the_tensor(
        (width, height) in (1_u32..150, 1_u32..150),
        (to_width, to_height) in (1_u32..60, 1_u32..60),
        format in prop::sample::select(vec![PixelFormat::Grey8, PixelFormat::Rgb8]),
        colour in prop::sample::select(vec![Colour::Grey, Colour::Rgb]),
        crop in prop::sample::select(vec![Crop::None, Crop::Sector, Crop::Fan]),
        resize in prop::sample::select(vec![Fit::Stretch, Fit::Letterbox]),
        filter in filters(),
        seed in any::<u64>(),
        dark in any::<bool>(),
    ) {
        let spec = InputSpec { width: to_width, height: to_height, colour, crop, resize, filter, ..input() };
        let geometry = FrameGeometry::new(width, height, format).unwrap();
        let mut state = seed;
        let samples: Vec<u8> = (0..geometry.bytes())
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let level = (state >> 56) as u8;
                if dark { level / 64 } else { level }
            })
            .collect();
        let (out, result) = run(&spec, geometry, &samples);
        prop_assert!(out.iter().all(|value| value.is_finite()));
        for (plane, found) in out.chunks_exact(spec.pixels()).zip(result.channels()) {
            let expected = reference(plane);
            prop_assert!((found.mean - expected.mean).abs() < 1e-6, "{:?} {:?}", found, expected);
            prop_assert!((found.std - expected.std).abs() < 1e-6, "{:?} {:?}", found, expected);
        }
        let crop = result.crop();
        prop_assert!(crop.x + crop.width <= width && crop.y + crop.height <= height);
        let fitted = result.mapping().fitted;
        prop_assert!(fitted.x + fitted.width <= to_width && fitted.y + fitted.height <= to_height);
    }

    #[test]
    fn a_constant_frame_stays_constant(
        (width, height) in (1_u32..400, 1_u32..400),
        (to_width, to_height) in (1_u32..60, 1_u32..60),
        level in any::<u8>(),
        filter in filters(),
    ) {
        let geometry = FrameGeometry::new(width, height, PixelFormat::Grey8).unwrap();
        let spec = levels(to_width, to_height, Colour::Grey, filter);
        let (out, result) = run(&spec, geometry, &vec![level; geometry.bytes()]);
        prop_assert!(out.iter().all(|value| (value - f32::from(level)).abs() < 1e-3));
        prop_assert!(result.channels()[0].std == 0.0);
    }

    #[test]
    fn the_triangle_equals_its_reference(
        (width, height) in (1_usize..90, 1_usize..90),
        (to_width, to_height) in (1_usize..50, 1_usize..50),
        seed in any::<u32>(),
    ) {
        let geometry = FrameGeometry::new(width as u32, height as u32, PixelFormat::Grey8).unwrap();
        let samples: Vec<u8> = (0..geometry.bytes()).map(|i| (i as u32 ^ seed).wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let spec = levels(to_width as u32, to_height as u32, Colour::Grey, Filter::Bilinear);
        let (out, _) = run(&spec, geometry, &samples);
        for (found, expected) in out.iter().zip(triangle(&samples, width, height, [to_width, to_height])) {
            prop_assert!((f64::from(*found) - expected).abs() < 0.6, "{} against {}", found, expected);
        }
    }
}
