//! A complete bundle for tests: two domains told apart by brightness, two labels told apart by the brighter side.
//!
//! Its encoder, decoders, statistics and golden values come from a closed form ([`network`]), so they check the engine and
//! the pipeline independently.

pub mod network;
mod statistics;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use ushydra_bundle::{
    Colour, Crop, DecoderSpec, EncoderSpec, FileSpec, Filter, Fit, GateSpec, Golden, GoldenDecoder, GoldenExpected,
    HysteresisSpec, InputSpec, Manifest, Preprocessor, Provenance, RoutingMode, RoutingSpec, SCHEMA_VERSION, Task,
};
use ushydra_core::{FrameGeometry, FrameView, Moments, PixelFormat, Quality};

use crate::{Fault, pictures};

/// Name of the bundle.
pub const NAME: &str = "miniature";
/// What results call it.
pub const ID: &str = "miniature@0.1.0";
/// Domains in order.
pub const DOMAINS: [&str; 2] = ["low", "high"];
/// Labels in order: left side brighter, right side brighter.
pub const LABELS: [&str; 2] = ["brain", "femur"];
/// Smallest probability that is shown.
pub const MIN_PROBABILITY: f64 = 0.6;
/// Greatest age in milliseconds; generous, because tests run on loaded machines.
pub const MAX_AGE_MS: u64 = 20_000;
/// Greatest difference of a golden value: f32 sums in another order.
const TOLERANCE: f64 = 1e-4;

/// A miniature bundle in a temporary folder, `<folder>/models/miniature`.
#[derive(Debug)]
pub struct Miniature {
    scratch: TempDir,
}

impl Miniature {
    /// Writes the bundle.
    ///
    /// # Errors
    /// Where the temporary folder cannot be written.
    pub fn new() -> Result<Self, Fault> {
        let scratch = tempfile::tempdir()?;
        let miniature = Self { scratch };
        write(&miniature.folder())?;
        Ok(miniature)
    }

    /// The bundle's folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.models().join(NAME)
    }

    /// The folder of bundles that it lies in.
    #[must_use]
    pub fn models(&self) -> PathBuf {
        self.scratch.path().join("models")
    }

    /// The temporary folder, for the test's own files; it is removed with this value.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }
}

/// What the encoder is fed.
#[must_use]
pub fn input_spec() -> InputSpec {
    InputSpec {
        width: network::SIDE as u32,
        height: network::SIDE as u32,
        channels: network::CHANNELS,
        colour: Colour::Grey,
        crop: Crop::None,
        resize: Fit::Stretch,
        filter: Filter::Bilinear,
        mean: vec![0.5; network::CHANNELS],
        std: vec![0.25; network::CHANNELS],
    }
}

/// One picture on its way through preprocessing and encoder.
pub(crate) struct Encoded {
    pub(crate) crop: [u32; 4],
    pub(crate) quality: Quality,
    pub(crate) features: [f32; network::FEATURES],
}

/// The closed form of what the pipeline computes before routing.
pub(crate) fn encode(picture: &image::GrayImage) -> Result<Encoded, Fault> {
    let spec = input_spec();
    let mut tensor = vec![0.0; spec.values()];
    let geometry = FrameGeometry::new(picture.width(), picture.height(), PixelFormat::Grey8)?;
    let view = FrameView::new(geometry, picture.as_raw())?;
    let preprocessed = Preprocessor::new(&spec)?.run(view, &mut tensor)?;
    let features = network::features(&tensor);
    let quality = Quality::new(preprocessed.channels(), Moments::of(&features)?)?;
    let crop = preprocessed.crop();
    Ok(Encoded { crop: [crop.x, crop.y, crop.width, crop.height], quality, features })
}

/// Writes the bundle into `folder`.
///
/// # Errors
/// Where a file cannot be written.
pub fn write(folder: &Path) -> Result<(), Fault> {
    std::fs::create_dir_all(folder.join("decoders"))?;
    std::fs::write(
        folder.join("MODEL_CARD.md"),
        "# Miniature\n\nA bundle for tests. It knows bright from dark and left from right.\n",
    )?;
    network::write_encoder(&folder.join("encoder.onnx"))?;
    let encoder = FileSpec::of(folder, "encoder.onnx")?;
    let mut decoders = Vec::new();
    for (index, domain) in DOMAINS.iter().enumerate() {
        let file = format!("decoders/{domain}.onnx");
        network::write_decoder(index, &folder.join(&file))?;
        let spec = FileSpec::of(folder, &file)?;
        decoders.push(DecoderSpec { domain: (*domain).to_owned(), file, sha256: spec.sha256 });
    }
    let calibration = format!("calibration/{NAME}.toml");
    std::fs::create_dir_all(folder.join("calibration"))?;
    statistics::calibrate(encoder.sha256)?.write(&folder.join(&calibration))?;
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        name: NAME.to_owned(),
        version: "0.1.0".to_owned(),
        task: Task::Classify,
        labels: LABELS.map(str::to_owned).to_vec(),
        domains: DOMAINS.map(str::to_owned).to_vec(),
        licence: "MIT OR Apache-2.0".to_owned(),
        provenance: vec![Provenance {
            name: "closed form".to_owned(),
            used_for: "tests".to_owned(),
            licence: "MIT OR Apache-2.0".to_owned(),
            attribution: "USHydra".to_owned(),
        }],
        input: input_spec(),
        routing: RoutingSpec { mode: RoutingMode::Vector, weight: 10.0 },
        hysteresis: HysteresisSpec { needed: 3, window: 5 },
        gate: GateSpec { min_probability: MIN_PROBABILITY, max_age_ms: MAX_AGE_MS },
        encoder: EncoderSpec {
            file: encoder.file,
            sha256: encoder.sha256,
            features: network::FEATURES,
            feature_output: network::FEATURE_OUTPUT.to_owned(),
        },
        decoders,
        statistics: FileSpec::of(folder, &calibration)?,
        golden: golden()?.write(folder)?,
        card: FileSpec::of(folder, "MODEL_CARD.md")?,
    };
    manifest.write(folder)?;
    Ok(())
}

fn golden() -> Result<Golden, Fault> {
    let picture = pictures::plane(pictures::LOW, pictures::TILT, 1);
    let encoded = encode(&picture)?;
    let decoders = DOMAINS.iter().enumerate().map(|(index, domain)| {
        let logits = network::logits(index, &encoded.features);
        let moments = Moments::of(&logits)?;
        Ok(GoldenDecoder {
            domain: (*domain).to_owned(),
            mean: moments.mean,
            std: moments.std,
            values: logits.to_vec(),
        })
    });
    let expected = GoldenExpected {
        crop: encoded.crop,
        pixel_mean: encoded.quality.pixel.mean,
        pixel_std: encoded.quality.pixel.std,
        feature_mean: encoded.quality.feature.mean,
        feature_std: encoded.quality.feature.std,
        features: encoded.features.to_vec(),
        decoders: decoders.collect::<Result<_, Fault>>()?,
        ..GoldenExpected::new(TOLERANCE)
    };
    let geometry = FrameGeometry::new(picture.width(), picture.height(), PixelFormat::Grey8)?;
    Ok(Golden { geometry, picture: picture.into_raw(), expected })
}
