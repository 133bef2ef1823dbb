//! The ellipse through the outline of the mask: direct least squares.

use std::ops::Range;

use super::{Ellipse, Spacing, moments};
use crate::Mask;
use crate::mask::Runs;

/// Outline points below which a conic is not determined well enough.
const FEWEST_POINTS: f64 = 12.0;
/// Rounds of reweighting.
const ROBUST_ROUNDS: usize = 2;
/// Tukey's cut in mean absolute distances: 4.685 standard deviations, the usual choice, for a normal distribution.
const TUKEY_CUT: f64 = 6.0;
/// Smallest cut as a share of the radius, so that the steps of small masks are no outliers.
const SMALLEST_CUT: f64 = 0.02;

/// The ellipse that minimises the algebraic distance of the outline, `min sum (A x^2 + B x y + C y^2 + D x + E y + F)^2` with
/// `4 A C - B^2 = 1`.
///
/// The points are the middles of the edges between a foreground and a background pixel, where the true outline is crossed within
/// half a pixel either way without bias. Edges of the picture are left out, so a head that the picture cuts off is completed.
/// The points are centred and scaled by the moments' ellipse first, which keeps the 3x3 problem well conditioned.
///
/// (A. Fitzgibbon, M. Pilu, R. Fisher, PAMI 21, 1999, in the stable form of R. Halir and J. Flusser, WSCG 1998.)
///
/// Two more rounds weigh each point by Tukey's biweight of its relative distance from the ellipse so far, cut at six times the
/// mean distance: a bulge or a bite of the mask then pulls a third to two fifths as much, while a ragged outline is fitted as before.
///
/// `None` where the mask has no area, fewer than twelve outline edges or an outline that no ellipse fits.
#[must_use]
pub fn fit(mask: &Mask, spacing: Spacing) -> Option<Ellipse> {
    let frame = moments::fit(mask, spacing)?;
    let outline = Outline::new(mask, spacing);
    let mut ellipse = conic_of(&Monomials::of(&outline, &frame, None), &frame)?;
    for _ in 0..ROBUST_ROUNDS {
        let shape = Shape::new(&ellipse);
        let weighted = Monomials::of(&outline, &frame, Some(&shape));
        match conic_of(&weighted, &frame) {
            Some(better) => ellipse = better,
            None => break,
        }
    }
    Some(ellipse)
}

/// The direct least squares ellipse of summed monomials.
fn conic_of(sums: &Monomials, frame: &Ellipse) -> Option<Ellipse> {
    if sums.get(0, 0) < FEWEST_POINTS {
        return None;
    }
    let s = |i: usize, j: usize| sums.get(i, j);
    // Scatter of (x^2, xy, y^2) with itself, with (x, y, 1), and of the latter.
    let s1 = [[s(4, 0), s(3, 1), s(2, 2)], [s(3, 1), s(2, 2), s(1, 3)], [s(2, 2), s(1, 3), s(0, 4)]];
    let s2 = [[s(3, 0), s(2, 1), s(2, 0)], [s(2, 1), s(1, 2), s(1, 1)], [s(1, 2), s(0, 3), s(0, 2)]];
    let s3 = [[s(2, 0), s(1, 1), s(1, 0)], [s(1, 1), s(0, 2), s(0, 1)], [s(1, 0), s(0, 1), s(0, 0)]];
    // T = -S3^-1 S2^T; M = C1^-1 (S1 + S2 T).
    let inverse = invert(&s3)?;
    let t = scale(&product(&inverse, &transpose(&s2)), -1.0);
    let reduced = sum(&s1, &product(&s2, &t));
    let m = [reduced[2].map(|v| v / 2.0), reduced[1].map(|v| -v), reduced[0].map(|v| v / 2.0)];
    let quadratic = elliptic_eigenvector(&m)?;
    let linear = apply(&t, quadratic);
    conic(quadratic, linear, [frame.cx, frame.cy], frame.a)
}

/// Centre and axes of `A x^2 + B x y + C y^2 + D x + E y + F = 0`, moved back to the picture.
fn conic([a, b, c]: [f64; 3], [d, e, f]: [f64; 3], centre: [f64; 2], unit: f64) -> Option<Ellipse> {
    let discriminant = 4.0 * a * c - b * b;
    if discriminant.is_nan() || discriminant <= 0.0 {
        return None;
    }
    let x = (b * e - 2.0 * c * d) / discriminant;
    let y = (b * d - 2.0 * a * e) / discriminant;
    let at_centre = a * x * x + b * x * y + c * y * y + d * x + e * y + f;
    let half = (a + c) / 2.0;
    let spread = ((a - c) / 2.0).hypot(b / 2.0).copysign(half);
    // The larger eigenvalue (in size) belongs to the minor axis; its direction is that of the form's own principal axis.
    let [large, small] = [half + spread, half - spread].map(|value| (-at_centre / value).sqrt());
    let direction = 0.5 * (b * half.signum()).atan2((a - c) * half.signum());
    Ellipse::from_axes([centre[0] + unit * x, centre[1] + unit * y], unit * large, unit * small, direction)
}

