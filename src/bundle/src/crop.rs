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
//! What it does not cut off: text on the sector, and text that lights the two outermost rows of cells over a long stretch
//! (beyond the frame everything counts as lit, because a sector may well run over its edge).
//!
//! The rule reads nothing but the frame, so the same frame gives the same crop in calibration and on the device.

use ushydra_core::simd::vectorised;
use ushydra_core::{FrameView, PixelFormat};

use crate::cells::{Cells, SIDE};
use crate::geometry::Rect;

/// Version of the rule; part of the preprocessing fingerprint.
pub const RULE_VERSION: u32 = 1;
/// Mean grey level from which a cell is lit.
pub const LIT: u64 = 4;
/// Smallest kept component, as a fraction of the grid in thousandths.
pub const SMALLEST: usize = 15;
/// Least share of the fullest row or column, in tenths.
pub const TRIM: usize = 1;
/// Least share of the frame, in tenths.
pub const PLAUSIBLE: u64 = 1;
/// BT.601 luma weights of red, green and blue, in 256ths.
pub(crate) const LUMA: [u32; 3] = [77, 150, 29];
/// Sum of the luma weights.
const LUMA_UNIT: u64 = 256;
/// Rows whose samples are summed in 16 bits: 256 * 255 < 2^16.
const LINES: usize = 256;

/// The rule with its buffers, which are sized once per frame geometry, and its answer for the last frame.
#[derive(Clone, Debug)]
pub struct SectorFinder {
    /// Sums of up to [`LINES`] lines, one per sample of a line.
    lines: Vec<u16>,
    /// Pixels along a cell's side.
    side: usize,
    found: Rect,
    /// Kept cells; none where nothing is masked.
    kept: Option<Cells>,
}

impl Default for SectorFinder {
    fn default() -> Self {
        Self::new()
    }
}

impl SectorFinder {
    /// Empty buffers.
    #[must_use]
    pub const fn new() -> Self {
        Self { lines: Vec::new(), side: 1, found: Rect::whole(1, 1), kept: None }
    }

    /// The sector's rectangle; [`Self::patches`] then tells which pixels of it are kept.
    pub fn find(&mut self, frame: FrameView<'_>) -> Rect {
        let (width, height) = (frame.geometry().width, frame.geometry().height);
        self.side = (width.max(height) as usize).div_ceil(SIDE);
        self.found = Rect::whole(width, height);
        self.kept = None;
        let components = large_components(&self.lit_cells(frame).opened());
        let (rows, columns) = components.profiles();
        if let (Some((top, bottom)), Some((left, right))) = (extent(&rows), extent(&columns)) {
            let found = self.pixels(left, right, top, bottom, self.found);
            if found.area() * 10 >= self.found.area() * PLAUSIBLE {
                self.found = found;
                self.kept = Some(components.inverted().reaching_border().inverted());
            }
        }
        self.found
    }

    /// The kept pixels of the last frame as rectangles inside its crop, in source pixels: every run of kept cells is one.
    pub fn patches(&self) -> impl Iterator<Item = Rect> + '_ {
        let whole = self.kept.is_none().then_some(self.found);
        let runs = self.kept.iter().flat_map(Cells::runs);
        let patches = runs.map(|(row, first, end)| self.pixels(first, end, row, row + 1, self.found));
        whole.into_iter().chain(patches.filter(|patch| patch.area() > 0))
    }

    /// Cells `left..right` and `top..bottom` in pixels, as far as they lie in `limit`.
    fn pixels(&self, left: usize, right: usize, top: usize, bottom: usize, limit: Rect) -> Rect {
        let clip = |cell: usize, from: u32, length: u32| ((cell * self.side) as u32).clamp(from, from + length);
        let (x, y) = (clip(left, limit.x, limit.width), clip(top, limit.y, limit.height));
        Rect { x, y, width: clip(right, limit.x, limit.width) - x, height: clip(bottom, limit.y, limit.height) - y }
    }

    /// Steps 1 and 2.
    fn lit_cells(&mut self, frame: FrameView<'_>) -> Cells {
        let geometry = frame.geometry();
        let (width, height) = (geometry.width as usize, geometry.height as usize);
        let channels = geometry.format.channels();
        let length = width * channels;
        self.lines.resize(length, 0);
        let mut cells = Cells::dark(width.div_ceil(self.side), height.div_ceil(self.side));
        for (row, band) in frame.data().chunks(length * self.side).enumerate() {
            let mut sums = [0_u64; SIDE];
            for lines in band.chunks(length * LINES) {
                self.lines.fill(0);
                vectorised(
                    #[inline(always)]
                    || add_lines(&mut self.lines, lines),
                );
                for (sum, samples) in sums.iter_mut().zip(self.lines.chunks(self.side * channels)) {
                    *sum += weighted_sum(geometry.format, samples);
                }
            }
            let tall = band.len() / length;
            for (column, &sum) in sums.iter().enumerate().take(width.div_ceil(self.side)) {
                let wide = self.side.min(width - column * self.side);
                if sum >= LIT * LUMA_UNIT * (wide * tall) as u64 {
                    cells.light(row, column);
                }
            }
        }
        cells
    }
}

/// Step 4.
fn large_components(cells: &Cells) -> Cells {
    let smallest = (cells.count() * SMALLEST).div_ceil(1000);
    let mut rest = *cells;
    let mut large = *cells;
    large.remove(cells);
    let mut largest = large;
    while let Some(component) = rest.first_component() {
        rest.remove(&component);
        if component.lit() > largest.lit() {
            largest = component;
        }
        if component.lit() >= smallest {
            large.add(&component);
        }
    }
    large.add(&largest);
    large
}

/// Step 5 along one axis: the first counted cell and the one behind the last.
fn extent(counts: &[usize; SIDE]) -> Option<(usize, usize)> {
    let most = counts.iter().copied().max().unwrap_or(0);
    let enough = |&count: &usize| count > 0 && count * 10 >= most * TRIM;
    Some((counts.iter().position(enough)?, counts.iter().rposition(enough)? + 1))
}

/// Adds every line of `lines` to `sums`.
#[inline(always)]
fn add_lines(sums: &mut [u16], lines: &[u8]) {
    for line in lines.chunks_exact(sums.len()) {
        for (sum, &sample) in sums.iter_mut().zip(line) {
            *sum += u16::from(sample);
        }
    }
}

/// Sum of the [`LUMA_UNIT`]-fold grey levels behind interleaved sample sums.
fn weighted_sum(format: PixelFormat, samples: &[u16]) -> u64 {
    match format {
        PixelFormat::Grey8 => LUMA_UNIT * samples.iter().map(|&sum| u64::from(sum)).sum::<u64>(),
        PixelFormat::Rgb8 => {
            let mut sums = [0_u64; 3];
            for pixel in samples.as_chunks::<3>().0 {
                for (sum, &sample) in sums.iter_mut().zip(pixel) {
                    *sum += u64::from(sample);
                }
            }
            sums.iter().zip(LUMA).map(|(&sum, weight)| sum * u64::from(weight)).sum()
        }
    }
}
