//! The golden self-test: a picture and what the whole path must answer to it.

use std::path::Path;

use serde::{Deserialize, Serialize};
use ushydra_core::{FrameGeometry, FrameView};

use crate::error::BundleError;
use crate::files;
use crate::manifest::{FileSpec, GoldenSpec, Manifest, SCHEMA_VERSION};
use crate::netpbm;

/// Feature values and decoder outputs that are stored at most.
pub const GOLDEN_VALUES: usize = 16;
/// Where the picture lies in a bundle.
pub const GOLDEN_INPUT: &str = "golden/input.pgm";
/// Where the expected values lie in a bundle.
pub const GOLDEN_EXPECTED: &str = "golden/expected.toml";

/// Picture and expected values.
#[derive(Clone, Debug, PartialEq)]
pub struct Golden {
    /// Geometry of the picture.
    pub geometry: FrameGeometry,
    /// Samples of the picture, row-major, interleaved.
    pub picture: Vec<u8>,
    /// What the path must answer.
    pub expected: GoldenExpected,
}

/// Expected values of the golden picture, computed by the host with the same preprocessing and the reference engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenExpected {
    /// Schema version of the writer.
    pub schema_version: u32,
    /// Greatest absolute difference of any value below.
    pub tolerance: f64,
    /// Crop in source pixels: x, y, width, height. Exact.
    pub crop: [u32; 4],
    /// Channel-averaged mean of the normalised picture.
    pub pixel_mean: f64,
    /// Channel-averaged standard deviation of the normalised picture.
    pub pixel_std: f64,
    /// Mean of the feature vector.
    pub feature_mean: f64,
    /// Standard deviation of the feature vector.
    pub feature_std: f64,
    /// First features, at most [`GOLDEN_VALUES`].
    pub features: Vec<f32>,
    /// Decoders in domain order.
    pub decoders: Vec<GoldenDecoder>,
}

/// Expected output of one decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenDecoder {
    /// Its domain.
    pub domain: String,
    /// Mean of the whole output.
    pub mean: f64,
    /// Standard deviation of the whole output.
    pub std: f64,
    /// First output values, at most [`GOLDEN_VALUES`].
    pub values: Vec<f32>,
}

impl Golden {
    /// The picture as a frame.
    ///
    /// # Errors
    /// [`ushydra_core::FrameError`] where `picture` was given a length that its geometry does not have.
    pub fn frame(&self) -> Result<FrameView<'_>, ushydra_core::FrameError> {
        FrameView::new(self.geometry, &self.picture)
    }

    /// Writes picture and expected values into the bundle folder `root` and describes them for the manifest.
    ///
    /// # Errors
    /// [`BundleError::Io`] or [`BundleError::Write`].
    pub fn write(&self, root: &Path) -> Result<GoldenSpec, BundleError> {
        files::write_bytes(&root.join(GOLDEN_INPUT), &netpbm::encode(self.geometry, &self.picture))?;
        files::write_document(&root.join(GOLDEN_EXPECTED), &self.expected)?;
        Ok(GoldenSpec { input: FileSpec::of(root, GOLDEN_INPUT)?, expected: FileSpec::of(root, GOLDEN_EXPECTED)? })
    }

    pub(crate) fn read(input: &Path, expected: &Path, manifest: &Manifest) -> Result<Self, BundleError> {
        let (geometry, picture) = netpbm::decode(&files::read_bytes(input)?)
            .map_err(|problem| BundleError::Picture { file: input.to_owned(), problem })?;
        let values: GoldenExpected = files::read_document(expected)?;
        values.check(manifest, expected)?;
        Ok(Self { geometry, picture, expected: values })
    }
}

impl GoldenExpected {
    /// A document of the current schema without any value yet.
    #[must_use]
    pub fn new(tolerance: f64) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            tolerance,
            crop: [0; 4],
            pixel_mean: 0.0,
            pixel_std: 0.0,
            feature_mean: 0.0,
            feature_std: 0.0,
            features: Vec::new(),
            decoders: Vec::new(),
        }
    }
}
