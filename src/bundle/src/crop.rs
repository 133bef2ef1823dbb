//! The sector rule: which part of a frame shows ultrasound and not black border, text, calipers or grey bars.
//!
//! 1. The frame is averaged over square cells, at most 64 along its longer side (luma for colour frames).
//! 2. A cell is lit when its mean reaches [`LIT`] grey levels.
//! 3. Lit cells that no fully lit 3x3 neighbourhood covers are dropped (morphological opening; cells beyond the frame
//!    count as lit), which cuts text, calipers and thin bars off.
//! 4. Four-connected components smaller than [`SMALLEST`] of the grid are dropped, except the largest one.
//! 5. The rectangle spans the columns and rows that hold at least [`TRIM`] of the fullest one's cells.
//! 6. A rectangle of less than [`PLAUSIBLE`] of the frame is no sector: the whole frame is used, with nothing masked.
//! 7. Pixels outside the kept cells are masked (set to black). Dark regions that the kept cells enclose, a bladder or a
//!    heart's chamber, are kept: background cells count as outside only where they reach the grid's border, four-connected.
//!
//! The rule reads nothing but the frame, so the same frame gives the same crop in calibration and on the device.

use ushydra_core::simd::vectorised;
use ushydra_core::{FrameView, PixelFormat};

use crate::geometry::Rect;

/// Version of the rule; part of the preprocessing fingerprint.
pub const RULE_VERSION: u32 = 1;
/// Most cells along a side.
const GRID: usize = 64;
/// Mean grey level from which a cell is lit.
const LIT: u64 = 4;
/// Smallest kept component, as a fraction of the grid in thousandths.
const SMALLEST: usize = 15;
/// Least share of the fullest row or column, in tenths.
const TRIM: usize = 1;
/// Least share of the frame, in tenths.
const PLAUSIBLE: u64 = 1;
/// BT.601 luma weights of red, green and blue, in 256ths.
pub(crate) const LUMA: [u32; 3] = [77, 150, 29];

/// The rule with its buffers, which are sized once per frame geometry, and its answer for the last frame.
#[derive(Clone, Debug)]
pub struct SectorFinder {
    grid: Grid,
    found: Rect,
    /// Kept cells; nothing is masked where this is empty.
    kept: Vec<bool>,
    columns: Vec<u32>,
    lit: Vec<bool>,
    opened: Vec<bool>,
    labels: Vec<u16>,
    sizes: Vec<u16>,
    stack: Vec<u16>,
}

/// Cells of one frame.
#[derive(Clone, Copy, Debug, Default)]
struct Grid {
    side: usize,
    columns: usize,
    rows: usize,
}

impl Grid {
    fn of(width: usize, height: usize) -> Self {
        let side = width.max(height).div_ceil(GRID).max(1);
        Self { side, columns: width.div_ceil(side), rows: height.div_ceil(side) }
    }

    fn cells(self) -> usize {
        self.columns * self.rows
    }

    /// Cells that share a side with `cell`.
    fn beside(self, cell: usize) -> impl Iterator<Item = usize> {
        let (row, column) = (cell / self.columns, cell % self.columns);
        [
            (column > 0).then(|| cell - 1),
            (column + 1 < self.columns).then_some(cell + 1),
            (row > 0).then(|| cell - self.columns),
            (row + 1 < self.rows).then_some(cell + self.columns),
        ]
        .into_iter()
        .flatten()
    }

    /// The 3x3 neighbourhood of a cell, as far as it lies in the grid.
    fn around(self, row: usize, column: usize) -> impl Iterator<Item = usize> {
        let rows = row.saturating_sub(1)..(row + 2).min(self.rows);
        let columns = column.saturating_sub(1)..(column + 2).min(self.columns);
        rows.flat_map(move |row| columns.clone().map(move |column| row * self.columns + column))
    }

    /// Whether a cell lies on the grid's border.
    fn is_border(self, cell: usize) -> bool {
        let (row, column) = (cell / self.columns, cell % self.columns);
        row == 0 || column == 0 || row + 1 == self.rows || column + 1 == self.columns
    }
}

