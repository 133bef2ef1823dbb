//! Scan lines to a picture with square pixels.

use ushydra_core::PixelFormat;
use ushydra_wire::Scan;

use super::scan_grid::{Fan, Grid, Place};
use crate::error::Fault;
use crate::frame::Frame;

/// Weights are in 1/256: 8-bit samples do not show finer ones.
const ONE: u16 = 256;

/// Converts scans; keeps the table of the last geometry.
#[derive(Debug, Default)]
pub(super) struct ScanConversion {
    table: Option<Table>,
}

/// Geometry of a scan and what was computed for it.
#[derive(Debug)]
struct Table {
    scan: Scan,
    samples: u16,
    lines: u16,
    grid: Grid,
    /// Pixels in a row within the fan: index of the first one, number. In the order of the picture.
    runs: Vec<(u32, u32)>,
    /// The pixels of all runs.
    entries: Vec<Entry>,
}

/// Where a pixel takes its value from.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Index of the upper sample of the left line.
    index: u32,
    /// Weight of the right line.
    across: u16,
    /// Weight of the lower sample.
    down: u16,
}

impl ScanConversion {
    /// Fills `frame` from `lines` lines of `samples` samples each, bilinear in (line, depth):
    ///
    /// ```text
    /// picture = (1 - v) ((1 - u) s[line][n] + u s[line][n + 1]) + v ((1 - u) s[line + 1][n] + u s[line + 1][n + 1])
    /// ```
    ///
    /// with the fractions u of the sample and v of the line in 1/256, the sum rounded to nearest. Outside of the fan the
    /// picture is black. The table is made anew only where `scan`, `samples` or `lines` differ from the last call.
    pub(super) fn convert(
        &mut self,
        scan: &Scan,
        samples: u16,
        lines: u16,
        values: &[u8],
        frame: &mut Frame,
    ) -> Result<(), Fault> {
        if values.len() != usize::from(samples) * usize::from(lines) || values.is_empty() {
            let detail = format!("{} samples came where {lines} lines of {samples} were announced", values.len());
            return Err(Fault::LivePicture { format: "scan line", detail });
        }
        let same = |table: &Table| table.scan == *scan && table.samples == samples && table.lines == lines;
        let table = match self.table.take().filter(same) {
            Some(table) => table,
            None => Table::new(*scan, samples, lines),
        };
        let table = self.table.insert(table);
        let out = frame.shape(table.grid.columns, table.grid.rows, PixelFormat::Grey8)?;
        table.fill(values, out);
        let step = table.grid.step as f32;
        frame.spacing_mm = Some([step, step]);
        Ok(())
    }
}

impl Table {
    fn new(scan: Scan, samples: u16, lines: u16) -> Self {
        let fan = Fan::new(scan, samples, lines);
        let grid = fan.grid();
        let mut runs: Vec<(u32, u32)> = Vec::new();
        let mut entries = Vec::with_capacity((grid.columns * grid.rows) as usize);
        for row in 0..grid.rows {
            let mut inside = false;
            for column in 0..grid.columns {
                let Some(place) = fan.at(&grid, column, row) else {
                    inside = false;
                    continue;
                };
                match runs.last_mut() {
                    Some((_, count)) if inside => *count += 1,
                    _ => runs.push((row * grid.columns + column, 1)),
                }
                inside = true;
                entries.push(Entry::new(place, samples, lines));
            }
        }
        Self { scan, samples, lines, grid, runs, entries }
    }

    fn fill(&self, values: &[u8], out: &mut [u8]) {
        // A scan of one line, or of one sample per line, has no neighbour on that side: its own value takes the place.
        let right = if self.lines > 1 { usize::from(self.samples) } else { 0 };
        let below = usize::from(self.samples > 1);
        let mut entries = self.entries.as_slice();
        let mut black = 0;
        for (first, count) in &self.runs {
            let (first, count) = (*first as usize, *count as usize);
            out[black..first].fill(0);
            black = first + count;
            let (run, rest) = entries.split_at(count);
            entries = rest;
            for (pixel, entry) in out[first..black].iter_mut().zip(run) {
                let at = entry.index as usize;
                *pixel = entry.mix([values[at], values[at + below], values[at + right], values[at + right + below]]);
            }
        }
        out[black..].fill(0);
    }
}

impl Entry {
    fn new(place: Place, samples: u16, lines: u16) -> Self {
        // The last sample is reached from the one before it, with its full weight.
        let split = |at: f64, count: u16| {
            let whole = (at as u32).min(u32::from(count).saturating_sub(2));
            (whole, ((at - f64::from(whole)) * f64::from(ONE)).round() as u16)
        };
        let (line, across) = split(place.line, lines);
        let (sample, down) = split(place.sample, samples);
        Self { index: line * u32::from(samples) + sample, across, down }
    }

    /// `corners`: upper left, lower left, upper right, lower right.
    fn mix(self, corners: [u8; 4]) -> u8 {
        let [a, b, c, d] = corners.map(u32::from);
        let (across, down) = (u32::from(self.across), u32::from(self.down));
        let one = u32::from(ONE);
        let left = a * (one - down) + b * down;
        let right = c * (one - down) + d * down;
        ((left * (one - across) + right * across + one * one / 2) / (one * one)) as u8
    }
}

#[cfg(test)]
#[path = "scan_conversion_tests.rs"]
mod tests;
