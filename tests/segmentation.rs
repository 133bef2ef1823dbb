//! The pipeline on the segmenting miniatures: where the mask lies, smoothing over a cine, what an empty mask means.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::time::{Duration, Instant};

use ushydra::config::GateConfig;
use ushydra::pipeline::{FrameResult, MaskResult, Pipeline, PipelineOptions};
use ushydra_bundle::{Bundle, Crop, Fit, Mapping, Preprocessor, Rect};
use ushydra_core::{PixelFormat, Verdict};
use ushydra_engine::{Backend, EngineOptions, Models};
use ushydra_measure::Mask;
use ushydra_probe::Frame;
use ushydra_tests::miniature::{Miniature, Segmenting, network, segment};
use ushydra_tests::pictures::{DISC, Disc, HIGH, LOW, with_disc};

/// Brightness of a disc below the threshold, which a clear frame before still lifts above it.
const FADED: f64 = 0.48;

fn pipeline(kind: &Segmenting, options: &PipelineOptions) -> (Miniature, Pipeline) {
    let miniature = Miniature::segmenting(kind).unwrap();
    let bundle = Bundle::open(&miniature.folder()).unwrap();
    let mut models = Models::load(&bundle, Backend::Tract, &EngineOptions::with_threads(1)).unwrap();
    models.self_test(&bundle).unwrap();
    let pipeline = Pipeline::new(&bundle, models, options).unwrap();
    (miniature, pipeline)
}

fn frame_of(picture: &image::GrayImage) -> Frame {
    let mut frame = Frame::new();
    frame.geometry.width = picture.width();
    frame.geometry.height = picture.height();
    frame.data = picture.as_raw().clone();
    frame
}

fn mask_of(result: &FrameResult) -> &MaskResult {
    result.answer.mask().unwrap()
}

/// The disc in pixels.
fn drawn(size: (u32, u32), disc: &Disc) -> Mask {
    let mut mask = Mask::new(size.0, size.1);
    for (i, pixel) in mask.data_mut().iter_mut().enumerate() {
        *pixel = u8::from(disc.holds(i as u32 % size.0, i as u32 / size.0));
    }
    mask
}

/// Logits of the input at the centre of a source pixel, interpolated between the centres of the fitted rectangle's pixels.
fn interpolated(logits: &[f32], mapping: &Mapping, x: u32, y: u32) -> f32 {
    let [u, v] = mapping.to_input(f64::from(x) + 0.5, f64::from(y) + 0.5);
    let part = |at: f64, start: u32, side: u32| {
        let (first, last) = (f64::from(start), f64::from(start + side - 1));
        let at = (at - 0.5).clamp(first, last);
        (at as usize, (at as usize + 1).min(last as usize), at.fract() as f32)
    };
    let (left, right, dx) = part(u, mapping.fitted.x, mapping.fitted.width);
    let (top, bottom, dy) = part(v, mapping.fitted.y, mapping.fitted.height);
    let row = |y: usize| logits[y * network::SIDE + left] * (1.0 - dx) + logits[y * network::SIDE + right] * dx;
    row(top) * (1.0 - dy) + row(bottom) * dy
}

