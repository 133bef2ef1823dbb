//! Distances between outlines: exact Euclidean distance transform and the 95th percentile Hausdorff distance.

use ushydra_measure::Mask;

use crate::calibrate::quantile;

/// The share of surface distances that HD95 covers.
pub const PERCENTILE: f64 = 0.95;

/// Squared distance of every pixel centre to the nearest marked one, in units of `spacing` (x, y): exact, O(n)
/// (Felzenszwalb & Huttenlocher 2012, the lower envelope of parabolas, first along columns and then along rows).
/// Infinite everywhere where nothing is marked. `marked` holds `width * height` pixels row by row.
#[must_use]
pub fn squared_distances(marked: &[bool], width: usize, height: usize, spacing: [f64; 2]) -> Vec<f64> {
    let mut field: Vec<f64> = marked.iter().map(|&m| if m { 0.0 } else { f64::INFINITY }).collect();
    if width == 0 || height == 0 || field.len() != width * height {
        return field;
    }
    let mut envelope = Envelope::new(width.max(height));
    let mut line = Vec::with_capacity(width.max(height));
    for x in 0..width {
        line.clear();
        line.extend((0..height).map(|y| field[y * width + x]));
        envelope.fit(&line, spacing[1]);
        (0..height).zip(envelope.values(height, spacing[1])).for_each(|(y, value)| field[y * width + x] = value);
    }
    for row in field.chunks_mut(width) {
        line.clear();
        line.extend_from_slice(row);
        envelope.fit(&line, spacing[0]);
        row.iter_mut().zip(envelope.values(width, spacing[0])).for_each(|(cell, value)| *cell = value);
    }
    field
}

/// Lower envelope of the parabolas `(step (q - p))^2 + f(p)` over one line.
struct Envelope {
    /// (place, height) of the parabolas of the envelope.
    parabolas: Vec<(f64, f64)>,
    /// Where every parabola takes over from the one before, in pixels.
    from: Vec<f64>,
}

impl Envelope {
    fn new(longest: usize) -> Self {
        Self { parabolas: Vec::with_capacity(longest), from: Vec::with_capacity(longest) }
    }

    fn fit(&mut self, line: &[f64], step: f64) {
        self.parabolas.clear();
        self.from.clear();
        let square = step * step;
        for (place, &height) in line.iter().enumerate().filter(|(_, height)| height.is_finite()) {
            let place = place as f64;
            let mut start = f64::NEG_INFINITY;
            while let (Some(&(p, h)), Some(&from)) = (self.parabolas.last(), self.from.last()) {
                // Where the new parabola meets the last one.
                start = 0.5 * (place + p + (height - h) / (square * (place - p)));
                if start > from {
                    break;
                }
                self.parabolas.pop();
                self.from.pop();
                start = f64::NEG_INFINITY;
            }
            self.parabolas.push((place, height));
            self.from.push(start);
        }
    }

    fn values(&self, length: usize, step: f64) -> impl Iterator<Item = f64> {
        let mut current = 0;
        (0..length).map(move |place| {
            let place = place as f64;
            while self.from.get(current + 1).is_some_and(|&from| from < place) {
                current += 1;
            }
            self.parabolas.get(current).map_or(f64::INFINITY, |(p, h)| (step * (place - p)).powi(2) + h)
        })
    }
}

/// Surface of a mask: foreground pixels with a background pixel, or the picture's border, above, below, left or right
/// (what one binary erosion with the 4-neighbourhood takes away).
#[must_use]
pub fn surface(mask: &Mask) -> Vec<bool> {
    let (width, height) = (mask.width() as usize, mask.height() as usize);
    let data = mask.data();
    let inside = |x: usize, y: usize| data[y * width + x] != 0;
    let mut surface = vec![false; width * height];
    for y in 0..height {
        for x in 0..width {
            let border = x == 0 || y == 0 || x + 1 == width || y + 1 == height;
            surface[y * width + x] = inside(x, y)
                && (border || !(inside(x - 1, y) && inside(x + 1, y) && inside(x, y - 1) && inside(x, y + 1)));
        }
    }
    surface
}

