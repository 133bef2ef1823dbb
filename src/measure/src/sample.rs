//! From the decoder's logits to a mask in source pixels.

use crate::{Mask, MeasureError};

/// A rectangle of whole pixels: left, top, width, height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlainRect {
    /// Left column.
    pub x: u32,
    /// Top row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl PlainRect {
    fn inside(&self, what: &'static str, width: u32, height: u32) -> Result<(), MeasureError> {
        let fits =
            |start: u32, size: u32, limit: u32| size > 0 && start.checked_add(size).is_some_and(|end| end <= limit);
        if fits(self.x, self.width, width) && fits(self.y, self.height, height) {
            return Ok(());
        }
        Err(MeasureError::Rectangle { what, rect: [self.x, self.y, self.width, self.height], width, height })
    }
}

impl From<[u32; 4]> for PlainRect {
    /// `[x, y, width, height]`.
    fn from([x, y, width, height]: [u32; 4]) -> Self {
        Self { x, y, width, height }
    }
}

/// Interpolates logits at the centres of source pixels and cuts at 0 (probability one half).
///
/// The outline is as smooth as the interpolated logits, not blocky as an enlarged mask would be. The source pixel with centre
/// `X + 1/2` in the crop lies at `u = fitted.x + (X + 1/2 - crop.x) fitted.width / crop.width` in the input; its value is
/// `(1 - t) l[i] + t l[i + 1]` with `i + t = u - 1/2`, in both directions. Places outside the centres of the fitted rectangle take
/// its edge values, so that the letterbox never bleeds in.
///
/// Bilinear values between two logits of one sign keep that sign, so such a span is filled without being computed: most of a
/// mask costs nothing but the fill. The taps are kept as long as the geometry stays the same.
#[derive(Clone, Debug, Default)]
pub struct Upsampler {
    geometry: Option<(u32, u32, PlainRect, PlainRect)>,
    rows: Vec<Tap>,
    columns: Vec<f32>,
    /// Spans of source columns that share a left tap.
    spans: Vec<Span>,
    /// One row of logits, interpolated between input rows.
    line: Vec<f32>,
}

/// Between input values `index` and `index + 1` (or the next one that exists), `weight` of the second.
#[derive(Clone, Copy, Debug)]
struct Tap {
    index: u32,
    weight: f32,
}

/// Source columns `start..end` (within the crop) between the input columns `left` and `right`.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
    left: u32,
    right: u32,
}

impl Upsampler {
    /// An upsampler without buffers yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the mask of a frame. `logits` are `input_w * input_h` values, row-major; `fitted` lies in the input, `crop` in
    /// `out`, whose size is the frame's and stays. Pixels outside the crop become 0; a logit that is not a number is background.
    ///
    /// # Errors
    /// [`MeasureError::Length`] for a buffer of another size, [`MeasureError::Rectangle`] for a rectangle that is empty or
    /// reaches over its picture.
    pub fn sample(
        &mut self,
        logits: &[f32],
        [input_w, input_h]: [u32; 2],
        fitted: PlainRect,
        crop: PlainRect,
        out: &mut Mask,
    ) -> Result<(), MeasureError> {
        let expected = (input_w as usize).saturating_mul(input_h as usize);
        if logits.len() != expected {
            return Err(MeasureError::Length { what: "logits", expected, found: logits.len() });
        }
        fitted.inside("fitted", input_w, input_h)?;
        crop.inside("crop", out.width(), out.height())?;
        self.prepare([input_w, input_h], fitted, crop, [out.width(), out.height()]);
        out.clear();
        let (input_w, width) = (input_w as usize, out.width() as usize);
        let columns = fitted.x as usize..(fitted.x + fitted.width) as usize;
        let start = crop.y as usize * width;
        let bottom = fitted.y + fitted.height - 1;
        let rows = out.data_mut()[start..start + crop.height as usize * width].chunks_exact_mut(width);
        for (row, tap) in rows.zip(&self.rows) {
            let upper = &logits[tap.index as usize * input_w..][columns.clone()];
            let lower = &logits[(tap.index + 1).min(bottom) as usize * input_w..][columns.clone()];
            if !blend(upper, lower, tap.weight, &mut self.line) {
                continue;
            }
            let row = &mut row[crop.x as usize..(crop.x + crop.width) as usize];
            cut(row, &self.line, &self.spans, &self.columns);
        }
        Ok(())
    }