#[test]
fn the_mask_is_the_closed_form_in_source_pixels() {
    struct Case {
        size: (u32, u32),
        disc: Disc,
        fit: Fit,
    }
    let disc = |centre, axes| Disc { centre, axes, brightness: DISC };
    let cases = [
        Case { size: (64, 48), disc: disc([30.0, 22.0], [14.0, 10.0]), fit: Fit::Stretch },
        Case { size: (321, 243), disc: disc([120.5, 160.0], [70.0, 50.0]), fit: Fit::Stretch },
        Case { size: (320, 120), disc: disc([200.0, 50.0], [60.0, 40.0]), fit: Fit::Letterbox },
        Case { size: (90, 300), disc: disc([50.0, 220.0], [25.0, 60.0]), fit: Fit::Letterbox },
        // Smaller than the input, and cut off by the border.
        Case { size: (20, 14), disc: disc([9.0, 6.0], [6.0, 4.0]), fit: Fit::Letterbox },
        Case { size: (160, 120), disc: disc([10.0, 60.0], [40.0, 30.0]), fit: Fit::Stretch },
    ];
    for case in cases {
        let kind = Segmenting { fit: case.fit, ..Segmenting::HEAD };
        let (_miniature, mut pipeline) = pipeline(&kind, &PipelineOptions::default());
        let frame = frame_of(&with_disc(case.size, LOW, &case.disc, 3));
        let spec = kind.input_spec();
        let mut tensor = vec![0.0; spec.values()];
        let preprocessed = Preprocessor::new(&spec).unwrap().run(frame.view().unwrap(), &mut tensor).unwrap();
        let result = pipeline.process(&frame).unwrap();
        let logits = segment::logits(result.decoder, &tensor);
        let answer = mask_of(result);
        assert_eq!((answer.mask.width(), answer.mask.height()), case.size);
        let mut differ = 0;
        for y in 0..case.size.1 {
            for x in 0..case.size.0 {
                let logit = interpolated(&logits, preprocessed.mapping(), x, y);
                differ += usize::from(logit.abs() > 1e-4 && answer.mask.get(x, y) != (logit > 0.0));
            }
        }
        assert_eq!(differ, 0, "{:?}", case.size);
        let dice = answer.mask.dice(&drawn(case.size, &case.disc)).unwrap();
        assert!(dice > 0.95, "{:?}: Dice {dice} with the disc", case.size);
        assert_eq!(answer.area_px, answer.mask.area_px());
        let pixels = f64::from(case.size.0 * case.size.1);
        assert!((answer.fraction - answer.area_px as f64 / pixels).abs() < 1e-12);
        let inside: Vec<f64> =
            logits.iter().filter(|&&l| l > 0.0).map(|&l| 1.0 / (1.0 + f64::from(-l).exp())).collect();
        let mean = inside.iter().sum::<f64>() / inside.len() as f64;
        assert!((answer.probability - mean).abs() < 1e-3, "{:?}: {} and {mean}", case.size, answer.probability);
        let ellipse = answer.ellipse.unwrap();
        if case.size != (160, 120) {
            let scale = preprocessed.mapping().scale()[0].max(preprocessed.mapping().scale()[1]).max(1.0);
            let near = |found: f64, expected: f64| (found - expected).abs() < 0.4 * scale + 0.5;
            assert!(near(ellipse.cx, case.disc.centre[0]) && near(ellipse.cy, case.disc.centre[1]), "{ellipse:?}");
        }
    }
}

#[test]
fn a_cropped_sector_keeps_the_mask_in_its_place() {
    let kind = Segmenting { crop: Crop::Sector, fit: Fit::Letterbox, ..Segmenting::HEAD };
    let (_miniature, mut pipeline) = pipeline(&kind, &PipelineOptions::default());
    let disc = Disc { centre: [130.0, 90.0], axes: [40.0, 25.0], brightness: DISC };
    let mut picture = with_disc((260, 180), LOW, &disc, 5);
    let sector = Rect { x: 60, y: 30, width: 150, height: 120 };
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if x < sector.x || y < sector.y || x >= sector.x + sector.width || y >= sector.y + sector.height {
            pixel.0[0] = 0;
        }
    }
    let frame = frame_of(&picture);
    let result = pipeline.process(&frame).unwrap();
    assert!(result.crop.area() < 2 * sector.area(), "{:?}", result.crop);
    let answer = mask_of(result);
    let dice = answer.mask.dice(&drawn((260, 180), &disc)).unwrap();
    assert!(dice > 0.95, "Dice {dice}, crop {:?}", result.crop);

    // The same frame in colour has the same mask.
    let mut coloured = frame.clone();
    coloured.geometry.format = PixelFormat::Rgb8;
    coloured.data = frame.data.iter().flat_map(|&v| [v; 3]).collect();
    let mask = answer.mask.clone();
    assert_eq!(mask_of(pipeline.process(&coloured).unwrap()).mask, mask);
}

