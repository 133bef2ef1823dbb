//! Luminance of packed pictures of a camera: GREY (Y Y Y ..) and YUYV (Y Cb Y Cr ..).
//!
//! B-mode is grey. The luminance of YUYV is what was sampled at full resolution; colour, which the scanner uses for marks and
//! text, has half of it and would triple the bytes of every later stage, so it is left out. Who needs colour chooses MJPEG.

/// Lowest luminance of the limited range (ITU-R BT.601): black.
const BLACK: i32 = 16;
/// Steps from black to white in the limited range, 16 to 235.
const STEPS: i32 = 219;

/// `out = clamp(round(255 * (y - 16) / 219), 0, 255)`, for every y.
const EXPANDED: [u8; 256] = {
    let mut table = [0; 256];
    let mut y = 0;
    while y < 256 {
        let above = if y as i32 > BLACK { y as i32 - BLACK } else { 0 };
        let scaled = (2 * 255 * above + STEPS) / (2 * STEPS);
        table[y] = if scaled > 255 { 255 } else { scaled as u8 };
        y += 1;
    }
    table
};

/// Where the wanted pixels are in a packed picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Byte of the first pixel's luminance.
    pub(crate) start: usize,
    /// Bytes from one row to the next.
    pub(crate) stride: usize,
    /// Pixels per row.
    pub(crate) width: usize,
    /// Bytes from one luminance to the next: 1 in GREY, 2 in YUYV.
    pub(crate) step: usize,
}

/// Copies the luminance of a window to `out`, which holds whole rows of it; with `expand` from 16..=235 to 0..=255. False where
/// `bytes` ends before the window does; `out` is then undefined.
pub(crate) fn luminance(bytes: &[u8], window: Window, expand: bool, out: &mut [u8]) -> bool {
    let Window { start, stride, width, step } = window;
    if width == 0 {
        return true;
    }
    for (row, out) in out.chunks_exact_mut(width).enumerate() {
        let begin = start + row * stride;
        // Behind the last luminance comes no chrominance that would have to be there.
        let Some(row) = bytes.get(begin..begin + (width - 1) * step + 1) else { return false };
        match step {
            1 => out.copy_from_slice(row),
            2 => {
                let (pairs, last) = row.as_chunks::<2>();
                for (out, pair) in out.iter_mut().zip(pairs) {
                    *out = pair[0];
                }
                if let (Some(out), Some(last)) = (out.last_mut(), last.first()) {
                    *out = *last;
                }
            }
            _ => {
                for (out, value) in out.iter_mut().zip(row.iter().step_by(step)) {
                    *out = *value;
                }
            }
        }
        if expand {
            for value in out {
                *value = EXPANDED[usize::from(*value)];
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_limited_range_is_spread_over_all_levels() {
        for (y, expected) in [(0, 0), (16, 0), (17, 1), (125, 127), (126, 128), (234, 254), (235, 255), (255, 255)] {
            assert_eq!(EXPANDED[y], expected, "{y}");
        }
        for (y, &level) in EXPANDED.iter().enumerate() {
            let exact = ((y as f64 - 16.0) * 255.0 / 219.0).round().clamp(0.0, 255.0);
            assert_eq!(f64::from(level), exact, "{y}");
        }
    }

    #[test]
    fn luminance_of_small_pictures() {
        struct Case {
            name: &'static str,
            bytes: &'static [u8],
            window: Window,
            expand: bool,
            expected: &'static [u8],
        }
        let packed = |start, stride, width, step| Window { start, stride, width, step };
        for case in [
            Case {
                name: "grey",
                bytes: &[1, 2, 3, 4],
                window: packed(0, 2, 2, 1),
                expand: false,
                expected: &[1, 2, 3, 4],
            },
            Case {
                name: "padded grey",
                bytes: &[1, 2, 99, 3, 4],
                window: packed(0, 3, 2, 1),
                expand: false,
                expected: &[1, 2, 3, 4],
            },
            Case {
                name: "yuyv",
                bytes: &[1, 90, 2, 91, 3, 92, 4, 93],
                window: packed(0, 4, 2, 2),
                expand: false,
                expected: &[1, 2, 3, 4],
            },
            Case {
                name: "window of yuyv",
                bytes: &[1, 90, 2, 91, 3, 92, 4, 93],
                window: packed(2, 4, 1, 2),
                expand: false,
                expected: &[2, 4],
            },
            Case {
                name: "expanded",
                bytes: &[16, 235, 125, 0],
                window: packed(0, 4, 4, 1),
                expand: true,
                expected: &[0, 255, 127, 0],
            },
        ] {
            let mut out = vec![0; case.expected.len()];
            assert!(luminance(case.bytes, case.window, case.expand, &mut out), "{}", case.name);
            assert_eq!(out, case.expected, "{}", case.name);
        }
        assert!(!luminance(&[1, 2, 3], packed(0, 2, 2, 1), false, &mut [0; 4]));
        assert!(!luminance(&[], packed(0, 2, 2, 2), false, &mut [0; 4]));
        assert!(luminance(&[], packed(0, 0, 0, 1), false, &mut []));
    }

    proptest! {
        #[test]
        fn every_window_equals_the_plain_formula(
            bytes in prop::collection::vec(any::<u8>(), 0..600),
            start in 0_usize..40, stride in 0_usize..40, width in 1_usize..20, rows in 0_usize..12,
            step in 1_usize..3, expand: bool,
        ) {
            let mut out = vec![0; width * rows];
            let at = |x: usize, y: usize| bytes.get(start + y * stride + x * step).copied();
            let whole = rows == 0 || (0..rows).all(|y| at(width - 1, y).is_some());
            prop_assert_eq!(luminance(&bytes, Window { start, stride, width, step }, expand, &mut out), whole);
            if whole {
                for (index, value) in out.into_iter().enumerate() {
                    let plain = at(index % width, index / width).unwrap_or_default();
                    prop_assert_eq!(value, if expand { EXPANDED[usize::from(plain)] } else { plain });
                }
            }
        }
    }
}
