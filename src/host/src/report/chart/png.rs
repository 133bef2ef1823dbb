//! PNG from SVG, with the embedded font: the same picture on every machine.

use std::io::Cursor;
use std::sync::Arc;

use image::{ExtendedColorType, ImageEncoder as _, codecs::png::PngEncoder};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use crate::error::{HostError, Result};

/// Apache-2.0; the letters of charts.
const FONT: &[u8] = include_bytes!("font/Roboto-Regular-subset.ttf");
const FAMILY: &str = "Roboto";
/// Pixels per CSS pixel.
const SCALE: f32 = 2.0;

/// Paints SVG documents.
pub struct Painter {
    options: Options<'static>,
}

impl Default for Painter {
    fn default() -> Self {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_data(FONT.to_vec());
        fonts.set_sans_serif_family(FAMILY);
        Self { options: Options { fontdb: Arc::new(fonts), font_family: FAMILY.to_owned(), ..Options::default() } }
    }
}

impl Painter {
    /// The document on white, twice as large as its size in CSS pixels, as a PNG file.
    ///
    /// # Errors
    /// [`HostError::Plot`] for a document that cannot be painted.
    pub fn paint(&self, name: &str, svg: &str) -> Result<Vec<u8>> {
        let problem = |problem: String| HostError::Plot { name: name.to_owned(), problem };
        let tree = Tree::from_str(svg, &self.options).map_err(|e| problem(e.to_string()))?;
        let size = tree.size();
        let [width, height] = [size.width(), size.height()].map(|side| (side * SCALE).ceil() as u32);
        let mut canvas = Pixmap::new(width, height).ok_or_else(|| problem(format!("{width}x{height} pixels")))?;
        canvas.fill(Color::WHITE);
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut canvas.as_mut());
        // Every pixel lies on white: premultiplied and plain colours are the same, and the alpha says nothing.
        let pixels: Vec<u8> = canvas.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
        let mut file = Cursor::new(Vec::new());
        PngEncoder::new(&mut file)
            .write_image(&pixels, width, height, ExtendedColorType::Rgb8)
            .map_err(|e| problem(e.to_string()))?;
        Ok(file.into_inner())
    }
}
