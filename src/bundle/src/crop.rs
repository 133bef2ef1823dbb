//! The sector rule: which rectangle of a frame shows ultrasound and not black border, text, calipers or grey bars.
//!
//! 1. The frame is averaged over square cells, at most 64 along its longer side (luma for colour frames).
//! 2. A cell is lit when its mean reaches [`LIT`] grey levels.
//! 3. Lit cells that no fully lit 3x3 neighbourhood covers are dropped (morphological opening; cells beyond the frame
//!    count as lit), which cuts text, calipers and thin bars off.
//! 4. Four-connected components smaller than [`SMALLEST`] of the grid are dropped, except the largest one.
//! 5. The rectangle spans the columns and rows that hold at least [`TRIM`] of the fullest one's cells.
//! 6. A rectangle of less than [`PLAUSIBLE`] of the frame is no sector: the whole frame is used.
//!
//! The rule reads nothing but the frame, so the same frame gives the same crop in calibration and on the device.

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

/// Buffers of the rule, sized once per frame geometry.
#[derive(Clone, Debug)]
pub struct SectorFinder {
    columns: Vec<u32>,
    lit: Vec<bool>,
    opened: Vec<bool>,
    labels: Vec<u16>,
    sizes: Vec<u16>,
    stack: Vec<u16>,
}

/// Cells of one frame.
#[derive(Clone, Copy, Debug)]
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
            columns: Vec::new(),
            lit: vec![false; cells],
            opened: vec![false; cells],
            labels: vec![0; cells],
            sizes: Vec::with_capacity(cells + 1),
            stack: Vec::with_capacity(cells),
        }
    }

    /// The sector's rectangle.
    pub fn find(&mut self, frame: FrameView<'_>) -> Rect {
        let geometry = frame.geometry();
        let (width, height) = (geometry.width as usize, geometry.height as usize);
        let grid = Grid::of(width, height);
        self.light(frame, grid);
        self.open(grid);
        self.label(grid);
        let whole = Rect::whole(geometry.width, geometry.height);
        let Some((columns, rows)) = self.bounds(grid) else { return whole };
        let edge = |cell: usize, limit: usize| (cell * grid.side).min(limit) as u32;
        let (left, right) = (edge(columns.0, width), edge(columns.1 + 1, width));
        let (top, bottom) = (edge(rows.0, height), edge(rows.1 + 1, height));
        let found = Rect { x: left, y: top, width: right - left, height: bottom - top };
        if found.area() * 10 < whole.area() * PLAUSIBLE { whole } else { found }
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
            for line in band.chunks_exact(row_length) {
                for (sum, &sample) in self.columns.iter_mut().zip(line) {
                    *sum += u32::from(sample);
                }
            }
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
                let full = neighbours(grid, row, column).all(|cell| self.lit[cell]);
                core[row * grid.columns + column] = u16::from(full);
            }
        }
        for row in 0..grid.rows {
            for column in 0..grid.columns {
                let cell = row * grid.columns + column;
                self.opened[cell] = self.lit[cell] && neighbours(grid, row, column).any(|near| core[near] != 0);
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
                let (row, column) = (cell / grid.columns, cell % grid.columns);
                let near = [
                    (column > 0).then(|| cell - 1),
                    (column + 1 < grid.columns).then_some(cell + 1),
                    (row > 0).then(|| cell - grid.columns),
                    (row + 1 < grid.rows).then_some(cell + grid.columns),
                ];
                for next in near.into_iter().flatten() {
                    if self.opened[next] && self.labels[next] == 0 {
                        self.labels[next] = label;
                        self.stack.push(next as u16);
                    }
                }
            }
            self.sizes.push(size);
        }
    }

    /// Step 4, second half, and step 5: first and last column and row, or none without any lit component.
    fn bounds(&self, grid: Grid) -> Option<((usize, usize), (usize, usize))> {
        let largest = usize::from(self.sizes.iter().copied().max().unwrap_or(0));
        if largest == 0 {
            return None;
        }
        let smallest = largest.min((grid.cells() * SMALLEST).div_ceil(1000));
        let mut columns = [0_usize; GRID];
        let mut rows = [0_usize; GRID];
        for cell in 0..grid.cells() {
            let label = usize::from(self.labels[cell]);
            if label != 0 && usize::from(self.sizes[label]) >= smallest {
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
}

/// Cells of the 3x3 neighbourhood that lie in the grid.
fn neighbours(grid: Grid, row: usize, column: usize) -> impl Iterator<Item = usize> {
    let rows = row.saturating_sub(1)..(row + 2).min(grid.rows);
    let columns = column.saturating_sub(1)..(column + 2).min(grid.columns);
    rows.flat_map(move |row| columns.clone().map(move |column| row * grid.columns + column))
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