/// The eigenvector of `m` with `4 A C - B^2 > 0`; there is exactly one where the points allow an ellipse.
fn elliptic_eigenvector(m: &[[f64; 3]; 3]) -> Option<[f64; 3]> {
    let mut best: Option<([f64; 3], f64)> = None;
    for value in eigenvalues(m) {
        let mut shifted = *m;
        for (i, row) in shifted.iter_mut().enumerate() {
            row[i] -= value;
        }
        // Two rows of a singular matrix of rank 2 span its row space; the longest cross product is the most exact.
        let vector = [(0, 1), (0, 2), (1, 2)]
            .map(|(i, j)| cross(shifted[i], shifted[j]))
            .into_iter()
            .max_by(|p, q| norm2(*p).total_cmp(&norm2(*q)))?;
        let length = norm2(vector).sqrt();
        let vector = vector.map(|v| v / length);
        let condition = 4.0 * vector[0] * vector[2] - vector[1] * vector[1];
        if condition > 0.0 && best.is_none_or(|(_, other)| condition > other) {
            best = Some((vector, condition));
        }
    }
    best.map(|(vector, _)| vector)
}

/// The real eigenvalues of a 3x3 matrix: roots of its characteristic cubic (Viete where there are three).
fn eigenvalues(m: &[[f64; 3]; 3]) -> impl Iterator<Item = f64> {
    let trace = m[0][0] + m[1][1] + m[2][2];
    let minors = m[0][0] * m[1][1] - m[0][1] * m[1][0] + m[0][0] * m[2][2] - m[0][2] * m[2][0] + m[1][1] * m[2][2]
        - m[1][2] * m[2][1];
    let determinant = determinant(m);
    // l^3 - trace l^2 + minors l - determinant = 0, with l = u + trace / 3: u^3 + p u + q = 0.
    let shift = trace / 3.0;
    let p = minors - trace * trace / 3.0;
    let q = -2.0 * shift.powi(3) + shift * minors - determinant;
    let inside = (q / 2.0).powi(2) + (p / 3.0).powi(3);
    let mut roots = [f64::NAN; 3];
    if inside <= 0.0 && p < 0.0 {
        let radius = 2.0 * (-p / 3.0).sqrt();
        let angle = (3.0 * q / (p * radius)).clamp(-1.0, 1.0).acos() / 3.0;
        for (k, root) in roots.iter_mut().enumerate() {
            *root = radius * (angle - std::f64::consts::TAU * k as f64 / 3.0).cos() + shift;
        }
    } else {
        let root = inside.max(0.0).sqrt();
        roots[0] = (-q / 2.0 + root).cbrt() + (-q / 2.0 - root).cbrt() + shift;
    }
    roots.into_iter().filter(|root| root.is_finite()).map(move |mut root| {
        // The closed form loses digits where the roots lie far apart, and the wanted one is the smallest by far.
        for _ in 0..3 {
            let value = ((root - trace) * root + minors) * root - determinant;
            let slope = (3.0 * root - 2.0 * trace) * root + minors;
            if slope != 0.0 {
                root -= value / slope;
            }
        }
        root
    })
}

/// Relative distance of points from an ellipse: `sqrt((u / a)^2 + (v / b)^2) - 1` in its own axes.
struct Shape {
    centre: [f64; 2],
    along: [f64; 2],
    across: [f64; 2],
}

impl Shape {
    fn new(ellipse: &Ellipse) -> Self {
        let (sin, cos) = ellipse.angle_deg.to_radians().sin_cos();
        Self {
            centre: [ellipse.cx, ellipse.cy],
            along: [cos / ellipse.a, sin / ellipse.a],
            across: [-sin / ellipse.b, cos / ellipse.b],
        }
    }

    fn distance(&self, [x, y]: [f64; 2]) -> f64 {
        let (x, y) = (x - self.centre[0], y - self.centre[1]);
        let (u, v) = (x * self.along[0] + y * self.along[1], x * self.across[0] + y * self.across[1]);
        (u * u + v * v).sqrt() - 1.0
    }
}

/// The rows and columns that hold the outline, found once for all passes.
struct Outline<'a> {
    mask: &'a Mask,
    spacing: Spacing,
    rows: Range<u32>,
    columns: Range<usize>,
}

