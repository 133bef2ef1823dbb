//! Where outline, label, banner, measurements, quality and footer go on the picture.

use image::RgbImage;
use ushydra_bundle::Rect;
use ushydra_core::Verdict;

use super::canvas::{self, Colour, Typeface};
use super::shapes::{self, Stroke};
use crate::pipeline::{Answer, FrameResult, Identity, MaskResult, Measurements};
use crate::report;

/// Text size as a fraction of the picture's width, and its limits in pixels.
const TEXT_PER_WIDTH: f32 = 1.0 / 26.0;
const TEXT_LIMITS: (f32, f32) = (12.0, 44.0);
/// The answer is this much larger than the rest.
const HEADLINE: f32 = 1.4;
/// Measurements are this much smaller: there are several.
const MEASURED: f32 = 0.85;
/// Padding as a fraction of the text size.
const PADDING: f32 = 0.35;
/// Opacity of the panels under the text: the tissue below stays visible.
const PANEL_OPACITY: f32 = 0.6;
const BANNER_OPACITY: f32 = 0.85;
/// Width of the box around the judged part, in text sizes.
const BOX_THICKNESS: f32 = 0.12;
/// Width of a mask's outline and of its ellipse's axes, in text sizes.
const OUTLINE_THICKNESS: f32 = 0.14;
const AXIS_THICKNESS: f32 = 0.06;

const BLACK: Colour = [0, 0, 0];
const WHITE: Colour = [255, 255, 255];
const GREY: Colour = [200, 200, 200];
const GREEN: Colour = [120, 240, 140];
const CYAN: Colour = [0, 200, 220];
const RED: Colour = [190, 20, 30];
const YELLOW: Colour = [250, 220, 90];
const DIM: Colour = [150, 150, 165];
const AMBER: Colour = [170, 100, 0];

/// Last line of every overlay.
const DISCLAIMER: &str = "not a medical device";

/// Draws `result` into `picture`; `scale` maps pixels of the source frame to pixels of the picture.
/// `notice` is a line of its own below the answer.
pub(super) fn draw(
    picture: &mut RgbImage,
    face: &Typeface,
    scale: u32,
    identity: &Identity,
    result: &FrameResult,
    notice: Option<&str>,
) {
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
    let thick = |part: f32| (size * part).round().max(1.0) as u32;
    canvas::outline(picture, crop, thick(BOX_THICKNESS), CYAN);

    let mut lines = lines(identity, result, notice, size);
    lines.iter_mut().for_each(|line| line.size = face.fitting(&line.text, line.size, room));
    let tall = |line: &Line| face.line_height(line.size) + if line.whole { padding } else { 0 };
    let mut top = 0;
    for line in &lines {
        let wide = if line.whole { width } else { face.width(&line.text, line.size) + 2 * padding };
        canvas::fill(picture, Rect { x: 0, y: top, width: wide, height: tall(line) }, line.panel, line.opacity);
        top += tall(line);
    }
    // Above the panels: they must not hide where an outline goes.
    if let Answer::Mask(mask) = &result.answer {
        draw_mask(picture, scale, mask, result.verdict, [thick(OUTLINE_THICKNESS), thick(AXIS_THICKNESS)]);
    }
    let mut top = 0;
    for line in &lines {
        let offset = if line.whole { padding / 2 } else { 0 };
        canvas::text(picture, face, (padding, top + offset), line.size, line.colour, &line.text);
        top += tall(line);
    }

    let footer = format!("USHydra {} · {DISCLAIMER}", identity.bundle);
    let size = face.fitting(&footer, size, room);
    let tall = face.line_height(size) + padding;
    let y = height.saturating_sub(tall);
    canvas::fill(picture, Rect { x: 0, y, width, height: tall }, BLACK, PANEL_OPACITY);
    canvas::text(picture, face, (padding, y + padding / 2), size, GREY, &footer);
}

/// One line of text on its panel.
struct Line {
    text: String,
    size: f32,
    colour: Colour,
    panel: Colour,
    opacity: f32,
    /// The panel is as wide as the picture, else as wide as the text.
    whole: bool,
}

/// Answer or banner, quality, and the measurements of an answer that may be shown.
fn lines(identity: &Identity, result: &FrameResult, notice: Option<&str>, size: f32) -> Vec<Line> {
    let plain = |text: String, size: f32, colour: Colour| Line {
        text,
        size,
        colour,
        panel: BLACK,
        opacity: PANEL_OPACITY,
        whole: true,
    };
    let banner = |text: &str, panel: Colour| Line {
        panel,
        opacity: BANNER_OPACITY,
        ..plain(text.to_owned(), size * HEADLINE, WHITE)
    };
    let headline = match result.verdict {
        Verdict::Show => {
            let percent = result.answer.probability() * 100.0;
            let text = format!("{}  {percent:.0} %", identity.label(result.answer.label()));
            plain(text, size * HEADLINE, GREEN)
        }
        Verdict::OutOfDomain => banner("OUTSIDE THE KNOWN DOMAINS", RED),
        Verdict::Unsure => banner("UNSURE", AMBER),
        Verdict::Stale => banner("STALE", RED),
    };
    let margin = match result.decision.margin {
        margin if margin.is_finite() => format!(" · margin {margin:.2}"),
        _ => String::new(),
    };
    // Outside the known domains the quality is only the least different one.
    let nearest = if result.decision.in_domain { "" } else { "nearest " };
    let quality = format!("{nearest}quality {}{margin}", identity.domain(result.decoder));
    let mut lines = vec![headline];
    lines.extend(notice.map(|text| Line {
        panel: AMBER,
        opacity: BANNER_OPACITY,
        ..plain(text.to_owned(), size, WHITE)
    }));
    lines.push(plain(quality, size, WHITE));
    if !result.verdict.abstained() {
        let measured = report::measured(result).into_iter();
        lines.extend(measured.map(|text| Line { whole: false, ..plain(text, size * MEASURED, YELLOW) }));
    }
    lines
}

/// A mask that may be shown has a solid outline and the axes that were measured (a ventricle its long axis and its annulus); any
/// other is only hinted at.
fn draw_mask(picture: &mut RgbImage, scale: u32, mask: &MaskResult, verdict: Verdict, [outline, axis]: [u32; 2]) {
    let shown = !verdict.abstained();
    let colour = if shown { GREEN } else { DIM };
    shapes::outline(picture, &mask.mask, scale, Stroke { colour, thickness: outline, dashed: !shown });
    if !shown {
        return;
    }
    let stroke = Stroke { colour: YELLOW, thickness: axis, dashed: false };
    match (&mask.measurements, &mask.ellipse) {
        (Measurements::Ventricle(found), _) => {
            shapes::segment(picture, found.base, found.apex, scale, stroke);
            shapes::segment(picture, found.annulus[0], found.annulus[1], scale, stroke);
        }
        (_, Some(ellipse)) => shapes::axes(picture, ellipse, scale, stroke),
        (_, None) => {}
    }
}
