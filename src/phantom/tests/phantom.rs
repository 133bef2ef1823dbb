//! What every phantom owes its user, over seeds, views and qualities.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;
use ushydra_phantom::{DEFAULT_SIZE, Phantom, PhantomError, PhantomFrame, Quality, QualityRange, Rng, Truth, View};

const VIEWS: [View; 2] = [View::ApicalFourChamber, View::FetalHead];

fn quality(seed: u64) -> Quality {
    let mut rng = Rng::new(seed);
    let range = if rng.chance(0.5) { Quality::low() } else { Quality::high() };
    range.sample(&mut rng)
}

fn target_pixels(frame: &PhantomFrame) -> usize {
    frame.mask.iter().filter(|&&m| m > 0).count()
}

fn left_ventricle(frame: &PhantomFrame) -> (f64, f64, f64) {
    match frame.truth {
        Truth::LeftVentricle { area_mm2, long_axis_mm, volume_ml } => (area_mm2, long_axis_mm, volume_ml),
        Truth::Head { .. } => panic!("a head's truth in a heart's frame"),
    }
}

#[test]
fn a_frame_depends_on_seed_and_index_alone() {
    for view in VIEWS {
        let mut setting = quality(3);
        setting.persistence = 0.4;
        let mut straight = Phantom::new(view, &setting, 11).unwrap();
        let frames: Vec<PhantomFrame> = (0..4).map(|k| straight.frame(k)).collect();
        let mut jumping = Phantom::new(view, &setting, 11).unwrap();
        for index in [3, 0, 2, 1] {
            assert_eq!(jumping.frame(index), frames[index as usize], "{view} frame {index}");
        }
        let other = Phantom::new(view, &setting, 12).unwrap().frame(0);
        assert_ne!(other.pixels, frames[0].pixels);
        assert_ne!(frames[0].pixels, frames[1].pixels);
    }
}

#[test]
fn the_ventricle_is_largest_at_end_diastole_and_smallest_at_end_systole() {
    for seed in 0..20 {
        let mut phantom = Phantom::new(View::ApicalFourChamber, &quality(seed), seed).unwrap();
        let beat = (phantom.frame_rate() * 60.0 / phantom.heart_rate()).ceil() as u32 + 1;
        let away = |phase: f64, from: f64| {
            let distance = (phase - from).rem_euclid(1.0);
            distance.min(1.0 - distance)
        };
        let nearest = |target: f64| {
            let distance = |k: u32| away(phantom.phase(k), target);
            (0..beat).min_by(|&a, &b| distance(a).total_cmp(&distance(b))).unwrap()
        };
        let (diastole, systole) = (nearest(0.0), nearest(phantom.systole()));
        let (full, empty) = (phantom.frame(diastole), phantom.frame(systole));
        let ((area, axis, volume), (less, shorter, rest)) = (left_ventricle(&full), left_ventricle(&empty));
        assert!(less < area && shorter <= axis && rest < volume, "seed {seed}: {less} {area}");
        let fraction = 1.0 - rest / volume;
        assert!((0.03..0.9).contains(&fraction), "seed {seed}: ejection fraction {fraction}");
        assert!(target_pixels(&empty) < target_pixels(&full), "seed {seed}");
        assert!((500.0..9000.0).contains(&area) && (45.0..120.0).contains(&axis), "seed {seed}: {area} mm2, {axis} mm");
    }
}

#[test]
fn a_head_measures_what_its_mask_measures() {
    for seed in 0..30 {
        let frame = Phantom::new(View::FetalHead, &quality(seed), seed).unwrap().frame(0);
        let Truth::Head { hc_mm, bpd_mm, ofd_mm } = frame.truth else { panic!("a heart's truth") };
        assert!((60.0..360.0).contains(&hc_mm) && bpd_mm < ofd_mm && bpd_mm > 0.69 * ofd_mm);
        let pixel = frame.spacing_mm[0] * frame.spacing_mm[1];
        let area = target_pixels(&frame) as f64 * pixel;
        let ellipse = std::f64::consts::FRAC_PI_4 * bpd_mm * ofd_mm;
        // The picture may cut the head, never add to it.
        assert!(area < ellipse * 1.02, "seed {seed}: {area} against {ellipse}");
        assert!(area > ellipse * 0.6, "seed {seed}: {area} against {ellipse}");
    }
}

#[test]
fn the_masks_area_is_the_geometrys() {
    let mut agreeing = 0;
    for seed in 0..40 {
        let frame = Phantom::with_size(View::ApicalFourChamber, &quality(seed), (640, 480), seed).unwrap().frame(2);
        let area = target_pixels(&frame) as f64 * frame.spacing_mm[0] * frame.spacing_mm[1];
        let (exact, ..) = left_ventricle(&frame);
        assert!(area < exact * 1.02, "seed {seed}: {area} against {exact}");
        agreeing += usize::from(area > exact * 0.98);
    }
    // The others are cut by the sector's border.
    assert!(agreeing >= 24, "{agreeing} of 40");
}