impl Default for SectorFinder {
    fn default() -> Self {
        Self::new()
    }
}

impl SectorFinder {
    /// Empty buffers.
    #[must_use]
    pub fn new() -> Self {
        let cells = GRID * GRID;
        Self {
            grid: Grid::default(),
            found: Rect::default(),
            kept: Vec::with_capacity(cells),
            columns: Vec::new(),
            lit: vec![false; cells],
            opened: vec![false; cells],
            labels: vec![0; cells],
            sizes: Vec::with_capacity(cells + 1),
            stack: Vec::with_capacity(cells),
        }
    }

    /// The sector's rectangle; [`Self::patches`] then tells which pixels of it are kept.
    pub fn find(&mut self, frame: FrameView<'_>) -> Rect {
        let geometry = frame.geometry();
        let (width, height) = (geometry.width as usize, geometry.height as usize);
        let grid = Grid::of(width, height);
        let whole = Rect::whole(geometry.width, geometry.height);
        (self.grid, self.found) = (grid, whole);
        self.kept.clear();
        self.light(frame, grid);
        self.open(grid);
        self.label(grid);
        let Some((columns, rows)) = self.bounds(grid) else { return whole };
        let edge = |cell: usize, limit: usize| (cell * grid.side).min(limit) as u32;
        let (left, right) = (edge(columns.0, width), edge(columns.1 + 1, width));
        let (top, bottom) = (edge(rows.0, height), edge(rows.1 + 1, height));
        let found = Rect { x: left, y: top, width: right - left, height: bottom - top };
        if found.area() * 10 >= whole.area() * PLAUSIBLE {
            self.found = found;
            self.fill(grid);
        }
        self.found
    }

