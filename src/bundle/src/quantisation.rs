//! `calibration/<name>-int8.toml`: ranges, provenance and figures of int8 decoders, schema version 1.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::BundleError;
use crate::files;
use crate::parity::Parity;

/// Everything that is known about the int8 decoders of one bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantisation {
    /// [`crate::SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Name of the bundle.
    pub bundle: String,
    /// SHA-256 of the encoder whose outputs calibrated the decoders.
    pub encoder_sha256: Digest,
    /// Which pictures calibrated the ranges, which chose the method, which gave the figures.
    pub provenance: String,
    /// Pictures that calibrated the ranges.
    pub pictures: u64,
    /// Seed of whatever was drawn.
    pub seed: u64,
    /// One entry per decoder with an int8 form, in the manifest's order.
    pub decoders: Vec<DecoderQuantisation>,
}

/// How the clipping threshold of an activation is found in the histogram of its magnitudes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalibrationMethod {
    /// The largest magnitude: nothing is clipped.
    MinMax,
    /// The magnitude below which 99.9 % of the values lie.
    Percentile999,
    /// The magnitude below which 99.99 % of the values lie.
    Percentile9999,
    /// Least Kullback-Leibler divergence between the histogram and its quantised form (Migacz, GTC 2017).
    Kl,
    /// Least mean squared error.
    Mse,
}

/// One int8 decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderQuantisation {
    /// Its domain.
    pub domain: String,
    /// SHA-256 of the f32 decoder that it was made from.
    pub float_sha256: Digest,
    /// How its ranges were found.
    pub method: CalibrationMethod,
    /// Layers that stayed in float because int8 harmed them, by node name.
    pub float_layers: Vec<String>,
    /// Size in bytes that the f32 file has with weights stored as f32 (they may be stored as f16).
    pub float_bytes: u64,
    /// Size of the file for TensorRT in bytes.
    pub qdq_bytes: u64,
    /// Size of the file for tract in bytes.
    pub qop_bytes: u64,
    /// The f32 and the int8 decoder on the pictures that chose the method.
    pub validation: Comparison,
    /// The f32 and the int8 decoder on pictures of patients that nothing was chosen on; none where the bundle's decoders were
    /// trained on all patients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Comparison>,
    /// Against the f32 decoder on the calibration pictures, on tract.
    pub parity: Parity,
    /// Clipping threshold of every quantised activation.
    pub ranges: Vec<TensorRange>,
}

/// Quality of the f32 and of the int8 decoder on the same pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// Pictures.
    pub pictures: u64,
    /// Accuracy (classification) or mean Dice coefficient (segmentation) of the f32 decoder, 0 to 1.
    pub float: f64,
    /// The same of the int8 decoder.
    pub int8: f64,
}

/// Range of one activation: symmetric, per tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorRange {
    /// Its name in the graph.
    pub tensor: String,
    /// Largest magnitude that is represented; the scale is a 127th of it.
    pub threshold: f32,
}

impl Quantisation {
    /// Writes the document to `file`, whole or not at all.
    ///
    /// # Errors
    /// [`BundleError::Io`] or [`BundleError::Write`].
    pub fn write(&self, file: &std::path::Path) -> Result<(), BundleError> {
        files::write_document(file, self)
    }
}
