//! Masks from outlines and polygons.

/// The outline and all pixels that no 4-connected path from the border of the picture reaches without crossing it;
/// `None` where it encloses nothing.
///
/// * `outline`: 1 on the outline, else 0; `width * height` pixels.
pub(super) fn outline(outline: &[u8], width: u32, height: u32) -> Option<Vec<u8>> {
    let (width, height) = (width as usize, height as usize);
    if outline.len() != width * height {
        return None;
    }
    let mut outside = vec![false; outline.len()];
    let border = (0..width).flat_map(|x| [x, (height.saturating_sub(1)) * width + x]);
    let sides = (0..height).flat_map(|y| [y * width, y * width + width - 1]);
    let mut open: Vec<usize> = Vec::new();
    let visit = |at: usize, outside: &mut [bool], open: &mut Vec<usize>| {
        if outline[at] == 0 && !outside[at] {
            outside[at] = true;
            open.push(at);
        }
    };
    border.chain(sides).for_each(|at| visit(at, &mut outside, &mut open));
    while let Some(at) = open.pop() {
        let (x, y) = (at % width, at / width);
        if x > 0 {
            visit(at - 1, &mut outside, &mut open);
        }
        if x + 1 < width {
            visit(at + 1, &mut outside, &mut open);
        }
        if y > 0 {
            visit(at - width, &mut outside, &mut open);
        }
        if y + 1 < height {
            visit(at + width, &mut outside, &mut open);
        }
    }
    let enclosed = outside.iter().zip(outline).any(|(&out, &line)| !out && line == 0);
    let empty = !outline.contains(&1);
    (enclosed || empty).then(|| outside.iter().map(|&out| u8::from(!out)).collect())
}

/// Pixels whose centre lies within the polygon (even-odd rule; whole coordinates are pixel centres). Centres on an edge
/// count on the left and the upper side. Parts outside the picture are cut off; corners that are not finite give an
/// empty mask, which the caller reports.
pub(super) fn polygon(corners: &[[f64; 2]], width: u32, height: u32) -> Vec<u8> {
    let mut mask = vec![0; width as usize * height as usize];
    if corners.len() < 3 || corners.iter().flatten().any(|v| !v.is_finite()) {
        return mask;
    }
    let mut crossings = Vec::new();
    for (y, row) in mask.chunks_exact_mut(width.max(1) as usize).enumerate() {
        let level = y as f64;
        crossings.clear();
        let edges = corners.iter().zip(corners.iter().cycle().skip(1));
        for ([x0, y0], [x1, y1]) in edges {
            // Half-open, so that a corner on the row counts once.
            if (*y0 <= level) != (*y1 <= level) {
                crossings.push(x0 + (level - y0) / (y1 - y0) * (x1 - x0));
            }
        }
        crossings.sort_by(f64::total_cmp);
        for pair in crossings.chunks_exact(2) {
            // `as` saturates: what lies left of the picture begins at 0, what lies right of it is cut by `get_mut`.
            let (from, to) = (pair[0].ceil().max(0.0) as usize, pair[1].ceil().max(0.0) as usize);
            if let Some(run) = row.get_mut(from..to.min(width as usize)) {
                run.fill(1);
            }
        }
    }
    mask
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn picture(rows: &[&str]) -> (Vec<u8>, u32, u32) {
        let pixels = rows.iter().flat_map(|row| row.bytes().map(|b| u8::from(b == b'#'))).collect();
        (pixels, rows[0].len() as u32, rows.len() as u32)
    }

    #[test]
    fn outlines_are_filled() {
        struct Case {
            drawn: &'static [&'static str],
            filled: Option<&'static [&'static str]>,
        }
        let cases = [
            Case {
                drawn: &[".....", ".###.", ".#.#.", ".###.", "....."],
                filled: Some(&[".....", ".###.", ".###.", ".###.", "....."]),
            },
            // Diagonal steps are closed.
            Case {
                drawn: &["..#..", ".#.#.", "#...#", ".#.#.", "..#.."],
                filled: Some(&["..#..", ".###.", "#####", ".###.", "..#.."]),
            },
            Case { drawn: &[".....", ".###.", ".#.#.", ".#.#.", "....."], filled: None },
            Case { drawn: &["...", "...", "..."], filled: Some(&["...", "...", "..."]) },
        ];
        for case in cases {
            let (drawn, width, height) = picture(case.drawn);
            assert_eq!(outline(&drawn, width, height), case.filled.map(|rows| picture(rows).0), "{:?}", case.drawn);
        }
    }

    #[test]
    fn polygons_hold_the_pixel_centres_within() {
        struct Case {
            corners: &'static [[f64; 2]],
            filled: &'static [&'static str],
        }
        let cases = [
            Case {
                corners: &[[0.5, 0.5], [3.5, 0.5], [3.5, 2.5], [0.5, 2.5]],
                filled: &[".....", ".###.", ".###.", "....."],
            },
            // Cut by the picture on two sides.
            Case {
                corners: &[[-9.0, -9.0], [1.5, -9.0], [1.5, 1.5], [-9.0, 1.5]],
                filled: &["##...", "##...", ".....", "....."],
            },
            Case { corners: &[[0.0, 0.0], [4.0, 0.0]], filled: &[".....", ".....", ".....", "....."] },
            Case { corners: &[[0.0, 0.0], [f64::NAN, 0.0], [3.0, 3.0]], filled: &[".....", ".....", ".....", "....."] },
        ];
        for case in cases {
            let (filled, width, height) = picture(case.filled);
            assert_eq!(polygon(case.corners, width, height), filled, "{:?}", case.corners);
        }
    }

    proptest! {
        #[test]
        fn any_polygon_is_a_mask(
            corners in prop::collection::vec((prop::num::f64::ANY, -40.0..80.0_f64), 0..12),
            width in 1_u32..40,
            height in 1_u32..40,
        ) {
            let corners: Vec<[f64; 2]> = corners.into_iter().map(|(x, y)| [x, y]).collect();
            let mask = polygon(&corners, width, height);
            prop_assert_eq!(mask.len(), (width * height) as usize);
            prop_assert!(mask.iter().all(|&v| v < 2));
        }

        #[test]
        fn a_circle_has_its_area(radius in 5.0..30.0_f64, x in 32.0..40.0_f64, y in 32.0..40.0_f64) {
            let corners: Vec<[f64; 2]> = (0..200).map(|i| f64::from(i) / 200.0 * std::f64::consts::TAU)
                .map(|a| [x + radius * a.cos(), y + radius * a.sin()]).collect();
            let area = polygon(&corners, 72, 72).iter().filter(|&&v| v == 1).count() as f64;
            let expected = std::f64::consts::PI * radius * radius;
            // At most every second pixel of the rim is wrong.
            prop_assert!((area - expected).abs() < std::f64::consts::PI * radius, "{} for {}", area, expected);
        }
    }
}
