#![allow(clippy::unwrap_used, reason = "tests")]

use std::f32::consts::FRAC_PI_2;

use proptest::prelude::*;
use ushydra_wire::Shape;

use super::super::scan_grid::MAX_SIDE;
use super::*;

impl ScanConversion {
    /// Where the buffers are.
    pub(in crate::convert) fn buffers(&self) -> Option<[*const u8; 2]> {
        self.table.as_ref().map(|table| [table.entries.as_ptr().cast(), table.runs.as_ptr().cast()])
    }
}

const CURVED: Scan =
    Scan { shape: Shape::Sector { first_rad: -0.6, last_rad: 0.5, radius_mm: 40.0 }, start_mm: 2.0, end_mm: 82.0 };
const SAMPLES: u16 = 161;
const LINES: u16 = 111;
/// Value of what is left out of the fan.
const BLACK: u8 = 0;

fn convert(scan: &Scan, samples: u16, lines: u16, value: impl Fn(u16, u16) -> u8) -> Frame {
    let values: Vec<u8> =
        (0..lines).flat_map(|line| (0..samples).map(move |sample| (line, sample))).map(|(l, s)| value(l, s)).collect();
    let mut frame = Frame::new();
    // Old pixels must not show.
    frame.data = vec![77; 1 << 20];
    ScanConversion::default().convert(scan, samples, lines, &values, &mut frame).unwrap();
    frame
}

/// Angle and distance from the apex of every pixel, by the specification alone.
fn polar(frame: &Frame, scan: &Scan) -> Vec<(f64, f64)> {
    let Shape::Sector { first_rad, last_rad, radius_mm } = scan.shape else { unreachable!() };
    let (first, last) = (f64::from(first_rad), f64::from(last_rad));
    let (near, far) = (f64::from(radius_mm + scan.start_mm), f64::from(radius_mm + scan.end_mm));
    let step = f64::from(frame.spacing_mm.unwrap()[0]);
    let middle = 0.5 * ((far * first.sin()) + (far * last.sin()));
    let top = near * first.cos().min(last.cos());
    let (columns, rows) = (frame.geometry.width, frame.geometry.height);
    let place = |column: u32, row: u32| {
        let x = middle + (f64::from(column) - f64::from(columns - 1) / 2.0) * step;
        let y = top + f64::from(row) * step;
        (x.atan2(y), x.hypot(y))
    };
    (0..rows).flat_map(|row| (0..columns).map(move |column| place(column, row))).collect()
}

#[test]
fn a_ring_stays_a_ring() {
    // Sample 100 of 161 over 80 mm: 50 mm below the start, 92 mm from the apex.
    let frame = convert(&CURVED, SAMPLES, LINES, |_, sample| if sample == 100 { 255 } else { 10 });
    let mut bright = 0;
    for (pixel, (angle, r)) in frame.data.iter().zip(polar(&frame, &CURVED)) {
        let inside = (-0.599..0.499).contains(&angle) && (42.1..121.9).contains(&r);
        if *pixel > 128 {
            assert!((r - 92.0).abs() < 0.3, "{pixel} at {r}");
            bright += 1;
        }
        if inside {
            assert!(*pixel >= 10, "{pixel} at ({angle}, {r})");
            assert!((r - 92.0).abs() > 0.2 || *pixel > 100, "{pixel} at {r}");
        } else if !(-0.61..0.51).contains(&angle) || !(41.5..122.5).contains(&r) {
            assert_eq!(*pixel, BLACK, "({angle}, {r})");
        }
    }
    // The ring's length is 1.1 rad * 92 mm, at 0.5 mm per pixel; it is one pixel wide.
    assert!((150..450).contains(&bright), "{bright}");
}

#[test]
fn a_point_ends_where_the_geometry_says() {
    for (line, sample) in [(55, 80), (20, 120), (100, 40), (90, 150)] {
        let frame =
            convert(
                &CURVED,
                SAMPLES,
                LINES,
                |l, s| {
                    if l.abs_diff(line) <= 1 && s.abs_diff(sample) <= 1 { 240 } else { 0 }
                },
            );
        let (mut sum, mut mean) = (0.0, (0.0, 0.0));
        for (pixel, (angle, r)) in frame.data.iter().zip(polar(&frame, &CURVED)) {
            let weight = f64::from(*pixel);
            sum += weight;
            mean = (mean.0 + weight * angle, mean.1 + weight * r);
        }
        let expected = (-0.6 + 1.1 * f64::from(line) / 110.0, 42.0 + 80.0 * f64::from(sample) / 160.0);
        assert!((mean.0 / sum - expected.0).abs() < 0.01, "angle {} for {expected:?}", mean.0 / sum);
        assert!((mean.1 / sum - expected.1).abs() < 0.15, "distance {} for {expected:?}", mean.1 / sum);
    }
}

