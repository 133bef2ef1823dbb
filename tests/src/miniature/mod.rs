//! Complete bundles for tests: two domains told apart by brightness. One classifies, by the brighter side; the others
//! segment what is bright.
//!
//! Their encoders, decoders, statistics and golden values come from a closed form ([`network`], [`segment`]), so they check
//! the engine and the pipeline independently.

mod int8;
pub mod network;
pub mod segment;
mod statistics;

use std::path::{Path, PathBuf};

use image::GrayImage;
use tempfile::TempDir;
use ushydra_bundle::{
    Colour, Crop, DecoderSpec, EncoderSpec, FileSpec, Filter, Fit, GOLDEN_VALUES, GateSpec, Golden, GoldenDecoder,
    GoldenExpected, HysteresisSpec, InputSpec, Manifest, Preprocessor, Provenance, RoutingMode, RoutingSpec,
    SCHEMA_VERSION, Task,
};
use ushydra_core::{FrameGeometry, FrameView, Moments, PixelFormat, Quality};

pub use int8::quantise;

use crate::Fault;
use crate::pictures::{self, Disc};

/// Name of the classifying bundle; that of a segmenting one ends with its first label.
pub const NAME: &str = "miniature";
/// What results call the classifying bundle.
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
/// Version of every bundle.
const VERSION: &str = "0.1.0";
/// Calibration pictures per domain.
const PICTURES: u32 = 24;

/// A bundle that segments.
#[derive(Clone, Copy, Debug)]
pub struct Segmenting {
    /// Labels; the first is what is bright, every further one what is dark.
    pub labels: &'static [&'static str],
    /// How a frame meets the input.
    pub fit: Fit,
    /// Which part of a frame is used.
    pub crop: Crop,
}

impl Segmenting {
    /// Bright discs are fetal heads.
    pub const HEAD: Self = Self { labels: &["head"], fit: Fit::Stretch, crop: Crop::None };
    /// Bright discs are left ventricles.
    pub const VENTRICLE: Self = Self { labels: &["lv"], ..Self::HEAD };

    /// Name of the bundle.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{NAME}-{}", self.labels[0])
    }

    /// What results call it.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}@{VERSION}", self.name())
    }

    /// What the encoder is fed.
    #[must_use]
    pub fn input_spec(&self) -> InputSpec {
        InputSpec { resize: self.fit, crop: self.crop, ..input_spec() }
    }
}

/// A miniature bundle in a temporary folder, `<folder>/models/<name>`.
#[derive(Debug)]
pub struct Miniature {
    scratch: TempDir,
    name: String,
}

impl Miniature {
    /// Writes the classifying bundle.
    ///
    /// # Errors
    /// Where the temporary folder cannot be written.
    pub fn new() -> Result<Self, Fault> {
        let miniature = Self { scratch: tempfile::tempdir()?, name: NAME.to_owned() };
        write(&miniature.folder())?;
        Ok(miniature)
    }

    /// Writes a segmenting bundle.
    ///
    /// # Errors
    /// Where the temporary folder cannot be written.
    pub fn segmenting(kind: &Segmenting) -> Result<Self, Fault> {
        let miniature = Self { scratch: tempfile::tempdir()?, name: kind.name() };
        write_segmenting(kind, &miniature.folder())?;
        Ok(miniature)
    }

    /// The bundle's folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.models().join(&self.name)
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
    pub(crate) tensor: Vec<f32>,
}

/// The closed form of what the pipeline computes before routing.
pub(crate) fn encode(spec: &InputSpec, picture: &GrayImage) -> Result<Encoded, Fault> {
    let mut tensor = vec![0.0; spec.values()];
    let geometry = FrameGeometry::new(picture.width(), picture.height(), PixelFormat::Grey8)?;
    let view = FrameView::new(geometry, picture.as_raw())?;
    let preprocessed = Preprocessor::new(spec)?.run(view, &mut tensor)?;
    let features = network::features(&tensor);
    let quality = Quality::new(preprocessed.channels(), Moments::of(&features)?)?;
    let crop = preprocessed.crop();
    Ok(Encoded { crop: [crop.x, crop.y, crop.width, crop.height], quality, features, tensor })
}

/// Writes the classifying bundle into `folder`.
///
/// # Errors
/// Where a file cannot be written.
pub fn write(folder: &Path) -> Result<(), Fault> {
    let tilt = |seed: u32| {
        let sign = if seed.is_multiple_of(2) { 1.0 } else { -1.0 };
        sign * (0.5 + f64::from(seed) / f64::from(PICTURES)) * pictures::TILT
    };
    let set = |brightness| (0..PICTURES).map(|seed| pictures::plane(brightness, tilt(seed), seed)).collect();
    let plan = Plan {
        name: NAME.to_owned(),
        task: Task::Classify,
        labels: LABELS.map(str::to_owned).to_vec(),
        input: input_spec(),
        encoder: &network::write_encoder,
        decoder: &network::write_decoder,
        answer: &|index, encoded| network::logits(index, &encoded.features).to_vec(),
        sets: [set(pictures::LOW), set(pictures::HIGH)],
        golden: pictures::plane(pictures::LOW, pictures::TILT, 1),
    };
    plan.write(folder)
}

