//! 16-bit samples to 8 bits.

/// Fractional bits of the factor: the greatest with which the product of a sample and the factor fits 32 bits.
const FRACTION: u32 = 24;
const FULL_8: u32 = 255;

/// `out = round(255 * min(sample, white) / white)` for little-endian samples.
///
/// Integers only: with m = ceil(255 * 2^24 / white) it is `(min(sample, white) * m + 2^23) >> 24`. That is at most 1/256 too
/// much before rounding, so that the result is the nearest integer, halves upwards, or the next one where the exact value
/// lies less than 1/256 below a half. 0 stays 0, `white` and everything above it becomes 255. A `white` of 0 counts as 1.
pub(crate) fn scale(payload: &[u8], white: u16, out: &mut [u8]) {
    let white = white.max(1);
    let factor = (FULL_8 << FRACTION).div_ceil(u32::from(white));
    let half = 1 << (FRACTION - 1);
    for (to, from) in out.iter_mut().zip(payload.as_chunks::<2>().0) {
        let sample = u16::from_le_bytes(*from).min(white);
        *to = ((u32::from(sample) * factor + half) >> FRACTION) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(sample: u16, white: u16) -> u8 {
        let mut out = [0];
        scale(&sample.to_le_bytes(), white, &mut out);
        out[0]
    }

    #[test]
    fn the_ends_are_exact_for_every_white_level() {
        for white in 1..=u16::MAX {
            assert_eq!([one(0, white), one(white, white), one(u16::MAX, white)], [0, 255, 255], "{white}");
        }
        assert_eq!(one(1, 0), 255);
    }

    #[test]
    fn samples_are_scaled_to_the_nearest() {
        struct Case {
            white: u16,
            sample: u16,
            expected: u8,
        }
        let cases = [
            Case { white: 255, sample: 77, expected: 77 },
            Case { white: 510, sample: 77, expected: 39 },
            Case { white: 4095, sample: 2048, expected: 128 },
            Case { white: 4095, sample: 8, expected: 0 },
            Case { white: 4095, sample: 9, expected: 1 },
            Case { white: 65_535, sample: 32_767, expected: 127 },
            Case { white: 2, sample: 1, expected: 128 },
        ];
        for case in cases {
            assert_eq!(one(case.sample, case.white), case.expected, "{} of {}", case.sample, case.white);
        }
    }

    proptest! {
        #[test]
        fn the_error_is_bounded_and_the_order_kept(sample: u16, white in 1_u16.., step in 0_u16..300) {
            let exact = f64::from(sample.min(white)) * 255.0 / f64::from(white);
            prop_assert!((f64::from(one(sample, white)) - exact).abs() <= 0.5 + 1.0 / 256.0);
            prop_assert!(one(sample, white) <= one(sample.saturating_add(step), white));
        }
    }
}
