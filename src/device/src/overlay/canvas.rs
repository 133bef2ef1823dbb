//! Boxes, lines and antialiased text on an RGB picture.

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};
use image::RgbImage;
use ushydra_bundle::Rect;

use crate::failure::Failure;

/// Roboto Medium, Latin-1 subset, Apache-2.0 (licence beside the file).
static FONT: &[u8] = include_bytes!("font/Roboto-Medium-subset.ttf");

/// A colour, 0 to 255 per channel.
pub(crate) type Colour = [u8; 3];

/// The font that is built into the program.
#[derive(Debug)]
pub(crate) struct Typeface(FontRef<'static>);

impl Typeface {
    /// # Errors
    /// [`Failure::Internal`] where the built-in font is damaged.
    pub(crate) fn load() -> Result<Self, Failure> {
        FontRef::try_from_slice(FONT).map(Self).map_err(|e| Failure::Internal(format!("built-in font: {e}")))
    }

    /// Height of a line of `size` pixels.
    pub(crate) fn line_height(&self, size: f32) -> u32 {
        self.0.as_scaled(PxScale::from(size)).height().ceil() as u32
    }

    /// Width of `text` in pixels.
    pub(crate) fn width(&self, text: &str, size: f32) -> u32 {
        let mut end = 0.0;
        self.layout(text, size, |_, right| end = right);
        end.ceil() as u32
    }

    /// The largest size up to `size` at which `text` is at most `width` pixels wide.
    pub(crate) fn fitting(&self, text: &str, size: f32, width: u32) -> f32 {
        let natural = self.width(text, size).max(1);
        if natural <= width { size } else { size * width as f32 / natural as f32 }
    }

    /// Places every glyph on a base line at the origin; `place` gets the glyph and the pen position after it.
    fn layout(&self, text: &str, size: f32, mut place: impl FnMut(Glyph, f32)) {
        let scale = PxScale::from(size);
        let font = self.0.as_scaled(scale);
        let mut pen = 0.0;
        let mut previous = None;
        for character in text.chars() {
            let id = self.0.glyph_id(character);
            if let Some(previous) = previous {
                pen += font.kern(previous, id);
            }
            let glyph = id.with_scale_and_position(scale, point(pen, 0.0));
            pen += font.h_advance(id);
            previous = Some(id);
            place(glyph, pen);
        }
    }
}

/// Mixes `colour` into the pixel; nothing happens outside the picture.
fn blend(picture: &mut RgbImage, x: i64, y: i64, colour: Colour, opacity: f32) {
    let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
    if let Some(pixel) = picture.get_pixel_mut_checked(x, y) {
        for (old, new) in pixel.0.iter_mut().zip(colour) {
            *old = (f32::from(*old) * (1.0 - opacity) + f32::from(new) * opacity).round() as u8;
        }
    }
}

/// Fills `area` with `colour` at `opacity` (0 to 1).
pub(crate) fn fill(picture: &mut RgbImage, area: Rect, colour: Colour, opacity: f32) {
    let right = area.x.saturating_add(area.width).min(picture.width());
    let bottom = area.y.saturating_add(area.height).min(picture.height());
    for y in area.y..bottom {
        for x in area.x..right {
            blend(picture, i64::from(x), i64::from(y), colour, opacity);
        }
    }
}

/// Draws the border of `area`, `thickness` pixels wide, inwards.
pub(crate) fn outline(picture: &mut RgbImage, area: Rect, thickness: u32, colour: Colour) {
    let Rect { x, y, width, height } = area;
    let (top, left) = (thickness.min(height), thickness.min(width));
    let (bottom, right) = (thickness.min(height - top), thickness.min(width - left));
    let inner = height - top - bottom;
    for edge in [
        Rect { x, y, width, height: top },
        Rect { x, y: y + height - bottom, width, height: bottom },
        Rect { x, y: y + top, width: left, height: inner },
        Rect { x: x + width - right, y: y + top, width: right, height: inner },
    ] {
        fill(picture, edge, colour, 1.0);
    }
}

/// Draws a straight line of `thickness` pixels between two points; what lies outside the picture is left out.
pub(crate) fn line(picture: &mut RgbImage, from: [f64; 2], to: [f64; 2], thickness: u32, colour: Colour) {
    /// Longest line in steps, beyond every picture that is read.
    const MAX_STEPS: f64 = 1e6;
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let steps = dx.abs().max(dy.abs()).ceil().max(1.0);
    if !(dx + dy).is_finite() || steps > MAX_STEPS {
        return;
    }
    let before = f64::from(thickness.saturating_sub(1)) / 2.0;
    for step in 0..=steps as u32 {
        let part = f64::from(step) / steps;
        let corner = |start: f64, way: f64| (start + way * part - before).floor() as i64;
        let (left, top) = (corner(from[0], dx), corner(from[1], dy));
        for y in top..top + i64::from(thickness) {
            for x in left..left + i64::from(thickness) {
                blend(picture, x, y, colour, 1.0);
            }
        }
    }
}

/// Writes `text` with its upper left corner at `(x, y)`.
pub(crate) fn text(picture: &mut RgbImage, face: &Typeface, at: (u32, u32), size: f32, colour: Colour, text: &str) {
    let ascent = face.0.as_scaled(PxScale::from(size)).ascent();
    let (left, top) = (i64::from(at.0), i64::from(at.1));
    face.layout(text, size, |mut glyph, _| {
        glyph.position.y += ascent;
        let Some(outline) = face.0.outline_glyph(glyph) else { return };
        let bounds = outline.px_bounds();
        let (x0, y0) = (left + bounds.min.x as i64, top + bounds.min.y as i64);
        outline.draw(|x, y, coverage| {
            blend(picture, x0 + i64::from(x), y0 + i64::from(y), colour, coverage.clamp(0.0, 1.0));
        });
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn drawing_stays_inside_and_draws_something() {
        let face = Typeface::load().unwrap();
        let mut picture = RgbImage::new(60, 20);
        text(&mut picture, &face, (50, 10), 18.0, [255; 3], "Wüstenfuchs 97 %");
        assert!(picture.pixels().any(|p| p.0[0] > 200), "some pixel of the text is bright");
        fill(&mut picture, Rect { x: 55, y: 15, width: u32::MAX, height: u32::MAX }, [9, 8, 7], 1.0);
        assert_eq!(picture.get_pixel(59, 19).0, [9, 8, 7]);
        for (width, height) in [(0, 0), (1, 1), (2, 1), (60, 20), (5, 3)] {
            let mut picture = RgbImage::new(60, 20);
            outline(&mut picture, Rect { x: 0, y: 0, width, height }, 2, [1; 3]);
            let drawn = picture.pixels().filter(|p| p.0 == [1; 3]).count() as u32;
            let inside = width.saturating_sub(4) * height.saturating_sub(4);
            assert_eq!(drawn, width * height - inside, "{width}x{height}");
        }
    }

    #[test]
    fn lines_join_their_ends() {
        struct Case {
            from: [f64; 2],
            to: [f64; 2],
            pixels: usize,
        }
        let cases = [
            Case { from: [2.5, 3.5], to: [8.5, 3.5], pixels: 7 },
            Case { from: [5.5, 9.5], to: [5.5, 0.5], pixels: 10 },
            Case { from: [0.5, 0.5], to: [9.5, 9.5], pixels: 10 },
            Case { from: [-5.0, 4.5], to: [30.0, 4.5], pixels: 20 },
            Case { from: [4.5, 4.5], to: [4.5, 4.5], pixels: 1 },
            Case { from: [f64::NAN, 0.0], to: [5.0, 5.0], pixels: 0 },
            Case { from: [0.0, 0.0], to: [f64::INFINITY, 5.0], pixels: 0 },
        ];
        for case in cases {
            let mut picture = RgbImage::new(20, 10);
            line(&mut picture, case.from, case.to, 1, [1; 3]);
            let drawn = picture.pixels().filter(|p| p.0 == [1; 3]).count();
            assert_eq!(drawn, case.pixels, "{:?} to {:?}", case.from, case.to);
        }
    }

    #[test]
    fn every_character_of_our_texts_is_in_the_font() {
        let face = Typeface::load().unwrap();
        for character in (' '..='~').chain("äöüß·°–…²±".chars()).skip(1) {
            assert_ne!(face.0.glyph_id(character).0, 0, "{character} is missing");
        }
    }

    #[test]
    fn text_shrinks_to_the_width_given() {
        let face = Typeface::load().unwrap();
        let text = "OUTSIDE THE KNOWN DOMAINS";
        let size = face.fitting(text, 40.0, 120);
        assert!(size < 40.0 && face.width(text, size) <= 121);
        assert_eq!(face.fitting("hi", 12.0, 500), 12.0);
        assert!(face.line_height(20.0) >= 20);
    }
}
