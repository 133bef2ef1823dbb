//! Masks as the rings around them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ushydra_measure::Mask;

/// How far a kept ring may lie from the pixels' edges, in pixels: the steps of a slanted edge vanish.
const TOLERANCE: f64 = 1.0;
/// Largest coordinate of a ring that is read.
const FARTHEST: u32 = 1 << 16;

/// Corner of a pixel: `[x, y]` is the upper left corner of pixel (x, y).
type Corner = [u32; 2];

/// A closed line through corners of pixels, clockwise around a piece of the mask and counterclockwise around a hole. In files and
/// in SVG it is `x,y x,y ...`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ring(Vec<Corner>);

impl Ring {
    /// Its corners in order; the last is joined to the first.
    #[must_use]
    pub fn corners(&self) -> &[Corner] {
        &self.0
    }

    /// Twice the signed area, by the shoelace formula: positive around a piece.
    #[must_use]
    pub fn doubled_area(&self) -> i64 {
        let next = self.0.iter().cycle().skip(1);
        let cross = |(a, b): (&Corner, &Corner)| i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1]);
        self.0.iter().zip(next).map(cross).sum()
    }
}

/// Rings around every piece and hole of `mask`, within a pixel of the true edge.
#[must_use]
pub fn rings(mask: &Mask) -> Vec<Ring> {
    exact(mask).into_iter().map(|ring| simplified(&ring)).filter(|ring| ring.0.len() > 2).collect()
}

/// Follows the edges between foreground and background, foreground to the right. Pieces that touch at a corner stay apart.
fn exact(mask: &Mask) -> Vec<Ring> {
    let (width, height) = (mask.width(), mask.height());
    let inside = |x: u32, y: u32| x < width && y < height && mask.get(x, y);
    let mut edges: BTreeMap<Corner, Vec<Corner>> = BTreeMap::new();
    for y in 0..height {
        for x in (0..width).filter(|&x| inside(x, y)) {
            let mut edge = |from: Corner, to: Corner| edges.entry(from).or_default().push(to);
            if y == 0 || !inside(x, y - 1) {
                edge([x, y], [x + 1, y]);
            }
            if !inside(x + 1, y) {
                edge([x + 1, y], [x + 1, y + 1]);
            }
            if !inside(x, y + 1) {
                edge([x + 1, y + 1], [x, y + 1]);
            }
            if x == 0 || !inside(x - 1, y) {
                edge([x, y + 1], [x, y]);
            }
        }
    }
    let mut rings = Vec::new();
    while let Some((&start, ends)) = edges.iter().next() {
        let Some(&first) = ends.first() else {
            edges.remove(&start);
            continue;
        };
        let (mut from, mut to) = (start, first);
        let mut ring = Vec::new();
        loop {
            take(&mut edges, from, to);
            ring.push(from);
            if to == start {
                break;
            }
            // Of two ways out of a corner, the right turn stays at the same pixel.
            let right = [to[0] + from[1] - to[1], to[1] + to[0] - from[0]];
            let Some(ends) = edges.get(&to) else { break };
            let Some(&next) = ends.iter().find(|end| **end == right).or_else(|| ends.first()) else { break };
            (from, to) = (to, next);
        }
        rings.push(Ring(ring));
    }
    rings
}

fn take(edges: &mut BTreeMap<Corner, Vec<Corner>>, from: Corner, to: Corner) {
    if let Some(ends) = edges.get_mut(&from) {
        ends.retain(|end| *end != to);
        if ends.is_empty() {
            edges.remove(&from);
        }
    }
}

/// Leaves out corners within [`TOLERANCE`] of the line between those that stay (Douglas & Peucker 1973).
fn simplified(ring: &Ring) -> Ring {
    let corners = &ring.0;
    // A closed line is cut at its first corner and at the one farthest from it.
    let Some(&first) = corners.first() else { return ring.clone() };
    let far = |c: &Corner| (f64::from(c[0]) - f64::from(first[0])).hypot(f64::from(c[1]) - f64::from(first[1]));
    let Some(middle) = (0..corners.len()).max_by(|a, b| far(&corners[*a]).total_cmp(&far(&corners[*b]))) else {
        return ring.clone();
    };
    let closed: Vec<Corner> = corners.iter().copied().chain([first]).collect();
    let mut keep = vec![false; closed.len()];
    [0, middle, closed.len() - 1].into_iter().for_each(|at| keep[at] = true);
    let mut open = vec![(0, middle), (middle, closed.len() - 1)];
    while let Some((a, b)) = open.pop() {
        let distance = |at: usize| distance(closed[at], closed[a], closed[b]);
        let Some(worst) = (a + 1..b).max_by(|i, j| distance(*i).total_cmp(&distance(*j))) else { continue };
        if distance(worst) > TOLERANCE {
            keep[worst] = true;
            open.extend([(a, worst), (worst, b)]);
        }
    }
    keep.pop();
    Ring(corners.iter().zip(keep).filter(|(_, keep)| *keep).map(|(corner, _)| *corner).collect())
}

