//! The fan rule: which part of a scanner's screen is the ultrasound sector, also between grey panels of a user interface.
//!
//! Brightness does not tell a sector from a panel, texture does: speckle differs from pixel to pixel nearly everywhere,
//! while panels, bars and backgrounds are flat except where a letter or an edge crosses them.
//!
//! 1. The frame is divided into square cells of at least [`SMALLEST_CELL`] pixels, at most 64 along its longer side. The
//!    last pixel of a line and the last line belong to the cells before them.
//! 2. A sample is alive when it differs from the same channel of the pixel one to the right and one below, and one of the
//!    two reaches [`LIT`] grey levels. Flat panels of any level and black with faint compression noise are dead.
//! 3. A cell is strong when at least [`STRONG`] of its samples are alive, weak when at least [`WEAK`] are.
//! 4. Strong cells that no entirely strong 3x3 neighbourhood covers are dropped (morphological opening; cells beyond the
//!    frame count as strong), which cuts text, icons, traces and rulers off.
//! 5. The largest four-connected component of what is left is the sector's body; of equal ones, the upper, then the left.
//! 6. Shadows divide sectors: a further component is part of the body when it has at least a [`PART`]th of the largest
//!    one's cells and holds a block of 5x5 cells, which the bars of a user interface do not.
//! 7. Walls in a dark sector are thinner than the opening leaves: a component of strong cells as they were before it is part
//!    of the body when it lies within the body's columns, reaches over [`TALL`] rows or more, is at least as tall as it is
//!    wide, and does not touch the frame's upper edge. Lines of text are wide, and bars of a user interface start at the edge.
//! 8. The body grows by those of its eight neighbours that are weak or strong, then by those that are weak only. That brings
//!    back the sector's rim and tip, and does not reach for text beside them.
//! 9. Its convex hull, rounded outwards to whole cells, is the sector. A sector, be it a fan or a rectangle, is convex up to
//!    the arc next to the probe, so chambers, shadows and dark places between its parts belong to it.
//! 10. The rectangle around the hull is the crop. One of less than [`PLAUSIBLE`] of the frame is no sector: the whole frame
//!     is used, with nothing masked. Black and flat frames end here.
//! 11. Pixels outside the hull are masked (set to black).
//!
//! What it does not do: it keeps both of two views side by side, with what lies between them; it cannot know of a sector's
//! corner that is black up to its edge, so the crop follows the visible tissue; and it does not cut off text on the sector.
//!
//! The rule reads nothing but the frame, so the same frame gives the same crop in calibration and on the device. Its answer
//! comes in whole cells, which damps it while the tissue moves.

use ushydra_core::FrameView;
use ushydra_core::simd::vectorised;

use crate::cells::{Cells, SIDE};
use crate::geometry::Rect;

/// Version of the rule; part of the preprocessing fingerprint.
pub const RULE_VERSION: u32 = 2;
/// Least side of a cell in pixels: fewer samples than 16 make no share.
pub const SMALLEST_CELL: usize = 4;
/// Grey level that one of two different neighbours must reach.
pub const LIT: u8 = 4;
/// Least share of a strong cell's samples that are alive, in hundredths.
pub const STRONG: u64 = 50;
/// Least share of a weak cell's samples that are alive, in hundredths.
pub const WEAK: u64 = 25;
/// A further part of the sector has at least the largest component's cells divided by this.
pub const PART: usize = 20;
/// Least rows of cells that a part reaches over which is too thin for the opening.
pub const TALL: usize = 4;
/// Least share of the frame, in tenths.
pub const PLAUSIBLE: u64 = 1;
/// Lines whose alive samples are counted in 8 bits.
const LINES: usize = u8::MAX as usize;

/// The rule with its buffer, which is sized once per frame geometry, and its answer for the last frame.
#[derive(Clone, Debug)]
pub struct FanFinder {
    /// Alive samples of up to [`LINES`] lines, one per sample of a line but the last pixel's.
    alive: Vec<u8>,
    /// Pixels along a cell's side.
    side: usize,
    /// Cells across and down; the last ones take in the last pixels, which have no neighbour.
    columns: usize,
    rows: usize,
    found: Rect,
    /// Kept cells; none where nothing is masked.
    kept: Option<Cells>,
}

impl Default for FanFinder {
    fn default() -> Self {
        Self::new()
    }
}

impl FanFinder {
    /// An empty buffer.
    #[must_use]
    pub const fn new() -> Self {
        Self { alive: Vec::new(), side: 1, columns: 1, rows: 1, found: Rect::whole(1, 1), kept: None }
    }

    /// The sector's rectangle; [`Self::patches`] then tells which pixels of it are kept.
    pub fn find(&mut self, frame: FrameView<'_>) -> Rect {
        let whole = Rect::whole(frame.geometry().width, frame.geometry().height);
        self.found = whole;
        self.kept = None;
        let (strong, weak) = self.alive_cells(frame);
        let sector = with_thin_parts(body(&strong.opened()), &strong)
            .grown_into(&weak)
            .grown_into(&weak.without(&strong))
            .hull();
        if let Some((left, right, top, bottom)) = sector.bounds() {
            let found = self.pixels(left, right, top, bottom, whole);
            if found.area() * 10 >= whole.area() * PLAUSIBLE {
                self.found = found;
                self.kept = Some(sector);
            }
        }
        self.found
    }

