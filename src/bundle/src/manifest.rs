//! `bundle.toml`: the manifest of a bundle, schema version 1.

use serde::{Deserialize, Serialize};
use ushydra_core::{Gate, Hysteresis, Metric};

use crate::digest::Digest;
use crate::spec::InputSpec;

/// Newest schema of manifest, statistics and golden values that this crate reads, and the one it writes.
pub const SCHEMA_VERSION: u32 = 1;
/// Name of the manifest in a bundle's folder.
pub const MANIFEST_FILE: &str = "bundle.toml";

/// What the decoders answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// One of `labels`: decoder output `[1, labels]`, logits before the softmax.
    Classify,
    /// One mask per label: decoder output `[1, labels, height, width]`, logits before the sigmoid.
    Segment,
}

/// The manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Name: lowercase letters, digits and `-`.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// What the decoders answer.
    pub task: Task,
    /// Labels in the order of the decoders' outputs.
    pub labels: Vec<String>,
    /// Quality domains in order; ties go to the first.
    pub domains: Vec<String>,
    /// Licence of the weights (SPDX expression).
    pub licence: String,
    /// Where weights and training data come from, with attribution.
    pub provenance: Vec<Provenance>,
    /// What the encoder is fed.
    pub input: InputSpec,
    /// How a decoder is chosen.
    pub routing: RoutingSpec,
    /// How slowly the decoder follows over a cine.
    pub hysteresis: HysteresisSpec,
    /// When an answer is withheld.
    pub gate: GateSpec,
    /// The shared encoder.
    pub encoder: EncoderSpec,
    /// One decoder per domain, in the order of `domains`.
    pub decoders: Vec<DecoderSpec>,
    /// The domain statistics.
    pub statistics: FileSpec,
    /// Ranges, provenance and figures of the decoders' int8 forms, a [`crate::Quantisation`]; none where no decoder has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantisation: Option<FileSpec>,
    /// Picture and expected values of the self-test.
    pub golden: GoldenSpec,
    /// The model card.
    pub card: FileSpec,
}

/// One source of data or weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Name of the data set or the pretrained model.
    pub name: String,
    /// What it was used for: "training", "pretrained encoder", ...
    pub used_for: String,
    /// Its licence.
    pub licence: String,
    /// Authors and where it was published.
    pub attribution: String,
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Path relative to the bundle.
    pub file: String,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// Routing mode: which [`Metric`] the bundle asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoutingMode {
    /// [`Metric::Vector`].
    Vector,
    /// [`Metric::Paper`].
    Paper,
    /// [`Metric::Released`].
    Released,
}

impl From<RoutingMode> for Metric {
    fn from(mode: RoutingMode) -> Self {
        match mode {
            RoutingMode::Vector => Self::Vector,
            RoutingMode::Paper => Self::Paper,
            RoutingMode::Released => Self::Released,
        }
    }
}

/// `[routing]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoutingSpec {
    /// Default mode of the bundle.
    pub mode: RoutingMode,
    /// Weight of the standard deviation in Eq. (11).
    pub weight: f64,
}

/// `[hysteresis]`: a switch needs `needed` of the last `window` frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HysteresisSpec {
    /// Votes that a switch needs.
    pub needed: usize,
    /// Frames that vote.
    pub window: usize,
}

impl HysteresisSpec {
    /// The running state for one cine.
    #[must_use]
    pub fn start(&self) -> Hysteresis {
        Hysteresis::new(self.needed, self.window)
    }
}

/// `[gate]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateSpec {
    /// Smallest probability that is shown.
    pub min_probability: f64,
    /// Greatest age of a shown result in milliseconds.
    pub max_age_ms: u64,
}

impl GateSpec {
    /// The gate with these thresholds.
    #[must_use]
    pub fn gate(&self) -> Gate {
        Gate { min_probability: self.min_probability, max_age_ms: self.max_age_ms }
    }
}

/// `[encoder]`: input `[1, channels, height, width]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderSpec {
    /// Path relative to the bundle.
    pub file: String,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Length of the feature vector.
    pub features: usize,
    /// Name of the output that holds the feature vector `[1, features]`. Further outputs go to the decoder inputs of the
    /// same name.
    pub feature_output: String,
}

/// `[[decoders]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderSpec {
    /// Its domain.
    pub domain: String,
    /// Path relative to the bundle.
    pub file: String,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Its int8 form; none where it lost too much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int8: Option<Int8Spec>,
}

/// `[decoders.int8]`: one int8 decoder in the two dialects of the engines. Inputs and outputs are those of the f32 decoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Int8Spec {
    /// `QuantizeLinear` and `DequantizeLinear` around float operators, as TensorRT reads it.
    pub qdq: FileSpec,
    /// Integer operators, for which tract has kernels.
    pub qop: FileSpec,
}

/// `[golden]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenSpec {
    /// The picture: binary PGM or PPM, 8 bits.
    pub input: FileSpec,
    /// The expected values.
    pub expected: FileSpec,
}