    /// Makes the taps. A crop changes from frame to frame: room is taken for the largest that the picture and the input allow.
    fn prepare(&mut self, [input_w, input_h]: [u32; 2], fitted: PlainRect, crop: PlainRect, [width, height]: [u32; 2]) {
        let geometry = Some((input_w, input_h, fitted, crop));
        if self.geometry == geometry {
            return;
        }
        self.geometry = geometry;
        self.rows.clear();
        self.rows.reserve(height as usize);
        self.rows.extend(
            taps(crop.height, fitted.height).map(|tap| Tap { index: tap.index + fitted.y, weight: tap.weight }),
        );
        self.columns.clear();
        self.columns.reserve(width as usize);
        self.spans.clear();
        // At most one span per input column, whatever the crop.
        self.spans.reserve(input_w as usize);
        for (x, tap) in taps(crop.width, fitted.width).enumerate() {
            self.columns.push(tap.weight);
            let x = x as u32;
            match self.spans.last_mut() {
                Some(span) if span.left == tap.index => span.end = x + 1,
                _ => self.spans.push(Span {
                    start: x,
                    end: x + 1,
                    left: tap.index,
                    right: (tap.index + 1).min(fitted.width - 1),
                }),
            }
        }
        self.line.clear();
        self.line.reserve(input_w as usize);
        self.line.resize(fitted.width as usize, 0.0);
    }
}

/// Taps of `count` source pixels into `inputs` values that show them.
fn taps(count: u32, inputs: u32) -> impl Iterator<Item = Tap> {
    let ratio = f64::from(inputs) / f64::from(count);
    let last = f64::from(inputs - 1);
    (0..count).map(move |x| {
        let place = ((f64::from(x) + 0.5) * ratio - 0.5).clamp(0.0, last);
        Tap { index: place as u32, weight: place.fract() as f32 }
    })
}

/// `line = (1 - weight) upper + weight lower`; whether any value is positive.
fn blend(upper: &[f32], lower: &[f32], weight: f32, line: &mut [f32]) -> bool {
    let rest = 1.0 - weight;
    let mut highest = f32::NEG_INFINITY;
    for ((value, &above), &below) in line.iter_mut().zip(upper).zip(lower) {
        let blended = rest * above + weight * below;
        *value = blended;
        highest = if blended > highest { blended } else { highest };
    }
    highest > 0.0
}

/// Marks the source columns whose interpolated value is positive.
fn cut(row: &mut [u8], line: &[f32], spans: &[Span], weights: &[f32]) {
    for span in spans {
        let (a, b) = (line[span.left as usize], line[span.right as usize]);
        let inside = span.start as usize..span.end as usize;
        if a > 0.0 && b > 0.0 {
            row[inside].fill(1);
        } else if a > 0.0 || b > 0.0 {
            for (pixel, &weight) in row[inside.clone()].iter_mut().zip(&weights[inside]) {
                *pixel = u8::from((1.0 - weight) * a + weight * b > 0.0);
            }
        }
    }
}

