//! Pictures and masks brought to twice the input's size once, from which views are drawn.
//!
//! Crop, fit and kernel are the bundle's own preprocessing, so that the unaugmented view differs from what the device
//! computes only by the second, small reduction.

use ushydra_bundle::{Colour, Crop, InputSpec, Preprocessor, Rect};
use ushydra_core::{FrameGeometry, FrameView, PixelFormat};

use crate::masks::LoadedSample;

/// Stored pixels per input pixel along each side.
pub(crate) const OVERSAMPLING: u32 = 2;

/// One picture and its mask, 8 bits per pixel, [`OVERSAMPLING`] times the input's size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prepared {
    /// Grey levels.
    pub(crate) image: Vec<u8>,
    /// Covered share of every pixel, 255 for all of it.
    pub(crate) mask: Vec<u8>,
}

/// Makes [`Prepared`] pictures for one input specification.
pub(crate) struct Preparer {
    image: Preprocessor,
    plain: Preprocessor,
    tensor: Vec<f32>,
}

impl Preparer {
    /// For `input`.
    ///
    /// # Errors
    /// The problem of `input` in words.
    pub(crate) fn new(input: &InputSpec) -> Result<Self, String> {
        // With std = 1/255 the normalisation gives the grey level back.
        let levels = InputSpec {
            width: input.width * OVERSAMPLING,
            height: input.height * OVERSAMPLING,
            channels: 1,
            colour: Colour::Grey,
            mean: vec![0.0],
            std: vec![1.0 / f32::from(u8::MAX)],
            ..input.clone()
        };
        let plain = InputSpec { crop: Crop::None, ..levels.clone() };
        Ok(Self {
            tensor: vec![0.0; levels.values()],
            image: Preprocessor::new(&levels).map_err(|e| e.to_string())?,
            plain: Preprocessor::new(&plain).map_err(|e| e.to_string())?,
        })
    }

    /// Brings one sample to the stored size. The mask is cut by the crop that the picture gave.
    ///
    /// # Errors
    /// What the preprocessing refuses.
    pub(crate) fn run(&mut self, sample: &LoadedSample) -> Result<Prepared, String> {
        let geometry =
            FrameGeometry::new(sample.width, sample.height, PixelFormat::Grey8).map_err(|e| e.to_string())?;
        let frame = FrameView::new(geometry, &sample.image).map_err(|e| e.to_string())?;
        let crop = self.image.run(frame, &mut self.tensor).map_err(|e| e.to_string())?.crop();
        let image = self.tensor.iter().map(|v| v.round() as u8).collect();
        let cut: Vec<u8> = rows(&sample.mask, sample.width, crop).map(|&v| if v == 0 { 0 } else { u8::MAX }).collect();
        let geometry = FrameGeometry::new(crop.width, crop.height, PixelFormat::Grey8).map_err(|e| e.to_string())?;
        let frame = FrameView::new(geometry, &cut).map_err(|e| e.to_string())?;
        self.plain.run(frame, &mut self.tensor).map_err(|e| e.to_string())?;
        Ok(Prepared { image, mask: self.tensor.iter().map(|v| v.round() as u8).collect() })
    }
}

/// Samples of `part` of a picture of `width` columns, row by row.
fn rows(samples: &[u8], width: u32, part: Rect) -> impl Iterator<Item = &u8> {
    let (x, width) = (part.x as usize, width as usize);
    (part.y..part.y + part.height).flat_map(move |y| &samples[y as usize * width + x..][..part.width as usize])
}
