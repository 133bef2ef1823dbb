//! Where the pixels of a scan-converted picture lie, and which samples of the scan lie there.

use ushydra_wire::{Scan, Shape};

/// Most pixels on a side. Bounds the table of the conversion to 8 MiB.
pub(super) const MAX_SIDE: u32 = 1024;
/// Pixel centres up to this part of a sample or of a line outside of the fan count as on its edge: they are there by rounding.
const EDGE: f64 = 1e-3;

/// The pixels of the picture: square, `step` mm apart. Row 0 holds the least depth of the fan; columns lie symmetrically to the
/// middle of the fan's width. Coordinates are in mm, x to the right, y into depth; for sectors from the apex, for linear
/// arrays from the middle of the array's face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grid {
    pub(super) columns: u32,
    pub(super) rows: u32,
    pub(super) step: f64,
    /// x of column 0.
    left: f64,
    /// y of row 0.
    top: f64,
}

/// A scan with its numbers of samples and lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fan {
    scan: Scan,
    samples: u16,
    lines: u16,
}

/// Place among the samples: `line` from 0 to lines - 1, `sample` from 0 to samples - 1, with fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) line: f64,
    pub(super) sample: f64,
}

impl Fan {
    /// `scan` passed [`Scan::check`]; `samples` and `lines` are at least 1.
    pub(super) const fn new(scan: Scan, samples: u16, lines: u16) -> Self {
        Self { scan, samples, lines }
    }

    /// The grid of the picture. The pixel size is the distance of samples in depth,
    ///
    /// ```text
    /// step = (end - start) / (samples - 1)
    /// ```
    ///
    /// or, where that would give more than [`MAX_SIDE`] pixels on a side, the least size that does not.
    pub(super) fn grid(&self) -> Grid {
        let [left, right, top, bottom] = self.extent();
        let depth = f64::from(self.scan.end_mm) - f64::from(self.scan.start_mm);
        let natural = depth / f64::from(self.samples.saturating_sub(1).max(1));
        let most = f64::from(MAX_SIDE - 1);
        let step = natural.max((right - left) / most).max((bottom - top) / most);
        let count = |length: f64| ((length / step + EDGE) as u32 + 1).min(MAX_SIDE);
        let (columns, rows) = (count(right - left), count(bottom - top));
        let left = 0.5 * (left + right) - 0.5 * f64::from(columns - 1) * step;
        Grid { columns, rows, step, left, top }
    }

    /// `[left, right, top, bottom]` of the fan in mm. With a the angle from the axis and r the distance from the apex, a sample
    /// lies at x = r sin a, y = r cos a. |a| <= pi/2, where the sine grows, so that the extremes of x are at corners of
    /// the fan; the greatest y is on the axis if the fan holds it.
    fn extent(&self) -> [f64; 4] {
        let (start, end) = (f64::from(self.scan.start_mm), f64::from(self.scan.end_mm));
        match self.scan.shape {
            Shape::Sector { first_rad, last_rad, radius_mm } => {
                let (first, last) = (f64::from(first_rad), f64::from(last_rad));
                let (near, far) = (f64::from(radius_mm) + start, f64::from(radius_mm) + end);
                let left = (near * first.sin()).min(far * first.sin());
                let right = (near * last.sin()).max(far * last.sin());
                let highest = if first <= 0.0 && last >= 0.0 { 1.0 } else { first.cos().max(last.cos()) };
                [left, right, near * first.cos().min(last.cos()), far * highest]
            }
            Shape::Linear { aperture_mm } => {
                let half = 0.5 * f64::from(aperture_mm);
                [-half, half, start, end]
            }
        }
    }

    /// The place of the point (x, y); none outside of the fan.
    ///
    /// ```text
    /// sector:  line   = (atan2(x, y) - first) / (last - first) * (lines - 1)
    ///          sample = (sqrt(x^2 + y^2) - radius - start) / (end - start) * (samples - 1)
    /// linear:  line   = (x / aperture + 1/2) * (lines - 1)
    ///          sample = (y - start) / (end - start) * (samples - 1)
    /// ```
    fn place(&self, x: f64, y: f64) -> Option<Place> {
        let (start, end) = (f64::from(self.scan.start_mm), f64::from(self.scan.end_mm));
        let (across, depth) = match self.scan.shape {
            Shape::Sector { first_rad, last_rad, radius_mm } => {
                let (first, last) = (f64::from(first_rad), f64::from(last_rad));
                ((x.atan2(y) - first) / (last - first), x.hypot(y) - f64::from(radius_mm))
            }
            Shape::Linear { aperture_mm } => (x / f64::from(aperture_mm) + 0.5, y),
        };
        let on_edge = |share: f64, count: u16| {
            let most = f64::from(count - 1);
            let slack = EDGE / most.max(1.0);
            (-slack..=1.0 + slack).contains(&share).then(|| (share * most).clamp(0.0, most))
        };
        let line = on_edge(across, self.lines)?;
        let sample = on_edge((depth - start) / (end - start), self.samples)?;
        Some(Place { line, sample })
    }

    /// The place of the centre of a pixel; none outside of the fan.
    pub(super) fn at(&self, grid: &Grid, column: u32, row: u32) -> Option<Place> {
        let (x, y) = grid.centre(column, row);
        self.place(x, y)
    }
}

impl Grid {
    /// Coordinates of the centre of a pixel in mm.
    pub(super) fn centre(&self, column: u32, row: u32) -> (f64, f64) {
        (self.left + f64::from(column) * self.step, self.top + f64::from(row) * self.step)
    }
}

#[cfg(test)]
#[path = "scan_grid_tests.rs"]
mod tests;