/// [`Upsampler::sample`] for a single mask, with its own scratch.
///
/// # Errors
/// As [`Upsampler::sample`].
pub fn sample_mask(
    logits: &[f32],
    input_w: u32,
    input_h: u32,
    fitted: PlainRect,
    crop: PlainRect,
    out: &mut Mask,
) -> Result<(), MeasureError> {
    Upsampler::new().sample(logits, [input_w, input_h], fitted, crop, out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Ellipse, fit_ellipse};

    const fn rect(x: u32, y: u32, width: u32, height: u32) -> PlainRect {
        PlainRect { x, y, width, height }
    }

    /// The formula, pixel by pixel in double precision.
    fn value(logits: &[f32], input_w: u32, fitted: PlainRect, crop: PlainRect, x: u32, y: u32) -> f64 {
        let place = |at: u32, size: u32, inputs: u32| {
            ((f64::from(at) + 0.5) * f64::from(inputs) / f64::from(size) - 0.5).clamp(0.0, f64::from(inputs - 1))
        };
        let (u, v) = (place(x, crop.width, fitted.width), place(y, crop.height, fitted.height));
        let at = |i: f64, j: f64| {
            let column = fitted.x + (i as u32).min(fitted.width - 1);
            let row = fitted.y + (j as u32).min(fitted.height - 1);
            f64::from(logits[(row * input_w + column) as usize])
        };
        let (s, t) = (u.fract(), v.fract());
        let line = |j: f64| (1.0 - s) * at(u.floor(), j) + s * at(u.floor() + 1.0, j);
        (1.0 - t) * line(v.floor()) + t * line(v.floor() + 1.0)
    }

    #[test]
    fn by_hand() {
        // Two inputs over eight pixels: centres at u - 1/2 = -3/8, -1/8, 1/8 ... 7/8, 9/8; values 3 - 4 t for t in 0..1.
        let mut out = Mask::new(8, 1);
        sample_mask(&[3.0, -1.0], 2, 1, rect(0, 0, 2, 1), rect(0, 0, 8, 1), &mut out).unwrap();
        assert_eq!(out.data(), [1, 1, 1, 1, 1, 0, 0, 0]);
        // A letterbox of strong foreground around a fitted background never bleeds in; outside the crop stays background.
        let mut logits = vec![50.0; 36];
        (1..5).for_each(|row| logits[row * 6 + 1..row * 6 + 5].fill(-0.1));
        let mut out = Mask::new(20, 20);
        out.data_mut().fill(1);
        sample_mask(&logits, 6, 6, rect(1, 1, 4, 4), rect(3, 2, 16, 15), &mut out).unwrap();
        assert_eq!(out.area_px(), 0);
        sample_mask(&[1.0; 4], 2, 2, rect(0, 0, 2, 2), rect(3, 2, 5, 4), &mut out).unwrap();
        assert_eq!(out.area_px(), 20);
        assert!(out.get(3, 2) && out.get(7, 5) && !out.get(2, 2) && !out.get(8, 5));
        sample_mask(&[f32::NAN; 4], 2, 2, rect(0, 0, 2, 2), rect(0, 0, 20, 20), &mut out).unwrap();
        assert_eq!(out.area_px(), 0);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let mut out = Mask::new(8, 8);
        let whole = rect(0, 0, 8, 8);
        let mut sample = |logits: &[f32], fitted, crop| sample_mask(logits, 4, 4, fitted, crop, &mut out);
        let input = rect(0, 0, 4, 4);
        assert!(sample(&[0.0; 16], input, whole).is_ok());
        assert!(matches!(sample(&[0.0; 15], input, whole), Err(MeasureError::Length { expected: 16, found: 15, .. })));
        for bad in [rect(0, 0, 0, 4), rect(1, 0, 4, 4), rect(u32::MAX, 0, 2, 2)] {
            assert!(matches!(sample(&[0.0; 16], bad, whole), Err(MeasureError::Rectangle { what: "fitted", .. })));
        }
        for bad in [rect(0, 0, 9, 8), rect(0, 8, 8, 1), rect(2, 2, u32::MAX, 2)] {
            assert!(matches!(sample(&[0.0; 16], input, bad), Err(MeasureError::Rectangle { what: "crop", .. })));
        }
    }

    #[test]
    fn the_outline_is_finer_than_the_input() {
        // A field that is linear across the outline, as a decoder's: distance from an ellipse, in pixels of a 64x64 input.
        let small = Ellipse { cx: 31.3, cy: 33.1, a: 22.0, b: 16.0, angle_deg: 25.0 };
        let logits: Vec<f32> = (0..64 * 64)
            .map(|index| {
                let (x, y) = (f64::from(index % 64) + 0.5, f64::from(index / 64) + 0.5);
                let (sin, cos) = small.angle_deg.to_radians().sin_cos();
                let (dx, dy) = (x - small.cx, y - small.cy);
                let radius = ((dx * cos + dy * sin) / small.a).hypot((dy * cos - dx * sin) / small.b);
                (16.0 * (1.0 - radius)) as f32
            })
            .collect();
        let mut out = Mask::new(640, 640);
        sample_mask(&logits, 64, 64, rect(0, 0, 64, 64), rect(0, 0, 640, 640), &mut out).unwrap();
        let found = fit_ellipse(&out).unwrap();
        // A twentieth of an input pixel.
        for (found, truth) in [(found.cx, 313.0), (found.cy, 331.0), (found.a, 220.0), (found.b, 160.0)] {
            assert!((found - truth).abs() < 0.5, "{found}, expected {truth}");
        }
    }

    proptest! {
        #[test]
        fn equals_the_formula(
            logits in prop::collection::vec(-3.0_f32..3.0, 9 * 7), fx in 0_u32..4, fy in 0_u32..3, cx in 0_u32..6, cy in 0_u32..6,
            width in 1_u32..30, height in 1_u32..30,
        ) {
            let (fitted, crop) = (rect(fx, fy, 9 - fx, 7 - fy), rect(cx, cy, width, height));
            let mut out = Mask::new(40, 40);
            let mut upsampler = Upsampler::new();
            // Twice: prepared taps give the same mask.
            for _ in 0..2 {
                upsampler.sample(&logits, [9, 7], fitted, crop, &mut out).unwrap();
            }
            for y in 0..40 {
                for x in 0..40 {
                    let inside = x >= cx && x < cx + width && y >= cy && y < cy + height;
                    let expected = if inside { value(&logits, 9, fitted, crop, x - cx, y - cy) } else { -1.0 };
                    // Single precision may decide otherwise only where the value is 0 for all purposes.
                    prop_assert!(out.get(x, y) == (expected > 0.0) || expected.abs() < 1e-5, "{x} {y} {expected}");
                }
            }
        }
    }
}