/// Distance of a corner from the line between two others.
fn distance(of: Corner, a: Corner, b: Corner) -> f64 {
    let [of, a, b] = [of, a, b].map(|c| c.map(f64::from));
    let along = [b[0] - a[0], b[1] - a[1]];
    let length = along[0].hypot(along[1]);
    if length == 0.0 {
        return (of[0] - a[0]).hypot(of[1] - a[1]);
    }
    (along[0] * (of[1] - a[1]) - along[1] * (of[0] - a[0])).abs() / length
}

impl TryFrom<String> for Ring {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let corner = |word: &str| -> Option<Corner> {
            let (x, y) = word.split_once(',')?;
            let corner = [x.parse().ok()?, y.parse().ok()?];
            corner.iter().all(|c| *c <= FARTHEST).then_some(corner)
        };
        let corners: Option<Vec<Corner>> = text.split_whitespace().map(corner).collect();
        corners.filter(|c| c.len() > 2).map(Self).ok_or_else(|| "an outline is not `x,y x,y x,y ...`".to_owned())
    }
}

impl From<Ring> for String {
    fn from(ring: Ring) -> Self {
        ring.to_string()
    }
}

impl std::fmt::Display for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, [x, y]) in self.0.iter().enumerate() {
            write!(f, "{}{x},{y}", if index > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(rows: &[&str]) -> Mask {
        let bytes: Vec<u8> = rows.iter().flat_map(|r| r.bytes().map(|b| u8::from(b == b'#'))).collect();
        Mask::from_bytes(&bytes, rows[0].len() as u32, rows.len() as u32).unwrap()
    }

    #[test]
    fn pieces_holes_and_corners() {
        struct Case {
            rows: &'static [&'static str],
            rings: usize,
        }
        let cases = [
            Case { rows: &["...", "..."], rings: 0 },
            Case { rows: &["##", "##"], rings: 1 },
            Case { rows: &["#..#", "#..#"], rings: 2 },
            Case { rows: &["###", "#.#", "###"], rings: 2 },
            Case { rows: &["#.", ".#"], rings: 2 },
        ];
        for Case { rows, rings } in cases {
            let found = exact(&mask(rows));
            assert_eq!(found.len(), rings, "{rows:?}");
            let area: i64 = found.iter().map(Ring::doubled_area).sum();
            assert_eq!(area, 2 * mask(rows).area_px() as i64, "{rows:?}");
        }
    }

    #[test]
    fn a_disc_needs_few_corners() {
        let bytes: Vec<u8> = (0..200 * 200)
            .map(|i| u8::from((f64::from(i % 200) - 99.5).hypot(f64::from(i / 200) - 99.5) < 80.0))
            .collect();
        let disc = Mask::from_bytes(&bytes, 200, 200).unwrap();
        let found = rings(&disc);
        assert_eq!(found.len(), 1);
        // Of 640 corners of pixels.
        assert!(found[0].corners().len() < 80, "{}", found[0].corners().len());
        let area = found[0].doubled_area() as f64 / 2.0;
        assert!((area / disc.area_px() as f64 - 1.0).abs() < 0.03, "{area}");
    }

    #[test]
    fn text_there_and_back() {
        let ring = Ring(vec![[0, 0], [12, 0], [12, 7]]);
        assert_eq!(ring.to_string(), "0,0 12,0 12,7");
        let text = serde_json::to_string(&ring).unwrap();
        assert_eq!(serde_json::from_str::<Ring>(&text).unwrap(), ring);
        for bad in ["", "1,2 3,4", "1,2 3,4 5", "1,2 3,4 -5,6", "1,2 3,4 99999999,6", "1,2 3,4 5,6\"/>"] {
            assert!(Ring::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn rings_enclose_every_pixel(cells in prop::collection::vec(0_u8..2, 1..64), width in 1_u32..9) {
            let height = (cells.len() as u32).div_ceil(width);
            let mut bytes = cells;
            bytes.resize((width * height) as usize, 0);
            let mask = Mask::from_bytes(&bytes, width, height).unwrap();
            let area: i64 = exact(&mask).iter().map(Ring::doubled_area).sum();
            prop_assert_eq!(area, 2 * mask.area_px() as i64);
            for ring in rings(&mask) {
                prop_assert!(ring.corners().iter().all(|c| c[0] <= width && c[1] <= height));
            }
        }
    }
}
