//! A grid of at most 64 x 64 cells, each lit or dark: one bit per cell, one word per row.

/// Most cells along a side.
pub(crate) const SIDE: usize = 64;

/// Lit cells. Bit `c` of word `r` is the cell in row `r` and column `c`; bits and words beyond the grid are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cells {
    bits: [u64; SIDE],
    columns: usize,
    rows: usize,
}

impl Cells {
    /// All dark.
    pub(crate) fn dark(columns: usize, rows: usize) -> Self {
        Self { bits: [0; SIDE], columns: columns.clamp(1, SIDE), rows: rows.clamp(1, SIDE) }
    }

    /// Cells in the grid.
    pub(crate) fn count(&self) -> usize {
        self.columns * self.rows
    }

    /// Lit cells.
    pub(crate) fn lit(&self) -> usize {
        self.bits.iter().map(|row| row.count_ones() as usize).sum()
    }

    pub(crate) fn light(&mut self, row: usize, column: usize) {
        self.bits[row] |= 1 << column;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.bits.iter_mut().zip(&other.bits) {
            *mine |= theirs;
        }
    }

    pub(crate) fn remove(&mut self, other: &Self) {
        for (mine, theirs) in self.bits.iter_mut().zip(&other.bits) {
            *mine &= !theirs;
        }
    }

    /// Lit cells that `other` does not light.
    pub(crate) fn without(mut self, other: &Self) -> Self {
        self.remove(other);
        self
    }

    /// Whether five lit rows of five cells lie together somewhere.
    pub(crate) fn thick(&self) -> bool {
        let wide = self.bits.map(|row| row & row >> 1 & row >> 2 & row >> 3 & row >> 4);
        wide.windows(5).any(|rows| rows.iter().fold(u64::MAX, |all, row| all & row) != 0)
    }

    /// Dark cells of the grid as lit ones.
    pub(crate) fn inverted(&self) -> Self {
        let mut inverted = *self;
        let mask = self.mask();
        for row in &mut inverted.bits[..self.rows] {
            *row = !*row & mask;
        }
        inverted
    }

    /// Morphological opening with 3x3: lit cells that some fully lit 3x3 neighbourhood covers. Cells beyond the grid count
    /// as lit for the neighbourhoods.
    pub(crate) fn opened(&self) -> Self {
        let beyond = !self.mask();
        let wide_and = |row: u64| {
            let row = row | beyond;
            row & (row << 1 | 1) & (row >> 1 | 1 << (SIDE - 1))
        };
        let mut core = Self::dark(self.columns, self.rows);
        for row in 0..self.rows {
            let above = if row == 0 { u64::MAX } else { wide_and(self.bits[row - 1]) };
            let below = if row + 1 == self.rows { u64::MAX } else { wide_and(self.bits[row + 1]) };
            core.bits[row] = above & wide_and(self.bits[row]) & below & self.mask();
        }
        let wide_or = |row: u64| row | row << 1 | row >> 1;
        let mut opened = *self;
        for row in 0..self.rows {
            let above = if row == 0 { 0 } else { wide_or(core.bits[row - 1]) };
            let below = if row + 1 == self.rows { 0 } else { wide_or(core.bits[row + 1]) };
            opened.bits[row] &= above | wide_or(core.bits[row]) | below;
        }
        opened
    }

    /// The four-connected component of the first lit cell, or none in the dark.
    pub(crate) fn first_component(&self) -> Option<Self> {
        let row = self.bits.iter().position(|&bits| bits != 0)?;
        let mut seed = Self::dark(self.columns, self.rows);
        seed.bits[row] = self.bits[row] & self.bits[row].wrapping_neg();
        Some(self.connected_to(seed))
    }

    /// Lit cells that are four-connected to the grid's border.
    pub(crate) fn reaching_border(&self) -> Self {
        let sides = 1 | 1 << (self.columns - 1);
        let mut seed = *self;
        for bits in &mut seed.bits[1..self.rows.max(2) - 1] {
            *bits &= sides;
        }
        self.connected_to(seed)
    }