impl<'a> Outline<'a> {
    fn new(mask: &'a Mask, spacing: Spacing) -> Self {
        let (mut top, mut bottom, mut left, mut right) = (u32::MAX, 0, u32::MAX, 0);
        for row in 0..mask.height() {
            for run in Runs::new(mask.row(row)) {
                (top, bottom) = (top.min(row), row + 1);
                (left, right) = (left.min(run.start), right.max(run.end));
            }
        }
        // One pixel of background on every side, as far as the picture has it.
        let rows = top.saturating_sub(1)..(bottom + 1).min(mask.height());
        let columns = left.saturating_sub(1) as usize..(right + 1).min(mask.width()) as usize;
        Self { mask, spacing, rows, columns }
    }

    fn row(&self, row: u32) -> &[u8] {
        self.mask.row(row).get(self.columns.clone()).unwrap_or(&[])
    }

    /// Calls `found` with every point in units of the spacing.
    fn points(&self, mut found: impl FnMut([f64; 2])) {
        let left = self.columns.start as f64;
        let mut add = |x: f64, y: f64| found([(left + x) * self.spacing.x_mm, y * self.spacing.y_mm]);
        for row in self.rows.clone() {
            let pixels = self.row(row);
            let y = f64::from(row);
            differences(pixels, pixels.get(1..).unwrap_or(&[]), |x| add(x as f64 + 1.0, y + 0.5));
            differences(pixels, self.row(row + 1), |x| add(x as f64 + 0.5, y + 1.0));
        }
    }
}

/// Weighted `sum x^i y^j` over the outline points for i + j <= 4, centred and scaled by the moments' ellipse.
struct Monomials([[f64; 5]; 5]);

impl Monomials {
    fn of(outline: &Outline<'_>, frame: &Ellipse, shape: Option<&Shape>) -> Self {
        let mut sums = Self([[0.0; 5]; 5]);
        let scaled = |[x, y]: [f64; 2]| [(x - frame.cx) / frame.a, (y - frame.cy) / frame.a];
        let Some(shape) = shape else {
            outline.points(|point| sums.add(scaled(point), 1.0));
            return sums;
        };
        let (mut total, mut count) = (0.0, 0.0);
        outline.points(|point| {
            total += shape.distance(point).abs();
            count += 1.0;
        });
        let cut = (TUKEY_CUT * total / f64::max(count, 1.0)).max(SMALLEST_CUT);
        outline.points(|point| {
            let ratio = shape.distance(point) / cut;
            if ratio.abs() < 1.0 {
                sums.add(scaled(point), (1.0 - ratio * ratio).powi(2));
            }
        });
        sums
    }

    fn add(&mut self, [x, y]: [f64; 2], weight: f64) {
        let mut power = weight;
        for (i, column) in self.0.iter_mut().enumerate() {
            let mut value = power;
            for sum in column.iter_mut().take(5 - i) {
                *sum += value;
                value *= y;
            }
            power *= x;
        }
    }

    const fn get(&self, i: usize, j: usize) -> f64 {
        self.0[i][j]
    }
}

/// Calls `found` with every place where one row is foreground and the other is not; equal words are passed over at once.
fn differences(first: &[u8], second: &[u8], mut found: impl FnMut(usize)) {
    const WORD: usize = 16;
    let length = first.len().min(second.len());
    let (first, second) = (&first[..length], &second[..length]);
    let mut each = |start: usize, a: &[u8], b: &[u8]| {
        for (offset, (p, q)) in a.iter().zip(b).enumerate() {
            if (*p != 0) != (*q != 0) {
                found(start + offset);
            }
        }
    };
    let ((a, a_rest), (b, b_rest)) = (first.as_chunks::<WORD>(), second.as_chunks::<WORD>());
    for (block, (a, b)) in a.iter().zip(b).enumerate() {
        if a != b {
            each(block * WORD, a, b);
        }
    }
    each(length - a_rest.len(), a_rest, b_rest);
}

type Matrix = [[f64; 3]; 3];

fn transpose(m: &Matrix) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| m[j][i]))
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum()))
}

fn sum(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| a[i][j] + b[i][j]))
}

fn scale(m: &Matrix, factor: f64) -> Matrix {
    m.map(|row| row.map(|value| value * factor))
}

fn apply(m: &Matrix, v: [f64; 3]) -> [f64; 3] {
    m.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn norm2(v: [f64; 3]) -> f64 {
    v.iter().map(|value| value * value).sum()
}

fn determinant(m: &Matrix) -> f64 {
    let minor = cross(m[1], m[2]);
    m[0][0] * minor[0] + m[0][1] * minor[1] + m[0][2] * minor[2]
}

fn invert(m: &Matrix) -> Option<Matrix> {
    let determinant = determinant(m);
    let size = norm2(m[0]).sqrt() * norm2(m[1]).sqrt() * norm2(m[2]).sqrt();
    // A NaN is refused too.
    if determinant.abs().partial_cmp(&(size * 1e-12)) != Some(std::cmp::Ordering::Greater) {
        return None;
    }
    let columns = [cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1])];
    Some(scale(&transpose(&columns), 1.0 / determinant))
}
