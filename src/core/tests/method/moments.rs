//! Eq. (3) to (6) against f64 references.

use proptest::prelude::*;
use ushydra_core::{Moments, MomentsError, PixelSums, channel_moments};

/// Textbook two-pass moments.
fn reference(values: impl Iterator<Item = f64> + Clone) -> Moments {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    Moments { mean, std: (values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt() }
}

fn pixel_moments(samples: &[u8]) -> Moments {
    let mut sums = PixelSums::default();
    sums.add(samples);
    sums.moments().unwrap()
}

fn close(found: Moments, expected: Moments, tolerance: f64) -> bool {
    (found.mean - expected.mean).abs() <= tolerance && (found.std - expected.std).abs() <= tolerance
}

#[test]
fn small_sets() {
    struct Case {
        values: &'static [f32],
        expected: Result<Moments, MomentsError>,
    }
    let cases = [
        Case { values: &[], expected: Err(MomentsError::Empty) },
        Case { values: &[-3.5], expected: Ok(Moments { mean: -3.5, std: 0.0 }) },
        Case { values: &[1.0, 3.0], expected: Ok(Moments { mean: 2.0, std: 1.0 }) },
        Case { values: &[0.1; 1000], expected: Ok(Moments { mean: f64::from(0.1_f32), std: 0.0 }) },
        Case { values: &[f32::MAX, f32::MAX], expected: Ok(Moments { mean: f64::from(f32::MAX), std: 0.0 }) },
        Case { values: &[0.0, f32::NAN, 1.0], expected: Err(MomentsError::NotFinite { index: 1 }) },
        Case { values: &[f32::INFINITY, f32::NEG_INFINITY], expected: Err(MomentsError::NotFinite { index: 0 }) },
    ];
    for case in cases {
        assert_eq!(Moments::of(case.values), case.expected, "{:?}", case.values.get(..4));
    }
}

#[test]
fn a_large_offset_does_not_swallow_a_small_spread() {
    let values: Vec<f32> = (0..2688).map(|i| 4096.0 + (i % 2) as f32 / 1024.0).collect();
    let found = Moments::of(&values).unwrap();
    assert!(close(found, Moments { mean: 4096.0 + 0.5 / 1024.0, std: 0.5 / 1024.0 }, 1e-12), "{found:?}");
}

#[test]
fn constant_images_have_no_spread() {
    for level in [0, 1, 127, 254, 255] {
        for pixels in [1, 31, 32, 33, 307_200] {
            let found = pixel_moments(&vec![level; pixels]);
            assert_eq!(found, Moments { mean: f64::from(level), std: 0.0 }, "{pixels} pixels of {level}");
        }
    }
    assert_eq!(PixelSums::default().moments(), Err(MomentsError::Empty));
}

#[test]
fn planes() {
    let map = [1.0, 3.0, 5.0, 5.0, -1.0, f32::NAN];
    let mut two = [Moments::default(); 2];
    channel_moments(&map[..4], &mut two).unwrap();
    assert_eq!(two, [Moments { mean: 2.0, std: 1.0 }, Moments { mean: 5.0, std: 0.0 }]);
    let mut three = [Moments::default(); 3];
    assert_eq!(channel_moments(&map, &mut three), Err(MomentsError::NotFinite { index: 5 }));
    let refused = |map: &[f32], out: &mut [Moments]| channel_moments(map, out).unwrap_err();
    assert_eq!(refused(&map[..5], &mut two), MomentsError::Planes { values: 5, channels: 2 });
    assert_eq!(refused(&map, &mut []), MomentsError::Planes { values: 6, channels: 0 });
    assert_eq!(refused(&[], &mut two), MomentsError::Planes { values: 0, channels: 2 });
}

proptest! {
    #[test]
    fn integer_sums_equal_the_reference(samples in prop::collection::vec(any::<u8>(), 1..5000), cut in any::<prop::sample::Index>()) {
        let expected = reference(samples.iter().map(|&v| f64::from(v)));
        prop_assert!(close(pixel_moments(&samples), expected, 1e-9));
        let (first, second) = samples.split_at(cut.index(samples.len()));
        let mut parts = PixelSums::default();
        parts.add(second);
        parts.add(first);
        prop_assert_eq!(parts.count(), samples.len() as u64);
        prop_assert_eq!(parts.moments().unwrap(), pixel_moments(&samples));
    }

    #[test]
    fn features_equal_the_reference(values in prop::collection::vec(-1e3_f32..1e3, 1..4096)) {
        let expected = reference(values.iter().map(|&v| f64::from(v)));
        prop_assert!(close(Moments::of(&values).unwrap(), expected, 1e-9));
    }

    /// `moments(a x + b) = (a mean + b, |a| std)`: normalisation may be applied to the moments instead of the image.
    #[test]
    fn scale_and_shift_of_the_image(samples in prop::collection::vec(any::<u8>(), 1..2000), scale in -4.0_f64..4.0, shift in -3.0_f64..3.0) {
        let moved = samples.iter().map(|&v| f64::from(v) * scale + shift);
        prop_assert!(close(pixel_moments(&samples).affine(scale, shift), reference(moved), 1e-9));
    }

    #[test]
    fn values_that_are_not_finite_are_refused(
        mut values in prop::collection::vec(-1e3_f32..1e3, 1..300),
        at in any::<prop::sample::Index>(),
        bad in prop::sample::select(vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY]),
    ) {
        let index = at.index(values.len());
        values[index] = bad;
        prop_assert_eq!(Moments::of(&values), Err(MomentsError::NotFinite { index }));
    }
}