    /// The kept pixels of the last frame as rectangles inside its crop, in source pixels: one per row of kept cells.
    pub fn patches(&self) -> impl Iterator<Item = Rect> + '_ {
        let whole = self.kept.is_none().then_some(self.found);
        let runs = self.kept.iter().flat_map(Cells::runs);
        whole.into_iter().chain(runs.map(|(row, first, end)| self.pixels(first, end, row, row + 1, self.found)))
    }

    /// Cells `left..right` and `top..bottom` in pixels, as far as they lie in `limit`.
    fn pixels(&self, left: usize, right: usize, top: usize, bottom: usize, limit: Rect) -> Rect {
        let clip = |pixel: usize, from: u32, length: u32| (pixel as u32).clamp(from, from + length);
        // The last cells reach to the frame's edge, which may lie one pixel beyond their side.
        let end = right * self.side + usize::from(right == self.columns);
        let below = bottom * self.side + usize::from(bottom == self.rows);
        let (x, y) = (clip(left * self.side, limit.x, limit.width), clip(top * self.side, limit.y, limit.height));
        let (end, below) = (clip(end, limit.x, limit.width), clip(below, limit.y, limit.height));
        Rect { x, y, width: end - x, height: below - y }
    }

    /// Steps 1 to 3: strong and weak cells.
    fn alive_cells(&mut self, frame: FrameView<'_>) -> (Cells, Cells) {
        let geometry = frame.geometry();
        let (width, height) = (geometry.width as usize, geometry.height as usize);
        let channels = geometry.format.channels();
        let length = width * channels;
        let (across, down) = (width - 1, height - 1);
        self.side = width.max(height).div_ceil(SIDE).max(SMALLEST_CELL);
        self.columns = across.div_ceil(self.side).max(1);
        self.rows = down.div_ceil(self.side).max(1);
        self.alive.resize(across * channels, 0);
        let mut strong = Cells::dark(self.columns, self.rows);
        let mut weak = strong;
        if across == 0 || down == 0 {
            return (strong, weak);
        }
        for row in 0..self.rows {
            let first = row * self.side;
            let tall = self.side.min(down - first);
            // One line more than the band, for its last line's neighbours.
            let lines = &frame.data()[first * length..][..(tall + 1) * length];
            let mut counts = [0_u64; SIDE];
            vectorised(
                #[inline(always)]
                || count_alive(lines, length, channels, &mut self.alive, self.side, &mut counts),
            );
            for (column, &count) in counts.iter().enumerate().take(self.columns) {
                let samples = (self.side.min(across - column * self.side) * tall * channels) as u64;
                if count * 100 >= STRONG * samples {
                    strong.light(row, column);
                }
                if count * 100 >= WEAK * samples {
                    weak.light(row, column);
                }
            }
        }
        (strong, weak)
    }
}

/// Steps 5 and 6.
fn body(cells: &Cells) -> Cells {
    let dark = cells.without(cells);
    let mut rest = *cells;
    let mut largest = dark;
    while let Some(component) = rest.first_component() {
        rest.remove(&component);
        if component.lit() > largest.lit() {
            largest = component;
        }
    }
    rest = cells.without(&largest);
    let mut body = largest;
    while let Some(component) = rest.first_component() {
        rest.remove(&component);
        if component.lit() * PART >= largest.lit() && component.thick() {
            body.add(&component);
        }
    }
    body
}

/// Step 7.
fn with_thin_parts(body: Cells, strong: &Cells) -> Cells {
    let Some((left, right, _, _)) = body.bounds() else { return body };
    let mut whole = body;
    let mut rest = strong.without(&body);
    while let Some(component) = rest.first_component() {
        rest.remove(&component);
        let wall = |(first, end, top, bottom): (usize, usize, usize, usize)| {
            first >= left && end <= right && top > 0 && bottom - top >= TALL.max(end - first)
        };
        if component.bounds().is_some_and(wall) {
            whole.add(&component);
        }
    }
    whole
}

/// Step 2 for a band of lines of `length` samples: adds to `counts` the alive samples of every cell of `side` pixels.
/// `alive` counts them per sample of a line.
#[inline(always)]
fn count_alive(lines: &[u8], length: usize, channels: usize, alive: &mut [u8], side: usize, counts: &mut [u64; SIDE]) {
    let last = lines.len() - length;
    for first in (0..last).step_by(LINES * length) {
        alive.fill(0);
        for at in (first..last.min(first + LINES * length)).step_by(length) {
            let here = &lines[at..][..alive.len()];
            let there = &lines[at + length + channels..][..alive.len()];
            for (count, (&here, &there)) in alive.iter_mut().zip(here.iter().zip(there)) {
                *count += u8::from(here != there) & u8::from(here.max(there) >= LIT);
            }
        }
        for (count, samples) in counts.iter_mut().zip(alive.chunks(side * channels)) {
            *count += samples.iter().map(|&alive| u64::from(alive)).sum::<u64>();
        }
    }
}
