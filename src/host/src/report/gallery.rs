//! Rows of small pictures with a legend.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{ImageFormat, RgbImage};
use maud::{Markup, PreEscaped, html};

use super::chart::palette;
use crate::error::{HostError, Result};

/// Stops of the colour bar.
const STOPS: usize = 9;

/// Pictures under one heading.
#[derive(Clone, Debug)]
pub struct Gallery {
    /// Heading.
    pub heading: String,
    /// How to read them.
    pub legend: Legend,
    /// The pictures.
    pub figures: Vec<Figure>,
}

/// What colours mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legend {
    /// [`palette::heat`] from nothing to the greatest weight of a picture.
    Heat,
    /// [`palette::heat`] over the patches of a picture.
    Attention,
    /// Lines around masks.
    Outlines,
}

/// One small picture.
#[derive(Clone, Debug)]
pub struct Figure {
    /// File name of its plot, without ending.
    pub name: String,
    /// Said below it, and to readers who cannot see it.
    pub caption: String,
    /// Whether it holds pixels of a source image: such a figure is never written as a plot.
    pub source: bool,
    /// The picture.
    pub content: Content,
}

/// A picture's form.
#[derive(Clone, Debug)]
pub enum Content {
    /// A whole SVG document that says what it is.
    Svg(String),
    /// Pixels, shown `size` CSS pixels large.
    Raster {
        /// The pixels.
        pixels: RgbImage,
        /// Columns and rows on the page.
        size: [u32; 2],
    },
}

impl Gallery {
    /// As a part of the page.
    ///
    /// # Errors
    /// [`HostError::Plot`] for pixels that cannot be written.
    pub fn markup(&self) -> Result<Markup> {
        let figures = self.figures.iter().map(Figure::markup).collect::<Result<Vec<Markup>>>()?;
        Ok(html! {
            h4 { (self.heading) }
            (self.legend.markup())
            div.figures { @for figure in figures { (figure) } }
        })
    }
}

impl Legend {
    fn markup(self) -> Markup {
        match self {
            Self::Heat | Self::Attention => {
                let stop = |at: usize| palette::hex(palette::heat(at as f32 / (STOPS - 1) as f32));
                let stops: Vec<String> = (0..STOPS).map(stop).collect();
                let bar = format!("background:linear-gradient(90deg,{})", stops.join(","));
                let [low, high] = match self {
                    Self::Attention => ["0, 5th percentile of a picture's patches ", " 1, 95th percentile"],
                    _ => ["0, no weight ", " 1, the greatest of a picture"],
                };
                html! { p.legend { span { (low) span.bar style=(bar) {} (high) } } }
            }
            Self::Outlines => html! {
                p.legend {
                    span { span.drawn {} " outline of the system (solid)" }
                    span { span.published {} " published outline (dashed)" }
                }
            },
        }
    }
}

impl Figure {
    fn markup(&self) -> Result<Markup> {
        let content = match &self.content {
            Content::Svg(text) => html! { (PreEscaped(text)) },
            Content::Raster { pixels, size: [width, height] } => {
                let png = png(&self.name, pixels)?;
                html! { img src=(data_uri(&png)) alt=(self.caption) width=(width) height=(height); }
            }
        };
        Ok(html! { figure.small { (content) figcaption { (self.caption) } } })
    }
}

/// A PNG file.
///
/// # Errors
/// [`HostError::Plot`].
pub fn png(name: &str, pixels: &RgbImage) -> Result<Vec<u8>> {
    let mut file = Cursor::new(Vec::new());
    let written = pixels.write_to(&mut file, ImageFormat::Png);
    written.map_err(|e| HostError::Plot { name: name.to_owned(), problem: e.to_string() })?;
    Ok(file.into_inner())
}

/// A PNG file as an address that holds it.
#[must_use]
pub fn data_uri(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}
