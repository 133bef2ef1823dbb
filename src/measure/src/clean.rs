//! From a decoder's mask to one organ: the largest component without holes.

use std::ops::Range;

use crate::Mask;
use crate::mask::Runs;

/// Keeps the largest 4-connected component of a mask and fills its holes.
///
/// Components are found on runs of pixels with a union-find, so the cost follows the number of runs, not of pixels. The
/// background counts as 8-connected, the complement of 4-connected foreground: a hole is background that no path of edges
/// or corners joins to the border of the picture. Of components of equal area the topmost is kept.
///
/// Buffers grow to the worst case of a size (a checkerboard) when it is first seen; after that nothing is allocated.
#[derive(Clone, Debug, Default)]
pub struct Cleaner {
    runs: Vec<Run>,
    gaps: Vec<Run>,
}

/// A run of pixels with its place in the union-find.
#[derive(Clone, Copy, Debug)]
struct Run {
    row: u32,
    start: u32,
    end: u32,
    /// Index of the parent; a root is its own.
    parent: u32,
    /// Pixels of the component, kept at the root.
    area: u64,
}

/// Index of the root that stands for everything joined to the border.
const OUTSIDE: u32 = 0;

impl Cleaner {
    /// A cleaner without buffers yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cleans a mask in place. An empty mask stays empty.
    pub fn clean(&mut self, mask: &mut Mask) {
        self.reserve(mask);
        self.find_components(mask);
        let Some(largest) = self.largest() else { return };
        self.keep(mask, largest);
        self.fill_holes(mask);
    }

    fn reserve(&mut self, mask: &Mask) {
        let worst = mask.height() as usize * (mask.width() as usize).div_ceil(2);
        self.runs.clear();
        self.runs.reserve(worst);
        // A row with n runs has at most n + 1 gaps; one more entry stands for the outside.
        self.gaps.clear();
        self.gaps.reserve(worst + mask.height() as usize + 1);
    }

    fn find_components(&mut self, mask: &Mask) {
        let mut above = 0..0;
        for row in 0..mask.height() {
            let first = self.runs.len();
            for run in Runs::new(mask.row(row)) {
                let index = self.runs.len() as u32;
                let area = u64::from(run.end - run.start);
                self.runs.push(Run { row, start: run.start, end: run.end, parent: index, area });
            }
            let here = first..self.runs.len();
            join_rows(&mut self.runs, above, here.clone(), 0);
            above = here;
        }
    }

    /// Root of the component with the most pixels.
    fn largest(&self) -> Option<u32> {
        let roots = self.runs.iter().enumerate().filter(|&(index, run)| run.parent == index as u32);
        let mut best: Option<(u32, u64)> = None;
        for (index, run) in roots {
            if best.is_none_or(|(_, area)| run.area > area) {
                best = Some((index as u32, run.area));
            }
        }
        best.map(|(index, _)| index)
    }

    /// Erases every other component and drops its runs.
    fn keep(&mut self, mask: &mut Mask, largest: u32) {
        for index in 0..self.runs.len() {
            let root = find(&mut self.runs, index as u32);
            self.runs[index].parent = root;
        }
        self.runs.retain(|run| {
            let kept = run.parent == largest;
            paint(mask, run, u8::from(kept));
            kept
        });
    }

    /// Fills the gaps between the kept runs that are not joined to the border.
    fn fill_holes(&mut self, mask: &mut Mask) {
        let width = mask.width();
        self.gaps.push(Run { row: 0, start: 0, end: 0, parent: OUTSIDE, area: u64::MAX });
        let (Some(first), Some(last)) = (self.runs.first(), self.runs.last()) else { return };
        let (top, bottom) = (first.row, last.row);
        let mut runs = self.runs.iter().peekable();
        let mut above = 0..0;
        for row in top..=bottom {
            let begin = self.gaps.len();
            let mut start = 0;
            loop {
                let run = runs.next_if(|run| run.row == row);
                let end = run.map_or(width, |run| run.start);
                if start < end {
                    let index = self.gaps.len() as u32;
                    // Rows above the component's first and below its last are all outside, and corners join.
                    let outside = start == 0 || end == width || row == top || row == bottom;
                    let parent = if outside { OUTSIDE } else { index };
                    self.gaps.push(Run { row, start, end, parent, area: 0 });
                }
                let Some(run) = run else { break };
                start = run.end;
            }
            let here = begin..self.gaps.len();
            // One pixel of reach: corners join the background.
            join_rows(&mut self.gaps, above, here.clone(), 1);
            above = here;
        }
        for index in 1..self.gaps.len() {
            if find(&mut self.gaps, index as u32) != OUTSIDE {
                paint(mask, &self.gaps[index], 1);
            }
        }
    }
}

fn paint(mask: &mut Mask, run: &Run, value: u8) {
    let row = run.row as usize * mask.width() as usize;
    if let Some(pixels) = mask.data_mut().get_mut(row + run.start as usize..row + run.end as usize) {
        pixels.fill(value);
    }
}

/// Unites the runs of two adjacent rows that touch; `reach` 0 asks for a common edge, 1 also takes corners.
fn join_rows(runs: &mut [Run], above: Range<usize>, here: Range<usize>, reach: u32) {
    let (mut upper, mut lower) = (above.start, here.start);
    while upper < above.end && lower < here.end {
        let (a, b) = (runs[upper], runs[lower]);
        if a.start < b.end + reach && b.start < a.end + reach {
            unite(runs, upper as u32, lower as u32);
        }
        // The run that ends first touches nothing further: the next of the other row begins at least one pixel beyond.
        if a.end <= b.end {
            upper += 1;
        } else {
            lower += 1;
        }
    }
}