#[test]
fn smoothing_holds_within_a_cine_and_not_across_sources() {
    let (_miniature, mut pipeline) = pipeline(&Segmenting::VENTRICLE, &PipelineOptions::default());
    let disc = Disc { centre: [32.0, 24.0], axes: [16.0, 12.0], brightness: DISC };
    let clear = frame_of(&with_disc((64, 48), LOW, &disc, 1));
    let faded = frame_of(&with_disc((64, 48), LOW, &Disc { brightness: FADED, ..disc }, 1));
    let mut area = |source: &str, index: u32, picture: &Frame| {
        let frame = Frame { source: source.into(), index, ..picture.clone() };
        mask_of(pipeline.process(&frame).unwrap()).area_px
    };
    assert!(area("cine", 0, &clear) > 500);
    assert!(area("cine", 1, &faded) > 400, "one faint frame does not make the mask flicker");
    assert_eq!(area("cine", 2, &faded), 0, "but it goes when it stays away");
    assert!(area("cine", 3, &clear) > 400);
    assert_eq!(area("other", 4, &faded), 0, "another source starts anew");
    assert!(area("other", 5, &clear) > 400);
    assert_eq!(area("other", 0, &faded), 0, "and so does another pass");
    for index in 1..4 {
        assert_eq!(area("other", index, &faded), 0);
    }
    assert!(area("x.png", 0, &clear) > 500);
    assert_eq!(area("y.png", 0, &faded), 0, "pictures do not influence each other");
    // A frame of another size in the same source is another picture.
    assert!(area("zoom", 0, &clear) > 500);
    let larger = frame_of(&with_disc((128, 96), LOW, &Disc { brightness: 0.1, ..disc }, 1));
    assert_eq!(area("zoom", 1, &larger), 0);
}

#[test]
fn a_live_gap_ends_the_smoothing() {
    let gate = GateConfig { max_age_ms: Some(1000), ..GateConfig::default() };
    let options = PipelineOptions { live: true, gate, ..PipelineOptions::default() };
    let (_miniature, mut pipeline) = pipeline(&Segmenting::VENTRICLE, &options);
    let disc = Disc { centre: [32.0, 24.0], axes: [16.0, 12.0], brightness: DISC };
    let clear = frame_of(&with_disc((64, 48), LOW, &disc, 1));
    let faded = frame_of(&with_disc((64, 48), LOW, &Disc { brightness: FADED, ..disc }, 1));
    for (age_ms, held) in [(400, true), (1500, false)] {
        let first = Frame { captured: Instant::now() - Duration::from_millis(age_ms), ..clear.clone() };
        pipeline.process(&first).unwrap();
        let second = Frame { captured: Instant::now(), index: 1, ..faded.clone() };
        let area = mask_of(pipeline.process(&second).unwrap()).area_px;
        assert_eq!(area > 0, held, "a gap of {age_ms} ms");
    }
}

#[test]
fn an_empty_mask_is_never_shown() {
    for min_probability in [None, Some(0.0)] {
        let gate = GateConfig { min_probability, ..GateConfig::default() };
        let (_miniature, mut pipeline) =
            pipeline(&Segmenting::HEAD, &PipelineOptions { gate, ..PipelineOptions::default() });
        let disc = Disc { centre: [32.0, 24.0], axes: [12.0, 9.0], brightness: FADED };
        let result = pipeline.process(&frame_of(&with_disc((64, 48), LOW, &disc, 1))).unwrap();
        assert!(result.decision.in_domain);
        let answer = mask_of(result);
        assert_eq!((answer.area_px, answer.probability, answer.ellipse), (0, 0.0, None));
        assert_eq!(result.verdict, Verdict::Unsure);
        let clear = Disc { brightness: DISC, ..disc };
        for brightness in [LOW, HIGH] {
            let frame = Frame { source: "clear".into(), ..frame_of(&with_disc((64, 48), brightness, &clear, 1)) };
            assert_eq!(pipeline.process(&frame).unwrap().verdict, Verdict::Show);
        }
    }
}

