//! A verified bundle on disk.

use std::path::{Path, PathBuf};

use ushydra_core::{Metric, Router};

use crate::error::BundleError;
use crate::files::{self, MAX_DOCUMENT, MAX_MODEL};
use crate::golden::Golden;
use crate::manifest::{DecoderSpec, FileSpec, MANIFEST_FILE, Manifest};
use crate::quantisation::Quantisation;
use crate::statistics::Statistics;

/// Folder beside `models/` that holds the statistics of the bundles in it.
const CALIBRATION_FOLDER: &str = "calibration/";

/// The ONNX files of one int8 decoder, see [`crate::Int8Spec`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Int8Paths {
    /// For TensorRT.
    pub qdq: PathBuf,
    /// For tract.
    pub qop: PathBuf,
}

/// A bundle whose every file has the hash, the schema and the sizes that its manifest states.
#[derive(Clone, Debug)]
pub struct Bundle {
    root: PathBuf,
    manifest: Manifest,
    statistics: Statistics,
    statistics_path: PathBuf,
    encoder: PathBuf,
    decoders: Vec<PathBuf>,
    int8: Vec<Option<Int8Paths>>,
    quantisation: Option<(PathBuf, Quantisation)>,
    golden_input: PathBuf,
    golden_expected: PathBuf,
    card: PathBuf,
}

impl Bundle {
    /// Opens and verifies the bundle in the folder `dir`: schema, limits, paths, every hash, statistics.
    ///
    /// # Errors
    /// The first fault found, see [`BundleError`].
    pub fn open(dir: &Path) -> Result<Self, BundleError> {
        let manifest = Manifest::read(dir)?;
        let at = dir.join(MANIFEST_FILE);
        let document = |field: &str, spec: &FileSpec| files::verify(dir, &at, field, spec, MAX_DOCUMENT);
        let model = |field: &str, file: &str, sha256| {
            files::verify(dir, &at, field, &FileSpec { file: file.to_owned(), sha256 }, MAX_MODEL)
        };
        let card = document("card", &manifest.card)?;
        let golden_input = document("golden.input", &manifest.golden.input)?;
        let golden_expected = document("golden.expected", &manifest.golden.expected)?;
        let statistics_root = calibration_root(dir, &manifest.statistics.file);
        let statistics_path = files::verify(&statistics_root, &at, "statistics", &manifest.statistics, MAX_DOCUMENT)?;
        let encoder = model("encoder", &manifest.encoder.file, manifest.encoder.sha256)?;
        let decoders = manifest
            .decoders
            .iter()
            .enumerate()
            .map(|(index, decoder)| model(&format!("decoders[{index}]"), &decoder.file, decoder.sha256))
            .collect::<Result<_, _>>()?;
        let int8 = |(index, decoder): (usize, &DecoderSpec)| {
            let Some(spec) = &decoder.int8 else { return Ok(None) };
            let verified = |form: &str, spec: &FileSpec| {
                files::verify(dir, &at, &format!("decoders[{index}].int8.{form}"), spec, MAX_MODEL)
            };
            Ok(Some(Int8Paths { qdq: verified("qdq", &spec.qdq)?, qop: verified("qop", &spec.qop)? }))
        };
        let int8 = manifest.decoders.iter().enumerate().map(int8).collect::<Result<_, BundleError>>()?;
        let statistics: Statistics = files::read_document(&statistics_path)?;
        statistics.check(&manifest, &statistics_path)?;
        let quantisation = manifest.quantisation.as_ref().map(|spec| {
            let path = files::verify(&calibration_root(dir, &spec.file), &at, "quantisation", spec, MAX_DOCUMENT)?;
            let quantisation: Quantisation = files::read_document(&path)?;
            quantisation.check(&manifest, &path)?;
            Ok::<_, BundleError>((path, quantisation))
        });
        let quantisation = quantisation.transpose()?;
        let bundle = Self {
            root: dir.to_owned(),
            manifest,
            statistics,
            statistics_path,
            encoder,
            decoders,
            int8,
            quantisation,
            golden_input,
            golden_expected,
            card,
        };
        // Numbers that only the router judges: not finite, not positive.
        for metric in [Metric::Paper, Metric::Released, Metric::Vector] {
            bundle.router(metric)?;
        }
        Ok(bundle)
    }

