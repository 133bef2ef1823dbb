//! `calibration/<name>.toml`: the statistics of every domain, schema version 1.

use serde::{Deserialize, Serialize};
use ushydra_core::{DomainTable, Metric, Novelty, RouteError, Router, ScalarStatistics, VectorSpace};

use crate::digest::Digest;
use crate::error::BundleError;
use crate::floats::Floats;

/// Entries of the observed vector beyond the features: channel-averaged pixel mean and standard deviation.
pub const PIXEL_ENTRIES: usize = 2;

/// Domain statistics of one bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// [`crate::SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Name of the bundle.
    pub bundle: String,
    /// SHA-256 of the encoder that made the features.
    pub encoder_sha256: Digest,
    /// [`crate::InputSpec::fingerprint`] of the preprocessing.
    pub preprocessing: String,
    /// In-domain thresholds.
    pub thresholds: Thresholds,
    /// Scalar statistics per domain, in the manifest's order.
    pub domains: Vec<DomainStatistics>,
    /// The whitened space of the mode `vector`.
    pub vector: VectorStatistics,
    /// The novelty test of the mode `vector`; without it the disparity alone decides what is in-domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub novelty: Option<NoveltyStatistics>,
}

/// Largest disparity that counts as in-domain, per mode: a quantile of the calibration images' smallest disparity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// The quantile, for example 0.99.
    pub quantile: f64,
    /// Threshold of the mode `paper`.
    pub paper: f64,
    /// Threshold of the mode `released`.
    pub released: f64,
    /// Threshold of the mode `vector`.
    pub vector: f64,
}

/// `mu_d`, `sigma_d` and where they come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainStatistics {
    /// Name of the domain.
    pub name: String,
    /// `mu_d` of Eq. (11).
    pub mean: f64,
    /// `sigma_d` of the mode `paper`.
    pub std: f64,
    /// `sigma_d` of the mode `released`.
    pub released_std: f64,
    /// Images of the calibration set.
    pub count: u64,
    /// Which images these were.
    pub provenance: String,
}

/// Numbers of [`ushydra_core::VectorSpace`]: d entries, k components.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VectorStatistics {
    /// d: features plus [`PIXEL_ENTRIES`].
    pub entries: usize,
    /// k.
    pub components: usize,
    /// Variance per direction outside the space.
    pub residual_variance: f32,
    /// k variances before whitening.
    pub variance: Vec<f32>,
    /// d means.
    pub centre: Floats,
    /// d factors.
    pub scale: Floats,
    /// d x k, row-major by entry.
    pub projection: Floats,
    /// Coordinates of every domain, one after the other: domains x k.
    pub domains: Floats,
}

/// Numbers of [`ushydra_core::Novelty`]: n entries of the feature vector from `start` on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoveltyStatistics {
    /// First entry of the feature vector that is looked at.
    pub start: usize,
    /// n.
    pub entries: usize,
    /// The quantile of held-out calibration scores at which `threshold` was set.
    pub quantile: f64,
    /// Largest familiar score.
    pub threshold: f64,
    /// n means.
    pub centre: Floats,
    /// n factors.
    pub scale: Floats,
    /// Prototypes x n: the mean calibration picture of every domain and class.
    pub prototypes: Floats,
}

impl Statistics {
    /// The router of `metric` over these statistics. `weight` is that of Eq. (11).
    ///
    /// # Errors
    /// [`BundleError::Domain`] or [`BundleError::Router`], naming `file`, where a number is damaged.
    pub fn router(
        &self,
        metric: Metric,
        weight: f64,
        file: &std::path::Path,
    ) -> Result<Router<Box<[f32]>>, BundleError> {
        let mut table = DomainTable::new();
        for domain in &self.domains {
            let statistics = ScalarStatistics { mean: domain.mean, std: domain.std, released_std: domain.released_std };
            table
                .push(&domain.name, statistics)
                .map_err(|source| BundleError::Domain { file: file.to_owned(), source })?;
        }
        let router = match metric {
            Metric::Paper => Router::scalar(table, metric, weight, self.thresholds.paper),
            Metric::Released => Router::scalar(table, metric, weight, self.thresholds.released),
            Metric::Vector => {
                let vector = &self.vector;
                VectorSpace::new(
                    vector.centre.0.clone(),
                    vector.scale.0.clone(),
                    vector.projection.0.clone(),
                    &vector.variance,
                    vector.residual_variance,
                    &vector.domains,
                )
                .map_err(Into::into)
                .and_then(|space| Router::vector(table, space, self.thresholds.vector))
                .and_then(|router| self.with_novelty(router))
            }
        };
        router.map_err(|source| BundleError::Router { file: file.to_owned(), source })
    }

    fn with_novelty(&self, router: Router<Box<[f32]>>) -> Result<Router<Box<[f32]>>, RouteError> {
        let Some(novelty) = &self.novelty else { return Ok(router) };
        let (centre, scale, prototypes) = (&novelty.centre.0, &novelty.scale.0, &novelty.prototypes.0);
        let test = Novelty::new(novelty.start, centre.clone(), scale.clone(), prototypes.clone(), novelty.threshold)?;
        Ok(router.with_novelty(test))
    }
}