/// Writes a segmenting bundle into `folder`.
///
/// # Errors
/// Where a file cannot be written.
pub fn write_segmenting(kind: &Segmenting, folder: &Path) -> Result<(), Fault> {
    let size = (pictures::WIDTH, pictures::HEIGHT);
    let disc = |seed: u32| {
        let part = f64::from(seed) / f64::from(PICTURES);
        // Every size meets every place.
        let place = f64::from(seed * 7 % PICTURES) / f64::from(PICTURES) - 0.5;
        Disc {
            centre: [32.0 + 16.0 * place, 24.0 - 10.0 * place],
            axes: [8.0 + 10.0 * part, 6.0 + 8.0 * part],
            brightness: pictures::DISC,
        }
    };
    let set = |brightness| (0..PICTURES).map(|seed| pictures::with_disc(size, brightness, &disc(seed), seed)).collect();
    let plan = Plan {
        name: kind.name(),
        task: Task::Segment,
        labels: kind.labels.iter().map(|&label| label.to_owned()).collect(),
        input: kind.input_spec(),
        encoder: &segment::write_encoder,
        decoder: &|index, path| segment::write_decoder(index, kind.labels.len(), path),
        answer: &|index, encoded| {
            let bright = segment::logits(index, &encoded.tensor);
            let dark = bright.iter().map(|v| -v).cycle().take(bright.len() * (kind.labels.len() - 1));
            bright.iter().copied().chain(dark).collect()
        },
        sets: [set(pictures::LOW), set(pictures::HIGH)],
        golden: pictures::with_disc(size, pictures::LOW, &disc(PICTURES / 2), 1),
    };
    plan.write(folder)
}

/// Writes a model to a path.
type WriteDecoder<'a> = &'a dyn Fn(usize, &Path) -> Result<(), Fault>;

/// What makes one miniature differ from another.
struct Plan<'a> {
    name: String,
    task: Task,
    labels: Vec<String>,
    input: InputSpec,
    encoder: &'a dyn Fn(&Path) -> Result<(), Fault>,
    decoder: WriteDecoder<'a>,
    /// Output of decoder `index` in closed form.
    answer: &'a dyn Fn(usize, &Encoded) -> Vec<f32>,
    /// Calibration pictures per domain.
    sets: [Vec<GrayImage>; 2],
    golden: GrayImage,
}

impl Plan<'_> {
    fn write(self, folder: &Path) -> Result<(), Fault> {
        std::fs::create_dir_all(folder.join("decoders"))?;
        std::fs::write(
            folder.join("MODEL_CARD.md"),
            "# Miniature\n\nA bundle for tests. It knows bright from dark.\n",
        )?;
        (self.encoder)(&folder.join("encoder.onnx"))?;
        let encoder = FileSpec::of(folder, "encoder.onnx")?;
        let mut decoders = Vec::new();
        for (index, domain) in DOMAINS.iter().enumerate() {
            let file = format!("decoders/{domain}.onnx");
            (self.decoder)(index, &folder.join(&file))?;
            let spec = FileSpec::of(folder, &file)?;
            decoders.push(DecoderSpec { domain: (*domain).to_owned(), file, sha256: spec.sha256, int8: None });
        }
        let calibration = format!("calibration/{}.toml", self.name);
        std::fs::create_dir_all(folder.join("calibration"))?;
        statistics::calibrate(&self.name, encoder.sha256, &self.input, &self.sets)?
            .write(&folder.join(&calibration))?;
        let golden = self.golden()?.write(folder)?;
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            name: self.name,
            version: VERSION.to_owned(),
            task: self.task,
            labels: self.labels,
            domains: DOMAINS.map(str::to_owned).to_vec(),
            licence: "MIT OR Apache-2.0".to_owned(),
            provenance: vec![Provenance {
                name: "closed form".to_owned(),
                used_for: "tests".to_owned(),
                licence: "MIT OR Apache-2.0".to_owned(),
                attribution: "USHydra".to_owned(),
            }],
            input: self.input,
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
            quantisation: None,
            golden,
            card: FileSpec::of(folder, "MODEL_CARD.md")?,
        };
        manifest.write(folder)?;
        Ok(())
    }

    fn golden(&self) -> Result<Golden, Fault> {
        let encoded = encode(&self.input, &self.golden)?;
        let decoders = DOMAINS.iter().enumerate().map(|(index, domain)| {
            let output = (self.answer)(index, &encoded);
            let moments = Moments::of(&output)?;
            let values = output[..output.len().min(GOLDEN_VALUES)].to_vec();
            Ok(GoldenDecoder { domain: (*domain).to_owned(), mean: moments.mean, std: moments.std, values })
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
        let geometry = FrameGeometry::new(self.golden.width(), self.golden.height(), PixelFormat::Grey8)?;
        Ok(Golden { geometry, picture: self.golden.as_raw().clone(), expected })
    }
}