    /// The kept pixels of the last frame as rectangles inside its crop, in source pixels, left to right and top to bottom:
    /// every run of kept cells is one.
    pub fn patches(&self) -> impl Iterator<Item = Rect> + '_ {
        let whole = self.kept.is_empty().then_some(self.found);
        let rows = self.kept.chunks_exact(self.grid.columns.max(1)).enumerate();
        whole.into_iter().chain(rows.flat_map(move |(row, cells)| {
            let mut column = 0;
            std::iter::from_fn(move || {
                column += cells[column..].iter().position(|&kept| kept)?;
                let first = column;
                column += cells[column..].iter().take_while(|&&kept| kept).count();
                Some(self.patch(row, first, column))
            })
            .flatten()
        }))
    }

    /// Cells `first..end` of `row`, cut to the crop; none where they miss it.
    fn patch(&self, row: usize, first: usize, end: usize) -> Option<Rect> {
        let found = self.found;
        let clip = |cell: usize, from: u32, length: u32| ((cell * self.grid.side) as u32).clamp(from, from + length);
        let (x, right) = (clip(first, found.x, found.width), clip(end, found.x, found.width));
        let (y, bottom) = (clip(row, found.y, found.height), clip(row + 1, found.y, found.height));
        (right > x && bottom > y).then(|| Rect { x, y, width: right - x, height: bottom - y })
    }

    /// Steps 1 and 2.
    fn light(&mut self, frame: FrameView<'_>, grid: Grid) {
        let geometry = frame.geometry();
        let channels = geometry.format.channels();
        let (width, height) = (geometry.width as usize, geometry.height as usize);
        let row_length = width * channels;
        self.columns.resize(row_length, 0);
        for (row, band) in frame.data().chunks(row_length * grid.side).enumerate() {
            self.columns.fill(0);
            vectorised(
                #[inline(always)]
                || add_lines(&mut self.columns, band),
            );
            let tall = grid.side.min(height - row * grid.side);
            for (column, cell) in self.columns.chunks(grid.side * channels).enumerate() {
                let (sum, unit) = match geometry.format {
                    PixelFormat::Grey8 => (cell.iter().map(|&v| u64::from(v)).sum(), 1),
                    PixelFormat::Rgb8 => (luma_sum(cell), 256),
                };
                let pixels = tall * (cell.len() / channels);
                self.lit[row * grid.columns + column] = sum >= LIT * unit * pixels as u64;
            }
        }
    }

    /// Step 3: erosion, then dilation, both by 3x3.
    fn open(&mut self, grid: Grid) {
        let core = &mut self.labels;
        for row in 0..grid.rows {
            for column in 0..grid.columns {
                let full = grid.around(row, column).all(|cell| self.lit[cell]);
                core[row * grid.columns + column] = u16::from(full);
            }
        }
        for row in 0..grid.rows {
            for column in 0..grid.columns {
                let cell = row * grid.columns + column;
                self.opened[cell] = self.lit[cell] && grid.around(row, column).any(|near| core[near] != 0);
            }
        }
    }

    /// Step 4, first half: labels from 1 and their sizes; label 0 is background.
    fn label(&mut self, grid: Grid) {
        self.labels[..grid.cells()].fill(0);
        self.sizes.clear();
        self.sizes.push(0);
        for seed in 0..grid.cells() {
            if !self.opened[seed] || self.labels[seed] != 0 {
                continue;
            }
            let label = self.sizes.len() as u16;
            let mut size = 0;
            self.stack.push(seed as u16);
            self.labels[seed] = label;
            while let Some(cell) = self.stack.pop() {
                size += 1;
                let cell = usize::from(cell);
                for next in grid.beside(cell) {
                    if self.opened[next] && self.labels[next] == 0 {
                        self.labels[next] = label;
                        self.stack.push(next as u16);
                    }
                }
            }
            self.sizes.push(size);
        }
    }

    /// Step 4, second half, and step 5: first and last column and row, or none without any lit component. Leaves the kept
    /// components in `opened`.
    fn bounds(&mut self, grid: Grid) -> Option<((usize, usize), (usize, usize))> {
        let largest = usize::from(self.sizes.iter().copied().max().unwrap_or(0));
        if largest == 0 {
            return None;
        }
        let smallest = largest.min((grid.cells() * SMALLEST).div_ceil(1000));
        let mut columns = [0_usize; GRID];
        let mut rows = [0_usize; GRID];
        for cell in 0..grid.cells() {
            let label = usize::from(self.labels[cell]);
            self.opened[cell] = label != 0 && usize::from(self.sizes[label]) >= smallest;
            if self.opened[cell] {
                columns[cell % grid.columns] += 1;
                rows[cell / grid.columns] += 1;
            }
        }
        let span = |counts: &[usize; GRID]| {
            let most = counts.iter().copied().max().unwrap_or(0);
            let enough = |&count: &usize| count > 0 && count * 10 >= most * TRIM;
            Some((counts.iter().position(enough)?, counts.iter().rposition(enough)?))
        };
        Some((span(&columns)?, span(&rows)?))
    }

    /// Step 7: everything is kept but the background that reaches the border.
    fn fill(&mut self, grid: Grid) {
        self.kept.resize(grid.cells(), true);
        let outside = |cell: usize| !self.opened[cell];
        for cell in (0..grid.cells()).filter(|&cell| grid.is_border(cell) && outside(cell)) {
            self.kept[cell] = false;
            self.stack.push(cell as u16);
        }
        while let Some(cell) = self.stack.pop() {
            for next in grid.beside(usize::from(cell)) {
                if outside(next) && self.kept[next] {
                    self.kept[next] = false;
                    self.stack.push(next as u16);
                }
            }
        }
    }
}

/// Adds every line of `band` to `columns`.
#[inline(always)]
fn add_lines(columns: &mut [u32], band: &[u8]) {
    for line in band.chunks_exact(columns.len()) {
        for (sum, &sample) in columns.iter_mut().zip(line) {
            *sum += u32::from(sample);
        }
    }
}

/// Weighted sum of interleaved red, green and blue sums, in 256ths.
fn luma_sum(cell: &[u32]) -> u64 {
    let (pixels, _) = cell.as_chunks::<3>();
    pixels
        .iter()
        .flat_map(|pixel| pixel.iter().zip(LUMA))
        .map(|(&sum, weight)| u64::from(sum) * u64::from(weight))
        .sum()
}
