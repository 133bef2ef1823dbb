#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

const SIZE: u32 = 320;

/// Draws a shape given in its own axes: `t` from the apex (0) to the base (1), `s` across, in pixels; the axis points from the
/// apex `angle` degrees from +x towards +y.
fn draw(apex: [f64; 2], length: f64, angle: f64, inside: impl Fn(f64, f64) -> bool) -> Mask {
    let (sin, cos) = angle.to_radians().sin_cos();
    let mut mask = Mask::new(SIZE, SIZE);
    for (index, pixel) in mask.data_mut().iter_mut().enumerate() {
        let (x, y) = ((index as u32 % SIZE) as f64 + 0.5, (index as u32 / SIZE) as f64 + 0.5);
        let t = along([x, y], apex, [cos, sin]) / length;
        let s = across([x, y], apex, [cos, sin]);
        *pixel = u8::from((0.0..=1.0).contains(&t) && inside(t, s));
    }
    mask
}

/// Half an ellipsoid: apex at the pole, base at the equator of radius `radius`.
fn half_ellipsoid(apex: [f64; 2], length: f64, radius: f64, angle: f64) -> Mask {
    draw(apex, length, angle, |t, s| s.abs() <= radius * (1.0 - (1.0 - t).powi(2)).sqrt())
}

fn near(found: f64, expected: f64, share: f64, what: &str) {
    assert!((found / expected - 1.0).abs() < share, "{what}: {found}, expected {expected}");
}

#[test]
fn volumes_by_hand() {
    struct Case {
        name: &'static str,
        mask: Mask,
        area: f64,
        length: f64,
        volume: f64,
    }
    let pi = std::f64::consts::PI;
    let top = [160.0, 40.0];
    let cases = [
        // pi r^2 L would be the cylinder; length to the far corners' middle is the side itself.
        Case {
            name: "half ellipsoid: 2/3 pi r^2 L, half an ellipse",
            mask: half_ellipsoid(top, 200.0, 60.0, 90.0),
            area: pi * 200.0 * 60.0 / 2.0,
            length: 200.0,
            volume: 2.0 / 3.0 * pi * 60.0 * 60.0 * 200.0,
        },
        Case {
            name: "whole ellipsoid: 4/3 pi r^2 a",
            mask: draw(top, 220.0, 90.0, |t, s| (2.0 * t - 1.0).powi(2) + (s / 70.0).powi(2) <= 1.0),
            area: pi * 110.0 * 70.0,
            length: 220.0,
            volume: 4.0 / 3.0 * pi * 70.0 * 70.0 * 110.0,
        },
        Case {
            name: "cone: 1/3 pi r^2 L",
            mask: draw(top, 210.0, 90.0, |t, s| s.abs() <= 80.0 * t),
            area: 210.0 * 80.0,
            length: 210.0,
            volume: pi * 80.0 * 80.0 * 210.0 / 3.0,
        },
        Case {
            name: "bullet: half a sphere and a cylinder",
            mask: draw(top, 200.0, 90.0, |t, s| {
                let depth = t * 200.0;
                s.abs() <= if depth < 50.0 { (2500.0 - (50.0 - depth).powi(2)).sqrt() } else { 50.0 }
            }),
            area: pi * 1250.0 + 150.0 * 100.0,
            length: 200.0,
            volume: 2.0 / 3.0 * pi * 125_000.0 + pi * 2500.0 * 150.0,
        },
    ];
    for case in cases {
        let found = Ventricle::measure(&case.mask, None).unwrap();
        near(found.area, case.area, 0.01, case.name);
        near(found.long_axis, case.length, 0.01, case.name);
        // 20 discs of a round cap lose what lies between their steps: below 1 %.
        near(found.volume, case.volume, 0.015, case.name);
        assert!(!found.calibrated && found.volume_ml().is_none() && found.area_cm2().is_none());
    }
}

