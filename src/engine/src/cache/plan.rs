//! What a TensorRT plan depends on, and what is noted about one.

use serde::{Deserialize, Serialize};
use ushydra_bundle::Digest;

use super::name_of;
use crate::precision::Precision;

/// Everything that a TensorRT plan depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanKey {
    /// SHA-256 of the ONNX file.
    pub model: Digest,
    /// Precision that was allowed.
    pub precision: Precision,
    /// Shapes of the optimisation profile; `static` where the model fixes them all.
    pub profile: String,
    /// Core of the deep learning accelerator, where it is used.
    pub dla: Option<u32>,
    /// Version of the shim between this program and TensorRT.
    pub shim_abi: u32,
    /// Flavour, version and build of TensorRT.
    pub library: String,
    /// Name of the GPU.
    pub gpu: String,
    /// Its compute capability, such as `8.7`.
    pub compute_capability: String,
}

impl PlanKey {
    /// Name of the plan's files.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(&format!("{self:?}"))
    }
}

/// What the plan of the same name is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRecord {
    /// The model's file, as `<bundle>/<file>`.
    pub source: String,
    /// SHA-256 of the plan.
    pub plan_sha256: Digest,
    /// Its size in bytes.
    pub bytes: u64,
    /// How long it took to build.
    pub seconds: f64,
    /// What it depends on.
    pub key: PlanKey,
}