#[test]
fn a_new_geometry_makes_a_new_table_and_only_that() {
    let mut conversion = ScanConversion::default();
    let mut frame = Frame::new();
    let mut place = |scan: &Scan, samples: u16, lines: u16| {
        let values = vec![1; usize::from(samples) * usize::from(lines)];
        conversion.convert(scan, samples, lines, &values, &mut frame).unwrap();
        (conversion.buffers(), frame.geometry.width, frame.geometry.height)
    };
    let first = place(&CURVED, 50, 20);
    assert_eq!(place(&CURVED, 50, 20), first);
    let deeper = Scan { end_mm: 100.0, ..CURVED };
    assert_ne!(place(&deeper, 50, 20), first);
    assert_ne!(place(&deeper, 60, 20).2, first.2);
}

#[test]
fn the_largest_table_is_bounded() {
    let wide = Shape::Sector { first_rad: -FRAC_PI_2, last_rad: FRAC_PI_2, radius_mm: 0.0 };
    for shape in [wide, Shape::Linear { aperture_mm: 1000.0 }] {
        let scan = Scan { shape, start_mm: 0.0, end_mm: 1000.0 };
        let table = Table::new(scan, 4096, 4000);
        assert!(table.entries.capacity() <= (MAX_SIDE * MAX_SIDE) as usize, "{}", table.entries.capacity());
        assert!(table.runs.capacity() <= 4 * MAX_SIDE as usize, "{}", table.runs.capacity());
    }
    assert_eq!(size_of::<Entry>(), 8);
}

#[test]
fn wrong_numbers_of_samples_are_refused() {
    for count in [0, 1, 5, 7] {
        let mut frame = Frame::new();
        let outcome = ScanConversion::default().convert(&CURVED, 3, 2, &vec![0; count], &mut frame);
        assert!(matches!(outcome, Err(Fault::LivePicture { .. })), "{count}");
    }
    assert!(ScanConversion::default().convert(&CURVED, 0, 0, &[], &mut Frame::new()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_linear_scan_is_resized(
        samples in 2_u16..60, lines in 1_u16..40, aperture_mm in 5.0_f32..80.0, start_mm in 0.0_f32..20.0,
        length in 5.0_f32..80.0, seed in any::<u8>(),
    ) {
        let scan = Scan { shape: Shape::Linear { aperture_mm }, start_mm, end_mm: start_mm + length };
        let value = |line: u16, sample: u16| (line as u8).wrapping_mul(seed) ^ (sample as u8).wrapping_mul(29);
        let frame = convert(&scan, samples, lines, value);
        let (columns, rows) = (frame.geometry.width, frame.geometry.height);
        let depth = f64::from(scan.end_mm) - f64::from(scan.start_mm);
        let step = depth / f64::from(samples - 1);
        prop_assert_eq!(rows, u32::from(samples));
        for (index, pixel) in frame.data.iter().enumerate() {
            let (column, row) = (index as u32 % columns, index as u32 / columns);
            let x = (f64::from(column) - f64::from(columns - 1) / 2.0) * step;
            let line = ((x / f64::from(aperture_mm) + 0.5) * f64::from(lines - 1)).clamp(0.0, f64::from(lines - 1));
            let left = (line as u16).min(lines.saturating_sub(2));
            let right = (left + 1).min(lines - 1);
            let part = line - f64::from(left);
            let (a, b) = (f64::from(value(left, row as u16)), f64::from(value(right, row as u16)));
            // Weights are rounded to 1/256, in both directions.
            prop_assert!((f64::from(*pixel) - (a + part * (b - a))).abs() <= 1.5 + 255.0 / 256.0);
        }
    }

    #[test]
    fn an_even_scan_stays_even(
        samples in 1_u16..50, lines in 1_u16..50, first in -1.5_f32..1.4, span in 0.01_f32..3.0, radius_mm in 0.0_f32..100.0,
        value in 1_u8..,
    ) {
        let last_rad = (first + span).min(FRAC_PI_2);
        let scan = Scan { shape: Shape::Sector { first_rad: first, last_rad, radius_mm }, start_mm: 0.0, end_mm: 60.0 };
        let frame = convert(&scan, samples, lines, |_, _| value);
        prop_assert!(frame.data.iter().all(|pixel| [BLACK, value].contains(pixel)));
    }
}