#[test]
fn units() {
    // 200 x 0.4 mm = 80 mm long, 60 x 0.4 = 24 mm radius: 2/3 pi 2.4^2 8 = 96.5 mL; pi 8 2.4 / 2 = 30.2 cm^2.
    let mask = half_ellipsoid([160.0, 40.0], 200.0, 60.0, 90.0);
    let found = Ventricle::measure(&mask, Some(Spacing { x_mm: 0.4, y_mm: 0.4 })).unwrap();
    near(found.volume_ml().unwrap(), 96.51, 0.015, "mL");
    near(found.area_cm2().unwrap(), 30.16, 0.01, "cm2");
    near(found.long_axis_mm().unwrap(), 80.0, 0.01, "mm");
    let odd = Ventricle::measure(&mask, Some(Spacing { x_mm: 0.4, y_mm: f64::NAN })).unwrap();
    assert!(!odd.calibrated);
    // Rows twice as far apart as columns: twice the length, and so twice the volume.
    let tall = Ventricle::measure(&mask, Some(Spacing { x_mm: 0.4, y_mm: 0.8 })).unwrap();
    near(tall.volume / found.volume, 2.0, 0.01, "anisotropic");
}

#[test]
fn base_and_apex_are_found_in_any_position() {
    for angle in [90.0, 60.0, 120.0, 75.0, 0.0, 180.0, -90.0, -45.0_f64] {
        let (sin, cos) = angle.to_radians().sin_cos();
        let apex = [160.0 - 90.0 * cos, 160.0 - 90.0 * sin];
        let base = [160.0 + 90.0 * cos, 160.0 + 90.0 * sin];
        let found = Ventricle::measure(&half_ellipsoid(apex, 180.0, 55.0, angle), None).unwrap();
        assert!(distance(found.apex, apex) < 3.0, "{angle}: apex {:?}, expected {apex:?}", found.apex);
        assert!(distance(found.base, base) < 3.0, "{angle}: base {:?}, expected {base:?}", found.base);
        near(distance(found.annulus[0], found.annulus[1]), 110.0, 0.03, "annulus");
        near(found.volume, 2.0 / 3.0 * std::f64::consts::PI * 55.0 * 55.0 * 180.0, 0.025, "volume");
    }
}

#[test]
fn oblique_base() {
    // The base falls by 20 pixels from one side to the other; its middle stays.
    let mask = draw([160.0, 40.0], 230.0, 90.0, |t, s| {
        let depth = t * 230.0;
        let cap = (1.0 - (1.0 - depth / 200.0).clamp(0.0, 1.0).powi(2)).sqrt();
        s.abs() <= 60.0 * cap && depth <= 200.0 + s / 6.0
    });
    let found = Ventricle::measure(&mask, None).unwrap();
    assert!(distance(found.base, [160.0, 240.0]) < 4.0, "{found:?}");
    near(found.volume, 2.0 / 3.0 * std::f64::consts::PI * 3600.0 * 200.0, 0.03, "volume");
}

#[test]
fn nothing_to_measure() {
    assert!(Ventricle::measure(&Mask::new(30, 30), None).is_none());
    let mut line = Mask::new(30, 30);
    line.data_mut()[30..60].fill(1);
    assert!(Ventricle::measure(&line, None).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn follows_rotation_and_scale(angle in 40.0_f64..140.0, radius in 35.0_f64..60.0, scale in 0.1_f64..2.0) {
        let (sin, cos) = angle.to_radians().sin_cos();
        let mask = half_ellipsoid([160.0 - 85.0 * cos, 160.0 - 85.0 * sin], 170.0, radius, angle);
        let pixels = Ventricle::measure(&mask, None).unwrap();
        let scaled = Ventricle::measure(&mask, Some(Spacing { x_mm: scale, y_mm: scale })).unwrap();
        near(pixels.volume, 2.0 / 3.0 * std::f64::consts::PI * radius * radius * 170.0, 0.04, "volume");
        near(scaled.volume, pixels.volume * scale.powi(3), 1e-6, "scaled volume");
        near(scaled.long_axis, pixels.long_axis * scale, 1e-9, "scaled axis");
    }

    #[test]
    fn any_mask_is_finite_or_none(bytes in prop::collection::vec(0_u8..2, 20 * 15)) {
        let mask = Mask::from_bytes(&bytes, 20, 15).unwrap();
        if let Some(found) = Ventricle::measure(&mask, None) {
            prop_assert!(found.volume.is_finite() && found.volume > 0.0 && found.long_axis > 0.0);
        }
    }
}