    /// Lit cells that are four-connected to `seed`, which lies among them.
    fn connected_to(&self, mut seed: Self) -> Self {
        loop {
            let before = seed;
            for row in 0..self.rows {
                let above = if row == 0 { 0 } else { seed.bits[row - 1] };
                seed.bits[row] = spread(seed.bits[row] | above, self.bits[row]);
            }
            for row in (0..self.rows - 1).rev() {
                seed.bits[row] = spread(seed.bits[row] | seed.bits[row + 1], self.bits[row]);
            }
            if seed == before {
                return seed;
            }
        }
    }

    /// Lit cells and those of `open` among their eight neighbours.
    pub(crate) fn grown_into(&self, open: &Self) -> Self {
        let wide = |row: u64| row | row << 1 | row >> 1;
        let mut grown = *self;
        for row in 0..self.rows {
            let above = if row == 0 { 0 } else { wide(self.bits[row - 1]) };
            let below = if row + 1 == self.rows { 0 } else { wide(self.bits[row + 1]) };
            grown.bits[row] |= open.bits[row] & (above | wide(self.bits[row]) | below);
        }
        grown
    }

    /// Lights columns `first..=last` of a row.
    pub(crate) fn light_run(&mut self, row: usize, first: usize, last: usize) {
        self.bits[row] |= u64::MAX << first & u64::MAX >> (SIDE - 1 - last);
    }

    /// First and last lit column of a row.
    pub(crate) fn ends(&self, row: usize) -> Option<(usize, usize)> {
        let bits = self.bits[row];
        (bits != 0).then(|| (bits.trailing_zeros() as usize, SIDE - 1 - bits.leading_zeros() as usize))
    }

    /// The first row with lit cells and the one behind the last.
    pub(crate) fn tall(&self) -> Option<(usize, usize)> {
        let lit = |&bits: &u64| bits != 0;
        Some((self.bits.iter().position(lit)?, self.bits.iter().rposition(lit)? + 1))
    }

    /// The rectangle around the lit cells: first column, column behind the last, first row, row behind the last.
    pub(crate) fn bounds(&self) -> Option<(usize, usize, usize, usize)> {
        let (top, bottom) = self.tall()?;
        let all = self.bits.iter().fold(0, |all, bits| all | bits);
        Some((all.trailing_zeros() as usize, SIDE - all.leading_zeros() as usize, top, bottom))
    }

    /// Lit cells of every row and every column.
    pub(crate) fn profiles(&self) -> ([usize; SIDE], [usize; SIDE]) {
        let rows = self.bits.map(|bits| bits.count_ones() as usize);
        let columns = std::array::from_fn(|column| self.bits.iter().filter(|&&bits| bits >> column & 1 == 1).count());
        (rows, columns)
    }

    /// Runs of neighbouring lit cells: row, first column, column behind the last.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        self.bits.iter().enumerate().flat_map(|(row, &bits)| {
            let mut rest = bits;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let first = rest.trailing_zeros();
                let end = first + (rest >> first).trailing_ones();
                rest &= u64::MAX.checked_shl(end).unwrap_or(0);
                Some((row, first as usize, end as usize))
            })
        })
    }

    fn mask(&self) -> u64 {
        u64::MAX >> (SIDE - self.columns)
    }
}

