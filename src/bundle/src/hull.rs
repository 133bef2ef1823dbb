//! The convex hull of lit cells, row by row.

use crate::cells::{Cells, SIDE};

impl Cells {
    /// The cells between the greatest convex curve left of all lit cells and the mirror image of it on the right, rounded
    /// outwards to whole cells: the convex hull of the cells' centres and what it touches of each row.
    pub(crate) fn hull(&self) -> Self {
        let mut hull = *self;
        let Some((top, bottom)) = self.tall() else { return hull };
        let left = minorant(std::array::from_fn(|row| self.ends(row).map(|(first, _)| first)));
        let right = minorant(std::array::from_fn(|row| self.ends(row).map(|(_, last)| SIDE - 1 - last)));
        for row in top..bottom {
            hull.light_run(row, left[row], SIDE - 1 - right[row]);
        }
        hull
    }
}

/// The greatest convex curve under `values`, rounded down, between the first and the last of them (0 elsewhere): one half of
/// Andrew's monotone chain. Rows without a value bound nothing.
fn minorant(values: [Option<usize>; SIDE]) -> [usize; SIDE] {
    let mut chain = [(0_usize, 0_usize); SIDE];
    let mut length = 0;
    for (at, value) in values.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?))) {
        while length > 1 && !bends_up(chain[length - 2], chain[length - 1], (at, value)) {
            length -= 1;
        }
        chain[length] = (at, value);
        length += 1;
    }
    let mut curve = [0; SIDE];
    for pair in chain[..length].windows(2) {
        let ((from, start), (to, end)) = (pair[0], pair[1]);
        for (at, value) in curve.iter_mut().enumerate().take(to).skip(from) {
            *value = (start * (to - at) + end * (at - from)) / (to - from);
        }
    }
    if let Some(&(at, value)) = chain[..length].last() {
        curve[at] = value;
    }
    curve
}

/// Whether the way from `a` over `b` to `c` turns towards greater values at `b`.
fn bends_up(a: (usize, usize), b: (usize, usize), c: (usize, usize)) -> bool {
    let [(ax, ay), (bx, by), (cx, cy)] = [a, b, c].map(|(at, value)| (at as i64, value as i64));
    (by - ay) * (cx - bx) < (cy - by) * (bx - ax)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hulls_of_drawn_cells() {
        struct Case {
            before: &'static [&'static str],
            after: &'static [&'static str],
        }
        let cases = [
            Case { before: &["...", "..."], after: &["...", "..."] },
            Case { before: &["...", ".#."], after: &["...", ".#."] },
            Case { before: &["#....", "#....", "#####"], after: &["#....", "###..", "#####"] },
            Case { before: &["#..#", "#...", "##.#"], after: &["####", "####", "####"] },
            Case {
                before: &["..###..", ".##.##.", "##...##", "#.....#"],
                after: &["..###..", ".#####.", "#######", "#######"],
            },
            Case { before: &["..#..", ".....", "#...#"], after: &["..#..", ".###.", "#####"] },
        ];
        for case in cases {
            assert_eq!(Cells::drawn(case.before).hull(), Cells::drawn(case.after), "{:?}", case.before);
        }
        let full = Cells::drawn(&["#".repeat(SIDE).as_str(); SIDE]);
        assert_eq!(full.hull(), full);
    }

    proptest! {
        /// The hull holds all cells, stays in their bounding box and has one run per row.
        #[test]
        fn it_covers(places in prop::collection::vec((0..SIDE, 0..SIDE), 1..40)) {
            let mut cells = Cells::dark(SIDE, SIDE);
            for &(row, column) in &places {
                cells.light(row, column);
            }
            let hull = cells.hull();
            let mut missing = cells;
            missing.remove(&hull);
            prop_assert_eq!(missing.lit(), 0);
            prop_assert_eq!(hull.bounds(), cells.bounds());
            let (top, bottom) = cells.tall().unwrap_or_default();
            prop_assert_eq!(hull.runs().count(), bottom - top);
        }
    }
}
