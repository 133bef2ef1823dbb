//! What a screen shows beside the echo: text, depth scale, grey bar, trace, tool bars. A net must learn to ignore it.

use crate::rng::Rng;
use crate::sector::Sector;

/// Pixels to paint over the picture, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Furniture {
    marks: Vec<(u32, u8)>,
}

/// The segments of seven-segment-like glyphs that read as text at a glance: from and to in a 4x6 cell.
const SEGMENTS: [[i32; 4]; 9] = [
    [0, 0, 3, 0],
    [0, 3, 3, 3],
    [0, 6, 3, 6],
    [0, 0, 0, 3],
    [0, 3, 0, 6],
    [3, 0, 3, 3],
    [3, 3, 3, 6],
    [0, 6, 3, 0],
    [0, 0, 3, 6],
];

struct Canvas<'a> {
    width: i32,
    height: i32,
    marks: &'a mut Vec<(u32, u8)>,
}

impl Canvas<'_> {
    fn dot(&mut self, x: i32, y: i32, grey: u8) {
        if (0..self.width).contains(&x) && (0..self.height).contains(&y) {
            self.marks.push(((y * self.width + x) as u32, grey));
        }
    }

    fn bar(&mut self, x: i32, y: i32, width: i32, height: i32, grey: u8) {
        for row in y.max(0)..(y + height).min(self.height) {
            for column in x.max(0)..(x + width).min(self.width) {
                self.dot(column, row, grey);
            }
        }
    }

    fn line(&mut self, from: [f32; 2], to: [f32; 2], grey: u8) {
        let steps = ((to[0] - from[0]).abs().max((to[1] - from[1]).abs()).ceil() as i32).clamp(1, 4096);
        for k in 0..=steps {
            let t = k as f32 / steps as f32;
            let x = from[0] + (to[0] - from[0]) * t;
            let y = from[1] + (to[1] - from[1]) * t;
            self.dot(x.round() as i32, y.round() as i32, grey);
        }
    }

    fn text(&mut self, x: i32, y: i32, letters: u32, size: f32, grey: u8, rng: &mut Rng) {
        for letter in 0..letters {
            if rng.chance(0.12) {
                continue;
            }
            let left = x as f32 + letter as f32 * 5.4 * size;
            for [a, b, c, d] in SEGMENTS {
                if rng.chance(0.5) {
                    let at = |p: i32, q: i32| [left + p as f32 * size, y as f32 + q as f32 * size];
                    self.line(at(a, b), at(c, d), grey);
                }
            }
        }
    }
}

impl Furniture {
    /// Nothing at all, as in cropped pictures.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// A random choice of screen elements for this sector.
    pub(crate) fn random(sector: &Sector, trace: bool, rng: &mut Rng) -> Self {
        let mut marks = Vec::new();
        let (w, h) = (sector.width as i32, sector.height as i32);
        let size = (h as f32 / 240.0 * rng.range(0.7, 1.4)).max(0.6);
        let mut canvas = Canvas { width: w, height: h, marks: &mut marks };
        let ink = rng.range(70.0, 250.0) as u8;
        if rng.chance(0.3) {
            let panel = rng.range(18.0, 70.0) as u8;
            let thick = (h as f32 * rng.range(0.05, 0.11)) as i32;
            for place in 0..4 {
                if rng.chance(0.55) {
                    let side = (w as f32 * rng.range(0.04, 0.07)) as i32;
                    match place {
                        0 => canvas.bar(0, 0, w, thick, panel),
                        1 => canvas.bar(0, h - thick, w, thick, panel),
                        2 => (0..5).for_each(|k| canvas.bar(0, h / 8 + k * h / 7, side, h / 9, panel)),
                        _ => (0..5).for_each(|k| canvas.bar(w - side, h / 6 + k * h / 7, side, h / 9, panel)),
                    }
                    for k in 0..rng.int(2, 8) as i32 {
                        let (x, y) = match place {
                            0 => (k * w / 8 + 3, thick / 4),
                            1 => (k * w / 8 + 3, h - thick + thick / 4),
                            2 => (2, h / 8 + k * h / 7 + 3),
                            _ => (w - side + 2, h / 6 + k * h / 7 + 3),
                        };
                        canvas.text(x, y, rng.int(2, 5), size * 0.6, ink, rng);
                    }
                }
            }
        }
        for _ in 0..rng.int(0, 7) {
            let left = rng.chance(0.55);
            let x = if left { w / 40 } else { w - w / 8 };
            let y = (h as f32 * rng.range(0.02, 0.95)) as i32;
            canvas.text(x, y, rng.int(2, 10), size, ink, rng);
        }
        if rng.chance(0.7) {
            // Depth ticks, every 10 mm, longer every 50 mm.
            let x = if rng.chance(0.8) { w as f32 * rng.range(0.88, 0.97) } else { w as f32 * rng.range(0.02, 0.1) };
            let dots = rng.chance(0.5);
            for k in 0..=(sector.depth / 10.0) as i32 {
                let y = sector.origin[1] + k as f32 * 10.0 * sector.scale[1];
                let long = if k % 5 == 0 { 5.0 } else { 2.0 } * size;
                canvas.line([x, y], [x + if dots { 0.0 } else { long }, y], ink);
                if k % 5 == 0 && rng.chance(0.6) {
                    canvas.text((x - 12.0 * size) as i32, y as i32 - 2, 2, size * 0.7, ink, rng);
                }
            }
        }
        if rng.chance(0.35) {
            let (x, y) = ((w as f32 * rng.range(0.02, 0.2)) as i32, (h as f32 * rng.range(0.08, 0.25)) as i32);
            let tall = (h as f32 * rng.range(0.2, 0.4)) as i32;
            for k in 0..tall {
                canvas.bar(x, y + k, (4.0 * size) as i32 + 1, 1, (255 - 255 * k / tall.max(1)) as u8);
            }
        }
        if trace && rng.chance(0.4) {
            let y = h as f32 * rng.range(0.82, 0.96);
            let beat = w as f32 * rng.range(0.12, 0.3);
            let tall = h as f32 * rng.range(0.03, 0.08);
            let start = w as f32 * rng.range(0.0, 0.25);
            let mut last = [start, y];
            for k in 0..(w as f32 * 0.6) as i32 {
                let t = (k as f32 / beat).fract();
                let wave = (-((t - 0.3) / 0.02).powi(2)).exp()
                    + 0.25 * (-((t - 0.55) / 0.06).powi(2)).exp()
                    + 0.12 * (-((t - 0.15) / 0.04).powi(2)).exp()
                    + 0.03 * rng.normal();
                let next = [start + k as f32, y - tall * wave];
                canvas.line(last, next, ink);
                last = next;
            }
        }
        if rng.chance(0.5) {
            // The maker's mark beside the probe.
            let side = if rng.chance(0.7) { 1.0 } else { -1.0 };
            let (x, y) = (sector.origin[0] + side * w as f32 * rng.range(0.02, 0.06), sector.origin[1] - 1.0);
            let r = (2.0 * size) as i32;
            canvas.bar(x as i32 - r / 2, y as i32 - r / 2, r, r, ink);
        }
        Self { marks }
    }

    /// Paints the marks.
    pub(crate) fn paint(&self, pixels: &mut [u8]) {
        for &(pixel, grey) in &self.marks {
            if let Some(slot) = pixels.get_mut(pixel as usize) {
                *slot = grey;
            }
        }
    }
}
