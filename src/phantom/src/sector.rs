//! The fan on the screen: where it lies in the picture and how its polar grid meets the pixels.

use crate::error::PhantomError;
use crate::rng::Rng;

/// Smallest and largest edge of a picture.
pub(crate) const EDGES: (u32, u32) = (32, 2048);

/// A sector in millimetres (x to the right, y down, origin at the middle of the probe's face) and in pixels.
#[derive(Debug, Clone)]
pub(crate) struct Sector {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Half of the opening angle in radians.
    pub(crate) half_angle: f32,
    /// Width of the point-spread function in angle in relation to a phased array's: a curved array's is larger.
    pub(crate) focus: f32,
    /// Distance from the beams' common origin to the probe's face in mm.
    pub(crate) face: f32,
    /// Depth of the last sample below the face in mm.
    pub(crate) depth: f32,
    /// Pixel of the middle of the face.
    pub(crate) origin: [f32; 2],
    /// Pixels per mm along rows and down columns.
    pub(crate) scale: [f32; 2],
}

/// Four polar samples and their weights for one pixel inside the fan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tap {
    pub(crate) pixel: u32,
    pub(crate) sample: u32,
    pub(crate) across: f32,
    pub(crate) along: f32,
}

impl Sector {
    fn check((width, height): (u32, u32)) -> Result<(), PhantomError> {
        let (min, max) = EDGES;
        if width < min || height < min || width > max || height > max {
            return Err(PhantomError::Size { width, height, min, max });
        }
        Ok(())
    }

    /// The fan of a curved array, zoomed to a body of half size `reach` at `middle`; the picture usually cuts the fan.
    ///
    /// The polar grid covers only the angles and depths that the picture shows.
    pub(crate) fn curved(size: (u32, u32), middle: [f32; 2], reach: f32, rng: &mut Rng) -> Result<Self, PhantomError> {
        Self::check(size)?;
        let (w, h) = (size.0 as f32, size.1 as f32);
        let fill = if reach < 25.0 { rng.range(0.2, 0.6) } else { rng.range(0.5, 0.92) };
        let pixels = fill * h.min(w) / (2.0 * reach);
        let stretch = if rng.chance(0.5) { 1.0 } else { rng.range(0.9, 1.1) };
        let scale = [pixels * stretch, pixels];
        let spare = 0.5 * (1.0 - fill);
        let centre = [w * (0.5 + spare * rng.range(-0.6, 0.6)), h * (0.5 + spare * rng.range(-0.7, 0.7))];
        let origin = [centre[0] - middle[0] * scale[0], centre[1] - middle[1] * scale[1]];
        let face = rng.range(35.0, 65.0);
        let opening = rng.range(30.0f32, 42.0).to_radians();
        let mut sector =
            Self { width: size.0, height: size.1, half_angle: opening, focus: 0.4, face, depth: 400.0, origin, scale };
        let (mut widest, mut deepest) = (0.1f32, 20.0f32);
        for step in 0..=16 {
            let t = step as f32 / 16.0;
            for corner in [[t * w, 0.0], [t * w, h], [0.0, t * h], [w, t * h]] {
                let at = [(corner[0] - origin[0]) / scale[0], (corner[1] - origin[1]) / scale[1]];
                let (angle, depth) = sector.polar(at);
                if depth > 0.0 {
                    widest = widest.max(angle.abs());
                    if angle.abs() <= opening {
                        deepest = deepest.max(depth);
                    }
                }
            }
        }
        sector.half_angle = opening.min(widest);
        // Sometimes the lower arc shows.
        sector.depth = deepest * if rng.chance(0.25) { rng.range(0.85, 1.0) } else { 1.0 };
        sector.depth = sector.depth.max(middle[1] + 0.8 * reach);
        Ok(sector)
    }

    /// The fan of a phased array of `depth` mm: usually wholly visible with margins, sometimes cut.
    pub(crate) fn phased(size: (u32, u32), depth: f32, half_angle: f32, rng: &mut Rng) -> Result<Self, PhantomError> {
        Self::check(size)?;
        let (width, height) = size;
        let face = if rng.chance(0.55) { rng.range(0.0, 2.0) } else { rng.range(4.0, 18.0) };
        let (w, h) = (width as f32, height as f32);
        // Share of the height taken by the depth; above one the fan is cut by the lower border.
        let fill = if rng.chance(0.15) { rng.range(0.98, 1.15) } else { rng.range(0.52, 0.98) };
        let mut pixels = fill * h / depth;
        let reach = 2.0 * (face + depth) * half_angle.sin();
        // A fan wider than the picture is rare; some software crops it so.
        let widest = w * if rng.chance(0.12) { rng.range(1.0, 1.3) } else { rng.range(0.8, 1.0) };
        pixels = pixels.min(widest / reach);
        let stretch = if rng.chance(0.5) { 1.0 } else { rng.range(0.88, 1.14) };
        let scale = [pixels * stretch.min(widest / (reach * pixels)).max(0.5), pixels];
        let spare = (h - depth * scale[1]).max(0.0);
        let top = if spare > 0.0 { spare * rng.range(0.05, 0.75) } else { rng.range(-0.01, 0.02) * h };
        let slack = (w - reach * scale[0]).max(0.0) * 0.5;
        let x = 0.5 * w + rng.range(-0.8, 0.8) * slack.min(0.16 * w);
        Ok(Self { width, height, half_angle, focus: 1.0, face, depth, origin: [x, top], scale })
    }

    /// Millimetre position of a pixel's centre.
    pub(crate) fn position(&self, column: u32, row: u32) -> [f32; 2] {
        [(column as f32 + 0.5 - self.origin[0]) / self.scale[0], (row as f32 + 0.5 - self.origin[1]) / self.scale[1]]
    }

    /// Angle from the middle beam (positive to the right) and depth below the face.
    pub(crate) fn polar(&self, position: [f32; 2]) -> (f32, f32) {
        let y = position[1] + self.face;
        (position[0].atan2(y), (position[0] * position[0] + y * y).sqrt() - self.face)
    }

    /// The table of scan conversion: bilinear taps of every pixel inside the fan on a grid of `lines` x `samples`.
    pub(crate) fn taps(&self, lines: usize, samples: usize) -> Vec<Tap> {
        let mut taps = Vec::new();
        for row in 0..self.height {
            for column in 0..self.width {
                let (angle, depth) = self.polar(self.position(column, row));
                if angle.abs() > self.half_angle || !(0.0..=self.depth).contains(&depth) {
                    continue;
                }
                let line = (angle / self.half_angle + 1.0) * 0.5 * (lines - 1) as f32;
                let sample = depth / self.depth * (samples - 1) as f32;
                let (l, s) = ((line as usize).min(lines - 2), (sample as usize).min(samples - 2));
                taps.push(Tap {
                    pixel: row * self.width + column,
                    sample: (l * samples + s) as u32,
                    across: line - l as f32,
                    along: sample - s as f32,
                });
            }
        }
        taps
    }
}
