//! A complete bundle of a few kilobytes. Its models are no ONNX: this crate hashes them and never looks inside.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use ushydra_bundle::{
    Colour, Crop, DecoderSpec, DomainStatistics, EncoderSpec, FileSpec, Filter, Fit, GateSpec, Golden, GoldenDecoder,
    GoldenExpected, HysteresisSpec, InputSpec, Manifest, NoveltyStatistics, Provenance, RoutingMode, RoutingSpec,
    SCHEMA_VERSION, Statistics, Task, Thresholds, VectorStatistics,
};
use ushydra_core::{FrameGeometry, PixelFormat};

pub(crate) const FEATURES: usize = 6;
const COMPONENTS: usize = 2;
const DOMAINS: [&str; 2] = ["low", "high"];

/// `<temporary>/models/tiny` with its statistics in `<temporary>/calibration/tiny.toml`.
pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) manifest: Manifest,
    pub(crate) statistics: Statistics,
    pub(crate) golden: Golden,
}

pub(crate) fn input() -> InputSpec {
    InputSpec {
        width: 16,
        height: 12,
        channels: 3,
        colour: Colour::Grey,
        crop: Crop::Sector,
        resize: Fit::Stretch,
        filter: Filter::Bilinear,
        mean: vec![0.485, 0.456, 0.406],
        std: vec![0.229, 0.224, 0.225],
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("models/tiny");
        fs::create_dir_all(root.join("decoders")).unwrap();
        for (file, text) in [
            ("encoder.onnx", "the encoder"),
            ("decoders/low.onnx", "the decoder of low"),
            ("decoders/high.onnx", "the decoder of high"),
            ("MODEL_CARD.md", "# tiny\n"),
        ] {
            fs::write(root.join(file), text).unwrap();
        }
        let golden = golden();
        let golden_spec = golden.write(&root).unwrap();
        let encoder = FileSpec::of(&root, "encoder.onnx").unwrap();
        let statistics = statistics(&encoder);
        statistics.write(&folder.path().join("calibration/tiny.toml")).unwrap();
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            name: "tiny".to_owned(),
            version: "1.2.3".to_owned(),
            task: Task::Classify,
            labels: ["brain", "femur"].map(str::to_owned).to_vec(),
            domains: DOMAINS.map(str::to_owned).to_vec(),
            licence: "CC-BY-4.0".to_owned(),
            provenance: vec![Provenance {
                name: "synthetic".to_owned(),
                used_for: "training".to_owned(),
                licence: "CC0-1.0".to_owned(),
                attribution: "made up for a test".to_owned(),
            }],
            input: input(),
            routing: RoutingSpec { mode: RoutingMode::Vector, weight: 10.0 },
            hysteresis: HysteresisSpec { needed: 5, window: 8 },
            gate: GateSpec { min_probability: 0.6, max_age_ms: 500 },
            encoder: EncoderSpec {
                file: encoder.file,
                sha256: encoder.sha256,
                features: FEATURES,
                feature_output: "features".to_owned(),
            },
            decoders: DOMAINS.map(|domain| decoder(&root, domain)).to_vec(),
            statistics: FileSpec::of(folder.path(), "calibration/tiny.toml").unwrap(),
            quantisation: None,
            golden: golden_spec,
            card: FileSpec::of(&root, "MODEL_CARD.md").unwrap(),
        };
        manifest.write(&root).unwrap();
        Self { folder, manifest, statistics, golden }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("models/tiny")
    }

    pub(crate) fn statistics_path(&self) -> PathBuf {
        self.folder.path().join("calibration/tiny.toml")
    }

    /// Writes other statistics and a manifest that expects them.
    pub(crate) fn replace_statistics(&mut self, statistics: &Statistics) {
        statistics.write(&self.statistics_path()).unwrap();
        self.manifest.statistics = FileSpec::of(self.folder.path(), "calibration/tiny.toml").unwrap();
        self.manifest.write(&self.root()).unwrap();
    }
}

fn decoder(root: &Path, domain: &str) -> DecoderSpec {
    let spec = FileSpec::of(root, &format!("decoders/{domain}.onnx")).unwrap();
    DecoderSpec { domain: domain.to_owned(), file: spec.file, sha256: spec.sha256, int8: None }
}

fn statistics(encoder: &FileSpec) -> Statistics {
    let entries = FEATURES + ushydra_bundle::PIXEL_ENTRIES;
    let domain = |name: &str, mean: f64| DomainStatistics {
        name: name.to_owned(),
        mean,
        std: 0.4,
        released_std: 0.3,
        count: 200,
        provenance: "made up for a test".to_owned(),
    };
    Statistics {
        schema_version: SCHEMA_VERSION,
        bundle: "tiny".to_owned(),
        encoder_sha256: encoder.sha256,
        preprocessing: input().fingerprint(),
        thresholds: Thresholds { quantile: 0.99, paper: 1.5, released: 1.25, vector: 40.0 },
        domains: vec![domain("low", -0.6), domain("high", -0.7)],
        vector: VectorStatistics {
            entries,
            components: COMPONENTS,
            residual_variance: 0.1,
            variance: vec![4.0, 0.3],
            centre: vec![0.1; entries].into(),
            scale: vec![1.5; entries].into(),
            projection: (0..entries * COMPONENTS).map(|i| i as f32 * 0.01).collect::<Vec<_>>().into(),
            domains: vec![-1.0, 0.5, 1.0, -0.5].into(),
        },
        novelty: Some(NoveltyStatistics {
            start: 2,
            entries: 3,
            quantile: 0.98,
            threshold: 2.5,
            centre: vec![0.1; 3].into(),
            scale: vec![2.0; 3].into(),
            prototypes: vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0].into(),
        }),
    }
}

fn golden() -> Golden {
    let geometry = FrameGeometry::new(32, 24, PixelFormat::Grey8).unwrap();
    let decoder =
        |domain: &str| GoldenDecoder { domain: domain.to_owned(), mean: 0.25, std: 1.0, values: vec![1.25, -0.75] };
    Golden {
        geometry,
        // Every byte value, line feeds included.
        picture: (0..geometry.bytes()).map(|i| i as u8).collect(),
        expected: GoldenExpected {
            crop: [0, 0, 32, 24],
            pixel_mean: 0.1,
            pixel_std: 0.2,
            feature_mean: 0.3,
            feature_std: 0.4,
            features: vec![0.5; FEATURES],
            decoders: vec![decoder("low"), decoder("high")],
            ..GoldenExpected::new(1e-3)
        },
    }
}