/// 95th percentile of the symmetric surface distances in units of `spacing` (x, y): the distances of every surface pixel
/// of one mask to the surface of the other, of both directions together (MedPy's `hd95`), with linear interpolation
/// between ranks. None where a mask is empty or the sizes differ.
#[must_use]
pub fn hausdorff95(a: &Mask, b: &Mask, spacing: [f64; 2]) -> Option<f64> {
    if (a.width(), a.height()) != (b.width(), b.height()) {
        return None;
    }
    let (width, height) = (a.width() as usize, a.height() as usize);
    let surfaces = [surface(a), surface(b)];
    if surfaces.iter().any(|s| !s.contains(&true)) {
        return None;
    }
    let mut distances = Vec::new();
    for [from, to] in [[0, 1], [1, 0]] {
        let field = squared_distances(&surfaces[to], width, height, spacing);
        distances.extend(field.iter().zip(&surfaces[from]).filter(|(_, on)| **on).map(|(square, _)| square.sqrt()));
    }
    Some(quantile(distances, PERCENTILE))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn brute(marked: &[bool], width: usize, spacing: [f64; 2]) -> Vec<f64> {
        let at = |i: usize| [(i % width) as f64 * spacing[0], (i / width) as f64 * spacing[1]];
        (0..marked.len())
            .map(|i| {
                let squares = (0..marked.len()).filter(|&j| marked[j]);
                squares
                    .map(|j| (at(i)[0] - at(j)[0]).powi(2) + (at(i)[1] - at(j)[1]).powi(2))
                    .fold(f64::INFINITY, f64::min)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn transform_is_exact(
            width in 1_usize..12,
            bits in prop::collection::vec(prop::bool::weighted(0.15), 1..90),
            x in 0.1_f64..3.0,
            y in 0.1_f64..3.0,
        ) {
            let height = bits.len().div_ceil(width);
            let mut marked = bits;
            marked.resize(width * height, false);
            let found = squared_distances(&marked, width, height, [x, y]);
            for (found, exact) in found.iter().zip(brute(&marked, width, [x, y])) {
                prop_assert!(*found == exact || (found - exact).abs() < 1e-9 * exact.max(1.0), "{} {}", found, exact);
            }
        }

        #[test]
        fn symmetric_zero_on_itself_and_proportional_to_the_spacing(
            a in prop::collection::vec(0_u8..2, 48),
            b in prop::collection::vec(0_u8..2, 48),
        ) {
            let [a, b] = [a, b].map(|bytes| Mask::from_bytes(&bytes, 8, 6).unwrap());
            prop_assert_eq!(hausdorff95(&a, &b, [1.0, 1.0]).is_some(), a.area_px() > 0 && b.area_px() > 0);
            if let Some(distance) = hausdorff95(&a, &b, [1.0, 1.0]) {
                prop_assert_eq!(Some(distance), hausdorff95(&b, &a, [1.0, 1.0]));
                prop_assert_eq!(hausdorff95(&a, &a, [1.0, 1.0]), Some(0.0));
                let halved = hausdorff95(&a, &b, [0.5, 0.5]).unwrap();
                prop_assert!((halved - 0.5 * distance).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn known_values() {
        let mut squares = [Mask::new(20, 20), Mask::new(20, 20)];
        for (mask, left) in squares.iter_mut().zip([3_usize, 6]) {
            for y in 5..15 {
                mask.data_mut()[y * 20 + left..y * 20 + left + 10].fill(1);
            }
        }
        let [a, b] = squares;
        assert_eq!(surface(&a).iter().filter(|s| **s).count(), 36);
        // Shifted by three pixels: more than a twentieth of the surface pixels are three away.
        assert_eq!(hausdorff95(&a, &b, [1.0, 1.0]), Some(3.0));
        assert_eq!(hausdorff95(&a, &Mask::new(20, 20), [1.0, 1.0]), None);
        assert_eq!(hausdorff95(&a, &Mask::new(20, 19), [1.0, 1.0]), None);
        // A mask that fills the picture has the picture's border as its surface.
        let full = Mask::from_bytes(&[1; 12], 4, 3).unwrap();
        assert_eq!(surface(&full).iter().filter(|s| **s).count(), 10);
    }
}