    /// `name@version`.
    #[must_use]
    pub fn id(&self) -> String {
        self.manifest.id()
    }

    /// The bundle's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The domain statistics.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The file that holds the statistics.
    #[must_use]
    pub fn statistics_path(&self) -> &Path {
        &self.statistics_path
    }

    /// The encoder's ONNX file.
    #[must_use]
    pub fn encoder_path(&self) -> &Path {
        &self.encoder
    }

    /// The ONNX file of decoder `index`.
    #[must_use]
    pub fn decoder_path(&self, index: usize) -> Option<&Path> {
        self.decoders.get(index).map(PathBuf::as_path)
    }

    /// The decoders' ONNX files in domain order.
    #[must_use]
    pub fn decoder_paths(&self) -> &[PathBuf] {
        &self.decoders
    }

    /// The int8 forms of decoder `index`, where it has them.
    #[must_use]
    pub fn int8_paths(&self, index: usize) -> Option<&Int8Paths> {
        self.int8.get(index).and_then(Option::as_ref)
    }

    /// Ranges, provenance and figures of the int8 decoders, where there are any.
    #[must_use]
    pub fn quantisation(&self) -> Option<&Quantisation> {
        self.quantisation.as_ref().map(|(_, quantisation)| quantisation)
    }

    /// The file that holds them.
    #[must_use]
    pub fn quantisation_path(&self) -> Option<&Path> {
        self.quantisation.as_ref().map(|(path, _)| path.as_path())
    }

    /// The model card.
    #[must_use]
    pub fn card_path(&self) -> &Path {
        &self.card
    }

    /// The router of `metric` over the bundle's statistics, thresholds and weight.
    ///
    /// # Errors
    /// [`BundleError::Domain`] or [`BundleError::Router`] for damaged numbers.
    pub fn router(&self, metric: Metric) -> Result<Router<Box<[f32]>>, BundleError> {
        self.statistics.router(metric, self.manifest.routing.weight, &self.statistics_path)
    }

    /// Picture and expected values of the self-test.
    ///
    /// # Errors
    /// [`BundleError::Picture`] and the errors of a TOML document.
    pub fn golden(&self) -> Result<Golden, BundleError> {
        Golden::read(&self.golden_input, &self.golden_expected, &self.manifest)
    }
}

/// The bundle itself where it holds the file, else the folder that holds `models/` and `calibration/`.
pub(crate) fn calibration_root(dir: &Path, file: &str) -> PathBuf {
    if file.starts_with(CALIBRATION_FOLDER) && !dir.join(file).exists() {
        let shared = dir.join("..").join("..");
        if shared.join(file).exists() {
            return shared;
        }
    }
    dir.to_owned()
}

impl Manifest {
    /// Reads and checks the manifest of the bundle in the folder `dir`, without touching its other files.
    ///
    /// # Errors
    /// The first fault found, see [`BundleError`].
    pub fn read(dir: &Path) -> Result<Self, BundleError> {
        let file = dir.join(MANIFEST_FILE);
        let manifest: Self = files::read_document(&file).map_err(|error| match error {
            BundleError::Missing { file, .. } => {
                BundleError::Missing { file, remedy: "give the folder of a bundle, for example models/fetal-planes" }
            }
            other => other,
        })?;
        manifest.check(&file)?;
        Ok(manifest)
    }

    /// Checks the manifest and writes it into the folder `dir`.
    ///
    /// # Errors
    /// The fault that reading it back would report, or [`BundleError::Io`].
    pub fn write(&self, dir: &Path) -> Result<(), BundleError> {
        let file = dir.join(MANIFEST_FILE);
        self.check(&file)?;
        files::write_document(&file, self)
    }

    /// `name@version`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

impl Statistics {
    /// Reads a statistics file by itself; [`Bundle::open`] checks that it belongs to the bundle.
    ///
    /// # Errors
    /// The errors of a TOML document.
    pub fn read(file: &Path) -> Result<Self, BundleError> {
        files::read_document(file)
    }

    /// Writes the statistics to `file`.
    ///
    /// # Errors
    /// [`BundleError::Io`] or [`BundleError::Write`].
    pub fn write(&self, file: &Path) -> Result<(), BundleError> {
        files::write_document(file, self)
    }
}