#[test]
fn qualities_outside_their_limits_are_refused_by_name() {
    struct Case {
        name: &'static str,
        change: fn(&mut Quality),
    }
    let cases = [
        Case { name: "lines", change: |q| q.lines = 0.0 },
        Case { name: "samples", change: |q| q.samples = 1e9 },
        Case { name: "axial_mm", change: |q| q.axial_mm = f32::NAN },
        Case { name: "gamma", change: |q| q.gamma = 0.0 },
        Case { name: "dropout", change: |q| q.dropout = 1.5 },
        Case { name: "haze_db", change: |q| q.haze_db = f32::INFINITY },
    ];
    for case in cases {
        let mut bad = Quality::low().middle();
        (case.change)(&mut bad);
        match Phantom::new(View::ApicalFourChamber, &bad, 1) {
            Err(PhantomError::Quality { name, .. }) => assert_eq!(name, case.name),
            other => panic!("{}: {:?}", case.name, other.map(|_| ())),
        }
    }
}

#[test]
fn sizes_outside_their_limits_are_refused() {
    for (size, admitted) in
        [((0, 0), false), ((31, 240), false), ((320, 2049), false), ((32, 32), true), ((1280, 64), true)]
    {
        for view in VIEWS {
            let made = Phantom::with_size(view, &Quality::high().middle(), size, 5);
            assert_eq!(made.is_ok(), admitted, "{size:?}");
            if let Ok(mut phantom) = made {
                let frame = phantom.frame(0);
                assert_eq!((frame.width, frame.height), size);
                assert_eq!(frame.pixels.len(), (size.0 * size.1) as usize);
            }
        }
    }
}

#[test]
fn every_extreme_of_every_quality_gives_a_picture() {
    let base = Quality::low().middle();
    let fields = Quality::LIMITS.len();
    for field in 0..fields {
        for extreme in [false, true] {
            let mut values = base.values();
            let (_, low, high) = Quality::LIMITS[field];
            values[field] = if extreme { high } else { low };
            let setting = Quality::from_values(&values).unwrap();
            for view in VIEWS {
                let frame = Phantom::with_size(view, &setting, (96, 72), 4).unwrap().frame(1);
                let name = Quality::LIMITS[field].0;
                assert!(frame.pixels.iter().any(|&p| p > 0), "{name} {extreme}: black");
                assert!(target_pixels(&frame) > 0, "{name} {extreme}: no target");
            }
        }
    }
}

#[test]
fn both_domains_lie_within_the_limits_and_low_is_worse() {
    let check = |range: QualityRange| {
        range.low.check().unwrap();
        range.high.check().unwrap();
        for (low, high) in range.low.values().into_iter().zip(range.high.values()) {
            assert!(low <= high);
        }
    };
    check(Quality::low());
    check(Quality::high());
    let (low, high) = (Quality::low().middle(), Quality::high().middle());
    assert!(low.lateral_deg > high.lateral_deg && low.noise_db > high.noise_db && low.lines < high.lines);
    assert!(low.dynamic_range_db < high.dynamic_range_db && low.dropout > high.dropout);
}

#[test]
fn speckle_travels_with_the_tissue_but_blood_renews() {
    let mut setting = Quality::high().middle();
    (setting.noise_db, setting.persistence, setting.furniture) = (-60.0, 0.0, 0.0);
    let mut phantom = Phantom::new(View::FetalHead, &setting, 8).unwrap();
    let (a, b) = (phantom.frame(0), phantom.frame(1));
    let same = correlation(&a.pixels, &b.pixels, &a.mask);
    let mut other = Phantom::new(View::FetalHead, &setting, 9).unwrap();
    let different = correlation(&a.pixels, &other.frame(0).pixels, &a.mask);
    assert!(same > 0.6 && same > different + 0.3, "{same} {different}");
}

fn correlation(a: &[u8], b: &[u8], mask: &[u8]) -> f64 {
    let pairs: Vec<(f64, f64)> =
        (0..a.len()).filter(|&k| mask[k] > 0).map(|k| (f64::from(a[k]), f64::from(b[k]))).collect();
    let count = pairs.len() as f64;
    let (ma, mb) = (pairs.iter().map(|p| p.0).sum::<f64>() / count, pairs.iter().map(|p| p.1).sum::<f64>() / count);
    let sum = |f: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|p| f(p.0 - ma, p.1 - mb)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt().max(1e-9)
}

#[test]
fn views_have_names() {
    for view in VIEWS {
        assert_eq!(view.to_string().parse::<View>(), Ok(view));
    }
    assert!(matches!("liver".parse::<View>(), Err(PhantomError::View { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_seed_gives_a_whole_frame(seed: u64, index in 0u32..100_000, head: bool) {
        let view = VIEWS[usize::from(head)];
        let mut phantom = Phantom::new(view, &quality(seed), seed).unwrap();
        let frame = phantom.frame(index);
        let (width, height) = DEFAULT_SIZE;
        let all = (width * height) as usize;
        prop_assert_eq!((frame.width, frame.height, frame.pixels.len(), frame.mask.len()), (width, height, all, all));
        let share = target_pixels(&frame) as f64 / all as f64;
        prop_assert!((0.004..0.8).contains(&share), "target share {}", share);
        prop_assert!(frame.mask.iter().all(|&m| m == 0 || m == 255));
        prop_assert!((0.0..1.0).contains(&frame.phase));
        prop_assert!(frame.spacing_mm.iter().all(|s| (0.05..3.0).contains(s)), "{:?}", frame.spacing_mm);
        prop_assert!((20.0..=60.0).contains(&phantom.frame_rate()));
    }
}
