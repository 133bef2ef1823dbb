#![allow(clippy::unwrap_used, reason = "tests")]

use std::f32::consts::{FRAC_PI_2, FRAC_PI_4};

use proptest::prelude::*;

use super::*;

fn sector(first_rad: f32, last_rad: f32, radius_mm: f32, start_mm: f32, end_mm: f32) -> Scan {
    Scan { shape: Shape::Sector { first_rad, last_rad, radius_mm }, start_mm, end_mm }
}

fn linear(aperture_mm: f32, start_mm: f32, end_mm: f32) -> Scan {
    Scan { shape: Shape::Linear { aperture_mm }, start_mm, end_mm }
}

#[test]
fn the_picture_holds_the_fan() {
    struct Case {
        name: &'static str,
        scan: Scan,
        samples: u16,
        columns: u32,
        rows: u32,
        step: f64,
    }
    let cases = [
        Case { name: "linear", scan: linear(40.0, 0.0, 50.0), samples: 501, columns: 401, rows: 501, step: 0.1 },
        Case {
            name: "linear, deep start",
            scan: linear(40.0, 10.0, 50.0),
            samples: 401,
            columns: 401,
            rows: 401,
            step: 0.1,
        },
        // 2 * 100 * sin 45 degrees = 141.4 mm wide, 100 mm deep.
        Case {
            name: "phased",
            scan: sector(-FRAC_PI_4, FRAC_PI_4, 0.0, 0.0, 100.0),
            samples: 201,
            columns: 283,
            rows: 201,
            step: 0.5,
        },
        // The face of the array sags by 60 (1 - cos 45 degrees) = 17.6 mm.
        Case {
            name: "curved",
            scan: sector(-FRAC_PI_4, FRAC_PI_4, 60.0, 0.0, 100.0),
            samples: 101,
            columns: 227,
            rows: 118,
            step: 1.0,
        },
        Case {
            name: "fine",
            scan: linear(20.0, 0.0, 40.0),
            samples: 4096,
            columns: 512,
            rows: 1024,
            step: 40.0 / 1023.0,
        },
        Case {
            name: "wide",
            scan: linear(1000.0, 0.0, 10.0),
            samples: 101,
            columns: 1024,
            rows: 11,
            step: 1000.0 / 1023.0,
        },
        Case { name: "one sample", scan: linear(40.0, 0.0, 50.0), samples: 1, columns: 1, rows: 2, step: 50.0 },
    ];
    for case in cases {
        let grid = Fan::new(case.scan, case.samples, 64).grid();
        assert_eq!((grid.columns, grid.rows), (case.columns, case.rows), "{}", case.name);
        assert!((grid.step - case.step).abs() < 1e-6, "{}: {}", case.name, grid.step);
    }
}

#[test]
fn known_points_lie_at_their_samples() {
    // 91 lines from -45 to 45 degrees, 101 samples from 0 to 100 mm behind an apex 20 mm above the face.
    let fan = Fan::new(sector(-FRAC_PI_4, FRAC_PI_4, 20.0, 0.0, 100.0), 101, 91);
    let near = |x: f64, y: f64, line: f64, sample: f64| {
        let place = fan.place(x, y).unwrap();
        assert!((place.line - line).abs() < 1e-4 && (place.sample - sample).abs() < 1e-4, "({x}, {y}): {place:?}");
    };
    near(0.0, 20.0, 45.0, 0.0);
    near(0.0, 120.0, 45.0, 100.0);
    let angle = 30.0_f64.to_radians();
    near(70.0 * angle.sin(), 70.0 * angle.cos(), 75.0, 50.0);
    near(-70.0 * angle.sin(), 70.0 * angle.cos(), 15.0, 50.0);
    for (x, y) in [(0.0, 19.0), (0.0, 121.0), (60.0, 59.0), (-60.0, 59.0), (0.0, -60.0)] {
        assert_eq!(fan.place(x, y), None, "({x}, {y})");
    }
}

fn scans() -> impl Strategy<Value = Scan> {
    let depth = (prop_oneof![Just(0.0_f32), 0.0_f32..500.0], prop_oneof![1e-30_f32..1e-3, 1e-3_f32..500.0]);
    let angles = (-FRAC_PI_2..FRAC_PI_2, prop_oneof![1e-7_f32..1e-3, 0.0_f32..3.2]);
    let extreme = prop_oneof![Just(0.0_f32), 0.0_f32..1000.0, Just(1000.0_f32)];
    let shape = prop_oneof![
        (angles, extreme).prop_map(|((first, span), radius_mm)| Shape::Sector {
            first_rad: first,
            last_rad: (first + span).min(FRAC_PI_2),
            radius_mm
        }),
        prop_oneof![1e-38_f32..1e-3, 1e-3_f32..1000.0].prop_map(|aperture_mm| Shape::Linear { aperture_mm }),
    ];
    (depth, shape)
        .prop_map(|((start_mm, length), shape)| Scan { shape, start_mm, end_mm: start_mm + length })
        .prop_filter("possible", |scan| scan.check().is_ok())
}

proptest! {
    #[test]
    fn extremes_stay_within_bounds(scan in scans(), samples in 1_u16..=4096, lines in 1_u16..=4096) {
        let fan = Fan::new(scan, samples, lines);
        let grid = fan.grid();
        prop_assert!((1..=MAX_SIDE).contains(&grid.columns) && (1..=MAX_SIDE).contains(&grid.rows));
        prop_assert!(grid.step.is_finite() && grid.step > 0.0);
        for row in (0..grid.rows).step_by(97) {
            for column in (0..grid.columns).step_by(97) {
                if let Some(place) = fan.at(&grid, column, row) {
                    prop_assert!((0.0..=f64::from(lines - 1)).contains(&place.line));
                    prop_assert!((0.0..=f64::from(samples - 1)).contains(&place.sample));
                }
            }
        }
    }

    #[test]
    fn every_sample_lies_in_the_picture(scan in scans(), across in 0.0_f64..=1.0, depth in 0.0_f64..=1.0) {
        // The formula of the specification, from sample to place.
        let fan = Fan::new(scan, 200, 100);
        let grid = fan.grid();
        let d = f64::from(scan.start_mm) + depth * (f64::from(scan.end_mm) - f64::from(scan.start_mm));
        let (x, y) = match scan.shape {
            Shape::Sector { first_rad, last_rad, radius_mm } => {
                let angle = f64::from(first_rad) + across * (f64::from(last_rad) - f64::from(first_rad));
                let r = f64::from(radius_mm) + d;
                (r * angle.sin(), r * angle.cos())
            }
            Shape::Linear { aperture_mm } => (f64::from(aperture_mm) * (across - 0.5), d),
        };
        let (left, top) = grid.centre(0, 0);
        let (right, bottom) = grid.centre(grid.columns - 1, grid.rows - 1);
        let slack = 1.01 * grid.step;
        prop_assert!(left - slack <= x && x <= right + slack && top - slack <= y && y <= bottom + slack);
    }
}
