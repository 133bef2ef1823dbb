//! Where label, banner, quality and footer go on the picture.

use image::RgbImage;
use ushydra_bundle::Rect;
use ushydra_core::Verdict;

use super::canvas::{self, Colour, Typeface};
use crate::pipeline::{FrameResult, Identity};

/// Text size as a fraction of the picture's width, and its limits in pixels.
const TEXT_PER_WIDTH: f32 = 1.0 / 26.0;
const TEXT_LIMITS: (f32, f32) = (12.0, 44.0);
/// The answer is this much larger than the rest.
const HEADLINE: f32 = 1.4;
/// Padding as a fraction of the text size.
const PADDING: f32 = 0.35;
/// Opacity of the panels under the text: the tissue below stays visible.
const PANEL_OPACITY: f32 = 0.6;
const BANNER_OPACITY: f32 = 0.85;
/// Width of the box around the judged part, in text sizes.
const BOX_THICKNESS: f32 = 0.12;

const BLACK: Colour = [0, 0, 0];
const WHITE: Colour = [255, 255, 255];
const GREY: Colour = [200, 200, 200];
const GREEN: Colour = [120, 240, 140];
const CYAN: Colour = [0, 200, 220];
const RED: Colour = [190, 20, 30];
const AMBER: Colour = [170, 100, 0];

/// Last line of every overlay.
const DISCLAIMER: &str = "not a medical device";

/// Draws `result` into `picture`; `scale` maps pixels of the source frame to pixels of the picture.
pub(super) fn draw(picture: &mut RgbImage, face: &Typeface, scale: u32, identity: &Identity, result: &FrameResult) {
    let (width, height) = picture.dimensions();
    let size = (width as f32 * TEXT_PER_WIDTH).clamp(TEXT_LIMITS.0, TEXT_LIMITS.1);
    let padding = (size * PADDING).round() as u32;
    let room = width.saturating_sub(2 * padding);

    let crop = Rect {
        x: result.crop.x * scale,
        y: result.crop.y * scale,
        width: result.crop.width * scale,
        height: result.crop.height * scale,
    };
    canvas::outline(picture, crop, (size * BOX_THICKNESS).round().max(1.0) as u32, CYAN);

    let banner = match result.verdict {
        Verdict::Show => None,
        Verdict::OutOfDomain => Some(("OUTSIDE THE KNOWN DOMAINS", RED)),
        Verdict::Unsure => Some(("UNSURE", AMBER)),
        Verdict::Stale => Some(("STALE", RED)),
    };
    let mut top = 0;
    let mut line = |picture: &mut RgbImage, text: &str, size: f32, colour: Colour, panel: Colour, opacity: f32| {
        let size = face.fitting(text, size, room);
        let tall = face.line_height(size) + padding;
        canvas::fill(picture, Rect { x: 0, y: top, width, height: tall }, panel, opacity);
        canvas::text(picture, face, (padding, top + padding / 2), size, colour, text);
        top += tall;
    };
    match banner {
        Some((text, colour)) => line(picture, text, size * HEADLINE, WHITE, colour, BANNER_OPACITY),
        None => {
            let percent = f64::from(result.class.probability()) * 100.0;
            let text = format!("{}  {percent:.0} %", identity.label(result.class.label));
            line(picture, &text, size * HEADLINE, GREEN, BLACK, PANEL_OPACITY);
        }
    }
    let margin = match result.decision.margin {
        margin if margin.is_finite() => format!(" · margin {margin:.2}"),
        _ => String::new(),
    };
    // Outside the known domains the quality is only the least different one.
    let nearest = if result.decision.in_domain { "" } else { "nearest " };
    let quality = format!("{nearest}quality {}{margin}", identity.domain(result.decoder));
    line(picture, &quality, size, WHITE, BLACK, PANEL_OPACITY);

    let footer = format!("USHydra {} · {DISCLAIMER}", identity.bundle);
    let size = face.fitting(&footer, size, room);
    let tall = face.line_height(size) + padding;
    let y = height.saturating_sub(tall);
    canvas::fill(picture, Rect { x: 0, y, width, height: tall }, BLACK, PANEL_OPACITY);
    canvas::text(picture, face, (padding, y + padding / 2), size, GREY, &footer);
}
