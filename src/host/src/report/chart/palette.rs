//! Colours that people with any colour vision tell apart, in light and in dark.

use plotters::prelude::ViridisRGB;

/// A weight from 0 to 1 on the scale of heat maps: viridis (van der Walt & Smith 2015), whose lightness grows evenly, also for
/// people with any colour vision and in grey print.
#[must_use]
pub fn heat(weight: f32) -> [u8; 3] {
    let colour = ViridisRGB::get_color_normalized(weight.clamp(0.0, 1.0), 0.0, 1.0);
    [colour.0, colour.1, colour.2]
}

/// A role, not a shade: the page gives it one shade on white and another on black.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Words and axes.
    Ink,
    /// Lines that only help to read.
    Grid,
    /// One of several series; the numbers go round.
    Series(usize),
    /// Share of a row, 0 to 100, from paper to the first series' colour.
    Shade(u8),
    /// Words on a dark shade.
    OnShade,
    /// Words on a pale shade.
    OnPale,
}

/// Series on white and on black. Okabe & Ito 2008 without yellow, darkened to a contrast of at least 3 : 1 on white; then
/// their counterparts for black.
pub const SERIES: [[&str; 2]; 7] = [
    ["#0072B2", "#56B4E9"],
    ["#D55E00", "#FF8B3D"],
    ["#007D5C", "#2BCB9C"],
    ["#B0528C", "#E59AC8"],
    ["#A87400", "#E6B84D"],
    ["#5B5FC7", "#A3A6FF"],
    ["#5F6670", "#B4BAC4"],
];
/// Ink, grid and the words on dark shades, on white and on black.
pub const INK: [&str; 2] = ["#24292F", "#E6E9ED"];
/// See [`INK`].
pub const GRID: [&str; 2] = ["#DDE1E6", "#3A4149"];
/// See [`INK`].
pub const ON_SHADE: [&str; 2] = ["#FFFFFE", "#FFFFFE"];
/// See [`INK`]. On half-dark shades only black has the contrast.
pub const ON_PALE: [&str; 2] = ["#000000", "#E6E9ED"];
/// Paper, on white and on black.
pub const PAPER: [&str; 2] = ["#FFFFFF", "#14181D"];
/// A shade is dark enough for light words from this share on.
const DARK: u8 = 95;
/// Steps of a shade; more would not be told apart.
pub const SHADES: u8 = 20;

impl Colour {
    /// Red, green and blue on white.
    #[must_use]
    pub fn light(self) -> [u8; 3] {
        self.of(0)
    }

    /// Red, green and blue on black.
    #[must_use]
    pub fn dark(self) -> [u8; 3] {
        self.of(1)
    }

    fn of(self, theme: usize) -> [u8; 3] {
        match self {
            Self::Ink => rgb(INK[theme]),
            Self::Grid => rgb(GRID[theme]),
            Self::OnShade => rgb(ON_SHADE[theme]),
            Self::OnPale => rgb(ON_PALE[theme]),
            Self::Series(index) => rgb(SERIES[index % SERIES.len()][theme]),
            Self::Shade(percent) => {
                let (paper, full) = (rgb(PAPER[theme]), rgb(SERIES[0][0]));
                let step = u32::from(percent.min(100)) * u32::from(SHADES) / 100;
                // The emptiest shade differs from the paper by one step, so that the two never share a rule of the page.
                let mix = |a: u8, b: u8| {
                    let (a, b, all) = (u32::from(a), u32::from(b), u32::from(SHADES));
                    ((a * (all - step) + b * step) / all) as u8
                };
                [0, 1, 2].map(|c| mix(paper[c], full[c]).min(if theme == 0 { 254 } else { 255 }))
            }
        }
    }

    /// Colour of words on a shade of `percent`.
    #[must_use]
    pub const fn on(percent: u8) -> Self {
        if percent >= DARK { Self::OnShade } else { Self::OnPale }
    }
}

/// `#RRGGBB` to bytes; anything else is black.
fn rgb(text: &str) -> [u8; 3] {
    let part = |at: usize| text.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(0);
    [part(1), part(3), part(5)]
}

/// `#RRGGBB` as the SVG writer writes it.
#[must_use]
pub fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02X}{g:02X}{b:02X}")
}

/// Every colour whose shade differs between light and dark: (on white, on black).
#[must_use]
pub fn pairs() -> Vec<(String, String)> {
    let mut colours = vec![Colour::Ink, Colour::Grid, Colour::OnPale];
    colours.extend((0..SERIES.len()).map(Colour::Series));
    colours.extend((0..SHADES).map(|step| Colour::Shade((u32::from(step) * 100 / u32::from(SHADES)) as u8)));
    colours.into_iter().map(|c| (hex(c.light()), hex(c.dark()))).collect()
}

/// Shapes, so that nothing is told by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// Filled.
    Circle,
    /// Filled.
    Triangle,
    /// Filled.
    Square,
    /// Two strokes.
    Cross,
    /// Outline only.
    Ring,
}

impl Marker {
    /// A shape for the series of that number.
    #[must_use]
    pub const fn of(index: usize) -> Self {
        match index % 4 {
            0 => Self::Circle,
            1 => Self::Triangle,
            2 => Self::Square,
            _ => Self::Ring,
        }
    }
}

/// How an entry of the legend is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A line.
    Line {
        /// Colour.
        colour: Colour,
        /// Interrupted.
        dashed: bool,
    },
    /// A marker.
    Marker {
        /// Colour.
        colour: Colour,
        /// Shape.
        marker: Marker,
    },
    /// A filled box.
    Box {
        /// Colour.
        colour: Colour,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(colour: [u8; 3]) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
    }

    fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn contrasts_reach_the_guideline() {
        // WCAG 2.2: 3 : 1 for graphics, 4.5 : 1 for words.
        for index in 0..SERIES.len() {
            let colour = Colour::Series(index);
            assert!(contrast(colour.light(), rgb(PAPER[0])) >= 3.0, "{index} on white");
            assert!(contrast(colour.dark(), rgb(PAPER[1])) >= 3.0, "{index} on black");
        }
        for percent in 0..=100 {
            let (words, shade) = (Colour::on(percent), Colour::Shade(percent));
            assert!(contrast(words.light(), shade.light()) >= 4.5, "{percent} on white");
            assert!(contrast(words.dark(), shade.dark()) >= 4.0, "{percent} on black");
        }
    }

    #[test]
    fn heat_grows_lighter() {
        let lightness: Vec<f64> = (0..=32).map(|i| luminance(heat(i as f32 / 32.0))).collect();
        assert!(lightness.windows(2).all(|w| w[0] < w[1]), "{lightness:?}");
        assert!(contrast(heat(0.0), heat(1.0)) > 7.0);
        assert_eq!((heat(-1.0), heat(f32::INFINITY)), (heat(0.0), heat(1.0)));
    }

    #[test]
    fn every_shade_has_one_counterpart() {
        let mut light: Vec<String> = pairs().into_iter().map(|p| p.0).collect();
        light.sort();
        let count = light.len();
        light.dedup();
        assert_eq!(light.len(), count);
        assert!(!light.contains(&PAPER[0].to_owned()));
    }
}