/// Every run of `open` that holds a bit of `seed`, by doubling steps to both sides.
fn spread(seed: u64, open: u64) -> u64 {
    let (mut up, mut down) = (seed & open, seed & open);
    if up == 0 {
        return 0;
    }
    let (mut up_open, mut down_open) = (open, open);
    for step in [1, 2, 4, 8, 16, 32] {
        up |= up_open & (up << step);
        down |= down_open & (down >> step);
        up_open &= up_open << step;
        down_open &= down_open >> step;
    }
    up | down
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Cells {
        /// Rows of `#` and `.`.
        pub(crate) fn drawn(drawing: &[&str]) -> Self {
            let mut cells = Self::dark(drawing[0].len(), drawing.len());
            for (row, line) in drawing.iter().enumerate() {
                for (column, _) in line.bytes().enumerate().filter(|(_, byte)| *byte == b'#') {
                    cells.light(row, column);
                }
            }
            cells
        }
    }

    fn cells(drawing: &[&str]) -> Cells {
        Cells::drawn(drawing)
    }

    #[test]
    fn opening_cuts_what_is_thin() {
        struct Case {
            before: &'static [&'static str],
            after: &'static [&'static str],
        }
        let cases = [
            Case {
                before: &["......", ".####.", ".####.", ".#####", "......"],
                after: &["......", ".####.", ".####.", ".####.", "......"],
            },
            Case { before: &["##....", "##....", "......"], after: &["##....", "##....", "......"] },
            Case { before: &["......", "##....", "......"], after: &["......", "......", "......"] },
            Case { before: &["#"], after: &["#"] },
        ];
        for case in cases {
            assert_eq!(cells(case.before).opened(), cells(case.after), "{:?}", case.before);
        }
        let full = cells(&["#".repeat(SIDE).as_str(); SIDE]);
        assert_eq!(full.opened(), full);
        assert_eq!((full.lit(), full.inverted().lit()), (SIDE * SIDE, 0));
    }

    #[test]
    fn components_follow_every_bend() {
        let spiral = cells(&["########", ".......#", "######.#", "#....#.#", "#.####.#", "#......#", "########"]);
        let first = spiral.first_component().map(|component| component.lit());
        assert_eq!(first, Some(spiral.lit()));
        let diagonal = cells(&["#.", ".#"]);
        assert_eq!(diagonal.first_component(), Some(cells(&["#.", ".."])));
        assert_eq!(cells(&["...", "..."]).first_component(), None);
    }

    #[test]
    fn holes_do_not_reach_the_border() {
        let ring = cells(&[".......", ".#####.", ".#...#.", ".#####.", "......."]);
        let outside = ring.inverted().reaching_border();
        assert_eq!(outside.inverted(), cells(&[".......", ".#####.", ".#####.", ".#####.", "......."]));
        let thin = cells(&["#.#.#"]);
        assert_eq!(thin.inverted().reaching_border(), cells(&[".#.#."]));
    }

    #[test]
    fn thick_is_five_by_five() {
        assert!(cells(&[".......", ".#####.", ".######", ".#####.", ".#####.", ".#####."]).thick());
        assert!(!cells(&["#####", "#####", "##.##", "#####", "#####"]).thick());
        assert!(!cells(&["#".repeat(SIDE).as_str(); 4]).thick());
        // A run does not wrap around the edge of the grid.
        assert!(!cells(&["##..###"; 8]).thick());
    }

    #[test]
    fn growth_needs_open_neighbours() {
        let open = cells(&["#..##", "##.##", "....."]);
        let seed = cells(&["#....", ".....", "....#"]);
        assert_eq!(seed.grown_into(&open), cells(&["#....", "##.##", "....#"]));
    }

    #[test]
    fn bounds_of_lit_cells() {
        assert_eq!(cells(&["...", "..."]).bounds(), None);
        assert_eq!(cells(&["....", ".#..", "..#."]).bounds(), Some((1, 3, 1, 3)));
        assert_eq!(cells(&["#".repeat(SIDE).as_str()]).bounds(), Some((0, SIDE, 0, 1)));
        let mut run = Cells::dark(SIDE, 1);
        run.light_run(0, 3, SIDE - 1);
        assert_eq!((run.ends(0), run.lit()), (Some((3, SIDE - 1)), SIDE - 3));
    }

    #[test]
    fn runs_and_profiles() {
        let drawing = cells(&["##.#", "....", "####"]);
        assert_eq!(drawing.runs().collect::<Vec<_>>(), [(0, 0, 2), (0, 3, 4), (2, 0, 4)]);
        let (rows, columns) = drawing.profiles();
        assert_eq!((&rows[..3], &columns[..4]), (&[3, 0, 4][..], &[2, 2, 1, 2][..]));
        let wide = cells(&["#".repeat(SIDE).as_str()]);
        assert_eq!(wide.runs().collect::<Vec<_>>(), [(0, 0, SIDE)]);
    }
}
