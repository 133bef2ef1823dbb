//! What every decoder and every router says about one picture.

use serde::{Deserialize, Serialize};
use ushydra_core::{Metric, Router};

use crate::calibrate::Observation;
use crate::error::Result;
use crate::head::softmax;

/// Routing modes in the order of [`Prediction::routes`].
pub const MODES: [(&str, Metric); 3] =
    [("vector", Metric::Vector), ("paper", Metric::Paper), ("released", Metric::Released)];

/// One router's decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Chosen decoder.
    pub decoder: usize,
    /// Whether the picture counts as in-domain.
    pub in_domain: bool,
}

/// Everything known about one picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Picture as listed.
    pub name: String,
    /// Patient.
    pub patient: String,
    /// Device or country.
    pub device: String,
    /// Label index, none for an unknown label.
    pub label: Option<usize>,
    /// Domain index.
    pub domain: usize,
    /// Decisions of [`MODES`].
    pub routes: Vec<Route>,
    /// Class probabilities by every decoder.
    pub decoders: Vec<Vec<f64>>,
    /// Class probabilities by every decoder's int8 form, where all have one.
    #[serde(default)]
    pub int8: Option<Vec<Vec<f64>>>,
    /// Class probabilities by the single head on all domains, where there is one.
    pub single: Option<Vec<f64>>,
}

impl Prediction {
    /// Class probabilities of the decoder that `mode` (an index of [`MODES`]) chose.
    #[must_use]
    pub fn routed(&self, mode: usize) -> &[f64] {
        &self.decoders[self.routes[mode].decoder]
    }

    /// The same by that decoder's int8 form, where there is one.
    #[must_use]
    pub fn routed_int8(&self, mode: usize) -> Option<&[f64]> {
        self.int8.as_ref().and_then(|answers| answers.get(self.routes[mode].decoder)).map(Vec::as_slice)
    }
}

/// Decisions of three routers in the order of [`MODES`].
///
/// # Errors
/// Damaged statistics or features.
pub fn routes(routers: &[Router<Box<[f32]>>], observation: &Observation<'_>) -> Result<Vec<Route>> {
    let mut routes = Vec::with_capacity(routers.len());
    for router in routers {
        let decision = router.route(&observation.quality, observation.features)?;
        routes.push(Route { decoder: decision.decoder, in_domain: decision.in_domain });
    }
    Ok(routes)
}

/// Probabilities from logits in f32, as an engine gives them.
#[must_use]
pub fn probabilities(logits: &[f32]) -> Vec<f64> {
    softmax(&logits.iter().map(|&l| f64::from(l)).collect::<Vec<_>>())
}