#[test]
fn the_first_label_is_the_target() {
    let both = Segmenting { labels: &["lv", "wall"], ..Segmenting::VENTRICLE };
    let disc = Disc { centre: [100.0, 70.0], axes: [50.0, 40.0], brightness: DISC };
    let frame = frame_of(&with_disc((200, 150), LOW, &disc, 1));
    let [one, two] = [Segmenting::VENTRICLE, both].map(|kind| {
        let (_miniature, mut pipeline) = pipeline(&kind, &PipelineOptions::default());
        let result = pipeline.process(&frame).unwrap();
        assert_eq!(result.answer.label(), 0);
        mask_of(result).mask.clone()
    });
    assert_eq!(one, two);
}

/// Frame `index` of a heart that beats 75 times a minute at 30 frames per second: an ellipse whose half axes go from 45 and 70
/// pixels at end-diastole to 33 and 63 at end-systole. `EF = 1 - 33^2 63 / (45^2 70) = 51.6 %`.
fn beating(index: u32) -> Frame {
    const PERIOD: u32 = 24;
    const FPS: f64 = 30.0;
    let phase = std::f64::consts::TAU * f64::from(index % PERIOD) / f64::from(PERIOD);
    let filling = 0.5 + 0.5 * phase.cos();
    let axes = [33.0 + 12.0 * filling, 63.0 + 7.0 * filling];
    let disc = Disc { centre: [80.0, 95.0], axes, brightness: DISC };
    let picture = with_disc((160, 200), LOW, &disc, index);
    let recorded = Some(Duration::from_secs_f64(f64::from(index) / FPS));
    Frame { source: "heart".into(), index, recorded, ..frame_of(&picture) }
}

#[test]
fn a_beating_heart_has_an_ejection_fraction() {
    const FRAMES: u32 = 60;
    /// In percentage points: the network sees 5 x 6 pixels as one.
    const TOLERANCE: f64 = 5.0;
    let (_miniature, mut pipeline) = pipeline(&Segmenting::VENTRICLE, &PipelineOptions::default());
    for spacing_mm in [None, Some([0.6_f32, 0.6])] {
        let mut report = None;
        for index in 0..FRAMES {
            let frame = Frame { spacing_mm, ..beating(index) };
            let result = pipeline.process(&frame).unwrap();
            assert_eq!(result.cine.is_some(), index > 0, "a single frame is no cine");
            assert_eq!(result.verdict, Verdict::Show);
            report = result.cine;
        }
        let report = report.unwrap();
        let ef = report.ef_percent.unwrap_or_else(|| panic!("no EF: {}", report.concerns));
        assert!((ef - 51.6).abs() < TOLERANCE, "{report:?}");
        assert!(report.heart_rate.is_some_and(|rate| (rate - 75.0).abs() < 3.0), "{report:?}");
        let phase = |frame: Option<u64>| frame.unwrap() % 24;
        assert!(phase(report.es_frame).abs_diff(12) <= 2, "{report:?}");
        assert!(phase(report.ed_frame) <= 2 || phase(report.ed_frame) >= 22, "{report:?}");
        assert_eq!(report.frames, FRAMES as usize);
        match spacing_mm {
            None => assert_eq!((report.edv_ml, report.esv_ml), (None, None)),
            // 4/3 pi 45^2 70 px^3 at 0.6 mm: 128.2 ml.
            Some(_) => assert!(report.edv_ml.is_some_and(|ml| (ml / 128.2 - 1.0).abs() < 0.1), "{report:?}"),
        }
    }
    // Another source is another heart.
    let result = pipeline.process(&Frame { source: "other".into(), ..beating(5) }).unwrap();
    assert_eq!(result.cine, None);
}