fn find(runs: &mut [Run], mut index: u32) -> u32 {
    while runs[index as usize].parent != index {
        let parent = runs[index as usize].parent;
        // Halving the path keeps later searches short.
        runs[index as usize].parent = runs[parent as usize].parent;
        index = parent;
    }
    index
}

/// The lower index becomes the root, so [`OUTSIDE`] stays one and a component is named by its topmost run.
fn unite(runs: &mut [Run], a: u32, b: u32) {
    let (a, b) = (find(runs, a), find(runs, b));
    if a == b {
        return;
    }
    let (root, child) = (a.min(b), a.max(b));
    runs[child as usize].parent = root;
    runs[root as usize].area = runs[root as usize].area.saturating_add(runs[child as usize].area);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask(rows: &[&str]) -> Mask {
        let bytes: Vec<u8> = rows.iter().flat_map(|row| row.bytes()).map(|byte| u8::from(byte == b'#')).collect();
        Mask::from_bytes(&bytes, rows[0].len() as u32, rows.len() as u32).unwrap()
    }

    #[test]
    fn cases() {
        struct Case {
            name: &'static str,
            dirty: &'static [&'static str],
            clean: &'static [&'static str],
        }
        let cases = [
            Case { name: "empty", dirty: &["....", "...."], clean: &["....", "...."] },
            Case { name: "full", dirty: &["###", "###"], clean: &["###", "###"] },
            Case { name: "the larger of two", dirty: &["##..#", "##..#"], clean: &["##...", "##..."] },
            Case { name: "equal: the topmost", dirty: &["..#", "...", "#.."], clean: &["..#", "...", "..."] },
            Case { name: "corners do not join", dirty: &["##..", "..##", "..##"], clean: &["....", "..##", "..##"] },
            Case { name: "a hole", dirty: &["#####", "#.#.#", "#####"], clean: &["#####", "#####", "#####"] },
            Case {
                name: "a bay is no hole",
                dirty: &["#####", "#...#", "#.###", "#.###"],
                clean: &["#####", "#...#", "#.###", "#.###"],
            },
            Case {
                name: "background leaves through a corner",
                dirty: &[".###", "#.##", "####", "####"],
                clean: &[".###", "#.##", "####", "####"],
            },
            Case {
                name: "a speck in a hole goes, the hole too",
                dirty: &["#####", "#...#", "#.#.#", "#...#", "#####"],
                clean: &["#####", "#####", "#####", "#####", "#####"],
            },
            Case {
                name: "arms meet below",
                dirty: &["#.#.#", "#.#.#", "#####", ".....", "#####"],
                clean: &["#.#.#", "#.#.#", "#####", ".....", "....."],
            },
        ];
        let mut cleaner = Cleaner::new();
        for case in cases {
            let mut found = mask(case.dirty);
            cleaner.clean(&mut found);
            assert_eq!(found, mask(case.clean), "{}", case.name);
        }
    }

    /// Flood fill, pixel by pixel: labels of 4-connected foreground and of 8-connected background.
    fn flood(mask: &Mask, seed: (i64, i64), foreground: bool, seen: &mut [bool]) -> Vec<usize> {
        let (width, height) = (i64::from(mask.width()), i64::from(mask.height()));
        let mut stack = vec![seed];
        let mut found = Vec::new();
        while let Some((x, y)) = stack.pop() {
            if x < 0 || y < 0 || x >= width || y >= height {
                continue;
            }
            let index = (y * width + x) as usize;
            if seen[index] || (mask.data()[index] != 0) != foreground {
                continue;
            }
            seen[index] = true;
            found.push(index);
            for dy in -1..=1_i64 {
                for dx in -1..=1_i64 {
                    if !foreground || dx.abs() + dy.abs() == 1 {
                        stack.push((x + dx, y + dy));
                    }
                }
            }
        }
        found
    }

    fn reference(mask: &Mask) -> Mask {
        let (width, height) = (mask.width(), mask.height());
        let mut seen = vec![false; mask.data().len()];
        let mut best = Vec::new();
        for y in 0..i64::from(height) {
            for x in 0..i64::from(width) {
                let component = flood(mask, (x, y), true, &mut seen);
                if component.len() > best.len() {
                    best = component;
                }
            }
        }
        let mut kept = Mask::new(width, height);
        best.iter().for_each(|&index| kept.data_mut()[index] = 1);
        let mut outside = vec![false; mask.data().len()];
        for y in 0..i64::from(height) {
            for x in 0..i64::from(width) {
                if x == 0 || y == 0 || x + 1 == i64::from(width) || y + 1 == i64::from(height) {
                    flood(&kept, (x, y), false, &mut outside);
                }
            }
        }
        if !best.is_empty() {
            outside.iter().enumerate().filter(|&(_, out)| !out).for_each(|(index, _)| kept.data_mut()[index] = 1);
        }
        kept
    }

    prop_compose! {
        fn noise()(width in 1_u32..24, height in 1_u32..24, share in 1_u8..10)
            (bytes in prop::collection::vec(0_u8..10, (width * height) as usize), width in Just(width),
             height in Just(height), share in Just(share)) -> Mask {
            let bytes: Vec<u8> = bytes.into_iter().map(|byte| u8::from(byte < share)).collect();
            Mask::from_bytes(&bytes, width, height).unwrap()
        }
    }

    proptest! {
        #[test]
        fn equals_flood_fill_and_is_idempotent(dirty in noise()) {
            let mut cleaner = Cleaner::new();
            let mut clean = dirty.clone();
            cleaner.clean(&mut clean);
            prop_assert_eq!(&clean, &reference(&dirty));
            let mut again = clean.clone();
            cleaner.clean(&mut again);
            prop_assert_eq!(again, clean);
        }
    }
}
